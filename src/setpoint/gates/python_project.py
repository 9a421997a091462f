"""Gates of a Python project, from its tool configuration."""

import re

from ..model.evidence import GateKind
from ..model.gate import Candidate
from .project import Project
from .projects import MARKERS
from .together import folders_of, marker_of
from .words import words

_TEST_NAME = r"(?:test_.*|.*_test|tests)\.py"
_PYTEST = (
    *(("pytest.toml", ""), (".pytest.toml", ""), ("pytest.ini", ""), (".pytest.ini", "")),
    *(("pyproject.toml", "[tool.pytest"), ("setup.cfg", "[tool:pytest]")),
    ("tox.ini", "[pytest]"),
)
_RUFF_FORMAT = (
    *(("ruff.toml", "[format]"), (".ruff.toml", "[format]"), ("pyproject.toml", "[tool.ruff.format]")),
    *((name, "ruff format") for name in ("Makefile", "justfile", "tox.ini", "noxfile.py")),
)


def python_candidates(project: Project) -> list[Candidate]:
    """Tests first, then lint, format, types and security."""
    tests = _tests(project)
    found = [
        tests,
        _integration(project, tests) if tests else None,
        _ruff(project),
        _ruff_format(project),
        _black(project),
        _flake8(project),
    ]
    found += [_mypy(project), _pyright(project), _ty(project), _bandit(project), *_django(project)]
    return [candidate for candidate in found if candidate is not None]


def is_python(project: Project) -> bool:
    """Whether the folder is a Python project."""
    return any(project.has(name) for name in MARKERS) or bool(project.files(r".*\.py"))


def _configured(project: Project, *places: tuple[str, str]) -> str:
    """The first `file:line` whose text holds a section; a place without section speaks by being there."""
    for name, section in places:
        if project.has(name) and (not section or section in project.text(name)):
            return project.at(name, section)
    return ""


def _mentioned(project: Project, package: str) -> str:
    """Where the project asks for `package` as a dependency or a hook."""
    names = ["pyproject.toml", "setup.cfg", "setup.py", "tox.ini", "noxfile.py", "Pipfile", ".pre-commit-config.yaml"]
    names += [path.name for path in sorted(project.folder.glob("requirements*.txt"))[:10]]
    for name in names:
        for number, text in enumerate(project.text(name).split("\n"), start=1):
            if re.search(rf"(?<![\w-]){re.escape(package)}(?![\w-])", text) and not text.lstrip().startswith("#"):
                return f"{project.at(name)}:{number}"
    return ""


def _tests(project: Project) -> Candidate | None:
    because = _configured(project, *_PYTEST) or _mentioned(project, "pytest")
    if _is_django(project) and not _mentioned(project, "pytest-django"):
        return project.candidate("tests", GateKind.TESTS, ("python", "manage.py", "test"), project.at("manage.py"))
    files = project.files(_TEST_NAME) if not because else []
    if not because:
        speaking = [path for path in files[:200] if _imports(project, str(path.relative_to(project.folder)), "pytest")]
        because = str(speaking[0].relative_to(project.root)) if speaking else ""
    if because:
        return project.candidate("tests", GateKind.TESTS, ("python", "-m", "pytest", "-q"), because)
    unittests = [path for path in files[:200] if _imports(project, str(path.relative_to(project.folder)), "unittest")]
    if unittests:
        relative = unittests[0].relative_to(project.folder)
        argv = ("python", "-m", "unittest", "discover", "-v", *_start(project, relative.parts))
        return project.candidate("tests", GateKind.TESTS, argv, str(unittests[0].relative_to(project.root)))
    if files:  # plain functions: only pytest collects those
        because = str(files[0].relative_to(project.root))
        return project.candidate("tests", GateKind.TESTS, ("python", "-m", "pytest", "-q"), because)
    return None


def _integration(project: Project, tests: Candidate) -> Candidate | None:
    """Tests of parts together, by their folders, else by their declared markers."""
    tool, kind, folders = words(tests.gate.run).tool, GateKind.INTEGRATION, folders_of(project)
    if tool == "pytest":
        expression, because = ("", "") if folders else marker_of(project)
        asked = folders or (("-m", expression) if expression else ())
        argv = ("python", "-m", "pytest", "-q", *asked)
        return project.candidate("integration", kind, argv, because or _shown(project, folders)) if asked else None
    if tool == "unittest" and folders:
        first = folders[0]
        start = ("-s", first, *(("-t", ".") if project.has(f"{first}/__init__.py") else ()))
        argv = ("python", "-m", "unittest", "discover", "-v", *start)
        return project.candidate("integration", kind, argv, _shown(project, folders))
    return None


def _shown(project: Project, folders: tuple[str, ...]) -> str:
    return project.at(folders[0]) if folders else ""


def _imports(project: Project, name: str, module: str) -> bool:
    return bool(re.search(rf"^\s*(?:import|from) {module}\b", project.text(name), re.MULTILINE))


def _start(project: Project, parts: tuple[str, ...]) -> tuple[str, ...]:
    if len(parts) < 2:
        return ()
    whole = project.has(f"{parts[0]}/__init__.py")
    return ("-s", parts[0], "-t", ".") if whole else ("-s", parts[0])


def _ruff(project: Project) -> Candidate | None:
    places = (("ruff.toml", ""), (".ruff.toml", ""), ("pyproject.toml", "[tool.ruff"))
    because = _configured(project, *places) or _mentioned(project, "ruff")
    return project.candidate("lint", GateKind.LINT, ("ruff", "check", "."), because) if because else None


def _ruff_format(project: Project) -> Candidate | None:
    because = _configured(project, *_RUFF_FORMAT)
    return (
        project.candidate("format", GateKind.FORMAT, ("ruff", "format", "--check", "."), because) if because else None
    )


def _black(project: Project) -> Candidate | None:
    because = _configured(project, ("pyproject.toml", "[tool.black]"))
    return project.candidate("format", GateKind.FORMAT, ("black", "--check", "."), because) if because else None


def _flake8(project: Project) -> Candidate | None:
    because = _configured(project, (".flake8", ""), ("setup.cfg", "[flake8]"), ("tox.ini", "[flake8]"))
    argv = ("flake8", "--extend-exclude=.venv,venv,node_modules", ".")
    return project.candidate("lint", GateKind.LINT, argv, because) if because else None


def _mypy(project: Project) -> Candidate | None:
    places = (("mypy.ini", ""), (".mypy.ini", ""), ("pyproject.toml", "[tool.mypy"), ("setup.cfg", "[mypy]"))
    because = _configured(project, *places)
    if not because:
        return None
    name = because.rpartition("/")[2].partition(":")[0]
    named = re.search(r"^\s*(?:files|packages|modules)\s*=", _section(project.text(name)), re.MULTILINE)
    targets = () if named else _packages(project)
    run = ("python", "-m", "mypy", *targets)
    return project.candidate("types", GateKind.TYPES, run, because, guessed=not named)


def _section(text: str) -> str:
    """mypy's own section of a configuration file."""
    found = re.search(r"^\[(?:tool\.)?mypy\]$(.*?)(?=^\[|\Z)", text, re.MULTILINE | re.DOTALL)
    return found[1] if found else ""


def _packages(project: Project) -> tuple[str, ...]:
    """What a person would name to mypy: `src`, else the packages beside the configuration, else all."""
    if (project.folder / "src").is_dir():
        return ("src",)
    packages = sorted(path.parent.name for path in project.folder.glob("*/__init__.py"))
    return tuple(name for name in packages if name not in ("tests", "test")) or (".",)


def _pyright(project: Project) -> Candidate | None:
    own = _configured(project, ("pyproject.toml", "[tool.basedpyright]"))
    because = own or _configured(project, ("pyrightconfig.json", ""), ("pyproject.toml", "[tool.pyright]"))
    tool = "basedpyright" if own or _mentioned(project, "basedpyright") else "pyright"
    return project.candidate("types", GateKind.TYPES, (tool,), because) if because else None


def _ty(project: Project) -> Candidate | None:
    because = _configured(project, ("ty.toml", ""), ("pyproject.toml", "[tool.ty"))
    return project.candidate("types", GateKind.TYPES, ("ty", "check"), because) if because else None


def _bandit(project: Project) -> Candidate | None:
    for name, section, configured in (
        ("pyproject.toml", "[tool.bandit]", ("-c", "pyproject.toml")),
        (".bandit", "", ("--ini", ".bandit")),
        ("bandit.yaml", "", ("-c", "bandit.yaml")),
        (".bandit.yaml", "", ("-c", ".bandit.yaml")),
    ):
        because = _configured(project, (name, section))
        if because:
            run = ("bandit", *configured, "-r", *_packages(project))
            return project.candidate("security", GateKind.SECURITY, run, because, guessed=True)
    return None


def _is_django(project: Project) -> bool:
    return "DJANGO_SETTINGS_MODULE" in project.text("manage.py")


def _django(project: Project) -> list[Candidate]:
    """The framework's own checks; models that no migration tells of."""
    if not _is_django(project):
        return []
    because = project.at("manage.py")
    check = project.candidate("django-check", GateKind.LINT, ("python", "manage.py", "check"), because)
    argv = ("python", "manage.py", "makemigrations", "--check", "--dry-run")
    return [check, project.candidate("migrations", GateKind.LINT, argv, because)]

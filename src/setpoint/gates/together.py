"""Tests of parts together (with the database, through the API), told from unit tests by what a repository calls them.

Which command runs them is `detect`'s business, when they must run `reach`'s.
"""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from ..model.evidence import GateKind
from ..model.gate import Candidate
from .commands import named_targets
from .project import Project
from .said import Said
from .tools import TOOLS
from .words import words

_WORDS = frozenset(("integration", "e2e", "functional"))
_BESIDE = re.compile(r"tests?|ci|run|all|py\d*|pypy\d*|django\d*")
_FOLDERS = ("integration", "integration_tests", "integration-tests", "e2e", "functional")
_TOP = ("integration_tests", "integration-tests", "tests_integration", "e2e_tests", "e2e-tests", "e2e")
_FILE = re.compile(r"[.\-_](?:integration|e2e|functional)[.\-_](?:test|spec)\.[cm]?[jt]sx?$|\.e2e-spec\.[cm]?[jt]sx?$")
_MARKERS = ("integration", "integration_test", "e2e")
_TEST_NAME = r"(?:test_.*|.*_test|tests)\.py"
_BY_NAME = frozenset(("npm", "pnpm", "yarn", "bun", "make", "just", "task", "tox", "nox"))
_SETTINGS = ("pyproject.toml", "pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml", "setup.cfg", "tox.ini")


def tells_together(name: str) -> bool:
    """Whether a target, script or environment is called so: `test-integration`, `test:e2e`, `py311-integration`."""
    parts = [part for part in re.split(r"[-_:./]", name.lower()) if part]
    return bool(_WORDS.intersection(parts)) and all(part in _WORDS or _BESIDE.fullmatch(part) for part in parts)


def is_together_file(path: str) -> bool:
    """Whether a test file is one of these, by its folder or its name."""
    folders = PurePosixPath(path).parts[:-1]
    return bool(
        set(_FOLDERS).intersection(folders[1:]) or folders[:1] in [(top,) for top in _TOP] or _FILE.search(path)
    )


def folders_of(project: Project) -> tuple[str, ...]:
    """The project's folders of such tests that hold Python test files."""
    named = [f"{tests}/{name}" for tests in ("tests", "test") for name in _FOLDERS] + list(_TOP)
    held = _test_files(project)
    return tuple(name for name in named if any(path.startswith(f"{name}/") for path in held))


def _test_files(project: Project) -> list[str]:
    return [path.relative_to(project.folder).as_posix() for path in project.files(_TEST_NAME)]


def marker_of(project: Project) -> tuple[str, str]:
    """The declared pytest markers of such tests as an expression, and where the first stands; empty for none."""
    for name in _SETTINGS:
        text = project.text(name)
        block = re.search(r"^\s*markers\s*=\s*(.*?)(?=^\s*[\w\-]+\s*=|^\[|\Z)", text, re.MULTILINE | re.DOTALL)
        declared = re.findall(r"(?:^|[\s\"'\[,])(\w+)\s*(?:\([^)]*\))?\s*(?=[:\"'\n,]|$)", block[1]) if block else []
        found = [marker for marker in _MARKERS if marker in declared]
        if found:
            return " or ".join(found), project.at(name, found[0])
    return "", ""


def said_together(line: Said) -> bool:
    """Whether a command of the repository runs such tests: by the name it goes under, or by what it asks for."""
    told = line.told
    if told.tool in _BY_NAME:
        return any(tells_together(part) for part in told.args if not part.startswith("-"))
    tool = TOOLS.get(told.tool)
    if tool is None or tool.kind is not GateKind.TESTS:
        return False
    asked = [told.args[at + 1] for at, part in enumerate(told.args[:-1]) if part == "-m"]
    marked = any(set(_MARKERS).intersection(expression.split()) and "not" not in expression for expression in asked)
    paths = [part.removeprefix("./").rstrip("/") for part in told.args if not part.startswith("-")]
    placed = any(is_together_file(f"{path}/x") for path in paths)
    called = tells_together(line.named) and any(not part.startswith("-") or part == "-m" for part in told.args)
    return marked or placed or called


def told_apart(found: Sequence[Candidate], project: Project) -> list[Candidate]:
    """`found` with pytest's unit tests without the folders of its tests of parts together, so that none runs twice;
    where there are no other tests, without the gate of unit tests."""
    folders = [
        name
        for candidate in found
        if candidate.gate.kind is GateKind.INTEGRATION and words(candidate.gate.run).tool == "pytest"
        for name in named_targets(candidate.gate)
        if (project.folder / name).is_dir()
    ]
    held = _test_files(project) if folders else []
    others = [path for path in held if not any(path.startswith(f"{name}/") for name in folders)]
    # Other names of test files are a matter of settings: then the run on the base tells whether any are left.
    alone = bool(held) and not others and not any("python_files" in project.text(name) for name in _SETTINGS)
    kept = []
    for candidate in found:
        named = named_targets(candidate.gate)
        unit = candidate.gate.kind is GateKind.TESTS and words(candidate.gate.run).tool == "pytest"
        below = [f for f in folders if not named or any(f.startswith(f"{name}/") or name == "." for name in named)]
        if unit and below and alone:
            continue
        ignored = tuple(f"--ignore={name}" for name in below) if unit else ()
        gate = candidate.gate.model_copy(update={"run": (*candidate.gate.run, *ignored)})
        kept.append(candidate.model_copy(update={"gate": gate}) if ignored else candidate)
    return kept

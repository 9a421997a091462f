"""Small real repositories for whole runs: Python with pytest, Node with `node:test`. All of it comes from this machine.

The Python project has a virtual environment of its own, as people's have, with pytest laid in from the environment that
these tests run in: no registry is asked.
"""

import os
import re
import shutil
import subprocess
import venv
from collections.abc import Iterator, Mapping
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from importlib.util import cache_from_source
from pathlib import Path

IGNORED = ".venv/\n__pycache__/\n.pytest_cache/\n.setpoint/\nnode_modules/\n"

PYTHON_FILES: Mapping[str, str] = {
    ".gitignore": IGNORED,
    "README.md": "# shop\n\nPrices of a small shop.\n",
    "pyproject.toml": (
        '[project]\nname = "shop"\nversion = "1.0"\n\n'
        '[tool.pytest.ini_options]\ntestpaths = ["tests"]\npythonpath = ["."]\n'
    ),
    "shop/__init__.py": '"""A small shop."""\n',
    "shop/price.py": (
        '"""Prices."""\n\n\n'
        "def total(prices: list[float]) -> float:\n"
        '    """The sum of `prices`."""\n'
        "    return sum(prices)\n\n\n"
        "def discounted(price: float, percent: float) -> float:\n"
        '    """`price` less `percent`."""\n'
        "    return price - price * percent / 100\n"
    ),
    "tests/test_price.py": (
        "from shop.price import discounted, total\n\n\n"
        "def test_total() -> None:\n"
        "    assert total([1.0, 2.0]) == 3.0\n\n\n"
        "def test_discounted() -> None:\n"
        "    assert discounted(10.0, 50.0) == 5.0\n"
    ),
}

NODE_FILES: Mapping[str, str] = {
    ".gitignore": IGNORED,
    "package.json": '{"name": "shop", "version": "1.0.0", "type": "module", "scripts": {"test": "node --test"}}\n',
    "src/price.js": ("export function discounted(price, percent) {\n  return price - (price * percent) / 100;\n}\n"),
    "test/price.test.js": (
        "import assert from 'node:assert/strict';\n"
        "import { test } from 'node:test';\n"
        "import { discounted } from '../src/price.js';\n\n"
        "test('half off', () => {\n  assert.equal(discounted(10, 50), 5);\n});\n"
    ),
}

FEW_COLLECTIONS = "import gc\n\ngc.set_threshold(50_000)\n"
"""What each Python of a test project begins with: looking for garbage while it imports is a third of pytest's time."""
PYTEST_GATE = (
    *("python", "-m", "pytest", "--junit-xml={report}", "-o", "junit_family=xunit1", "-p", "no:cacheprovider"),
    *("--rootdir=.", "-q"),
)
"""As `setpoint init` writes it."""
NODE_GATE = ("node", "--test", "--test-reporter=junit", "--test-reporter-destination={report}")


def python_project(folder: Path, extra: Mapping[str, str] | None = None) -> Path:
    """The Python project as a repository with one commit on `main`, green under `PYTEST_GATE`."""
    laid_out(folder, {**PYTHON_FILES, **(extra or {})})
    environment_with(folder / ".venv", "pytest")
    return folder


def node_project(folder: Path, extra: Mapping[str, str] | None = None) -> Path:
    """The Node project as a repository with one commit on `main`, green under `NODE_GATE`."""
    return laid_out(folder, {**NODE_FILES, **(extra or {})})


def laid_out(folder: Path, files: Mapping[str, str], *, owner: str = "Ada Owner") -> Path:
    """A git repository on branch `main` with one commit of `files`."""
    folder.mkdir(parents=True, exist_ok=True)
    write_files(folder, files)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "config", "user.name", owner)
    git(folder, "config", "user.email", "owner@example.invalid")
    commit_all(folder, "The shop")
    return folder


def write_files(folder: Path, files: Mapping[str, str]) -> None:
    """Write `files` below `folder`."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")


def commit_all(folder: Path, message: str) -> str:
    """Commit all that is there; the commit."""
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", message)
    return git(folder, "rev-parse", "HEAD").strip()


def git(folder: Path, *arguments: str) -> str:
    """What git says, its surroundings left out."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    environment = {**clean, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    if done.returncode != 0:
        raise RuntimeError(f"git {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


# -- a virtual environment, from what is here ------------------------------------------------------------------------


def environment_with(folder: Path, *packages: str) -> None:
    """A virtual environment at `folder` with `packages` and what they need, copied from the present environment."""
    venv.create(folder, symlinks=True, with_pip=False)
    target = next(folder.glob("lib/python*/site-packages"))
    (target / "sitecustomize.py").write_text(FEW_COLLECTIONS, encoding="utf-8")
    for found in _with_needs(packages):
        for path in found.files or ():
            source = Path(str(found.locate_file(path)))
            if path.parts[0] != ".." and path.suffix != ".pyc" and source.is_file():
                for part in (source, *_compiled(source)):
                    _same_file(part, target / path.parent / part.relative_to(source.parent))


def _compiled(source: Path) -> list[Path]:
    """Its byte code: the environment is shown read-only to commands, which would compile it again and again."""
    compiled = Path(cache_from_source(source))
    return [compiled] if source.suffix == ".py" and compiled.is_file() else []


def _same_file(source: Path, goal: Path) -> None:
    goal.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, goal)
    except OSError:  # another file system
        shutil.copyfile(source, goal)


def _with_needs(packages: tuple[str, ...]) -> Iterator[Distribution]:
    seen: set[str] = set()
    wanted = list(packages)
    while wanted:
        name = wanted.pop().lower().replace("_", "-")
        if name in seen:
            continue
        seen.add(name)
        try:
            found = distribution(name)
        except PackageNotFoundError:
            continue  # a dependency of another platform or Python
        yield found
        for need in found.requires or ():
            if "extra ==" not in need:
                wanted.append(_name_of(need))


def _name_of(requirement: str) -> str:
    return re.split(r"[ <>=!~;\[(]", requirement, maxsplit=1)[0]

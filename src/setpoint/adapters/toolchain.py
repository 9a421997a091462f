"""Which folders of the host hold the interpreters and tools that the user works with, outside `/usr`.

They are shown read-only at their own paths, for scripts and environments name them so. A folder that holds more than a
toolchain (a home, `~/.local`) is never shown; of such a place only the program itself is.
"""

import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = (
    "python3",
    "python",
    "node",
    "npm",
    "npx",
    "uv",
    "uvx",
    "pnpm",
    "yarn",
    "bun",
    "deno",
    "go",
    "pytest",
    "ruff",
)
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib64")
_SIGNS = ("lib", "lib64", "include", "pkg")
"""A toolchain's folder has one of these beside its `bin`."""


@dataclass(frozen=True)
class Toolchain:
    """What to show, and where programs are looked for."""

    shown: tuple[str, ...]
    """Host files and folders, each at its own path."""
    path: tuple[str, ...]
    """Folders for PATH, in order."""


def toolchain(environments: Sequence[Path], path: str, home: Path, repository: Path) -> Toolchain:
    """The toolchain behind virtual `environments`, then that of `path`, the worker's own PATH."""
    shown: dict[str, None] = {}
    places: dict[str, None] = {}
    programs = list(_programs(path, repository))
    active = [program.parent.parent for program in programs if (program.parent.parent / "pyvenv.cfg").is_file()]
    for environment in [*environments, *active]:
        for prefix in _interpreters(environment):
            for name in _named_and_real(prefix):
                if _is_toolchain(Path(name), home, repository):
                    shown[name] = None
    for program in programs:
        for name in _shown_for(program, home, repository):
            shown[name] = None
        places[str(program.parent)] = None
    return Toolchain(tuple(name for name in shown if not _inside_another(name, shown)), tuple(places))


def _interpreters(environment: Path) -> Iterator[Path]:
    """Prefixes of the interpreter that a virtual environment was made from."""
    try:
        lines = (environment / "pyvenv.cfg").read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        lines = []
    for line in lines:
        key, _, value = line.partition("=")
        if key.strip() == "home" and value.strip():
            yield Path(value.strip()).parent
    for name in ("python", "python3"):
        link = environment / "bin" / name
        if link.is_symlink():
            yield Path(os.path.realpath(link)).parent.parent


def _programs(path: str, repository: Path) -> Iterator[Path]:
    folders = [
        folder for folder in path.split(os.pathsep) if folder.startswith("/") and not _within(folder, repository)
    ]
    for name in PROGRAMS:
        for folder in folders:
            found = shutil.which(name, path=folder)
            if found is None:
                continue
            program = _behind_shim(Path(found), repository) or Path(found)
            if program.parent.name != "shims" and not _is_system(program):
                yield program
                break
            if _is_system(program):
                break


def _behind_shim(program: Path, repository: Path) -> Path | None:
    """The program that a pyenv shim starts: shims are shell scripts that need all of pyenv."""
    if program.parent.name != "shims":
        return None
    root = program.parent.parent
    for where in (repository / ".python-version", root / "version"):
        try:
            versions = where.read_text(encoding="utf-8").split()
        except (OSError, UnicodeDecodeError):
            continue
        for version in versions:
            found = root / "versions" / version / "bin" / program.name
            if "/" not in version and found.is_file():
                return found
    return None


def _shown_for(program: Path, home: Path, repository: Path) -> Iterator[str]:
    real = Path(os.path.realpath(program))
    prefixes = {program.parent.parent, real.parent.parent}
    for prefix in sorted(prefixes):
        if prefix.joinpath("bin").is_dir() and _is_toolchain(prefix, home, repository):
            yield from _named_and_real(prefix)
    for place in (program, real):
        if not any(_within(str(place), prefix) and _is_toolchain(prefix, home, repository) for prefix in prefixes):
            yield str(place)


def _named_and_real(prefix: Path) -> Iterator[str]:
    yield str(prefix)
    real = os.path.realpath(prefix)
    if real != str(prefix):
        yield real


def _is_toolchain(prefix: Path, home: Path, repository: Path) -> bool:
    too_wide = {home, home / ".local", Path("/"), Path("/opt"), Path("/home"), Path("/root"), repository}
    if prefix in too_wide or home.is_relative_to(prefix) or repository.is_relative_to(prefix):
        return False
    return not _is_system(prefix) and any((prefix / sign).is_dir() for sign in _SIGNS)


def _is_system(place: Path) -> bool:
    return any(_within(os.path.realpath(place), Path(folder)) for folder in _SYSTEM)


def _within(place: str, folder: Path) -> bool:
    return Path(place).is_relative_to(folder)


def _inside_another(name: str, names: dict[str, None]) -> bool:
    return any(other != name and Path(name).is_relative_to(other) for other in names)

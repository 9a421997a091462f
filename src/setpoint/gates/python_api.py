"""What a change breaks of a Python package's public interface, read from its source; nothing is imported."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from .change_set import ChangeSet, Read, as_text
from .frozen import is_test_path

MOST_FILES = 3000
"""Files of one package that are read; what lies beyond is not compared."""


@dataclass(frozen=True)
class Break:
    """One thing that users of the package cannot do any more as they did."""

    path: str
    line: int | None
    name: str
    """Dotted name of the object."""
    kind: str
    """removed, signature, or what else changed."""
    before: str
    after: str


_KINDS = {
    "OBJECT_REMOVED": "removed",
    "OBJECT_CHANGED_KIND": "kind",
    "PARAMETER_MOVED": "signature",
    "PARAMETER_REMOVED": "signature",
    "PARAMETER_CHANGED_KIND": "signature",
    "PARAMETER_CHANGED_REQUIRED": "signature",
    "PARAMETER_ADDED_REQUIRED": "signature",
    "PARAMETER_CHANGED_DEFAULT": "default",
    "RETURN_CHANGED_TYPE": "type",
    "ATTRIBUTE_CHANGED_TYPE": "type",
    "ATTRIBUTE_CHANGED_VALUE": "value",
    "CLASS_REMOVED_BASE": "base",
}


def packages(change: ChangeSet) -> list[tuple[str, str]]:
    """The top packages that the change touches: the folder they lie in, and their name. A package that is new has no
    interface yet."""
    found: dict[tuple[str, str], None] = {}
    for path in change.paths:
        if PurePosixPath(path).suffix in (".py", ".pyi") and not is_test_path(path):
            top = _top(path, change.base_files)
            if top:
                found[top] = None
    return list(found)


def _top(path: str, files: frozenset[str]) -> tuple[str, str] | None:
    folders = PurePosixPath(path).parts[:-1]
    inside = [at for at in range(len(folders)) if "/".join((*folders[: at + 1], "__init__.py")) in files]
    if not inside:
        return None
    first = inside[0]
    name = folders[first]
    return ("/".join(folders[:first]), name) if not name.startswith("_") else None


def breaks(change: ChangeSet, folder: str, name: str) -> list[Break]:
    """What the change breaks of package `name` in `folder`, as its users see it."""
    import griffe

    with tempfile.TemporaryDirectory(prefix="setpoint-api-") as place:
        old = _laid(Path(place, "before"), folder, name, change.base_files, change.read_base)
        new = _laid(Path(place, "after"), folder, name, change.head_files, change.read_head)
        try:
            with griffe.logger.disable():
                before, after = _loaded(old, name), _loaded(new, name)
        except (griffe.GriffeError, ImportError, SyntaxError, ValueError, RecursionError, KeyError):
            return []
        below = f"{folder}/" if folder else ""
        public = [entry for entry in _found(before, after) if not _internal(entry.obj.path)]
        return [_break(entry, old, new, below) for entry in public if not _for_the_language(entry)]


def _laid(place: Path, folder: str, name: str, files: frozenset[str], read: Read) -> Path:
    root = f"{folder}/{name}/" if folder else f"{name}/"
    place.mkdir(parents=True)
    for path in sorted(path for path in files if path.startswith(root) and path.endswith((".py", ".pyi")))[:MOST_FILES]:
        target = place / path.removeprefix(f"{folder}/" if folder else "")
        if ".." not in target.parts:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(as_text(read(path)), encoding="utf-8", errors="replace")
    return place


def _loaded(place: Path, name: str) -> Any:
    import griffe

    return griffe.load(
        name, search_paths=[place], try_relative_path=False, allow_inspection=False, resolve_aliases=True,
        resolve_external=False,
    )  # fmt: skip


def _found(before: Any, after: Any) -> Iterator[Any]:
    import griffe

    with griffe.logger.disable(), suppress(griffe.GriffeError, RecursionError):
        yield from griffe.find_breaking_changes(before, after)


def _internal(path: str) -> bool:
    names = path.partition("(")[0].split(".")
    return any(name.startswith("_") and not name.endswith("__") for name in names) or "tests" in names


_CALLED_BY_PEOPLE = frozenset(("__init__", "__new__", "__call__"))


def _for_the_language(entry: Any) -> bool:
    """Whether a parameter was lost that callers never gave: the language calls a special method with what its protocol
    names, and any further parameter is the class's own affair."""
    name: str = entry.obj.name
    special = name.startswith("__") and name.endswith("__") and name not in _CALLED_BY_PEOPLE
    return special and entry.kind.name == "PARAMETER_REMOVED" and not entry.old_value.required


def _break(entry: Any, old: Path, new: Path, below: str) -> Break:
    path = _file(entry.obj, old, new)
    shown = entry.obj.path
    parameter = getattr(entry.old_value, "name", "") if "PARAMETER" in entry.kind.name else ""
    if "PARAMETER" in entry.kind.name:
        parameter = parameter or getattr(entry.new_value, "name", "")
        shown = f"{shown}({parameter})"
    kind = _KINDS.get(entry.kind.name, "changed")
    line = entry.obj.lineno if kind != "removed" else None
    return Break(f"{below}{path}", line, shown, kind, _short(entry.old_value), _short(entry.new_value))


def _file(obj: Any, old: Path, new: Path) -> str:
    place = obj.parent.filepath if obj.is_alias else obj.filepath
    for root in (old, new):
        with suppress(ValueError, TypeError):
            return Path(place).relative_to(root).as_posix()
    return str(obj.package.name)


def _short(value: Any) -> str:
    text = str(getattr(value, "path", value) or "")
    return " ".join(text.split())[:200]


def distributed(change: ChangeSet, folder: str) -> str:
    """The file of the base that makes the package one that others install; empty when none does."""
    import tomllib

    for place in _upwards(folder):
        name = f"{place}/pyproject.toml" if place else "pyproject.toml"
        try:
            told = tomllib.loads(as_text(change.read_base(name)))
        except tomllib.TOMLDecodeError:
            continue
        classifiers: Sequence[Any] = told.get("project", {}).get("classifiers", ())
        if "build-system" in told and not any(str(entry).startswith("Private") for entry in classifiers):
            return name
        setup = f"{place}/setup.py" if place else "setup.py"
        if change.read_base(setup) is not None and "setup(" in as_text(change.read_base(setup)):
            return setup
    return ""


def _upwards(folder: str) -> Iterator[str]:
    yield folder
    while folder:
        folder = folder.rpartition("/")[0]
        yield folder

"""Whether a change is in the package that will be published, and works from there without the tree around it.

Built on both sides with what the environment has; where the base cannot be built, nothing is said of the change.
"""

import json
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from posixpath import dirname, normpath
from typing import Any

from ..model.judgement import Measured
from ..model.objection import Deviation, Objection, Severity
from .change_set import ChangeSet, Delta, as_text
from .frozen import is_test_path
from .grounds import NO_TOOL, Grounds, could_not_tell, interpreter, nothing, verdict
from .imports_of import own_modules
from .measured import minded
from .pack import Package, Packed, folders, module_name, package_at, packed, placed
from .words import words

NAME = "packaging"
UNIT = "packaged files"
PACKAGES = 5
"""Most packages that are built."""
MODULES = 40
"""Most modules that are imported from a package."""
_SOURCE = (".py", ".js", ".mjs", ".cjs")
_RELATIVE = re.compile(r"""(?:\bfrom|\brequire\(|\bimport\(?)\s*['"](\.[^'"]+)['"]""")


async def check_packaging(grounds: Grounds) -> Sequence[Measured]:
    """One verdict for each package that the change touches: what was in it is in it still, new modules are, and what
    changed imports from it."""
    packages = list(_touched(grounds.change))[:PACKAGES]
    if not packages:
        return (nothing(NAME, grounds=grounds, unit=UNIT),)
    return [await _judged(package, grounds) for package in packages]


def _touched(change: ChangeSet) -> Iterator[Package]:
    """The packages that are there on both sides and hold a changed file that may be published."""
    seen = set()
    for path in change.paths:
        if is_test_path(path):
            continue
        where = _nearest(path, change)
        if where in seen or not where:
            continue
        seen.add(where)
        before, after = package_at(where, change.read_base), package_at(where, change.read_head)
        if before and after and before.node == after.node:
            yield after


def _nearest(path: str, change: ChangeSet) -> str:
    folder = dirname(path)
    while True:
        below = f"{folder}/" if folder else ""
        if {f"{below}pyproject.toml", f"{below}package.json"} & change.head_files:
            return folder or "."
        if not folder:
            return ""
        folder = dirname(folder)


async def _judged(package: Package, grounds: Grounds) -> Measured:
    change, started = grounds.change, time.monotonic()
    gate = next((gate for gate in grounds.tests if words(gate.run).tool in ("pytest", "unittest")), None)
    python = interpreter(gate) if gate else ("python",)
    old = package_at(package.where, change.read_base) or package
    async with grounds.checkout(change.base, None) as room:
        before = await packed(old, room, python, {})
    if before.why:
        why = f"the package cannot be built here on the base: {before.why}"
        fix = "install its build backend where the sandbox sees it; gates have no network"
        return could_not_tell(NAME, why, grounds=grounds, unit=UNIT, fix=fix, rule=f"{NAME}/{NO_TOOL}")
    sources = placed(sorted(before.files), sorted(change.base_files), package.where)
    wanted = _wanted(sources, change)
    async with grounds.checkout(grounds.head, None) as room:
        after = await packed(package, room, python, wanted)
    if after.why:
        found = [_mind("build-failed", "the package can no longer be built", _place(package), after.why, Severity.HIGH)]
        return verdict(NAME, found, grounds=grounds, examined=1, unit=UNIT, reason=after.why)
    if after.trouble:
        async with grounds.checkout(change.base, None) as room:
            before = await packed(old, room, python, wanted)
    found = [*_left_out(package, sources, after, change), *_broken(after, before, package, change)]
    reason = f"{len(after.files)} files in the package, {len(wanted)} changed modules imported from it"
    spent = time.monotonic() - started
    return verdict(NAME, found, grounds=grounds, examined=len(after.files), unit=UNIT, reason=reason, seconds=spent)


def _wanted(sources: dict[str, str], change: ChangeSet) -> dict[str, str]:
    """The changed modules by their path in the package."""
    roots = {path.removesuffix(file) for file, path in sources.items() if file.endswith(".py")}
    found = {}
    for delta in change.deltas:
        for root in sorted(roots, key=len, reverse=True):
            file = delta.path.removeprefix(root)
            if not delta.deleted and delta.path.startswith(root) and (name := module_name(file)):
                found[file] = name
                break
    return dict(list(found.items())[:MODULES])


# -- what is missing -------------------------------------------------------------------------------------------------


def _left_out(package: Package, sources: dict[str, str], after: Packed, change: ChangeSet) -> Iterator[Objection]:
    now = set(placed(sorted(after.files), sorted(change.head_files), package.where).values())
    moved = {delta.was: delta.path for delta in change.deltas if delta.was}
    for path in sorted(sources.values()):
        there = moved.get(path, path)
        if there in change.head_files and there not in now and not is_test_path(there):
            yield _mind("left-out", f"{there} was in the package and no longer is", there, _why(package))
    for delta in change.deltas:
        told = delta.was in sources.values()
        if delta.arrived and not delta.deleted and not told and delta.path not in now and not is_test_path(delta.path):
            yield from _new_left_out(delta, package, list(sources.values()), change)
    yield from _entries(package, now, change)
    yield from _beside(package, now, change)


def _new_left_out(delta: Delta, package: Package, packaged: Sequence[str], change: ChangeSet) -> Iterator[Objection]:
    """A new file below a folder of the package; one that is no code may be left out unless code asks for it."""
    folder, kind = dirname(delta.path), _kind(delta.path)
    held = {held for held in folders(packaged) if held}
    if not any(folder == one or folder.startswith(f"{one}/") for one in held):
        return
    usual = any(dirname(path) == folder and _kind(path) == kind for path in packaged)
    needed = kind in _SOURCE or usual or _asked_for(delta.path, change)
    what = f"the new {delta.path} is not in the package"
    yield _mind("left-out", what, delta.path, _why(package), Severity.MEDIUM if needed else Severity.LOW)


def _beside(package: Package, now: set[str], change: ChangeSet) -> Iterator[Objection]:
    """Files that changed JavaScript of the package imports from outside of it."""
    if not package.node:
        return
    for delta in change.deltas:
        if delta.path not in now or delta.suffix not in _SOURCE:
            continue
        for said in _RELATIVE.findall("\n".join(delta.added_lines.values())):
            path = normpath(f"{dirname(delta.path)}/{said}")
            meant = next((p for p in (path, f"{path}.js", f"{path}/index.js") if p in change.head_files), "")
            if meant and meant not in now:
                what = f"{delta.path} imports {meant}, which is not in the package"
                yield _mind("left-out", what, delta.path, _why(package))


def _kind(path: str) -> str:
    name = path.rpartition("/")[2]
    return f".{name.rpartition('.')[2]}" if "." in name else name


def _asked_for(path: str, change: ChangeSet) -> bool:
    """Whether shipped code of the change names the file."""
    name = path.rpartition("/")[2]
    return any(
        name in line
        for delta in change.deltas
        if delta.suffix in _SOURCE and not is_test_path(delta.path)
        for line in delta.added_lines.values()
    )


def _entries(package: Package, now: set[str], change: ChangeSet) -> Iterator[Objection]:
    """Entry points of an npm package that are in the tree and not in the package."""
    if not package.node:
        return
    below = "" if package.where == "." else f"{package.where}/"
    told: Any = {}
    with suppress(ValueError, RecursionError):
        told = json.loads(as_text(change.read_head(f"{below}package.json")))
    named = [told.get(key) for key in ("main", "module", "types", "bin", "exports")] if isinstance(told, dict) else []
    for path in sorted({below + text.removeprefix("./") for entry in named for text in _texts(entry)}):
        if path in change.head_files and path not in now:
            yield _mind(
                "entry-left-out", f"package.json points to {path}, which is not in the package", path, _why(package)
            )


def _texts(entry: Any, depth: int = 6) -> Iterator[str]:
    if isinstance(entry, str):
        yield entry
    elif isinstance(entry, dict | list) and depth:
        for value in entry.values() if isinstance(entry, dict) else entry:
            yield from _texts(value, depth - 1)


# -- what does not work ----------------------------------------------------------------------------------------------


def _broken(after: Packed, before: Packed, package: Package, change: ChangeSet) -> Iterator[Objection]:
    own = own_modules(change.head_files)
    paths = placed(sorted(after.trouble), sorted(change.head_files), package.where)
    for file, (kind, said, module) in sorted(after.trouble.items()):
        if file in before.trouble:
            continue  # it was so before
        missing = kind in ("ModuleNotFoundError", "ImportError") and module.partition(".")[0] not in own
        weight = Severity.LOW if missing else Severity.HIGH
        what = f"{file} cannot be imported from the package alone"
        yield _mind("not-importable", what, paths.get(file, file), f"{kind}: {said}", weight)


def _why(package: Package) -> str:
    told = "`files` in package.json or .npmignore" if package.node else "the build settings in pyproject.toml"
    return f"whoever installs the package misses it: {told} must take it"


def _place(package: Package) -> str:
    name = "package.json" if package.node else "pyproject.toml"
    return name if package.where == "." else f"{package.where}/{name}"


def _mind(rule: str, what: str, path: str, cause: str, severity: Severity = Severity.MEDIUM) -> Objection:
    return minded(f"{NAME}/{rule}", what, path, cause=cause, deviation=Deviation.ARCHITECTURE, severity=severity)

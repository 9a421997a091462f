"""Dependencies that do not go together: a lock file that its manifest does not allow, and what npm itself finds wrong.

Nothing is asked of a registry. The base is looked at in the same way, and only what the change makes wrong counts.
"""

import json
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from posixpath import dirname

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion

from ..model.evidence import GateKind
from ..model.gate import Gate
from ..model.judgement import Measured
from .change_set import Read, as_text
from .grounds import NO_TOOL, Grounds, could_not_tell, nothing, run_as, verdict
from .measured import minded
from .package import Package, UnreadableError
from .package_files import reader_of
from .package_locks import LOCKS

NAME = "conflicts"
UNIT = "requirements"
_MANIFESTS = ("pyproject.toml", "Pipfile", "setup.cfg", "package.json")
_NPM_LOCKS = ("package-lock.json", "npm-shrinkwrap.json")
_NPM = ("npm", "ls", "--package-lock-only", "--all", "--json", "--offline")
_ASKING = Gate(kind=GateKind.OTHER, run=_NPM, timeout=120.0)
_WHOLE = ("uv.lock", "poetry.lock", "Pipfile.lock")
"""Locks that name all that their manifest does; the others may be of some of its groups."""


@dataclass
class _Side:
    """One side of the change: how many requirements were read, and what is wrong with them by the lock's path."""

    files: Collection[str]
    read: Read
    examined: int = 0
    wrong: list[tuple[str, str]] = field(default_factory=list)


async def check_conflicts(grounds: Grounds) -> Measured:
    """An objection for each requirement of a changed manifest or lock file that the two do not agree on."""
    change = grounds.change
    touched = {path for delta in change.deltas for path in (delta.path, delta.was) if path}
    folders = sorted({dirname(path) for path in touched if path.rpartition("/")[2] in (*_MANIFESTS, *LOCKS)})
    if not folders:
        return nothing(NAME, grounds=grounds, unit=UNIT)
    base, head = _Side(change.base_files, change.read_base), _Side(change.head_files, change.read_head)
    for folder in folders:
        _python(base, folder)
        _python(head, folder)
        if lock := _npm_lock(head, folder):
            problems = await _npm_says(grounds, grounds.head, folder)
            if problems is None:
                why, fix = "npm cannot be asked here", "put npm where gates find it"
                rule = f"{NAME}/{NO_TOOL}"
                return could_not_tell(NAME, why, grounds=grounds, unit=UNIT, fix=fix, rule=rule)
            head.examined += 1
            head.wrong += [(lock, problem) for problem in problems]
            if problems and _npm_lock(base, folder):
                base.wrong += [(lock, problem) for problem in await _npm_says(grounds, change.base, folder) or ()]
    found = [
        minded(
            f"{NAME}/lock",
            problem,
            lock,
            cause="what is installed is not what the manifest asks for; lock again with the project's own tool",
        )
        for lock, problem in dict.fromkeys(head.wrong)
        if (lock, problem) not in base.wrong
    ]
    reason = f"{head.examined} requirements held against their lock files, {len(found)} not met"
    return verdict(NAME, found[:40], grounds=grounds, examined=head.examined, unit=UNIT, reason=reason)


def _at(folder: str, name: str) -> str:
    return f"{folder}/{name}".lstrip("/")


# -- Python ------------------------------------------------------------------------------------------------------------


def _python(side: _Side, folder: str) -> None:
    """Hold the manifests of a folder against the lock files beside them."""
    wanted = [package for name in _MANIFESTS[:-1] for package in _listed(side, _at(folder, name))]
    for name in ("uv.lock", "poetry.lock", "pdm.lock", "pylock.toml", "Pipfile.lock"):
        lock = _at(folder, name)
        locked: dict[str, list[str]] = {}
        for package in _listed(side, lock):
            locked.setdefault(package.name, []).append(package.version.removeprefix("=="))
        for package in wanted if locked else ():
            if package.origin == "registry" and package.group != "build":
                side.examined += 1
                side.wrong += [(lock, said) for said in _unmet(package, locked, whole=name in _WHOLE)]


def _listed(side: _Side, path: str) -> Sequence[Package]:
    reader = reader_of(path) if path in side.files else None
    try:
        return reader(as_text(side.read(path))).packages if reader else ()
    except UnreadableError:  # the check of dependencies tells
        return ()


def _unmet(package: Package, locked: dict[str, list[str]], *, whole: bool) -> Iterator[str]:
    versions = locked.get(package.name)
    if versions is None:
        if whole:
            yield f"{package.name} is asked for and not locked"
        return
    allowed = specifiers(package.version)
    if allowed is None or not all(versions):
        return
    try:
        met = any(allowed.contains(version, prereleases=True) for version in versions)
    except InvalidVersion:
        return
    if not met:
        yield f"{package.name} is locked at {', '.join(versions)} and {package.version} is asked for"


def specifiers(constraint: str) -> SpecifierSet | None:
    """What a manifest's constraint allows, in the standard's words or in poetry's; None when that cannot be said."""
    said = []
    for part in constraint.split(","):
        part = part.strip()
        if found := re.fullmatch(r"[\^~]\s*v?(\d+(?:\.\d+)*)", part):
            said += [f">={found[1]}", f"<{_above(part[0], found[1])}"]
        elif re.fullmatch(r"v?\d+(?:\.\d+)*(?:\.\*)?", part):
            said.append(f"=={part}")
        else:
            said.append(part)
    try:
        return SpecifierSet(",".join(part for part in said if part not in ("", "*")))
    except InvalidSpecifier:
        return None


def _above(sign: str, version: str) -> str:
    """The first version that `^` or `~` shuts out: the leftmost part that is not 0, or the minor one, goes up."""
    parts = [int(part) for part in version.split(".")]
    leftmost = next((at for at, part in enumerate(parts) if part), len(parts) - 1)
    at = leftmost if sign == "^" else min(1, len(parts) - 1)
    return ".".join(str(part) for part in (*parts[:at], parts[at] + 1))


# -- npm ---------------------------------------------------------------------------------------------------------------


def _npm_lock(side: _Side, folder: str) -> str:
    if _at(folder, "package.json") not in side.files:
        return ""
    return next((_at(folder, name) for name in _NPM_LOCKS if _at(folder, name) in side.files), "")


async def _npm_says(grounds: Grounds, tree: str, folder: str) -> list[str] | None:
    """What npm finds wrong with the lock file of a folder; None where it cannot be asked."""
    async with grounds.checkout(tree, None) as room:
        said = await run_as(_ASKING.model_copy(update={"where": folder or "."}), room, _NPM)
    try:
        told = json.loads(said.done.stdout)
        return sorted(_of_tree(told))
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None


def _of_tree(told: dict[str, object], by: str = "the project") -> set[str]:
    """Problems by package, without the places they lie in; what nobody asked for does no harm."""
    found: set[str] = set()
    dependencies = told.get("dependencies")
    for name, entry in dependencies.items() if isinstance(dependencies, dict) else ():
        if entry.get("missing") and not entry.get("optional"):
            found.add(f"{name} {entry.get('required') or ''} is asked for by {by} and not locked".replace("  ", " "))
        if entry.get("invalid"):
            found.add(f"{name} is locked at {entry.get('version')} and {entry['invalid']} is asked for"[:400])
        found |= _of_tree(entry, name)
    return found

"""Dependencies that a change brings, moves or lets go: a person's decision, with what is known of each.

Offline: age and licence come from the lock file and from what is installed; what is not known is said to be unknown.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from posixpath import dirname

from ..model.judgement import Measured
from ..model.objection import Deviation, Objection, Severity
from .change_set import ChangeSet, Delta, Read, as_text
from .lookalike import popular
from .measured import built_in, minded
from .package import Ecosystem, Listing, Package, UnreadableError
from .package_doubts import Move, doubts
from .package_files import is_manifest, reader_of
from .package_locks import LOCKS

NAME = "dependencies"
NAMED = 60
"""Most objections; a regenerated lock file moves thousands of packages."""
READ = 200
"""Most files of a repository that are read for the packages they name."""
Licences = Mapping[tuple[str, str], str]
"""Licence by ecosystem and package, of what is installed."""
Names = frozenset[tuple[str, str]]


@dataclass(frozen=True)
class Sides:
    """What one file says before and after."""

    path: str
    before: Listing
    after: Listing
    new: bool

    @property
    def changed(self) -> bool:
        """Whether it names other packages now, or others of them."""
        return self.before.packages != self.after.packages

    def pairs(self) -> Iterator[tuple[Package, Package | None]]:
        """Each package that is named otherwise, with what it was."""
        before, after = self.before.by_name(), self.after.by_name()
        for name, packages in after.items():
            if packages != before.get(name):
                old = before.get(name)
                fresh = [package for package in packages if package not in (old or ())]
                yield (fresh or packages)[-1], old[-1] if old else None


@dataclass(frozen=True)
class _World:
    files: Sequence[Sides]
    direct: Names
    """Packages that a manifest of the head names itself."""
    used: Names
    """Packages that any file of the base names."""
    head_files: Collection[str]
    licences: Licences
    today: date


def check_dependencies(change: ChangeSet, *, today: date | None = None, licences: Licences | None = None) -> Measured:
    """An objection for each package that is new or moved, and for what weakens how packages are pinned."""
    read = [entry for delta in change.deltas if (entry := _sides(delta))]
    files = [entry for entry in read if isinstance(entry, Sides)]
    found = [entry for entry in read if isinstance(entry, Objection)]
    world = _World(
        files,
        _names(change.read_head, [path for path in change.head_files if is_manifest(path)]) if files else frozenset(),
        _names(change.read_base, [path for path in change.base_files if reader_of(path)]) if files else frozenset(),
        change.head_files,
        licences or {},
        today or datetime.now(UTC).date(),
    )
    for sides in files:
        found += _registries(sides)
        found += _of_lock(sides, world) if sides.after.lock else _of_manifest(sides, world)
    rank = (Severity.HIGH, Severity.MEDIUM, Severity.LOW)
    found.sort(key=lambda entry: rank.index(entry.severity))
    examined = sum(len(sides.after.packages) for sides in files) or len(read)
    return built_in(NAME, found[:NAMED], examined=examined, unit="packages", tree=change.head)


def _sides(delta: Delta) -> Sides | Objection | None:
    reader = reader_of(delta.path)
    if reader is None:
        return None
    if delta.deleted:
        lock = delta.path.rpartition("/")[2] in LOCKS
        return _lock_gone(delta) if lock else None
    try:
        after = reader(delta.text_after)
    except UnreadableError as error:
        return minded(
            f"{NAME}/unreadable",
            "the file names dependencies and cannot be read",
            delta.path,
            cause="write it again with its own tool",
            evidence=str(error)[:300],
        )
    try:
        before = Listing(after.ecosystem, after.lock, ()) if delta.added else reader(delta.text_before)
    except UnreadableError:
        before = Listing(after.ecosystem, after.lock, ())
    return Sides(delta.path, before, after, delta.added)


def _names(read: Read, paths: Sequence[str]) -> Names:
    found: set[tuple[str, str]] = set()
    for path in sorted(paths)[:READ]:
        reader = reader_of(path)
        try:
            listing = reader(as_text(read(path))) if reader else None
        except UnreadableError:
            continue
        found |= {(listing.ecosystem, package.name) for package in listing.packages} if listing else set()
    return frozenset(found)


# -- one file --------------------------------------------------------------------------------------------------------


def _of_manifest(sides: Sides, world: _World) -> Iterator[Objection]:
    for package, old in sides.pairs():
        move = _move(sides, package, old, world)
        yield from doubts(move)
        if (package.version, package.origin, package.at) != (old and (old.version, old.origin, old.at)):
            yield _decision(move)
    for name in sorted(sides.before.by_name().keys() - sides.after.by_name().keys()):
        yield minded(f"{NAME}/removed", f"{name} is no longer a dependency", sides.path, severity=Severity.LOW)
    stale = [path for path in _locks_of(sides, world) if path not in {other.path for other in world.files}]
    if sides.changed and stale:
        yield minded(
            f"{NAME}/manifest-only",
            "the manifest's dependencies were changed and their lock file was not",
            sides.path,
            cause="what is installed is not what the manifest says; lock again with the project's tool",
            evidence=f"unchanged: {', '.join(stale)}",
            deviation=Deviation.QUALITY,
            severity=Severity.MEDIUM,
        )


def _of_lock(sides: Sides, world: _World) -> Iterator[Objection]:
    manifests = [other for other in world.files if not other.after.lock and other.changed and _near(other, sides)]
    declared = {package.name for other in manifests for package, _ in other.pairs()}
    moved: list[str] = []
    decided = False
    for package, old in sides.pairs():
        move = _move(sides, package, old, world)
        yield from doubts(move)
        own = (sides.after.ecosystem, package.name) in world.direct
        if old and own and manifests and package.name not in declared and package.version != old.version:
            decided = True
            yield _decision(move)
        else:
            moved.append(f"{package.name} {f'{old.version} to ' if old else ''}{package.version}".strip())
    if moved and (manifests or sides.new):
        yield minded(
            f"{NAME}/transitive",
            "packages come along with what the manifest names",
            sides.path,
            evidence=f"{len(moved)}: {', '.join(moved[:60])}",
            severity=Severity.LOW,
        )
    elif sides.changed and not decided and not manifests:
        yield minded(
            f"{NAME}/lock-only",
            "the lock file was changed and no manifest of it",
            sides.path,
            cause="a lock file is written by its tool from a manifest; whether versions move is a person's decision",
            evidence=f"{len(moved)} moved: {', '.join(moved[:60])}" if moved else "packages are gone",
            deviation=Deviation.BOUNDARY,
            severity=Severity.MEDIUM,
        )


def _move(sides: Sides, package: Package, old: Package | None, world: _World) -> Move:
    ecosystem = sides.after.ecosystem
    return Move(
        sides.path,
        ecosystem,
        package,
        old,
        _known(ecosystem, package, old, world),
        lock=sides.after.lock,
        locked=bool(_locks_of(sides, world)),
        used=(ecosystem, package.name) in world.used,
        hashes=any(entry.hashed for entry in sides.after.packages),
        registries=_registries_of(sides),
        today=world.today,
    )


def _registries_of(sides: Sides) -> frozenset[str]:
    before = {package.at for package in sides.before.packages if package.origin == "registry"}
    if before - {""}:
        return frozenset(before)
    counted = Counter(package.at for package in sides.after.packages if package.origin == "registry")
    return frozenset(at for at, _ in counted.most_common(1)) if sides.after.lock else frozenset()


def _decision(move: Move) -> Objection:
    name = move.package.name
    if move.old is None:
        what = f"a new dependency: {name}"
        return move.mind("new", what, "whether the project takes it on is a person's decision", Severity.MEDIUM)
    what = f"a dependency was changed: {name}"
    return move.mind("changed", what, "whether the project moves to it is a person's decision", Severity.MEDIUM)


def _known(ecosystem: Ecosystem, package: Package, old: Package | None, world: _World) -> str:
    """What is known of the package, in one line; the lock files of the change know more than a manifest."""
    best = next(
        (
            other
            for file in world.files
            if file.after.lock and file.after.ecosystem == ecosystem
            for other in file.after.packages
            if other.name == package.name
        ),
        package,
    )
    source = f"{best.origin} {best.at}".strip()
    age = f"{(world.today - best.uploaded).days} days" if best.uploaded else "unknown"
    licence = best.licence or world.licences.get((ecosystem, package.name), "") or "unknown"
    common = "widely used" if package.name in popular(ecosystem) else "not among the widely used"
    before = f"was {old.version or 'any version'}; " if old else ""
    version = best.version or package.version or "any"
    elsewhere = "; used elsewhere in this repository" if not old and (ecosystem, package.name) in world.used else ""
    return f"{before}version {version}; source {source}; age {age}; licence {licence}; {common}{elsewhere}"


def _near(manifest: Sides, lock: Sides) -> bool:
    """Whether the lock may belong to the manifest: it lies beside it or above it, as in a workspace."""
    folder = dirname(lock.path)
    below = not folder or dirname(manifest.path) == folder or dirname(manifest.path).startswith(f"{folder}/")
    return below and manifest.after.ecosystem == lock.after.ecosystem


def _locks_of(sides: Sides, world: _World) -> list[str]:
    python = ("uv.lock", "poetry.lock", "pdm.lock", "pylock.toml", "Pipfile.lock")
    names = [name for name in LOCKS if (name in python) == (sides.after.ecosystem == "pypi")]
    folders, folder = [dirname(sides.path)], dirname(sides.path)
    while folder:
        folder = dirname(folder)
        folders.append(folder)
    if not is_manifest(sides.path):
        return []
    found = [f"{at}/{name}".lstrip("/") for at in folders for name in names]
    return [path for path in found if path in world.head_files][:1]


def _registries(sides: Sides) -> Iterator[Objection]:
    before, after = sides.before, sides.after
    for rule, what, cause, new in (
        (
            "index",
            "another registry, or less trust in one, is configured",
            "packages of the same names may come from there; a person decides",
            [index for index in after.indexes if index not in before.indexes],
        ),
        (
            "install-script",
            "the project runs a command whenever it is installed",
            "it runs on every machine that installs the project, unasked",
            [script for script in after.scripts if script not in before.scripts],
        ),
    ):
        for told in new:
            yield minded(
                f"{NAME}/{rule}", what, sides.path, cause=cause, evidence=told[:300], deviation=Deviation.BOUNDARY
            )


def _lock_gone(delta: Delta) -> Objection:
    return minded(
        f"{NAME}/lock-removed",
        "a lock file was deleted",
        delta.path,
        cause="without it nobody knows which versions are installed",
        deviation=Deviation.BOUNDARY,
    )

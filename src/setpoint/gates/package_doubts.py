"""What speaks against taking a package as it is offered: its name, its place, its scripts, how it is pinned."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from ..model.objection import Deviation, Objection, Severity
from .lookalike import resembles
from .measured import minded
from .package import Ecosystem, Package

YOUNG_DAYS = 14
"""A version younger than this has been looked at by few."""


@dataclass(frozen=True)
class Move:
    """One package that a file names otherwise than before."""

    path: str
    ecosystem: Ecosystem
    package: Package
    old: Package | None
    known: str
    """What is known of it, in one line."""
    lock: bool
    """The file is a lock."""
    locked: bool
    """A lock file pins what this manifest leaves open."""
    used: bool
    """The repository named the package before, somewhere."""
    hashes: bool
    """The file pins the content of packages."""
    registries: frozenset[str]
    """Where the file took packages from before; of a new file, where most come from."""
    today: date

    def mind(self, rule: str, what: str, cause: str, severity: Severity = Severity.HIGH) -> Objection:
        """An objection to it."""
        return minded(
            f"dependencies/{rule}",
            what,
            self.path,
            cause=cause,
            evidence=self.known,
            deviation=Deviation.BOUNDARY,
            severity=severity,
        )


def doubts(move: Move) -> Iterator[Objection]:
    """All that speaks against it."""
    yield from _name(move)
    yield from _place(move)
    yield from _scripts(move)
    yield from _content(move)
    yield from _version(move)


def _name(move: Move) -> Iterator[Objection]:
    if move.old is None and not move.used:
        twin, how = resembles(move.package.name, move.ecosystem)
        if twin:
            name = move.package.name
            yield move.mind("look-alike", f"{name} could be mistaken for {twin}", f"{how}; which is meant?")


def _place(move: Move) -> Iterator[Objection]:
    package, old = move.package, move.old
    if old is not None and (old.origin, old.at) == (package.origin, package.at):
        return
    if package.origin in ("git", "url", "path"):
        yield move.mind(
            "source",
            f"{package.name} does not come from a registry but from a {package.origin}",
            f"nobody checks what is served at {package.at[:200]}; publish it, or vendor it where it is reviewed",
        )
    elif package.at.startswith("alias "):
        yield move.mind("source", f"{package.name} is installed under another name", package.at, Severity.MEDIUM)
    elif package.at and package.at not in move.registries:
        cause = f"it is fetched from {package.at[:200]}"
        yield move.mind("source", f"{package.name} comes from another registry", cause)


def _scripts(move: Move) -> Iterator[Objection]:
    if move.package.scripts and not (move.old and move.old.scripts):
        what = f"{move.package.name} runs a script when it is installed"
        yield move.mind("install-script", what, "read the script, or install without scripts")


def _content(move: Move) -> Iterator[Objection]:
    package, old = move.package, move.old
    if package.hashed or package.origin != "registry" or not (old.hashed if old else move.hashes):
        return
    what = f"the content of {package.name} is not pinned{' any more' if old else ''}"
    yield move.mind("integrity-removed", what, "write the lock again with its own tool")


def _version(move: Move) -> Iterator[Objection]:
    package, old = move.package, move.old
    if old and older(package.version, old.version):
        yield move.mind(
            "downgraded",
            f"{package.name} goes back to an older version",
            f"from {old.version} to {package.version}; say what the newer one breaks",
        )
    if not move.lock and not package.pinned and (old is None or old.pinned):
        severity = Severity.LOW if move.locked else Severity.MEDIUM
        yield move.mind("unpinned", f"any version of {package.name} is accepted", "bound its version", severity)
    moved = old is None or old.version != package.version
    if moved and package.uploaded and (move.today - package.uploaded).days < YOUNG_DAYS:
        cause = f"it was uploaded on {package.uploaded}; few have looked at it"
        yield move.mind("young", f"the version of {package.name} is very young", cause, Severity.LOW)


def older(version: str, than: str) -> bool:
    """Whether `version`, as a lock or a manifest writes it, lies below `than`; False when that cannot be said."""
    one, other = _lowest(version), _lowest(than)
    return one is not None and other is not None and one < other


def _lowest(text: str) -> tuple[int, ...] | None:
    """The first version that a constraint names, as numbers; a pre-release counts as its release."""
    from packaging.version import InvalidVersion, Version

    for part in text.replace(",", " ").replace("||", " ").split():
        if part.startswith(("<", "!")):
            continue
        try:
            release = Version(part.lstrip("=<>~^! v").split("-")[0].replace(".x", "").replace(".*", "")).release
        except InvalidVersion:
            continue
        return (*release, 0, 0, 0)[:4]
    return None

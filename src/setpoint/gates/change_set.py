"""A change as all checks see it: each file before and after, its lines, and the files around it."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePosixPath

from .encodings import encoding
from .line_changes import changed_stretches

Read = Callable[[str], bytes | None]
"""The content of a file by its path; None when it is not there."""
TEXT_BYTES = 4 * 1024 * 1024
"""Larger files are not read as text."""
RENAMES = 20_000
"""Most pairs of a deleted and a new file that are compared for a rename."""
LIKE = 0.5
"""Share of equal lines above which a new file is the deleted one under another name."""


@dataclass(frozen=True)
class Delta:
    """One file's part of a change. A renamed file is one delta."""

    path: str
    """Its path after the change; of a deleted file the path it had."""
    before: bytes | None
    """None: it was not there."""
    after: bytes | None
    """None: it is gone."""
    was: str = ""
    """Its former path, when it was renamed."""
    mode_before: str = "100644"
    mode_after: str = "100644"

    @property
    def added(self) -> bool:
        """A new file."""
        return self.before is None

    @property
    def arrived(self) -> bool:
        """Nothing stood at its path before: it is new, or it was renamed to there."""
        return self.added or bool(self.was)

    @property
    def deleted(self) -> bool:
        """A file that is gone."""
        return self.after is None

    @property
    def path_before(self) -> str:
        """Where it was."""
        return self.was or self.path

    @cached_property
    def name(self) -> str:
        """Its name without its folders."""
        return PurePosixPath(self.path).name

    @cached_property
    def suffix(self) -> str:
        """Its lower-case suffix, with the dot."""
        return PurePosixPath(self.path).suffix.lower()

    @cached_property
    def text_before(self) -> str:
        """The former text; empty when there was none, or it is no text."""
        return _source(self.path_before, self.before)

    @cached_property
    def text_after(self) -> str:
        """The text now; empty when there is none, or it is no text."""
        return _source(self.path, self.after)

    @cached_property
    def added_lines(self) -> Mapping[int, str]:
        """Lines that are new or changed, by their number after the change."""
        return self._lines[0]

    @cached_property
    def removed_lines(self) -> Mapping[int, str]:
        """Lines that are gone or were changed, by their number before the change."""
        return self._lines[1]

    @cached_property
    def _lines(self) -> tuple[dict[int, str], dict[int, str]]:
        old, new = as_lines(self.text_before), as_lines(self.text_after)
        added: dict[int, str] = {}
        removed: dict[int, str] = {}
        for i1, i2, j1, j2 in changed_stretches(old, new):
            removed |= {at + 1: old[at] for at in range(i1, i2)}
            added |= {at + 1: new[at] for at in range(j1, j2)}
        return dict(sorted(added.items())), dict(sorted(removed.items()))


@dataclass(frozen=True)
class ChangeSet:
    """What changed between two trees, with renames joined."""

    deltas: Sequence[Delta]
    base_files: frozenset[str]
    """All files of the base."""
    head_files: frozenset[str]
    """All files after the change."""
    read_base: Read = field(repr=False)
    read_head: Read = field(repr=False)
    base: str = ""
    """Tree hash, where there is one."""
    head: str = ""

    @property
    def paths(self) -> Sequence[str]:
        """All paths that the change touches, former names included, sorted."""
        return sorted({delta.path for delta in self.deltas} | {delta.was for delta in self.deltas if delta.was})

    def find(self, path: str) -> Delta | None:
        """The delta of a path after the change."""
        return next((delta for delta in self.deltas if delta.path == path), None)


def as_text(content: bytes | None) -> str:
    """Content as text, without a mark of byte order; empty for none, binary or too large."""
    if not content or len(content) > TEXT_BYTES or b"\0" in content[:8192]:
        return ""
    return content.decode("utf-8", "replace").removeprefix("\ufeff")


def _source(path: str, content: bytes | None) -> str:
    """The content of `path` as text, a Python module in the encoding it names."""
    text, named = as_text(content), encoding(path, content)
    if not text or not named or content is None:
        return text
    try:
        return content.decode(named, "replace")
    except (LookupError, UnicodeError, ValueError):
        return text


def as_lines(text: str) -> list[str]:
    """The lines of a text as git counts them: a form feed or a Unicode separator ends none."""
    lines = text.replace("\r\n", "\n").split("\n")
    return lines if lines[-1] else lines[:-1]


def between(
    before: Mapping[str, bytes],
    after: Mapping[str, bytes],
    *,
    base: str = "",
    head: str = "",
    modes: tuple[Mapping[str, str], Mapping[str, str]] = ({}, {}),
) -> ChangeSet:
    """The change from files `before` to files `after`, whose `modes` are told where they are not the usual one. For
    whole trees of a repository give only what differs, and see `change_set`."""
    (old, new), usual = modes, Delta.mode_after
    changed = [
        path
        for path in sorted(before.keys() | after.keys())
        if (before.get(path), old.get(path, usual)) != (after.get(path), new.get(path, usual))
    ]
    deltas = renamed(
        [
            Delta(
                path,
                before.get(path),
                after.get(path),
                mode_before=old.get(path, usual),
                mode_after=new.get(path, usual),
            )
            for path in changed
        ]
    )
    return ChangeSet(
        deltas, frozenset(before), frozenset(after), read_base=before.get, read_head=after.get, base=base, head=head
    )


def renamed(deltas: Sequence[Delta]) -> list[Delta]:
    """`deltas` with each deleted file joined to the new file that holds the same, else to the one that is like it."""
    gone = [delta for delta in deltas if delta.deleted]
    added = [delta for delta in deltas if delta.added]
    joined = _moved(gone, added)
    taken = {delta.was for delta in joined.values()}
    gone = [delta for delta in gone if delta.path not in taken]
    added = [delta for delta in added if delta.path not in joined]
    for _, old, new in sorted(_alike(gone, added), key=lambda pair: -pair[0]):
        if old.path not in taken and new.path not in joined:
            taken.add(old.path)
            joined[new.path] = _joined(old, new)
    return [joined.get(delta.path, delta) for delta in deltas if delta.path not in taken]


def _joined(old: Delta, new: Delta) -> Delta:
    return Delta(new.path, old.before, new.after, old.path, old.mode_before, new.mode_after)


def _moved(gone: Sequence[Delta], added: Sequence[Delta]) -> dict[str, Delta]:
    """Files whose content only went to another place, by that place: to one of the same name where there is one."""
    places: dict[tuple[str, bytes], list[Delta]] = {}
    for new in added:
        if new.after:
            places.setdefault((new.suffix, new.after), []).append(new)
    found: dict[str, Delta] = {}
    homeless = [old for old in gone if (old.suffix, old.before) in places]
    for old in sorted(homeless, key=lambda old: all(n.name != old.name for n in places[old.suffix, old.before or b""])):
        left = places[old.suffix, old.before or b""]
        if left:
            new = next((n for n in left if n.name == old.name), left[0])
            left.remove(new)
            found[new.path] = _joined(old, new)
    return found


def _alike(gone: Sequence[Delta], added: Sequence[Delta]) -> Iterator[tuple[float, Delta, Delta]]:
    """Pairs of a deleted and a new file that hold much the same lines; those of the same name are looked at first."""
    kinds: dict[str, list[Delta]] = {}
    for new in added:
        kinds.setdefault(new.suffix, []).append(new)
    each = RENAMES // max(1, len(gone)) + 1
    counted: dict[str, Counter[str]] = {}

    def lines(path: str, text: str) -> Counter[str]:
        if path not in counted:
            counted[path] = Counter(text.splitlines())
        return counted[path]

    for old in gone:
        for new in sorted(kinds.get(old.suffix, ()), key=lambda new: new.name != old.name)[:each]:
            were, are = lines(old.path, old.text_before), lines(new.path, new.text_after)
            share = 2 * (were & are).total() / max(1, were.total() + are.total())
            if share >= LIKE:
                yield share, old, new

"""One small fault put into changed code, to see whether a test minds; and which of many are tried."""

import random
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from .change_set import ChangeSet, Delta
from .frozen import is_test_path
from .written_tests import JAVASCRIPT


@dataclass(frozen=True)
class Mutant:
    """A changed file with one fault in it."""

    path: str
    line: int
    scope: str
    """The function or class it lies in; empty at the top of the file."""
    what: str
    """What became of what."""
    gross: bool
    """Any test of that code should mind: a condition turned round, a result gone, a statement left out. The others
    (a boundary, a number, `and` for `or`) often go unnoticed by good tests."""
    content: bytes
    poisoned: bytes
    """The file with an exception in place of the statement: what survives that is never executed."""

    @property
    def place(self) -> tuple[str, str]:
        """File and function, to be counted together."""
        return self.path, self.scope


@dataclass(frozen=True)
class Edit:
    """A replacement of bytes `start` to `end`."""

    line: int
    scope: str
    start: int
    end: int
    text: str
    what: str
    gross: bool
    statement: tuple[int, int]
    """Where the whole statement lies."""


@dataclass(frozen=True)
class _File:
    """A changed file that faults are put into."""

    path: str
    content: bytes
    raising: str
    compiled: bool

    def with_(self, edit: Edit) -> Mutant | None:
        """The file with this fault; None when that changes nothing, or is no code any more."""
        text = _put(self.content, edit.start, edit.end, edit.text)
        if text == self.content or (self.compiled and not _compiles(text)):
            return None
        poisoned = _put(self.content, *edit.statement, self.raising)
        return Mutant(self.path, edit.line, edit.scope, edit.what, edit.gross, text, poisoned)


def planned(change: ChangeSet, most: int) -> tuple[tuple[Mutant, ...], int]:
    """The mutants to try, and how many there are. Of many the same are drawn each time: every function has its turn,
    and gross ones come first. Only what is drawn is made, so a generated file costs no more than a written one; of what
    is not drawn it is not known whether it is code."""
    stood = _stood(change)
    found = [(file, edit) for delta in change.deltas for file, edit in _edits_of(delta, stood)]
    chance = random.Random(f"{change.head}:{len(found)}")  # noqa: S311 - a draw that can be repeated, not a secret
    places: dict[tuple[str, str], list[tuple[_File, Edit]]] = {}
    for file, edit in chance.sample(found, len(found)):
        places.setdefault((file.path, edit.scope), []).append((file, edit))
    queues = [deque(sorted(queue, key=lambda pair: not pair[1].gross)) for _, queue in sorted(places.items())]
    drawn: list[Mutant] = []
    seen: set[tuple[str, bytes]] = set()
    total = len(found)
    while len(drawn) < most and any(queues):
        for queue in queues:
            if queue and len(drawn) < most:
                file, edit = queue.popleft()
                mutant = file.with_(edit)
                if mutant is None or (mutant.path, mutant.content) in seen:
                    total -= 1
                    continue
                seen.add((mutant.path, mutant.content))
                drawn.append(mutant)
    return tuple(drawn), total


def _stood(change: ChangeSet) -> frozenset[str]:
    """The Python functions of the changed files as they were."""
    from .mutant_python import functions_of

    before = [delta.text_before for delta in change.deltas if delta.path_before.endswith(".py")]
    return frozenset(dump for text in before for dump in functions_of(text))


def _edits_of(delta: Delta, stood: frozenset[str]) -> Iterator[tuple[_File, Edit]]:
    """The faults of one file's changed lines; none for tests, for what is no code, and for what only moved."""
    from .mutant_javascript import javascript_edits
    from .mutant_python import python_edits

    suffix = PurePosixPath(delta.path).suffix
    if delta.deleted or is_test_path(delta.path) or not delta.text_after:
        return
    lines = frozenset(number for number, text in delta.added_lines.items() if text.strip())
    if not lines:
        return
    content = delta.text_after.encode()
    if suffix == ".py":
        edits, raising = python_edits(delta.text_after, lines, stood), "raise RuntimeError('poison')"
    elif suffix in JAVASCRIPT and not delta.path.endswith((".d.ts", ".min.js")):
        edits, raising = javascript_edits(delta.text_after, suffix, lines), "throw new Error('poison');"
    else:
        return
    file = _File(delta.path, content, raising, suffix == ".py")
    yield from ((file, edit) for edit in edits)


def _put(content: bytes, start: int, end: int, text: str) -> bytes:
    return content[:start] + text.encode() + content[end:]


def _compiles(text: bytes) -> bool:
    try:
        compile(text, "mutant", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError):
        return False
    return True


def short(text: str) -> str:
    """Code on one line, cut."""
    folded = " ".join(text.split())
    return folded if len(folded) <= 70 else f"{folded[:67]}..."

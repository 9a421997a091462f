"""One small fault put into changed code, to see whether a test minds; and which of many are tried."""

import random
from collections.abc import Callable, Mapping, Sequence
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


def planned(change: ChangeSet, most: int) -> tuple[tuple[Mutant, ...], int]:
    """The mutants to try, and how many there are. Of many the same are drawn each time: every function has its turn,
    and gross ones come first."""
    found = [mutant for delta in change.deltas for mutant in mutants_of(delta, change)]
    chance = random.Random(f"{change.head}:{len(found)}")  # noqa: S311 - a draw that can be repeated, not a secret
    places: dict[tuple[str, str], list[Mutant]] = {}
    for mutant in chance.sample(found, len(found)):
        places.setdefault(mutant.place, []).append(mutant)
    queues = [sorted(queue, key=lambda mutant: not mutant.gross) for _, queue in sorted(places.items())]
    drawn: list[Mutant] = []
    while len(drawn) < most and any(queues):
        drawn += [queue.pop(0) for queue in queues if queue][: most - len(drawn)]
    return tuple(drawn), len(found)


def mutants_of(delta: Delta, change: ChangeSet) -> tuple[Mutant, ...]:
    """The mutants of one file's changed lines; none for tests, for what is no code, and for what only moved."""
    from .mutant_javascript import javascript_edits
    from .mutant_python import python_edits

    suffix = PurePosixPath(delta.path).suffix
    if delta.deleted or is_test_path(delta.path) or not delta.text_after:
        return ()
    lines = frozenset(number for number, text in delta.added_lines.items() if text.strip())
    content = delta.text_after.encode()
    if suffix == ".py":
        others = [other.text_before for other in change.deltas if other.path_before.endswith(".py")]
        edits, raising = python_edits(delta.text_after, lines, others), "raise RuntimeError('poison')"
        return _made(delta.path, content, edits, raising, _compiles)
    if suffix in JAVASCRIPT and not delta.path.endswith((".d.ts", ".min.js")):
        edits, raising = javascript_edits(delta.text_after, suffix, lines), "throw new Error('poison');"
        return _made(delta.path, content, edits, raising, lambda _: True)
    return ()


def _made(
    path: str, content: bytes, edits: Sequence[Edit], raising: str, valid: Callable[[bytes], bool]
) -> tuple[Mutant, ...]:
    poisons: Mapping[tuple[int, int], bytes] = {
        edit.statement: _put(content, *edit.statement, raising) for edit in edits
    }
    seen: set[bytes] = set()
    made = []
    for edit in edits:
        text = _put(content, edit.start, edit.end, edit.text)
        if text != content and text not in seen and valid(text):
            seen.add(text)
            made.append(Mutant(path, edit.line, edit.scope, edit.what, edit.gross, text, poisons[edit.statement]))
    return tuple(made)


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

"""Which test after a change is which test before it: by name, by content, by likeness."""

import difflib
import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from .cases import Case, Pair, TestFile

LIKE = 0.6
"""Share of equal text above which a test is another one under a new name."""
_SPEAKING = re.compile(r"_?(?:assert|check|verify|expect|should|ensure|must)", re.IGNORECASE)
COMPARED = 20_000
"""Most pairs that are compared for likeness."""


class Files(NamedTuple):
    """One file before and after; None where it is not there."""

    before: TestFile | None
    after: TestFile | None


class Lineup(NamedTuple):
    """All tests of a change, matched."""

    pairs: Sequence[Pair]
    hidden: Sequence[Pair]
    """Tests that a runner found before and does not find now."""
    lost: Sequence[Case]
    new: Sequence[Case]
    helping: Sequence[Pair]
    """Functions of support files that hold assertions."""


def line_up(files: Sequence[Files]) -> Lineup:
    """Match the tests of all changed files."""
    old = [case for file in files if file.before for case in file.before.collected]
    new = [case for file in files if file.after for case in file.after.collected]
    others = [case for file in files if file.after for case in file.after.cases if not case.collected]
    moved = {file.before.path: file.after.path for file in files if file.before and file.after}
    left, free = list(old), list(new)
    pairs: list[Pair] = []
    for same in (
        lambda a, b: moved.get(a.path) == b.path and a.name == b.name,
        lambda a, b: moved.get(a.path) == b.path and a.body == b.body and bool(a.body),
        lambda a, b: a.name == b.name and a.body == b.body,
        lambda a, b: a.body == b.body and bool(a.body) and bool(a.checks),
        lambda a, b: a.last == b.last and moved.get(a.path) == b.path,
        lambda a, b: a.last == b.last and len(a.last) > 8,
    ):
        pairs += _take(left, free, same)
    hidden = _take(left, others, lambda a, b: a.name == b.name or (a.body == b.body and bool(a.body)))
    hidden += _alike(left, others)
    pairs += _alike(left, free)
    return Lineup(pairs, hidden, left, free, list(_helping(files)))


def _take(left: list[Case], free: list[Case], same: Callable[[Case, Case], bool]) -> list[Pair]:
    """Pairs of `left` and `free` that are `same`, taken out of both."""
    found = []
    for old in list(left):
        new = next((case for case in free if same(old, case)), None)
        if new is not None:
            found.append(Pair(old, new))
            left.remove(old)
            free.remove(new)
    return found


def _alike(left: list[Case], free: list[Case]) -> list[Pair]:
    if not left or not free or len(left) * len(free) > COMPARED:
        return []
    scored = sorted(
        (
            (score, a, b)
            for a, old in enumerate(left)
            for b, new in enumerate(free)
            if (score := _likeness(old, new)) >= LIKE
        ),
        reverse=True,
    )
    taken: dict[int, int] = {}
    for _, a, b in scored:
        if a not in taken and b not in taken.values():
            taken[a] = b
    found = [Pair(left[a], free[b]) for a, b in taken.items()]
    for pair in found:
        left.remove(pair.old)
        free.remove(pair.new)
    return found


def _likeness(old: Case, new: Case) -> float:
    if not old.body or not new.body or old.path.rpartition(".")[2] != new.path.rpartition(".")[2]:
        return 0.0
    matcher = difflib.SequenceMatcher(None, old.body, new.body, autojunk=False)
    if matcher.real_quick_ratio() < LIKE or matcher.quick_ratio() < LIKE:
        return 0.0
    name = difflib.SequenceMatcher(None, old.last, new.last, autojunk=False).ratio()
    return matcher.ratio() * 0.8 + name * 0.2


def _helping(files: Sequence[Files]) -> Iterator[Pair]:
    for file in files:
        if file.before is None or file.after is None or file.before.collected or file.after.collected:
            continue
        known = {case.name: case for case in file.after.cases}
        for case in file.before.cases:
            if case.live and case.name in known and _SPEAKING.match(case.last):
                yield Pair(case, known[case.name])

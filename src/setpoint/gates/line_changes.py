"""Which lines of a text are gone and which are new. A generated file of a hundred thousand lines takes a second."""

import difflib
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence

EFFORT = 200_000
"""Most pairs of equal lines that are compared each with each; of more, the lines that occur once lead the way."""

Stretch = tuple[int, int, int, int]
"""Lines from, to of the old text and lines from, to of the new one."""


def changed_stretches(old: Sequence[str], new: Sequence[str]) -> Iterator[Stretch]:
    """Where `old` and `new` differ, none overlapping another. Between lines that are written over and over again, more
    may be called changed than the smallest difference would."""
    left: list[Stretch] = [(0, len(old), 0, len(new))]
    while left:
        i1, i2, j1, j2 = _trimmed(old, new, left.pop())
        if i1 == i2 or j1 == j2:
            if i1 != i2 or j1 != j2:
                yield i1, i2, j1, j2
        elif _pairs(old[i1:i2], new[j1:j2]) <= EFFORT:
            matcher = difflib.SequenceMatcher(None, old[i1:i2], new[j1:j2], autojunk=False)
            for tag, a1, a2, b1, b2 in matcher.get_opcodes():
                if tag != "equal":
                    yield i1 + a1, i1 + a2, j1 + b1, j1 + b2
        elif anchors := _anchors(old[i1:i2], new[j1:j2]):
            a, b = 0, 0
            for at, to in [*anchors, (i2 - i1, j2 - j1)]:
                left.append((i1 + a, i1 + at, j1 + b, j1 + to))
                a, b = at + 1, to + 1
        else:
            yield i1, i2, j1, j2


def _trimmed(old: Sequence[str], new: Sequence[str], stretch: Stretch) -> Stretch:
    i1, i2, j1, j2 = stretch
    while i1 < i2 and j1 < j2 and old[i1] == new[j1]:
        i1, j1 = i1 + 1, j1 + 1
    while i1 < i2 and j1 < j2 and old[i2 - 1] == new[j2 - 1]:
        i2, j2 = i2 - 1, j2 - 1
    return i1, i2, j1, j2


def _pairs(old: Sequence[str], new: Sequence[str]) -> int:
    """What comparing each with each would take: the matcher looks through all pairs again for every block it finds."""
    were, are = Counter(old), Counter(new)
    pairs = sum(were[line] * are[line] for line in were.keys() & are.keys())
    return max(pairs, len(old) * min(len(old), len(new)) // 64)


def _anchors(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int]]:
    """Lines that occur once on both sides, as many of them as stand in the same order."""
    were, are = Counter(old), Counter(new)
    place = {line: at for at, line in enumerate(new) if are[line] == 1}
    both = [(at, place[line]) for at, line in enumerate(old) if were[line] == 1 and line in place]
    ends: list[int] = []
    last: list[int] = []
    before: list[int] = []
    for index, (_, to) in enumerate(both):
        length = bisect_left(ends, to)
        before.append(last[length - 1] if length else -1)
        ends[length : length + 1] = [to]
        last[length : length + 1] = [index]
    chain: list[tuple[int, int]] = []
    at = last[-1] if last else -1
    while at >= 0:
        chain.append(both[at])
        at = before[at]
    return chain[::-1]

"""Where a finding stands, on the base and on the change: its line, the lines around it, the blocks that enclose it."""

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass

from ..model.evidence import Finding
from .change_set import ChangeSet, Read, as_text
from .reading import steady

NEIGHBOURS = 2
"""Lines on each side that tell a place from another."""
LIKE = 0.6
"""Share of equal characters above which a line is the former one, written over."""
_PLACES = re.compile(r"\blines? \d+(?:[-,:]\d+)*|(?<=[\w.]):\d+(?::\d+)?\b|\[\d+:\d+\]", re.IGNORECASE)
_NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?![\w.])")


@dataclass(frozen=True, eq=False)
class Site:
    """A finding with its surroundings."""

    finding: Finding
    path: str
    """The file's path on the base, also for a finding of the change."""
    number: int
    """Line, 0 for a finding of a whole file."""
    text: str = ""
    """The line, white space folded."""
    around: tuple[str, ...] = ()
    """Neighbouring lines that are not empty."""
    blocks: tuple[str, ...] = ()
    """The lines that enclose it, by indentation, the outermost first."""

    @property
    def said(self) -> str:
        """Rule and message without places and numbers: the same for the same trouble anywhere."""
        return f"{self.finding.rule}|{_NUMBER.sub('#', self._message)}"

    @property
    def _message(self) -> str:
        return _PLACES.sub("…", steady(self.finding.message))

    def no_worse_than(self, other: "Site") -> bool:
        """Whether the numbers in the message did not grow: `too complex (12 > 10)` answers for 11, not for 13."""
        mine = [float(found) for found in _NUMBER.findall(self._message)]
        return all(now <= then for now, then in zip(mine, map(float, _NUMBER.findall(other._message)), strict=False))


class Sites:
    """Both trees' lines and how they answer each other."""

    def __init__(self, change: ChangeSet) -> None:
        self._change = change
        self._deltas = {delta.path: delta for delta in change.deltas}
        self._lines: dict[tuple[str, str], list[str]] = {}
        self._maps: dict[str, tuple[dict[int, int], list[range]]] = {}

    def changed(self, path: str) -> bool:
        """Whether the change touches the file."""
        return path in self._deltas

    def of_base(self, finding: Finding) -> Site:
        """A finding of the base."""
        return self._site(finding, finding.path, self._text("base", finding.path, self._change.read_base))

    def of_head(self, finding: Finding) -> Site:
        """A finding of the change."""
        delta = self._deltas.get(finding.path)
        before = delta.path_before if delta else finding.path
        return self._site(finding, before, self._text("head", finding.path, self._change.read_head))

    def _text(self, side: str, path: str, read: Read) -> list[str]:
        if (side, path) not in self._lines:
            known = path in (self._change.base_files if side == "base" else self._change.head_files)
            self._lines[side, path] = as_text(read(path)).splitlines() if known else []
        return self._lines[side, path]

    def _site(self, finding: Finding, path: str, lines: list[str]) -> Site:
        number = finding.line or 0
        if not 0 < number <= len(lines):
            return Site(finding, path, number)
        return Site(
            finding, path, number, _folded(lines[number - 1]), _around(lines, number - 1), _blocks(lines, number - 1)
        )

    def before(self, path: str, number: int) -> int:
        """The base's number of a line that the change left as it was; 0 for a new or changed one."""
        return self._map(path)[0].get(number, 0) if path in self._deltas else number

    def over(self, path: str, number: int) -> range:
        """The base's lines that a new line of the change was written over."""
        return self._map(path)[1][number] if path in self._deltas and number < len(self._map(path)[1]) else range(0)

    def _map(self, path: str) -> tuple[dict[int, int], list[range]]:
        if path not in self._maps:
            delta = self._deltas[path]
            old, new = delta.text_before.splitlines(), delta.text_after.splitlines()
            kept_old = [number for number in range(1, len(old) + 1) if number not in delta.removed_lines]
            kept_new = [number for number in range(1, len(new) + 1) if number not in delta.added_lines]
            same = dict(zip(kept_new, kept_old, strict=False))
            self._maps[path] = same, _written_over(same, len(old), len(new))
        return self._maps[path]


def _written_over(same: dict[int, int], old: int, new: int) -> list[range]:
    """For each line of the change the base's lines between its unchanged neighbours."""
    found = [range(0)] * (new + 1)
    start, first = 1, 1
    for number in range(1, new + 2):
        if number in same or number == new + 1:
            end = same.get(number, old + 1)
            for between in range(first, number):
                found[between] = range(start, end)
            start, first = end + 1, number + 1
    return found


def _folded(text: str) -> str:
    return " ".join(text.split())


def _around(lines: list[str], at: int) -> tuple[str, ...]:
    above = [_folded(text) for text in lines[max(at - 8, 0) : at] if text.strip()][-NEIGHBOURS:]
    below = [_folded(text) for text in lines[at + 1 : at + 9] if text.strip()][:NEIGHBOURS]
    return (*above, *below)


def _blocks(lines: list[str], at: int) -> tuple[str, ...]:
    found: list[str] = []
    depth = _indent(lines[at])
    for text in reversed(lines[:at]):
        if depth == 0:
            break
        if text.strip() and _indent(text) < depth:
            depth = _indent(text)
            found.append(_folded(text))
    return tuple(reversed(found))


def _indent(text: str) -> int:
    return len(text.expandtabs(4)) - len(text.expandtabs(4).lstrip())


# -- how a finding of the base answers for one of the change: 0 is not at all, more is better -------------------------

Answers = Callable[[Site, Site, Sites], float]


def standing(site: Site, old: Site, sites: Sites) -> float:
    """The very line, which the change left as it was; or the same file, where no line is told."""
    if site.path != old.path or bool(site.number) != bool(old.number):
        return 0
    return float(sites.before(site.finding.path, site.number) == old.number)


def same_place(site: Site, old: Site, sites: Sites) -> float:
    """The same words in the same file, in the same block or between the same lines."""
    if site.path != old.path or not site.text or site.text != old.text:
        return 0
    return _shared(site, old) + (site.blocks == old.blocks) * 0.5


def similar(site: Site, old: Site, sites: Sites) -> float:
    """The line that was written over by this one, and is like it."""
    if site.path != old.path or old.number not in sites.over(site.finding.path, site.number):
        return 0
    likeness = difflib.SequenceMatcher(None, site.text, old.text, autojunk=False).ratio()
    return likeness if likeness >= LIKE else 0


def telling(site: Site, old: Site, sites: Sites) -> float:
    """The same words between the same lines, in another file: code that was moved."""
    return _shared(site, old) if site.text and site.text == old.text else 0


def _shared(site: Site, old: Site) -> float:
    """Share of equal neighbours when it is at least half of two or more."""
    if min(len(site.around), len(old.around)) < NEIGHBOURS:
        return 0
    rest = list(old.around)
    shared = 0
    for text in site.around:
        if text in rest:
            rest.remove(text)
            shared += 1
    share = shared / max(len(site.around), len(old.around))
    return share if shared >= NEIGHBOURS and share >= 0.5 else 0

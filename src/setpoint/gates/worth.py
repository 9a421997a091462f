"""What a gate costs and what it is good for: its level, what its tests take together, its latency, and its turn."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from statistics import median
from typing import Literal

from ..model.evidence import GateKind, GateResult
from ..model.feedback import CheckLevel
from ..model.gate import Gate
from ..model.numbers import counted
from ..model.record import Record
from .words import words

Scope = Literal["unit", "integration", "end-to-end", ""]
_THROUGH = re.compile(r"(?:^|[^a-z0-9])(?:e2e|end[-_ ]?to[-_ ]?end|playwright|cypress)(?:[^a-z0-9]|$)")
_BROWSERS = frozenset(("playwright", "cypress"))
_GUESS: Mapping[GateKind, float] = {
    GateKind.FORMAT: 1.0,
    GateKind.LINT: 2.0,
    GateKind.TYPES: 5.0,
    GateKind.TESTS: 10.0,
    GateKind.SECURITY: 20.0,
    GateKind.BUILD: 20.0,
    GateKind.INTEGRATION: 30.0,
    GateKind.COVERAGE: 30.0,
}
"""Seconds that a gate is believed to take before it ran."""
_OTHER = 15.0
MANY = 10
"""Trees after which a gate that never said no is told."""


class Worth(Record):
    """What is known of a gate from all its results."""

    trees: int
    """Trees it was asked about."""
    said_no: int
    """Those it failed on."""
    alone: int
    """Those that no other gate failed on."""
    seconds: float
    """The middle one of its times."""

    def doubt(self, shown_red: bool) -> str:
        """Why it may be of no use; empty where it is. `shown_red`: a planted fault made it fail."""
        if self.trees < MANY:
            return ""
        if not self.said_no and not shown_red:
            return f"it never failed on {counted(self.trees, 'trees')}, nor was it shown able to"
        if self.said_no and not self.alone:
            return f"of {counted(self.said_no, 'trees')} it failed on, another gate failed on each"
        return ""


def level_of(gate: Gate) -> CheckLevel:
    """Where the answer of a gate comes from: as it says, else by whether it reaches out."""
    return gate.level or ("dev" if gate.network else "local")


def scope_of(name: str, gate: Gate) -> Scope:
    """What a gate's tests take together; empty for a gate that runs none."""
    if not gate.kind.runs_tests:
        return ""
    told = " ".join((name, *gate.run)).lower()
    if words(gate.run).tool in _BROWSERS or _THROUGH.search(told):
        return "end-to-end"
    return "integration" if gate.kind is GateKind.INTEGRATION else "unit"


def worths(results: Iterable[GateResult]) -> dict[str, Worth]:
    """What the results of all gates say of each."""
    by_gate: defaultdict[str, dict[str, GateResult]] = defaultdict(dict)
    failed: defaultdict[str, set[str]] = defaultdict(set)
    for result in results:
        by_gate[result.gate][result.evidence.tree] = result
    for name, of_trees in by_gate.items():
        for tree, result in of_trees.items():
            if result.outcome.value == "failed":
                failed[tree].add(name)
    return {
        name: Worth(
            trees=len(of_trees),
            said_no=sum(name in failed[tree] for tree in of_trees),
            alone=sum(failed[tree] == {name} for tree in of_trees),
            seconds=median(result.evidence.seconds for result in of_trees.values()),
        )
        for name, of_trees in by_gate.items()
    }


def in_turn(gates: Mapping[str, Gate], known: Mapping[str, Worth]) -> tuple[str, ...]:
    """The names of `gates`, those first that are required and say no for the fewest seconds of waiting."""

    def seconds_a_no(name: str) -> float:
        worth = known.get(name)
        if worth is None:
            return _GUESS.get(gates[name].kind, _OTHER) * 2
        return worth.seconds * (worth.trees + 2) / (worth.said_no + 1)

    return tuple(sorted(gates, key=lambda name: (not gates[name].required, seconds_a_no(name))))

"""Loops whose nature is known: a builder and its judges, drawn from a seed. What the controller sees is what it sees in
a run: objections, through the real attempt.

A plant keeps its own truth (which faults are there) and its own dice, so that the same seed is the same story whatever
is decided: each round's dice are drawn afresh from seed and round.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from setpoint.model.objection import Deviation, Objection, Place, Severity, Source

ATTENTION = 8
"""Objections a builder gets through in one round; a plant holds at most ten times as many faults."""
WAYS = ("{} is not handled", "the change does not handle {}", "not handled: {}", "{}: nothing handles it")
"""How one reviewer and the next say the same."""


@dataclass(frozen=True)
class Nature:
    """How a plant behaves, in chances a round."""

    faults: int = 5
    """What is wrong at first."""
    mends: float = 0.75
    """That one fault the builder was told of is mended."""
    spoils: float = 0.0
    """That a mend brings a new fault."""
    misses: float = 0.0
    """That the reviewer overlooks a fault."""
    invents: float = 0.0
    """That the reviewer objects to what is right, with words alone."""
    flakes: float = 0.0
    """That a gate is red for no reason of the change."""
    tampers: bool = False
    """The builder touches the tests instead of the code."""
    undoes: bool = False
    """The first two faults stand against each other: mending one brings the other back."""
    series: tuple[int, ...] = ()
    """Numbers of objections, one a round, whatever anybody does."""
    stronger: float = 0.5
    """Share of its failures to mend that a stronger model would have mended."""


PLANTS: dict[str, Nature] = {
    "convergent": Nature(),
    "slow": Nature(faults=6, mends=0.35),
    "oscillating": Nature(faults=2, undoes=True, mends=1.0),
    "diverging": Nature(faults=3, mends=0.6, spoils=1.0),
    "stuck": Nature(faults=2, mends=0.0, stronger=0.0),
    "noisy reviewer": Nature(misses=0.3),
    "false-positive reviewer": Nature(invents=0.5),
    "tampering builder": Nature(tampers=True),
    "flaky gate": Nature(flakes=0.15),
}
PUBLISHED = (6, 3, 3, 3, 7, 6, 5, 2, 5, 3, 3, 1, 1, 1, 1, 2, 3, 7, 2, 3, 4)
SERIES: dict[str, Nature] = {
    "published series": Nature(series=PUBLISHED),
    "reversal 1,2,4,6,8,…": Nature(series=(1, *range(2, 40, 2))),
    "5,3,1,0": Nature(series=(5, 3, 1, 0)),
}


@dataclass
class Plant:
    """One loop under way."""

    nature: Nature
    seed: int
    there: set[str] = field(default_factory=set)
    round: int = 0
    level: int = 0

    def __post_init__(self) -> None:
        self.there = {f"case{n}" for n in range(self.nature.faults)} - ({"case1"} if self.nature.undoes else set())

    def dice(self, who: str) -> random.Random:
        """The dice of one part in this round: the same whatever others threw."""
        return _dice(self.seed, self.round, who)

    def correct(self, told: Sequence[str]) -> None:
        """The builder works on the faults it was told of."""
        self.round += 1
        if self.nature.tampers:
            return
        if self.nature.undoes:
            self.there = ({"case0", "case1"} - self.there) | {f for f in self.there if f not in ("case0", "case1")}
            return
        chance = self.nature.mends + (1 - self.nature.mends) * self.nature.stronger * min(self.level, 1)
        for fault in [fault for fault in dict.fromkeys(told) if fault in self.there][:ATTENTION]:
            dice = self.dice(f"mend {fault}")
            if dice.random() < chance:
                self.there.discard(fault)
                if dice.random() < self.nature.spoils and len(self.there) < 10 * ATTENTION:
                    self.there |= {f"new{self.round}a{fault}", f"new{self.round}b{fault}"}

    def gates(self) -> list[Objection]:
        """What commands mind now."""
        if self.nature.series:
            at = min(self.round, len(self.nature.series) - 1)
            return [_gate(f"finding{n}") for n in range(self.nature.series[at])]
        found = (
            [_gate(f"check {'abcdefghij'[self.round % 10]} was weakened", Source.TAMPER)] if self.nature.tampers else []
        )
        if self.dice("flake").random() < self.nature.flakes:
            found.append(_gate("test_clock fails"))
        return found

    def reviewer(self) -> list[Objection]:
        """What the reviewer minds now; asked only when the commands mind nothing."""
        if self.nature.series:
            return []
        found = [self._reviewed(f) for f in sorted(self.there) if self.dice(f"miss {f}").random() >= self.nature.misses]
        if self.dice("invent").random() < self.nature.invents:
            found.append(_said(f"taste{self.round % 5}", self.dice("words"), Severity.MEDIUM, shown=False))
        return found

    def _reviewed(self, fault: str) -> Objection:
        severity = Severity.HIGH if _dice(self.seed, fault).random() < 0.5 else Severity.MEDIUM
        return _said(fault, self.dice(f"words {fault}"), severity, shown=True)

    @property
    def work(self) -> str:
        """What is handed in, as it can be compared."""
        return f"{self.seed} {self.round} {sorted(self.there)}"


def _dice(*named: object) -> random.Random:
    return random.Random(":".join(map(str, named)))  # noqa: S311  # a simulation's dice must repeat, not be secret


def fault_of(objection: Objection) -> str:
    """The fault an objection speaks of."""
    return objection.place.path if objection.place else ""


def _said(fault: str, dice: random.Random, severity: Severity, *, shown: bool) -> Objection:
    words = dice.choice(WAYS).format(fault)
    return Objection(
        source=Source.REVIEWER, deviation=Deviation.BEHAVIOUR, severity=severity, what=words,
        place=Place(path=fault), probe="probe" if shown else "", shown=shown, evidence="seen",
    )  # fmt: skip


def _gate(what: str, source: Source = Source.GATE) -> Objection:
    return Objection(
        source=source, deviation=Deviation.BEHAVIOUR, severity=Severity.HIGH, what=what, place=Place(path=what)
    )


Make = Callable[[int], Plant]


def plants() -> dict[str, Make]:
    """Each plant by name: a seed makes one."""
    return {name: partial(Plant, nature) for name, nature in {**PLANTS, **SERIES}.items()}

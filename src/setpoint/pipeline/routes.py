"""The routes: which steps a ticket goes through, from top to bottom. Read this first.

A `Phase` is worked by an agent session and hands in a deliverable. A `Decision` waits for a person; no job exists while
they think. An `Effect` acts on the outside world and finds its own earlier self.
"""

from dataclasses import dataclass

from pydantic import BaseModel

from ..model.change import AcceptanceTests, Change, CiFix
from ..model.plan import Plan
from ..model.review import Review
from ..model.run import Position
from ..model.spec import Diagnosis, FunctionalSpec, Split, TechSpec
from ..model.ticket import Kind


@dataclass(frozen=True)
class Phase:
    """One responsibility, one deliverable, one session that is resumed on correction."""

    name: str
    gives: type[BaseModel]
    needs: tuple[type[BaseModel], ...] = ()
    rework: str = ""
    """Phase that mends what this one objects to; empty: its own session does."""
    plans: bool = False
    """Whether objections that code cannot mend come back to this phase."""


@dataclass(frozen=True)
class Decision:
    """A named person's answer, bound to the digest of what is shown."""

    name: str
    back_to: str
    """Phase that is sent back when the person objects."""


@dataclass(frozen=True)
class Effect:
    """An act on the outside world."""

    name: str


Step = Phase | Decision | Effect

REVIEW = Phase("review", gives=Review, needs=(AcceptanceTests, Change), rework="implementation")
DELIVERY: tuple[Step, ...] = (
    REVIEW,
    Decision("change", back_to="implementation"),
    Effect("publish"),
    Effect("ci"),
    Effect("merge"),
    Effect("deploy"),
)
CI_FIX = Phase("ci_fix", gives=CiFix, needs=(AcceptanceTests, Change))
"""Stands beside every route that delivers: a finished red CI leads here, and from here back to review."""
EDGE_TESTS = Phase("edge_tests", gives=AcceptanceTests, needs=(AcceptanceTests, Change))
"""Stands beside every route that delivers: code that its tests leave open leads here, and from here to review."""


@dataclass(frozen=True)
class Route:
    """Steps in order, and those beside the way."""

    kind: Kind
    steps: tuple[Step, ...]
    beside: tuple[Phase, ...] = ()

    def step(self, name: str) -> Step:
        """The step called `name`."""
        return next(step for step in (*self.steps, *self.beside) if step.name == name)

    def after(self, name: str) -> Step | None:
        """The step after `name`; None at the end."""
        names = [step.name for step in self.steps]
        following = names.index(name) + 1
        return self.steps[following] if following < len(self.steps) else None

    @property
    def plans_in(self) -> str:
        """The phase that plan faults go back to."""
        return next(step.name for step in self.steps if isinstance(step, Phase) and step.plans)

    def reaches(self, start: str, name: str) -> bool:
        """Whether `name` comes at or before `start` on the way."""
        names = [step.name for step in self.steps]
        # What stands beside the way is entered from CI and leads back to review: no further than that was reached.
        at = start if start in names else REVIEW.name
        return name in names and names.index(name) <= names.index(at)


FEATURE = Route(
    Kind.FEATURE,
    (
        Phase("discovery", gives=FunctionalSpec),
        Phase("tech_spec", needs=(FunctionalSpec,), gives=TechSpec),
        Phase("planning", needs=(FunctionalSpec, TechSpec), gives=Plan, plans=True),
        Decision("plan", back_to="planning"),
        Phase("tests", needs=(FunctionalSpec, Plan), gives=AcceptanceTests),
        Phase("implementation", needs=(Plan, AcceptanceTests), gives=Change),
        *DELIVERY,
    ),
    beside=(CI_FIX, EDGE_TESTS),
)

HOTFIX = Route(
    Kind.HOTFIX,
    (
        Phase("diagnosis", gives=Diagnosis, plans=True),
        Phase("tests", needs=(Diagnosis,), gives=AcceptanceTests),
        Phase("implementation", needs=(Diagnosis, AcceptanceTests), gives=Change),
        *DELIVERY,
    ),
    beside=(CI_FIX, EDGE_TESTS),
)

EPIC = Route(
    Kind.EPIC,
    (
        Phase("discovery", gives=FunctionalSpec),
        Phase("tech_spec", needs=(FunctionalSpec,), gives=TechSpec),
        Phase("split", needs=(FunctionalSpec, TechSpec), gives=Split, plans=True),
        Decision("children", back_to="split"),
    ),
)

ROUTES: dict[Kind, Route] = {route.kind: route for route in (FEATURE, HOTFIX, EPIC)}


def start(kind: Kind) -> Position:
    """Where a run of this kind begins."""
    return Position(route=kind, stage=ROUTES[kind].steps[0].name)

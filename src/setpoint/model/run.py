"""A ticket's way through its route, and the journal of it."""

from enum import StrEnum
from typing import Any

from .record import Line, Record, Time
from .session import Usage
from .ticket import Kind, Ticket


class State(StrEnum):
    """Where a run stands. `running` has a job; `waiting` waits for a person; the rest says why nothing happens."""

    RUNNING = "running"
    WAITING = "waiting"
    PARKED = "parked"
    PAUSED = "paused"
    DONE = "done"
    DECLINED = "declined"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        """Nothing follows."""
        return self in (State.DONE, State.DECLINED, State.CANCELLED)


class Waits(StrEnum):
    """What a waiting run waits for."""

    NOTHING = ""
    DECISION = "decision"
    ANSWER = "answer"
    HANDOVER = "handover"
    MANUAL = "manual"
    """A person has taken the workspace."""


class Position(Record):
    """Where a run is: the whole input of `advance`, moved by compare-and-set on `serial`."""

    route: Kind
    stage: Line
    """Name of the route's step."""
    state: State = State.RUNNING
    waits: Waits = Waits.NOTHING
    task: int = 0
    """Index of the plan task, in implementation."""
    attempt: int = 1
    """Counts verdicts of this stage in this visit; an outage counts none."""
    visit: int = 1
    """One more each time the way in this cycle turned back (rework, CI fix, a person's word): it never falls, so that
    each turn has loops and sessions of its own."""
    rework: str = ""
    """Stage whose objections sent the run back; empty on the way forward."""
    cycle: int = 1
    """One more each time the ticket was reopened after a failed smoke."""
    epoch: int = 1
    """One more each time an accepted plan was sent back: the sessions that build on it start afresh."""
    level: int = 0
    """How often this stage was escalated to a stronger model."""
    environment: int = 0
    """Index of the environment, in deploy."""
    serial: int = 0
    """One more with every move; the job of this position carries it."""


class Run(Record):
    """One ticket's run."""

    id: Line
    ticket: Ticket
    repository: Line
    """Absolute path of the repository."""
    base_branch: Line
    base: Line
    """Commit the present cycle starts from."""
    branch: Line
    route_because: Line
    position: Position
    owner: Line
    """The person who answers for it."""
    author: str = ""
    """The person who handed the ticket in."""
    autonomy: Line = "plan+merge"
    created: Time
    updated: Time
    cost: Usage = Usage()
    note: str = ""
    """Why it stands where it stands, one sentence."""


class Event(Record):
    """One entry of the journal."""

    seq: int
    """Position in the database's journal: the order in which things were written."""
    run: Line
    at: Time
    kind: Line
    stage: str = ""
    data: dict[str, Any] = {}


class Round(Record):
    """One verdict of a loop, as the controller sees it."""

    stage: Line
    attempt: int
    error: float
    opened: tuple[str, ...] = ()
    """Fingerprints seen for the first time."""
    closed: tuple[str, ...] = ()
    reopened: tuple[str, ...] = ()
    repeated: tuple[str, ...] = ()
    blocking: int = 0
    """Open objections above Low."""
    lines: int = 0
    """Changed lines of the change so far."""
    diff: str = ""
    """Digest of what was handed in, to see repeats."""
    usd: float | None = 0.0
    about_plan: bool = False
    """Whether a blocking objection traces to the plan."""
    weights: dict[str, float] = {}
    """What each open objection weighs, by id; Low ones weigh nothing."""
    opinions: tuple[str, ...] = ()
    """Open objections above Low that are a reviewer's word alone."""
    failing: dict[str, str] = {}
    """Digest of what the failing command printed, by the objection it raised."""
    model: str = ""
    """Model whose work was judged."""
    choice: str = ""
    """What the controller chose then."""
    given: tuple[str, ...] = ()
    """Ids of the objections the next attempt was narrowed to; empty: all."""

"""What is shown of a run: one record each for terminal, JSON and page."""

from typing import Any

from ..model.approval import Approval, HandOver, Question
from ..model.feedback import FeedbackGap
from ..model.money import Forecast, Standing
from ..model.objection import Objection
from ..model.record import Line, Record, Time
from ..model.session import Usage
from .actual import Actual
from .pictures import PictureView
from .practice import Practice
from .prompting import Prompts


class StageView(Record):
    """One step of the route."""

    name: Line
    status: Line
    """done, here, ahead."""
    kind: Line
    """phase, decision, effect."""
    model: str = ""


class RoundView(Record):
    """One finished verdict of a loop."""

    cycle: int
    loop: Line
    attempt: int
    error: float
    opened: int
    closed: int
    repeated: int
    reopened: int
    lines: int
    usd: float | None = 0.0
    """What this round cost; None: unknown."""
    failed_again: int = 0
    """Commands that failed with the same output as the round before."""
    choice: str = ""
    """What the controller chose then."""


class FollowUpView(Record):
    """Something a review found outside the change."""

    id: Line
    severity: Line
    path: str
    what: str
    ticket: str
    """The text of a ticket that asks for its mend."""


class Stopped(Record):
    """What the kill switch did."""

    paused: tuple[str, ...]
    """Runs that were under way."""
    killed: int
    """Workers of this machine that did not end by themselves and were killed; none is left."""
    file: str
    """While it is there, nothing starts here."""


class ChildView(Record):
    """One child of an epic."""

    id: Line
    title: Line
    kind: Line
    needs: tuple[str, ...]
    run: str
    """The run that carries it; empty while none does."""
    state: Line


class GateView(Record):
    """The last result of a gate."""

    gate: Line
    outcome: Line
    examined: int
    unit: Line
    reason: Line
    tree: Line
    stage: Line
    seconds: float = 0.0
    """How long it took."""
    level: Line = "local"
    """Where its answer comes from."""


class RunLine(Record):
    """A run in a list."""

    id: Line
    ticket: Line
    title: Line
    route: Line
    stage: Line
    state: Line
    waits: str
    usd: float | None
    updated: Time
    note: str


class RunView(Record):
    """A run, whole."""

    id: Line
    ticket: Line
    title: Line
    route: Line
    route_because: str
    cycle: int
    stage: Line
    state: Line
    waits: str
    note: str
    owner: str
    branch: Line
    base: Line
    autonomy: str
    workspace: Line
    sandbox: Line
    agent: Line
    independence: str
    reviewer_proof: str = ""
    """What the reviewer found of planted defects; empty where nothing was tried."""
    stages: tuple[StageView, ...]
    rounds: tuple[RoundView, ...]
    objections: tuple[Objection, ...]
    """Open in the latest round of the present loop, Low included."""
    practices: tuple[Practice, ...]
    """What each session that wrote code did besides writing."""
    prompts: Prompts
    """What people said to its sessions, beside the ticket."""
    prompts_warning: str
    """What to mind once a ticket was prompted too often; empty before."""
    lessons: int
    """How many lessons it taught so far."""
    follow_ups: tuple[FollowUpView, ...]
    """What reviews found outside the change; each can be a ticket of its own."""
    gates: tuple[GateView, ...]
    pictures: tuple[PictureView, ...] = ()
    """What browsers showed to checks, sessions and people."""
    approvals: tuple[Approval, ...]
    questions: tuple[Question, ...]
    handover: HandOver | None
    pull_request: dict[str, Any] | None
    deploys: tuple[dict[str, Any], ...]
    children: tuple[ChildView, ...]
    """An epic's tickets once it is split."""
    cost: Usage
    budget_usd: float | None
    estimate: dict[str, Any] | None
    """The plan's estimate."""
    actual: Actual | None
    """The estimate beside what it took so far."""
    advice: str
    """Of a run that called a person: who should go on with what is open, and why; empty where nothing speaks for it."""
    diagram: str
    """The plan's picture, in Mermaid; empty where there is none."""
    created: Time
    updated: Time
    forecast: Forecast | None
    """What it was said to cost before it began."""
    switches: tuple[dict[str, Any], ...]
    """Where another model took over: stage, from, to, why."""
    stopped: Standing | None
    """Of a run that is parked: what is done, what is left, and what that would cost."""
    next: tuple[Line, ...]
    """What a person can type now, the likely one first."""
    exit_code: int


class PlanView(Record):
    """What a run would do, before a token is spent."""

    ticket: Line
    title: Line
    route: Line
    because: str
    phases: tuple[StageView, ...]
    criteria: tuple[str, ...]
    must_stay: tuple[str, ...]
    required_tests: tuple[str, ...]
    uncheckable: tuple[str, ...]
    boundaries: dict[str, Any]
    gates: dict[str, str]
    feedback_gaps: tuple[FeedbackGap, ...]
    """What cannot be checked on this machine, and what looking at it by hand costs."""
    independence: str
    validator_ratio: float | None
    """How many times cheaper the validator is than the producer; None when a price is unknown."""
    estimate_usd: tuple[float, float, float] | None
    """Low, expected, worst; None when a price is unknown."""
    forecast: Forecast | None
    """The same phase by phase, and what it rests on; None without models."""
    budget_usd: float | None
    sign_ins: tuple[str, ...] = ()
    """Agents' own sign-ins that models are asked with: whose, until when, and what they are billed to."""
    warnings: tuple[str, ...] = ()

"""Where a person decides: the request, the answer, the hand-over packet."""

from enum import StrEnum

from .objection import Objection
from .record import Line, Record, Text, Time


class Answer(StrEnum):
    """What a person can say at a decision."""

    GRANTED = "granted"
    SENT_BACK = "sent-back"
    """Not so: back to the session with the person's objection."""
    DECLINED = "declined"
    """No: the run ends."""


class Approval(Record):
    """A named person's answer, bound to the digest of what was shown."""

    about: Line
    """Name of the decision: `plan`, `change`, `handover`, `deploy:<environment>`."""
    answer: Answer
    by: Line
    """The person's name."""
    subject: Line
    """Digest of what was approved; the approval is void when it moves."""
    tree: str = ""
    """Git tree approved, where code was approved."""
    because: str = ""
    at: Time


class Question(Record):
    """A session's question to a person."""

    id: Line
    question: Text
    why: str = ""
    requests: tuple[Line, ...] = ()
    """What it asks to be allowed, `KIND:SUBJECT` each: `setpoint approve` says yes to exactly these."""
    answer: str = ""
    by: str = ""


class HandOver(Record):
    """What a person gets when the loop stops: enough to decide without reading the log."""

    stage: Line
    cause: Text
    """The controller's reason: plateau, reversal, oscillation, repeated diff, limit, ..."""
    errors: tuple[float, ...]
    """The error of each round."""
    open: tuple[Objection, ...]
    tried: tuple[str, ...]
    """What each round did about it."""
    cost_usd: float | None = None
    workspace: str = ""
    """Where the work lies."""
    choices: tuple[Line, ...] = ()
    """Commands a person can give now."""

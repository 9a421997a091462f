"""What can come of a step, or of a person's word: the input of `advance`."""

from typing import Literal

from ..model.record import Record


class Accepted(Record):
    """The step is done."""

    kind: Literal["accepted"] = "accepted"
    more: bool = False
    """Another task (implementation) or environment (deploy) follows within the step."""
    ask: bool = False
    """A person must say yes before the next task or environment."""
    unasked: bool = False
    """Nobody is asked at a decision that follows (autonomy `full`)."""
    untested: bool = False
    """The change is right as far as its tests tell, and they tell too little: a second suite follows."""


class Again(Record):
    """Objections go back; the same step is tried again, by the same session or by the phase that mends it."""

    kind: Literal["again"] = "again"
    escalate: bool = False
    """With a stronger model."""
    level: int = 0
    """How often this loop has called a stronger model so far."""


class PlanFault(Record):
    """Objections trace to the plan: code cannot mend them."""

    kind: Literal["plan-fault"] = "plan-fault"


class HandedOver(Record):
    """The controller stops here and calls a person."""

    kind: Literal["handed-over"] = "handed-over"


class AskedPerson(Record):
    """The session has a question."""

    kind: Literal["asked"] = "asked"


class Red(Record):
    """CI finished red."""

    kind: Literal["red"] = "red"


class SmokeFailed(Record):
    """A smoke check failed and the environment is back on its last good release."""

    kind: Literal["smoke-failed"] = "smoke-failed"


class Stale(Record):
    """What was approved is no longer what is there: the change must be decided again."""

    kind: Literal["stale"] = "stale"


class Void(Record):
    """The person's answer does not count, or there is none: the decision is asked again, on what is there."""

    kind: Literal["void"] = "void"


class Parked(Record):
    """A limit, a quota or an outage."""

    kind: Literal["parked"] = "parked"


class Granted(Record):
    """A named person said yes at a decision, or waived what a hand-over shows."""

    kind: Literal["granted"] = "granted"
    unasked: bool = False


class SentBack(Record):
    """A named person objects: back to the phase that can mend it."""

    kind: Literal["sent-back"] = "sent-back"


class Declined(Record):
    """A named person said no."""

    kind: Literal["declined"] = "declined"


class Answered(Record):
    """A named person answered the session's question."""

    kind: Literal["answered"] = "answered"


class Resumed(Record):
    """Go on after a park or a pause."""

    kind: Literal["resumed"] = "resumed"


class Paused(Record):
    """Stop after the present step."""

    kind: Literal["paused"] = "paused"


class Cancelled(Record):
    """End here; the workspace stays."""

    kind: Literal["cancelled"] = "cancelled"


class Retried(Record):
    """A person lets a stage be tried again, at most as far ahead as the run had come."""

    kind: Literal["retried"] = "retried"
    stage: str = ""
    """Empty: the present one."""


class Taken(Record):
    """A person takes the workspace."""

    kind: Literal["taken"] = "taken"


class Given(Record):
    """A person hands the workspace back; what follows is judged on the new tree."""

    kind: Literal["given"] = "given"
    asked: bool = False
    """A session's question is still open: the run waits for its answer."""
    deciding: bool = False
    """A decision was open when the person took it: it is open still."""


Outcome = (
    Accepted
    | Again
    | PlanFault
    | HandedOver
    | AskedPerson
    | Red
    | SmokeFailed
    | Stale
    | Void
    | Parked
    | Granted
    | SentBack
    | Declined
    | Answered
    | Resumed
    | Paused
    | Cancelled
    | Retried
    | Taken
    | Given
)

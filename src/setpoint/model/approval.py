"""Where a person decides: the request, the answer, the hand-over packet."""

import json
from enum import StrEnum
from typing import Annotated, Literal, get_args

from pydantic import Field, StringConstraints

from .objection import Objection
from .record import Line, Record, Text, Time

DOMAIN = b"setpoint-approval\0"
"""Stands before what is signed: a signature made for anything else never fits."""
VERSION = 1
"""The form of approvals that this code signs."""
CHANGE = "change"
"""The decision that a merge rests on."""
SAID = "said:"
"""What a person's words are about that no decision asked for, before `answer`, `give`, `retry` or `resume`."""

Point = Literal["requirement", "diff", "tests", "debt"]
"""What a person inspects before a change is merged: the original requirement holds, the diff was read, the tests make
sense, no architectural debt is hidden."""
POINTS: tuple[Point, ...] = get_args(Point)

PublicKey = Annotated[str, StringConstraints(pattern=r"^ed25519:[A-Za-z0-9+/]{43}=$")]
"""`ed25519:` and the key's 32 bytes in base64."""


class Answer(StrEnum):
    """What a person can say at a decision."""

    GRANTED = "granted"
    SENT_BACK = "sent-back"
    """Not so: back to the session with the person's objection."""
    DECLINED = "declined"
    """No: the run ends."""


class Bound(Record):
    """What an answer is given for, to the letter. An approval counts only while all of it still stands."""

    about: Line
    """Name of the decision: `plan`, `change`, `handover`, `task:<id>`, `deploy:<environment>`."""
    subject: Line
    """Digest of what was approved; the approval is void when it moves."""
    tree: str = ""
    """Git tree approved, where code was approved."""
    repository: str = ""
    """Digest of the repository's place."""
    run: str = ""
    started: Time | None = None
    """When the run began: ids of runs are short."""
    cycle: int = 0
    base: str = ""
    """Commit of the base branch that the change was measured from."""
    policy: str = ""
    """Digest of what the base branch says on boundaries."""
    arguments: dict[str, str] = {}
    """What would be done on a yes: where it is merged to, what is deployed where."""


class Approval(Bound):
    """A named person's answer, bound to the digest of what was shown, and signed with their key."""

    answer: Answer
    by: Line
    """The person's name."""
    because: str = ""
    at: Time
    inspection: dict[Point, Line] = {}
    """What the person found at each point they inspected."""
    serial: int = 0
    """The run's serial when it was asked."""
    until: Time | None = None
    """From then on it counts no more."""
    nonce: str = ""
    """Made for this answer alone: it is used once."""
    version: int = 0
    """Form of what is signed; 0: from before approvals were signed."""
    key: str = ""
    """Public half of the key it is signed with, `ed25519:…`."""
    signature: str = ""
    """Over all other fields; hex."""

    def payload(self) -> bytes:
        """What is signed: one canonical form of all fields but the signature, in a domain of its own."""
        content = self.model_dump(mode="json", exclude={"signature"})
        return DOMAIN + json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode("ascii")


def in_words(answer: Answer | None, about: str) -> str:
    """An answer as a person reads it: `granted plan`; what decides nothing by its command: `said with give`. None: a
    merge that nobody answered for."""
    if about.startswith(SAID):
        return f"said with {about.removeprefix(SAID)}"
    return f"{answer.value if answer else 'merged'} {about}"


class Used(Record):
    """What an approval was used for."""

    nonce: Line
    run: Line
    effect: Line
    at: Time


PLAIN_YES = "a plain yes"
"""What stands on record at each point where a person said yes to a change and no more."""


class ApprovalSettings(Record):
    """Whose yes counts, for how long, and what it takes. Read from the base branch alone."""

    approvers: dict[Line, PublicKey] = {}
    """Public key by name (`setpoint approvals key` prints yours); empty: the key of whoever runs setpoint counts."""
    days: float = Field(default=7.0, gt=0, le=365)
    """How long an approval counts that was not used."""
    inspection: tuple[Point, ...] = POINTS
    """What the person who approves a change must have inspected, each answered on record."""
    each_point: bool = False
    """Whether off a terminal each point must be named (`--checked`, `--all-checked`). Without it a plain yes answers
    for all of them, and is recorded as that."""
    four_eyes: Literal["none", "production", "change"] = "none"
    """`production`: who wrote the ticket, or changed files by hand, does not approve a deploy to production; `change`:
    nor the change itself."""


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

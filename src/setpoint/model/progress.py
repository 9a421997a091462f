"""`progress.json`: where a ticket is, in the form that other tools and the next person read."""

from typing import Literal

from pydantic import Field

from .record import Line, Record, Time

Status = Literal["in-progress", "waiting", "parked", "paused", "complete", "cancelled", "declined"]


class ProgressStep(Record):
    """One step: done, or under way."""

    step: Line | int
    """Name or number."""
    task: Line
    status: Status
    output: str = ""
    """What it made; of a deliverable its SHA-256."""
    timestamp: Time | None = None
    """When it ended; of a step under way when it was last seen."""
    assigned_to: str = ""
    """Of a step under way: who has it."""
    started: Time | None = None
    notes: str = ""


class ProgressFailure(Record):
    """Something that did not hold, and what became of it."""

    step: Line | int
    attempt: int = Field(ge=0)
    """0: no verdict was reached."""
    error: str
    resolution: str
    timestamp: Time


class Progress(Record):
    """A ticket's progress, whole."""

    feature_id: Line
    status: Status
    steps: tuple[ProgressStep, ...] = ()
    failures: tuple[ProgressFailure, ...] = ()
    decisions: tuple[Line, ...] = ()

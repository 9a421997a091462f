"""What is looked at before a change reaches customers: at which level, by whom, and what of it nothing here shows."""

from typing import Literal

from pydantic import Field

from .record import Line, Record

CheckLevel = Literal["local", "dev", "qa", "prod"]
"""Where a check's answer comes from: this machine alone; a deployed place with what the cloud has; one close to
production; production."""
LEVELS: tuple[CheckLevel, ...] = ("local", "dev", "qa", "prod")


class Feedback(Record):
    """One thing that is looked at before a change is released and that no gate shows here."""

    name: Line
    level: CheckLevel = "local"
    by: Literal["person", "ci"] = "person"
    minutes: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """What one look takes; empty: nobody has measured it."""
    access: str = ""
    """How an agent would get it: a command, a server, a permission; empty: nobody knows yet."""
    labels: tuple[Line, ...] = ()
    """Only for tickets with one of these labels; empty: for all."""


class Profile(Record):
    """The loop of one role: what its tickets are measured by."""

    labels: tuple[Line, ...] = Field(min_length=1)
    """Labels of the tickets it is for; of several profiles the first that fits."""
    gates: tuple[Line, ...] = ()
    """Names of the gates in its loop; empty: all. CI runs all of the base's in any case."""
    feedback: tuple[Line, ...] = ()
    """Names of what else is looked at; empty: all."""


class FeedbackGap(Record):
    """Something that cannot be checked on this machine, and what looking at it by hand costs."""

    what: Line
    level: CheckLevel
    by: Literal["person", "ci", "setpoint"]
    """`setpoint`: it looks itself, after the merge."""
    minutes: float | None = None
    access: str = ""

    def told(self) -> str:
        """In one line."""
        who = {"person": "a person", "ci": "CI", "setpoint": "setpoint, after the merge"}[self.by]
        unknown = "" if self.by == "setpoint" else ", nobody has measured how long"
        cost = f", {self.minutes:g} min" if self.minutes is not None else unknown
        want = f"; an agent would get it by {self.access}" if self.access else ""
        return f"{self.what} ({self.level}): {who}{cost}{want}"

"""What a run took beside what its plan said it would: work, lines, and the part of people."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from ..model.numbers import counted
from ..model.record import Record
from ..model.run import Event, Round, Run, State

HOURS_A_DAY = 8.0
PERSON_SHARE = 0.05
"""The part of the work that is a person's, and planned as theirs: decisions, inspection, the last edits."""


class Actual(Record):
    """A plan's estimate beside what it took so far."""

    days_estimated: float
    """Working days of a person, as the plan said."""
    hours_of_sessions: float
    """How long sessions worked."""
    days_elapsed: float
    """From the start to the end, or to now; nights count."""
    lines_estimated: int
    lines: int
    """Changed lines of the change."""
    lines_factor: float | None
    """Lines it took for each that was estimated; None: none was."""
    person_hours_planned: float
    """A person's part, as a share of the estimate."""
    person_hours: float
    """How long the run waited for people. What they did meanwhile is theirs to know."""

    @property
    def told(self) -> tuple[str, str]:
        """In two lines."""
        factor = "" if self.lines_factor is None else f" ({self.lines_factor:.1f} × the estimate)"
        work = f"{_hours(self.hours_of_sessions)} of sessions within {_hours(self.days_elapsed * 24)}"
        took = f"took {work}, {counted(self.lines, 'lines')}{factor}; "
        took += f"said: {counted(self.days_estimated, 'days')} of a person, {counted(self.lines_estimated, 'lines')}"
        part = f"a person's part: {_hours(self.person_hours_planned)} planned ({PERSON_SHARE:.0%}), "
        return took, part + f"waited {_hours(self.person_hours)} for people"


def _hours(hours: float) -> str:
    if hours < 1:
        return f"{hours * 60:.0f} min"
    return f"{hours:.1f} h" if hours < 48 else f"{hours / 24:.1f} days"


def actual(
    run: Run, estimate: dict[str, Any] | None, events: Sequence[Event], rounds: Sequence[Round], now: datetime
) -> Actual | None:
    """The comparison; None where there is no plan."""
    if estimate is None:
        return None
    end = run.updated if run.position.state.final else max(now, run.updated)
    lines = next((round_.lines for round_ in reversed(rounds) if round_.lines), 0)
    said, days = int(estimate["lines"]), float(estimate["days"])
    return Actual(
        days_estimated=days,
        hours_of_sessions=run.cost.seconds / 3600,
        days_elapsed=(end - run.created) / timedelta(days=1),
        lines_estimated=said,
        lines=lines,
        lines_factor=lines / said if said else None,
        person_hours_planned=days * HOURS_A_DAY * PERSON_SHARE,
        person_hours=_waited(events, end) / timedelta(hours=1),
    )


def _waited(events: Sequence[Event], end: datetime) -> timedelta:
    """How long the run waited for people."""
    total, since = timedelta(), None
    for event in events:
        if event.kind != "moved":
            continue
        waits = event.data["to"].get("state") == State.WAITING
        if waits and since is None:
            since = event.at
        elif not waits and since is not None:
            total, since = total + (event.at - since), None
    return total + (end - since if since is not None else timedelta())

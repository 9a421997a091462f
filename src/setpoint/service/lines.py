"""Runs as lines of a list."""

from ..model.run import Run, State
from ..ports import Looking
from .views import RunLine


def line(run: Run) -> RunLine:
    """A run in a list."""
    position = run.position
    return RunLine(
        id=run.id,
        ticket=run.ticket.id,
        title=run.ticket.title,
        route=position.route.value,
        stage=position.stage,
        state=position.state.value,
        waits=position.waits.value,
        usd=run.cost.usd,
        updated=run.updated,
        note=run.note,
    )


def lines(looking: Looking) -> tuple[RunLine, ...]:
    """All runs, those that wait for a person first, then the newest."""
    runs = sorted(looking.runs(), key=lambda r: (r.position.state is not State.WAITING, -r.updated.timestamp()))
    return tuple(line(run) for run in runs)

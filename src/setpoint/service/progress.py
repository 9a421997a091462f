"""A run's `progress.json`, read from its journal."""

from collections.abc import Iterator, Sequence
from typing import Any

from ..model.progress import Progress, ProgressFailure, ProgressStep, Status
from ..model.run import Event, Run, State
from ..ports import Store

MOST_ERROR = 2000
"""Characters of one failure's objections."""
STATUS: dict[State, Status] = {
    State.RUNNING: "in-progress",
    State.WAITING: "waiting",
    State.PARKED: "parked",
    State.PAUSED: "paused",
    State.DONE: "complete",
    State.CANCELLED: "cancelled",
    State.DECLINED: "declined",
}


def progress(store: Store, run: Run) -> Progress:
    """What was done, what failed and why, what was decided, where to go on."""
    events = store.events(run.id, limit=100_000)
    steps = [_step(event) for event in events if event.kind == "deliverable"]
    if not run.position.state.final:
        steps.append(_under_way(run))
    return Progress(
        feature_id=run.ticket.id,
        status=STATUS[run.position.state],
        steps=tuple(steps),
        failures=tuple(_failures(events)),
        decisions=tuple(_decision(event.data)[:500] for event in events if event.kind == "person"),
    )


def _step(event: Event) -> ProgressStep:
    output = f"sha256:{event.data['sha256']}"
    return ProgressStep(step=event.stage, task=event.data["name"], status="complete", output=output, timestamp=event.at)


def _under_way(run: Run) -> ProgressStep:
    return ProgressStep(
        step=run.position.stage,
        task=run.ticket.title,
        status="in-progress",
        timestamp=run.updated,
        assigned_to="person" if run.position.waits.value else "setpoint",
        started=run.updated,
        notes=run.note,
    )


def _failures(events: Sequence[Event]) -> Iterator[ProgressFailure]:
    for event in events:
        if event.kind == "round" and event.data["blocking"]:
            error = "; ".join(objection["what"] for objection in event.data["objections"])[:MOST_ERROR]
            yield _failure(event, event.data["attempt"], error, event.data["cause"])
        elif event.kind == "stopped":
            yield _failure(event, 0, event.data["error"], "a person was called")


def _failure(event: Event, attempt: int, error: str, resolution: str) -> ProgressFailure:
    return ProgressFailure(step=event.stage, attempt=attempt, error=error, resolution=resolution, timestamp=event.at)


def _decision(data: dict[str, Any]) -> str:
    because = f": {data['because']}" if data.get("because") else ""
    return f"{data['by']} said {data['said']}{because}"

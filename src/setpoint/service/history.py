"""What recorded runs used, phase by phase: tokens and dollars, read from their journals."""

from collections.abc import Iterator, Sequence

from ..model.record import Record
from ..model.run import Event, Run, State
from ..model.session import Role, Usage
from ..pipeline.routes import ROUTES
from ..ports import Store

LAST = 20
"""Most runs of a route that are looked at, the newest."""


class Past(Record):
    """One run, as far as it came."""

    run: str
    route: str
    finished: bool
    phases: dict[str, dict[Role, Usage]]
    """Phases that were over when the run rested: what each role used in them."""

    def usd(self, phase: str) -> float | None:
        """What a phase was paid; None when a price was unknown."""
        total = Usage()
        for usage in self.phases[phase].values():
            total = total.plus(usage)
        return total.usd


def model_events(store: Store, run_id: str) -> Iterator[Event]:
    """Every reply of a model that the journal of a run holds."""
    seen = 0
    while events := store.events(run_id, seen):
        seen = events[-1].seq
        yield from (event for event in events if event.kind == "model")


def usage_of(event: Event) -> Usage:
    """What one reply used."""
    data = event.data
    return Usage(
        requests=1,
        input_tokens=int(data.get("input_tokens", 0)),
        output_tokens=int(data.get("output_tokens", 0)),
        cached_tokens=int(data.get("cached_tokens", 0)),
        usd=data.get("usd"),
        covered_usd=data.get("covered_usd", 0.0),
        seconds=float(data.get("ms", 0)) / 1000,
    )


def role_of(event: Event) -> Role | None:
    """Who gave the reply."""
    parts = str(event.data.get("session", "")).split(":")
    return next((role for role in Role if role.value in parts), None)


def pasts(store: Store, repository: str, route: str) -> Sequence[Past]:
    """The last runs of `route` in `repository` that had real models, the newest first."""
    found: list[Past] = []
    for run in store.runs():
        if run.repository != repository or run.ticket.kind.value != route or len(found) >= LAST:
            continue
        if run.position.state is not State.RUNNING and not _replayed(store, run):
            found.append(past_of(store, run))
    return [past for past in found if past.phases]


def _replayed(store: Store, run: Run) -> bool:
    config = store.recall(run.id, "config") or {}
    return bool((config.get("agent") or {}).get("kind") == "replay")


def past_of(store: Store, run: Run) -> Past:
    """What one run used in the phases that are over."""
    names = [step.name for step in ROUTES[run.ticket.kind].steps]
    here, finished = run.position.stage, run.position.state is State.DONE
    open_from = len(names) if finished or run.position.cycle > 1 else names.index(here if here in names else "review")
    phases: dict[str, dict[Role, Usage]] = {}
    for event in model_events(store, run.id):
        role = role_of(event)
        over = names.index(event.stage) < open_from if event.stage in names else finished
        if role is not None and over:
            roles = phases.setdefault(event.stage, {})
            roles[role] = roles.get(role, Usage()).plus(usage_of(event))
    return Past(run=run.id, route=run.ticket.kind.value, finished=finished, phases=phases)

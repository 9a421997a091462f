"""An epic's children: which ticket has which run, which may start, and starting them in their order."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import UsageError
from ..model.run import Run, State
from ..model.spec import ChildTicket, Split
from ..model.ticket import Kind
from ..ports import Store
from .views import ChildView

STOPPED = (State.CANCELLED, State.DECLINED)
"""A child whose run ended so may start again."""


@dataclass(frozen=True)
class Child:
    """One ticket of the split, and the run that carries it, if one does."""

    epic: str
    """The run that was split."""
    ticket: ChildTicket
    run: Run | None
    waits_for: tuple[str, ...]
    """Children that must be done before it starts."""

    @property
    def ready(self) -> bool:
        """Whether it may start now."""
        return self.run is None and not self.waits_for

    @property
    def done(self) -> bool:
        """Whether its change is merged and released."""
        return self.run is not None and self.run.position.state is State.DONE

    @property
    def state(self) -> str:
        """In a word or two."""
        if self.run is not None:
            waits = self.run.position.waits.value
            return f"{self.run.position.state.value} for {waits}" if waits else self.run.position.state.value
        return f"waits for {', '.join(self.waits_for)}" if self.waits_for else "ready"


def children(store: Store, epic: Run) -> tuple[Child, ...]:
    """The epic's children in their order. Raises UsageError for a run that is no epic, or is not split yet."""
    if epic.position.route is not Kind.EPIC:
        raise UsageError(f"run {epic.id} is a {epic.position.route.value}, not an epic", fix="`setpoint list`")
    split = store.deliverable(epic.id, epic.position.cycle, "split")
    if split is None or epic.position.state is not State.DONE:
        raise UsageError(
            f"epic {epic.id} is not split yet",
            why=f"it is {epic.position.state.value} at {epic.position.stage}",
            fix=f"`setpoint show {epic.id}`; its children start once the split is approved",
        )
    tickets = Split.model_validate(split).children
    runs = _runs(store, epic)
    done = {name for name, run in runs.items() if run.position.state is State.DONE}
    return tuple(
        Child(epic.id, one, runs.get(one.id), tuple(need for need in one.needs if need not in done)) for one in tickets
    )


def child_views(store: Store, run: Run) -> tuple[ChildView, ...]:
    """As `children`, for a page; nothing for a run that has none."""
    try:
        found = children(store, run)
    except UsageError:
        return ()
    return tuple(
        ChildView(
            id=child.ticket.id,
            title=child.ticket.title,
            kind=child.ticket.kind.value,
            needs=child.ticket.needs,
            run=child.run.id if child.run else "",
            state=child.state,
        )
        for child in found
    )


def _runs(store: Store, epic: Run) -> dict[str, Run]:
    """The newest run of each child that was not given up."""
    found: dict[str, Run] = {}
    for run in store.runs():
        if run.ticket.parent == epic.id and run.position.state not in STOPPED:
            found.setdefault(run.ticket.id, run)
    return found


def unmet(store: Store, repository: str, parent: str, needs: Sequence[str]) -> tuple[str, ...]:
    """Tickets of `needs` that no run of this repository has brought to its end."""
    done = {
        run.ticket.id
        for run in store.runs()
        if run.repository == repository
        and run.position.state is State.DONE
        and (run.ticket.parent in ("", parent) or run.id == parent)
    }
    return tuple(need for need in needs if need not in done)

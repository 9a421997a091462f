"""The children of an epic: list them, start them, carry them in their order."""

from typing import TYPE_CHECKING

import typer

from .out import data, document, paint, plain, visible
from .people import RUN
from .runs import begin, carry_on, in_house

if TYPE_CHECKING:
    from ..app import House
    from ..model.run import Run
    from ..service.epic import Child


def children(
    run: str = RUN,
    carry: bool = typer.Option(
        False, "--run", help="Carry them one after the other until one needs you, or all are done."
    ),
    detach: bool = typer.Option(
        False, "--detach", help="Queue those that may start now; `setpoint worker` carries them."
    ),
    as_json: bool = typer.Option(False, "--json", help="One JSON document at the end."),
) -> None:
    """The tickets an epic was split into. Each has a run of its own; one starts when those it needs are done."""

    async def use(house: "House") -> int:
        epic = house.store.run(run)
        code = 0
        if detach:
            await _queue(house, epic)
        elif carry:
            code = await _carry(house, epic)
        _show(house, epic, as_json)
        return code

    in_house(use)


async def _queue(house: "House", epic: "Run") -> None:
    ready = [child for child in house.children(epic) if child.ready]
    for child in ready:
        await _begin(house, child, detach=True)
    if not ready:
        plain("none may start now")


async def _carry(house: "House", epic: "Run") -> int:
    """The exit code: 0 when all are done, else that of the first child that did not get there."""
    from ..model.run import State

    stopped: dict[str, int] = {}
    while True:
        open_ = [child for child in house.children(epic) if not child.done and child.ticket.id not in stopped]
        under_way = [child for child in open_ if child.run is not None]
        ready = [*under_way, *(child for child in open_ if child.ready)]
        if not ready:
            return next(iter(stopped.values()), 0)
        child = ready[0]
        run = child.run or await _begin(house, child, detach=False)
        code = await carry_on(house, run.id)
        if house.store.run(run.id).position.state is not State.DONE:
            stopped[child.ticket.id] = code


async def _begin(house: "House", child: "Child", *, detach: bool) -> "Run":
    plain(paint(f"child {child.ticket.id}: {visible(child.ticket.title)}", "bold"))
    ticket = child.ticket
    return await begin(house, ticket.text, name=ticket.id, kind=ticket.kind, detach=detach, child=child)


def _show(house: "House", epic: "Run", as_json: bool) -> None:
    from ..service.epic import child_views

    house.children(epic)
    found = child_views(house.store, epic)
    if as_json:
        document([child.model_dump(mode="json") for child in found])
        return
    for child in found:
        data(f"{child.id:<24} {child.run or '-':<6} {child.state:<22} {child.kind:<8} {visible(child.title)}")
    if any(child.state == "ready" for child in found):
        plain(f"next: `setpoint children {epic.id} --run`")
    for child in found:
        if child.run and child.state not in ("done", "running"):
            plain(f"next: `setpoint show {child.run}`")


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(children)

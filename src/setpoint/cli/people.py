"""A person's word: approve, reject, answer, pause, resume, retry, cancel; then the run is carried on."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import typer

from .out import paint, plain
from .runs import carry_on, finish, in_house, queued

if TYPE_CHECKING:
    from ..app import House
    from ..model.run import Run

RUN = typer.Argument(..., help="The run's id, or its beginning.")
DETACH = typer.Option(False, "--detach", help="Only queue what follows; `setpoint worker` carries it.")
JSON = typer.Option(False, "--json", help="One JSON document at the end.")
BECAUSE = typer.Option("", "--message", "-m", help="Why.")

Act = Callable[["House"], Awaitable["Run"]]


def say(act: Act, detach: bool, as_json: bool) -> None:
    """Let a person act on a run, and carry it on unless only to be queued."""

    async def use(house: "House") -> int:
        from ..model.run import State
        from .asking import ask_person

        if not detach:
            house.switch.allow()
        house.open_queue()
        run = house.write_progress(await act(house))
        _mind_prompts(house, run)
        if run.position.state is not State.RUNNING and (detach or not await ask_person(house, run)):
            return finish(house, run, as_json)
        return queued(run, as_json) if detach else await carry_on(house, run.id, as_json=as_json)

    in_house(use)


def _mind_prompts(house: "House", run: "Run") -> None:
    """Warn who has just said something to a ticket that was prompted too often."""
    from ..service.report import prompted_too_often

    if told := prompted_too_often(house.store, run, house.config.prompting):
        plain(paint(f"! {told}", "yellow"))


def approve(
    run: str = RUN,
    message: str = BECAUSE,
    checked: str = typer.Option(
        "", "--checked", help="What of a change you inspected and found right: requirement,diff,tests,debt."
    ),
    all_checked: str = typer.Option("", "--all-checked", help="You inspected all four; what you found, in words."),
    detach: bool = DETACH,
    as_json: bool = JSON,
) -> None:
    """Say yes to what waits, signed with your key, and carry on. The yes is bound to exactly what is there now."""

    async def act(house: "House") -> "Run":
        from .asking import inspected_by

        seen = house.store.run(run).position.serial
        inspected = await inspected_by(house, run, checked, all_checked)
        return await house.commands.approve(run, because=message, inspected=inspected, seen=seen)

    say(act, detach, as_json)


def reject(
    run: str = RUN,
    message: str = BECAUSE,
    stop: bool = typer.Option(False, "--stop", help="End the run instead of sending the work back."),
    detach: bool = DETACH,
    as_json: bool = JSON,
) -> None:
    """Say what is wrong and send the work back. With --stop, end the run (exit 13)."""
    say(lambda house: house.commands.reject(run, because=message, stop=stop), detach, as_json)


def answer(
    run: str = RUN,
    text: str = typer.Argument("", help="The answer."),
    waive: bool = typer.Option(
        False, "--waive", help="Nobody needs to know: the session goes on with its own default."
    ),
    question: str = typer.Option("", "--question", help="Which question, when several are open."),
    detach: bool = DETACH,
    as_json: bool = JSON,
) -> None:
    """Answer the session's question and carry on. Or waive it, by name."""
    said = f"Waived: go on with your own default, and say which one you took. {text}".strip() if waive else text
    say(lambda house: house.commands.answer(run, said, question=question), detach, as_json)


def resume(
    run: str = RUN,
    budget: float | None = typer.Option(None, "--budget", help="New budget of the ticket in dollars."),
    detach: bool = DETACH,
    as_json: bool = JSON,
) -> None:
    """Carry on after a park, a pause or a crash. No finished step is repeated."""

    async def go_on(house: "House") -> "Run":
        from ..model.run import State

        there = house.store.run(run)
        if there.position.state is State.RUNNING:
            return there
        return await house.commands.resume(run, budget=budget)

    say(go_on, detach, as_json)


def retry(
    run: str = RUN,
    stage: str = typer.Option("", "--from", help="An earlier stage to start again from."),
    message: str = BECAUSE,
    detach: bool = DETACH,
    as_json: bool = JSON,
) -> None:
    """Let a stage be tried again; what came before it stays."""
    say(lambda house: house.commands.retry(run, stage=stage, because=message), detach, as_json)


def pause(run: str = RUN) -> None:
    """Stop after the step under way."""
    say(lambda house: house.commands.pause(run), True, False)


def cancel(run: str = RUN, message: str = BECAUSE) -> None:
    """End the run; its branch and workspace stay."""
    say(lambda house: house.commands.cancel(run, because=message), True, False)


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (approve, reject, answer, resume, retry, pause, cancel):
        app.command()(command)

"""Commands that start and carry runs: plan, run, resume, retry, worker."""

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ..model.numbers import counted
from .out import data, document, money, paint, plain, visible

if TYPE_CHECKING:
    from ..app import House
    from ..model.approval import Question
    from ..model.money import Forecast
    from ..model.run import Event, Run
    from ..model.ticket import Kind
    from ..service.epic import Child
    from ..service.origin import Origin
    from ..service.views import PlanView


TICKET = typer.Argument(
    ..., help="A Markdown file, a tracker's export, a folder of papers, `-` for standard input, or the ticket's words."
)
FIRST = typer.Option("", "--from", help="Of a folder of papers: the phase that a session begins with all the same.")
MODEL = typer.Option([], "--model", help="PHASE=MODEL for this ticket alone, e.g. planning=anthropic/claude-opus-4-5.")


def plan(
    ticket: str = TICKET,
    kind: str = typer.Option("", "--route", help="feature, hotfix or epic; otherwise chosen from the ticket's shape."),
    model: list[str] = MODEL,
    first: str = FIRST,
    as_json: bool = typer.Option(False, "--json", help="One JSON document."),
) -> None:
    """Show what a run would do, without a model call. Route and why, phases, models, boundaries, gates, cost."""

    async def show(house: "House") -> int:
        house.choose_models(model)
        text, name, origin = await read_source(house, ticket, first)
        view = await house.plan(text, name=name, kind=kind_of(kind), origin=origin)
        if as_json:
            document(view)
        else:
            _print_plan(view)
        return 0

    in_house(show)


async def read_ticket(house: "House", words: str) -> tuple[str, str]:
    """The ticket's text and name; a person who is to type it is told so."""
    if words == "-" and sys.stdin is not None and sys.stdin.isatty():
        plain(paint("type the ticket; Ctrl-D ends it", "dim"))
    return await house.ticket(words)


async def read_source(house: "House", words: str, first: str = "") -> tuple[str, str, "Origin | None"]:
    """The ticket's text and name, and the papers that stand for its first phases, where it is a folder of them."""
    from ..errors import UsageError
    from ..service.origin import folder_of, from_folder

    folder = folder_of(words)
    if folder is None:
        if first:
            raise UsageError("--from is for a folder of papers", fix="setpoint run specs/NAME --from PHASE")
        return (*await read_ticket(house, words), None)
    text, origin = from_folder(folder, first)
    for one in origin.papers:
        plain(f"{one.source} stands for {one.name.replace('_', ' ')}")
    return text, folder.resolve().name, origin


def _print_plan(view: "PlanView") -> None:
    from ..service.feedback import gap_lines

    data(f"{paint('ticket', 'bold')}      {visible(f'{view.ticket}: {view.title}')}")
    data(f"{paint('route', 'bold')}       {view.route} ({view.because})")
    for phase in view.phases:
        data(f"  {phase.name:<16} {phase.kind:<9} {phase.model}")
    for label, items in (
        ("criteria", view.criteria),
        ("must stay", view.must_stay),
        ("tests asked", view.required_tests),
    ):
        for item in items:
            data(f"{paint(f'{label:<11}', 'bold')} {visible(item)}")
    for item in view.uncheckable:
        data(f"{paint('uncheckable', 'yellow')} {visible(item)}")
    data(f"{paint('boundaries', 'bold')}  {visible(view.boundaries['summary'])}")
    for name, command in view.gates.items():
        data(f"{paint('gate', 'bold')}        {name}: {command}")
    for line in gap_lines(view.feedback_gaps):
        data(f"{paint('feedback gap', 'bold')} {visible(line)}")
    for line in view.sign_ins:
        data(f"{paint('sign-in', 'bold')}     {visible(line)}")
    data(f"{paint('reviewer', 'bold')}    independence {view.independence or 'unknown'}")
    data(f"{paint('estimate', 'bold')}    {estimated(view.forecast)}; budget {money(view.budget_usd)}")
    for warning in view.warnings:
        plain(paint(f"! {warning}", "yellow"))
    plain("next: `setpoint run` with the same ticket")


def estimated(forecast: "Forecast | None") -> str:
    """What a run is said to cost, and on what grounds."""
    if forecast is None:
        return "unknown: no model"
    usd = forecast.usd
    if usd is None:
        return "unknown: a model has no listed price"
    grounds = f"from {counted(forecast.runs, 'own runs')}" if forecast.runs else "no data of own runs: a rule of thumb"
    return f"{money(usd.low)} – {money(usd.expected)} – {money(usd.worst)} (low – expected – worst; {grounds})"


def run(
    ticket: str = TICKET,
    kind: str = typer.Option("", "--route", help="feature, hotfix or epic; otherwise chosen from the ticket's shape."),
    detach: bool = typer.Option(False, "--detach", help="Only queue it; `setpoint worker` carries it."),
    model: list[str] = MODEL,
    first: str = FIRST,
    as_json: bool = typer.Option(False, "--json", help="One JSON document at the end."),
) -> None:
    """Carry a ticket until it is done, stopped, or waits for you. Off a terminal it leaves with exit 4 then."""
    from .asking import ask_gaps

    async def start(house: "House") -> int:
        house.choose_models(model)
        text, name, origin = await read_source(house, ticket, first)
        chosen = kind_of(kind)
        if origin is None:
            text = await ask_gaps(house, text, name, chosen)
        started = await begin(house, text, name=name, kind=chosen, detach=detach, origin=origin)
        if detach:
            return queued(started, as_json)
        return await carry_on(house, started.id, as_json=as_json)

    in_house(start)


async def begin(
    house: "House",
    text: str,
    *,
    name: str,
    kind: "Kind | None",
    detach: bool,
    child: "Child | None" = None,
    origin: "Origin | None" = None,
) -> "Run":
    """Start a run, saying what its base is like and what it runs in."""

    def checking() -> None:
        plain(paint("checking the base: its own gates must be green before anything starts", "dim"))

    started = await house.submit(
        text, name=name, kind=kind, detach=detach, child=child, origin=origin, checking=checking
    )
    for result in started.baseline:
        judged = "" if result.green else " (red here: judged by new findings only, where it tells them one by one)"
        plain(f"  base  {result.gate}: {result.reason}{judged}")
    plain(f"run {paint(started.run.id, 'bold')} on {started.run.branch}")
    if started.forecast is not None:
        plain(f"  estimate {estimated(started.forecast)}; budget {money(house.config.budget.ticket_usd)}")
    for warning in started.warnings:
        plain(paint(f"  ! {warning}", "yellow"))
    for line in house.header(started.run):
        plain(f"  {line}")
    return started.run


def queued(run: "Run", as_json: bool) -> int:
    """Say that a worker is to carry it."""
    if as_json:
        document({"id": run.id, "state": run.position.state.value, "stage": run.position.stage})
    else:
        data(run.id)
    plain("next: `setpoint worker` carries queued runs")
    return 0


def kind_of(word: str) -> Any:
    """The route named, or None."""
    from ..errors import UsageError
    from ..model.ticket import Kind

    if not word:
        return None
    try:
        return Kind(word)
    except ValueError as error:
        raise UsageError(f"there is no route `{word}`", fix="feature, hotfix or epic") from error


async def carry_on(house: "House", run_id: str, *, as_json: bool = False) -> int:
    """Carry the run in this process, telling what happens, until it rests; ask where somebody is there to answer."""
    from .asking import ask_person

    while True:
        resting = await house.carry(run_id, tell)
        if not await ask_person(house, resting):
            break
    resting = house.store.run(run_id)
    return finish(house, resting, as_json)


def tell(event: "Event") -> None:
    """One line of progress, where the entry tells a person something."""
    from .journal_lines import line_of

    if line := line_of(event):
        plain(line)


def finish(house: "House", run: "Run", as_json: bool) -> int:
    """The last words of a foreground command, and its exit code."""
    from ..service.lessons import taught_by
    from ..service.queries import exit_code, next_steps

    code = exit_code(house.store, run)
    if as_json:
        document(house.view(run))
    else:
        state = run.position.state.value
        colour = "green" if code == 0 else "yellow"
        tokens = run.cost.input_tokens + run.cost.output_tokens
        plain(paint(f"{run.id} is {state} at {run.position.stage}: {visible(run.note)}", colour))
        would = "would have cost" if house.pinned(run).agent.kind == "replay" else "cost"
        plain(f"{would} {money(run.cost.usd)}, {counted(run.cost.requests, 'requests')}, {counted(tokens, 'tokens')}")
        for line in parked(house, run):
            plain(f"  {line}")
        for question in open_questions(house, run):
            if question.question != run.note:
                plain(f"question {question.id}: {visible(question.question)}")
            for request in question.requests:
                plain(f"  asks to be allowed: {visible(request)}")
        if taught := taught_by(house.store, run):
            plain(f"it taught {counted(taught, 'lessons')}: `setpoint lessons`")
        for step in next_steps(house.store, run)[:3]:
            plain(f"next: {step}")
    return code


def parked(house: "House", run: "Run") -> list[str]:
    """Of a run that is parked: what is done, what is left, what that would cost."""
    from ..pipeline.standing import told
    from ..service.queries import standing_of

    stands = standing_of(house.store, run)
    return told(stands) if stands is not None else []


def open_questions(house: "House", run: "Run") -> list["Question"]:
    """What sessions of a run that has not ended wait to hear."""
    questions = [] if run.position.state.final else house.store.questions(run.id)
    return [question for question, _ in questions if not question.answer]


def worker(
    once: bool = typer.Option(False, "--once", help="Leave when no run is queued or under way."),
) -> None:
    """Carry every queued run, several at once, until interrupted."""

    async def work(house: "House") -> int:
        plain("worker: carrying queued runs; Ctrl-C stops it, nothing is lost")
        await house.work(tell, once=once)
        return 0

    in_house(work)


def in_house(use: Callable[["House"], Awaitable[int]]) -> None:
    """Open the repository's house, use it, close it; leave with the code."""
    import asyncio

    from ..app import House

    async def inside() -> int:
        house = await House.open(Path.cwd())
        try:
            return await use(house)
        finally:
            await house.close()

    try:
        code = asyncio.run(inside())
    except KeyboardInterrupt:
        # Here and not at the edge: on the way there typer makes a bare exit code of it.
        plain("setpoint: interrupted; nothing is lost, `setpoint resume` carries on")
        code = 130
    raise typer.Exit(code)


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(plan)
    app.command()(run)
    app.command()(worker)

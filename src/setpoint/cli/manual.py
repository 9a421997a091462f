"""Work by hand: take and give, and what follows from a run whose papers are locked: forward and abandon."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from .out import asked, asks, data, paint, plain, visible
from .people import BECAUSE, DETACH, JSON, RUN, say
from .runs import begin, carry_on, in_house, open_questions, queued

if TYPE_CHECKING:
    from ..app import House
    from ..model.run import Run
    from ..service.manual import Written

OUT = typer.Option(None, "--out", help="Write the ticket into this file.")
INTO = typer.Option(None, "--into", help="The folder; otherwise where the layout has it.")
PAPER = typer.Option(None, "--paper", help="What you wrote in a phase's stead: a spec, design or plan, or JSON.")


def take(
    run: str = RUN,
    editor: bool = typer.Option(False, "--editor", help="Open it in $VISUAL or $EDITOR instead of a shell."),
    shell: bool = typer.Option(True, "--shell/--no-shell", help="Whether a terminal goes into the workspace at once."),
) -> None:
    """Take the workspace to edit by hand; the run waits. On a terminal a shell opens there; its end offers to give."""

    async def use(house: "House") -> "Run":
        from ..service.manual import may_be_edited

        taken = await house.commands.take(run)
        plain(f"the workspace is {house.workspace_path(taken)}")
        plain(paint(may_be_edited(taken), "dim"))
        if open_questions(house, taken):
            plain("a question is open: answer it now, or after you have given the workspace back")
        if not shell or not asks():
            return taken
        await _opened(house, taken, editor)
        words = await asked(paint("give it back now? [y = yes, n = later, or why you changed it] ", "bold"))
        if words.casefold() in ("", "n", "no"):
            return taken
        return await house.commands.give(taken.id, because="" if words.casefold() in ("y", "yes") else words)

    say(use, not asks(), False)


async def _opened(house: "House", run: "Run", editor: bool) -> None:
    """Let the person work in the workspace until they leave their shell or editor."""
    import asyncio
    import os

    from ..serving import beside

    folder, config = house.workspace_path(run), house.pinned(run)
    argv = [*_editor(), str(folder)] if editor else [os.environ.get("SHELL", "/bin/sh")]
    if config.stack.serves:
        plain(paint("bringing its services up", "dim"))
    async with beside(house, run) as (told, trouble):
        if trouble:
            plain(paint(f"you are without its services: {trouble}", "yellow"))
        for name, value in told.items():
            plain(paint(f"  {name}={visible(value)}", "dim"))
        environ = {**os.environ, **config.sandbox.env, **told, "SETPOINT_RUN": run.id}
        plain(paint(f"leave with Ctrl-D or `exit`; `setpoint give {run.id}` hands it back", "dim"))
        await asyncio.to_thread(_until_left, argv, folder, environ)


def _editor() -> list[str]:
    """The person's editor."""
    import os
    import shlex

    from ..errors import UsageError

    named = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    if not named:
        raise UsageError("no editor is named", fix="set EDITOR")
    return shlex.split(named)


def _until_left(argv: list[str], folder: Path, environ: "dict[str, str]") -> None:
    """Run what a person works in, on this terminal, until they leave it."""
    import subprocess

    from ..errors import UsageError

    try:
        subprocess.run(argv, cwd=folder, env=environ, check=False)
    except OSError as error:
        raise UsageError(
            f"`{argv[0]}` cannot be started", why=str(error.strerror), fix="set SHELL or EDITOR"
        ) from error


def edited(text: str) -> str:
    """`text` as the person's editor leaves it."""
    import os
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "ticket.md"
        file.write_text(f"{text}\n", encoding="utf-8")
        _until_left([*_editor(), str(file)], Path.cwd(), dict(os.environ))
        return file.read_text(encoding="utf-8").strip()


def give(
    run: str = RUN,
    message: str = BECAUSE,
    paper: Path | None = PAPER,
    detach: bool = DETACH,
    as_json: bool = JSON,
) -> None:
    """Hand the workspace back. Your edit is committed as yours and judged like any other; a question stays open."""

    async def act(house: "House") -> "Run":
        return await house.commands.give(run, because=message, paper=_written(paper))

    say(act, detach, as_json)


def _written(paper: Path | None) -> "Written | None":
    from ..errors import TicketError
    from ..inputs import read_text
    from ..service.manual import Written

    if paper is None:
        return None
    return Written(read_text(paper, called=str(paper), wrong=TicketError), str(paper))


def forward(
    run: str = RUN,
    message: str = typer.Option("", "--message", "-m", help="What is missing: a ticket's words."),
    follow_up: str = typer.Option("", "--follow-up", help="A follow-up that a review found, by its id."),
    out: Path | None = OUT,
    start: bool = typer.Option(False, "--run", help="Start it at once."),
    detach: bool = DETACH,
) -> None:
    """Make the ticket for what a run lacks. Linked to it, on a clean base; locked papers stay as they are."""

    async def use(house: "House") -> int:
        from ..service.forward import forward_ticket

        text = forward_ticket(house.store, house.store.run(run), message, follow_up)
        if out is not None:
            write_new(out, text)
        if start:
            started = await begin(house, text, name=out.stem if out else "", kind=None, detach=detach)
            return queued(started, False) if detach else await carry_on(house, started.id)
        if out is None:
            data(visible(text.rstrip()))
        plain(f"next: `setpoint run {out or 'FILE'}`, or the same with --run")
        return 0

    in_house(use)


def write_new(file: Path, text: str) -> None:
    """Write a file that is not there yet."""
    from ..errors import UsageError

    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8") as opened:
            opened.write(text)
    except FileExistsError as error:
        raise UsageError(f"{file} is there already", fix="name another with --out") from error
    except OSError as error:
        raise UsageError(f"{file} cannot be written", why=str(error.strerror)) from error
    plain(f"wrote {file}")


def abandon(
    run: str = RUN,
    message: str = BECAUSE,
    again: bool = typer.Option(False, "--again", help="Start the same ticket over, on the base as it is now."),
    keep_spec: bool = typer.Option(False, "--keep-spec", help="With --again: its functional spec stands."),
    detach: bool = DETACH,
) -> None:
    """Give up a run's whole cycle, and start over where you say so. Branch and workspace of the old one stay."""

    async def use(house: "House") -> int:
        from ..errors import UsageError
        from ..service.forward import again as afresh
        from ..service.queries import exit_code

        if not message.strip():
            raise UsageError("giving up a cycle needs its reason", fix=f"`setpoint abandon {run} -m '…'`")
        if keep_spec and not again:
            raise UsageError("--keep-spec is for a fresh start", fix="add --again")
        there = house.store.run(run)
        if not there.position.state.final:
            there = house.write_progress(await house.commands.cancel(run, because=f"abandoned: {message}"))
        plain(f"{there.id} is {there.position.state.value}; its branch {there.branch} stays")
        if not again:
            plain(f"next: `setpoint abandon {there.id} -m '…' --again` starts the same ticket over")
            return exit_code(house.store, there)
        origin, ticket = afresh(house.store, there, keep_spec=keep_spec), there.ticket
        started = await begin(house, ticket.text, name=ticket.id, kind=ticket.kind, detach=detach, origin=origin)
        return queued(started, False) if detach else await carry_on(house, started.id)

    in_house(use)


def papers(
    run: str = RUN,
    layout: str = typer.Option("", "--layout", help="setpoint, spec-kit or kiro; otherwise as configured."),
    into: Path | None = INTO,
) -> None:
    """Write a run's spec, design and plan as files. `setpoint run FOLDER` reads them back."""

    async def use(house: "House") -> int:
        from ..service.papers import written

        for path in written(house.store, house.store.run(run), house.root, layout or house.config.papers.layout, into):
            data(str(path))
        return 0

    in_house(use)


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (take, give, forward, abandon, papers):
        app.command()(command)

"""The kill switch of the command line."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ..model.numbers import counted
from .out import document, plain
from .runs import in_house

if TYPE_CHECKING:
    from ..app import House


def stop(
    every: bool = typer.Option(False, "--all", help="End every session, gate and command now, and start nothing new."),
    lift: bool = typer.Option(False, "--lift", help="Let work begin again; each run goes on with `setpoint resume`."),
    message: str = typer.Option("", "--message", "-m", help="Why; whoever tries to go on is told."),
    as_json: bool = typer.Option(False, "--json", help="One JSON document at the end."),
) -> None:
    """Stop everything in this repository within two seconds. Nothing is lost: runs are paused where they are.

    Where no command can be typed, an empty file `.setpoint/stop` does the same on this machine.
    """
    from ..app import House
    from ..errors import UsageError

    if every == lift:
        raise UsageError("say which: stop everything, or let it go on", fix="`setpoint stop --all`, or `--lift`")

    done = False

    async def use(house: "House") -> int:
        nonlocal done
        if lift:
            began = "work may begin again; next: `setpoint resume RUN`, or `setpoint worker`"
            plain(began if house.switch.lift() else "nothing was stopped")
            return 0
        found = await house.stop(message)
        done = True
        if as_json:
            document(found)
            return 0
        killed = f"; {counted(found.killed, 'workers')} did not listen and had to be killed" if found.killed else ""
        plain(f"stopped: {counted(len(found.paused), 'runs')} paused, nothing runs here any more{killed}")
        for name in found.paused:
            plain(f"  {name} goes on with `setpoint resume {name}`")
        plain("nothing starts here until `setpoint stop --lift`")
        return 0

    if every:
        # Before anything is read that may be broken: the configuration, the database.
        asyncio.run(House.halt(Path.cwd(), message))
    try:
        in_house(use)
    finally:
        if every and not done:
            plain("nothing starts here any more, and what runs here ends within a second; but no run could be marked:")


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(stop)

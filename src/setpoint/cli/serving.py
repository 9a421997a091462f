"""`setpoint up`: the application of a run, for a person to look at."""

import asyncio
import signal
from typing import TYPE_CHECKING

import typer

from .out import data, document, plain
from .runs import in_house

if TYPE_CHECKING:
    from ..app import House

RUN = typer.Argument("", help="The run's id, or its beginning; without it, the folder you are in.")


def up(
    run: str = RUN,
    as_json: bool = typer.Option(False, "--json", help="One JSON document once it is up."),
) -> None:
    """Serve the application for checks by hand. With its services, until Ctrl-C.

    Commands, ports and services are those of [stack] in setpoint.toml. It runs in the sandbox; only this machine's
    loopback reaches it. Each worktree has its own ports and data, which are gone when it ends.
    """

    async def use(house: "House") -> int:
        from ..errors import StackError
        from ..serving import up as bring_up

        told = asyncio.Event()
        async with bring_up(house, run) as served:
            # Not before: while it comes up, Ctrl-C ends it as any other command.
            asyncio.get_running_loop().add_signal_handler(signal.SIGINT, told.set)
            if as_json:
                document({"url": served.url, "env": dict(served.env)})
            else:
                data(served.url)
                for name, value in sorted(served.env.items()):
                    plain(f"  {name}={value}")
                plain(f"serving {served.folder}; Ctrl-C ends it")
            trouble = await served.until(told)
        if trouble:
            raise StackError(trouble, why=served.said, fix="mend it, then `setpoint up` again")
        plain("it is down, and its data are gone")
        return 0

    in_house(use)


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(up)

"""Watching: one run's journal as it grows, and three terminals in tmux."""

from typing import TYPE_CHECKING

import typer

from .out import data, paint, plain
from .people import RUN
from .runs import in_house

if TYPE_CHECKING:
    from ..app import House
    from ..model.run import Run

RUNS = typer.Argument(None, help="Up to three runs; those that are under way when none is named.")
ROLE = typer.Option("", "--role", help="planner (and reviewer), developer or control: only what is theirs.")


def watch(run: str = RUN, role: str = ROLE) -> None:
    """Follow a run to its end, through every wait. It only reads: workers may come and go."""

    async def use(house: "House") -> int:
        import asyncio

        from ..errors import UsageError
        from ..service.terminals import ROLES, concerns
        from .journal_lines import line_of

        if role and role not in ROLES:
            raise UsageError(f"there is no role `{role}`", fix=f"one of: {', '.join(ROLES)}")
        run_id, seen = house.looking.run(run).id, 0
        while True:
            events = house.looking.events(run_id, seen)
            for event in events:
                seen = event.seq
                if concerns(role, event) and (line := line_of(event)):
                    data(line)
            if not events:
                there = house.looking.run(run_id)
                if there.position.state.final:
                    plain(paint(f"{run_id} is {there.position.state.value}", "bold"))
                    return 0
                await asyncio.sleep(0.3)

    in_house(use)


def tmux(
    runs: list[str] = RUNS,
    attach: bool = typer.Option(True, "--attach/--no-attach", help="Whether this terminal goes there."),
) -> None:
    """Three terminals a run, in tmux. Planner and reviewer, developer, control; again: closed ones come back."""

    async def use(house: "House") -> int:
        from ..errors import UsageError
        from ..service.terminals import MOST, session_name

        found = [house.store.run(name) for name in runs or ()] or list(house.store.runs(active=True))[:MOST]
        if not found or len(found) > MOST:
            what = "no run is under way" if not found else f"{len(found)} runs are more than {MOST} windows show"
            raise UsageError(what, fix="`setpoint tmux RUN`, one to three of them")
        session = session_name(house.root)
        _open(house, session, found)
        names = ", ".join(run.id for run in found)
        plain(f"tmux session {paint(session, 'bold')}: {names}")
        if attach:
            _attach(session, found[0].id)
        plain(f"next: `tmux attach -t {session}`")
        return 0

    in_house(use)


def _tmux() -> str:
    import shutil

    from ..errors import UsageError

    program = shutil.which("tmux")
    if program is None:
        raise UsageError(
            "tmux is not installed",
            why="the three terminals are its panes",
            fix="install it (apt install tmux), or `setpoint watch RUN --role developer` in a terminal each",
        )
    return program


def _open(house: "House", session: str, found: "list[Run]") -> None:
    import subprocess
    import sys

    from ..errors import RefusedError
    from ..service.terminals import LIST, Window, commands, there

    program = _tmux()
    listed = subprocess.run([program, *LIST, "-t", session], capture_output=True, text=True, check=False)
    panes = there(listed.stdout) if listed.returncode == 0 else None
    called = (sys.executable, "-m", "setpoint.cli")
    windows = [Window(run.id, house.root, house.workspace_path(run), called) for run in found]
    for arguments in commands(session, windows, panes):
        done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            why = done.stderr.strip()[:300]
            raise RefusedError(f"tmux refused `{arguments[0]}`", why=why, fix="`tmux kill-session`, then again")


def _attach(session: str, run: str) -> None:
    """Go there, where this is a terminal."""
    import os
    import subprocess
    import sys

    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return
    program = _tmux()
    subprocess.run([program, "select-window", "-t", f"{session}:={run}"], check=False)
    within = "TMUX" in os.environ
    subprocess.run([program, "switch-client" if within else "attach-session", "-t", session], check=False)


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(watch)
    app.command()(tmux)

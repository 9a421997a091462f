"""`setpoint sandbox`: run a command exactly as an agent's command would run."""

import sys
from pathlib import Path

import typer

app = typer.Typer(no_args_is_help=True)
COMMAND = typer.Argument(..., help="The command, after `--`.")


@app.command("exec", context_settings={"ignore_unknown_options": True})
def exec_(
    command: list[str] = COMMAND,
    level: str = typer.Option("bubblewrap", "--level", help="bubblewrap, or by name: none."),
    policy: str = typer.Option("", "--policy", help="A policy file that narrows what the command may do."),
) -> None:
    """Run a command in the current folder inside the sandbox and leave with its exit code."""
    import asyncio

    from ..parts import sandbox_exec

    done = asyncio.run(sandbox_exec(Path.cwd(), command, level, Path(policy) if policy else None))
    sys.stdout.write(done.stdout)
    sys.stderr.write(done.stderr)
    raise typer.Exit(done.exit_code)


@app.command("levels")
def levels(level: str = typer.Option("bubblewrap", "--level", help="bubblewrap or none.")) -> None:
    """What protects on this machine, and what is missing."""
    from ..parts import sandbox_layers
    from .out import data

    for layer in sandbox_layers(level):
        data(f"{'✓' if layer.in_force else '✗'} {layer.name:<20} {layer.note}")

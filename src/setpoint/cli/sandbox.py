"""`setpoint sandbox`: run a command exactly as an agent's command would run."""

import sys
from pathlib import Path

import typer

app = typer.Typer(no_args_is_help=True)
MODELS = typer.Option([], "--model", help="PROVIDER/MODEL that the command may ask; may be given again.")
JSON = typer.Option(False, "--json", help="One JSON document.")
COMMAND = typer.Argument(..., help="The command, after `--`.")


@app.command("exec", context_settings={"ignore_unknown_options": True})
def exec_(
    command: list[str] = COMMAND,
    level: str = typer.Option("", "--level", help="Instead of the configured one: bubblewrap, container, microvm, …"),
    policy: str = typer.Option("", "--policy", help="A policy file that narrows what the command may do."),
    model: list[str] = MODELS,
    usd: float = typer.Option(None, "--usd", min=0.0, help="Most that its models may cost."),
) -> None:
    """Run a command in the current folder inside the sandbox and leave with its exit code.

    With --model it finds these models on its own loopback (`ANTHROPIC_BASE_URL`, `OPENAI_BASE_URL`,
    `GOOGLE_GEMINI_BASE_URL`) without a key: requests are metered outside, where the key is.
    """
    import asyncio

    from ..inside import sandbox_exec

    narrower = Path(policy) if policy else None
    done, used = asyncio.run(sandbox_exec(Path.cwd(), command, level, narrower, model, usd))
    sys.stdout.write(done.stdout)
    sys.stderr.write(done.stderr)
    if used is not None:
        money = "cost unknown" if used.usd is None else f"${used.usd:.4f}"
        told = f"{used.requests} model requests, {used.input_tokens} tokens in, {used.output_tokens} out, {money}"
        sys.stderr.write(f"setpoint: {told}\n")
    raise typer.Exit(done.exit_code)


@app.command("levels")
def levels(
    level: str = typer.Option("", "--level", help="Only this one."),
    as_json: bool = JSON,
) -> None:
    """Which sandbox levels this machine has, what each stops and does not, and what is missing."""
    from ..levels import sandbox_levels
    from .out import data, document

    found = sandbox_levels(Path.cwd(), level)
    if as_json:
        document([view.model_dump(mode="json") for view in found])
        return
    for view in found:
        data(f"{'✓' if view.here else '✗'} {view.level:<12} {'' if view.here else 'not on this machine: ' + view.why}")
        if not view.here:
            data(f"    next: {view.fix}")
            continue
        data(f"    stops: {view.worth.stops}")
        data(f"    does not stop: {view.worth.leaves}")
        for layer in view.layers:
            data(f"    {'✓' if layer.in_force else '✗'} {layer.name:<20} {layer.note}")

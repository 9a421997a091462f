"""`setpoint models`: which models are configured, and whether they answer."""

from typing import TYPE_CHECKING

import typer

from .out import data, document, money, paint, plain, visible
from .runs import in_house

if TYPE_CHECKING:
    from ..app import House
    from ..service.models import ModelLine

app = typer.Typer(invoke_without_command=True)
JSON = typer.Option(False, "--json", help="One JSON document.")
NAMES = typer.Argument(None, help="PROVIDER/MODEL; without one, all that are configured.")
MARKS = {"ok": ("✓", "green"), "warn": ("!", "yellow"), "bad": ("✗", "red")}


@app.callback()
def models(context: typer.Context, as_json: bool = JSON) -> None:
    """The configured models: class, phases, price, context window. No request is made."""
    if context.invoked_subcommand:
        return

    async def show(house: "House") -> int:
        from ..service.models import model_lines

        found = model_lines(house.config)
        if as_json:
            document([line.model_dump(mode="json") for line in found])
            return 0
        for line in found:
            _print(line)
        plain("next: `setpoint models test`" if found else _none(house))
        return 0

    in_house(show)


def _print(line: "ModelLine") -> None:
    known = line.input_usd is not None
    price = f"{money(line.input_usd)} in {money(line.output_usd)} out a million" if known else "price unknown"
    holds = f"{line.context_window // 1000}k context" if line.context_window else "context unknown"
    where = " in the house" if line.in_house else "" if line.api else " (its provider is not configured)"
    data(f"{paint(line.model, 'bold')}  {', '.join(line.classes) or 'no class'}; {price}; {holds}{where}")
    data(f"  {', '.join(line.used_by) or 'not used by any phase'}")


def _none(house: "House") -> str:
    if house.config.agent.kind == "replay":
        return "sessions are replayed from a recording: no model is asked"
    from ..pipeline.models import ways_out

    return f"no model is configured; next: {ways_out(house.config)}, or write [models] in setpoint.toml"


@app.command("test")
def try_(names: list[str] = NAMES, as_json: bool = JSON) -> None:
    """Try each model with one tiny real request: reach, key, tool call, form, usage, time. Exit 1 when one fails."""

    async def use(house: "House") -> int:
        found = await house.try_models(names or ())
        if as_json:
            document([trial.model_dump(mode="json") for trial in found])
        else:
            for trial in found:
                mark, colour = MARKS[trial.state]
                took = f" in {trial.seconds:.1f} s" if trial.seconds is not None else ""
                data(f"{paint(mark, colour)} {trial.model:<34} {visible(trial.found)}{took}")
                if trial.fix:
                    data(f"  {'':<34} fix: {trial.fix}")
            if not found:
                plain(_none(house))
        return 1 if any(trial.state == "bad" for trial in found) or not found else 0

    in_house(use)

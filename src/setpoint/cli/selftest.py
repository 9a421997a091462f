"""`setpoint selftest`: attacks on setpoint's own promises, on real parts in a folder that is gone afterwards."""

from typing import TYPE_CHECKING

import typer

from .out import MARKS, data, document, paint, plain, visible

if TYPE_CHECKING:
    from ..forging.selftest import Tried

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Attacks on setpoint's own promises."""


@app.command("forge-approval")
def forge_approval(
    as_json: bool = typer.Option(False, "--json", help="One JSON document."),
) -> None:
    """Fake, replay, redirect, age and race a person's yes. All must be refused, and the honest one go through."""
    import asyncio

    from ..forging.selftest import forge_approval as tried

    def heard(one: "Tried") -> None:
        if not as_json:
            mark = paint(MARKS["passed"], "green") if one.held else paint(MARKS["failed"], "red")
            data(f"{mark} {one.layer:<12} {visible(one.name)}")
            if not one.held:
                plain(f"    {visible(one.told)}")

    report = asyncio.run(tried(heard))
    ways = [one for one in report.tried if one.kind == "attempt"]
    refused = sum(one.held for one in ways)
    if as_json:
        told = report.model_dump(mode="json")
        document({**told, "attempts": len(ways), "refused": refused, "held": report.held})
    else:
        honest = [one for one in report.tried if one.kind == "honest"]
        went = f"{sum(one.held for one in honest)} of {len(honest)} honest answers went through"
        plain(f"{refused} of {len(ways)} ways refused; {went}; {report.seconds:.1f} s")
    raise typer.Exit(0 if report.held else 1)

"""`setpoint tune`: limits and models from recorded runs."""

from typing import TYPE_CHECKING

import typer

from ..model.numbers import counted
from .out import data, document, paint, plain
from .runs import in_house

if TYPE_CHECKING:
    from ..app import House
    from ..service.tuning import PhaseFit, Share


def tune(
    write: bool = typer.Option(False, "--write", help="Write the proposed change into setpoint.toml."),
    as_json: bool = typer.Option(False, "--json", help="One JSON document."),
) -> None:
    """Fit attempt limits and models to recorded runs. Shows the curve and proposes a change; writes only if told."""

    async def use(house: "House") -> int:
        from ..service.tuning import fits, patched

        found = fits(house.store, house.config)
        file = house.root / "setpoint.toml"
        before = file.read_text(encoding="utf-8") if file.exists() else ""
        after = patched(before, found)
        if as_json:
            told = {"phases": [fit.told() for fit in found], "patch": _patch(before, after)}
            document(told)
        else:
            _print(found)
            data(_patch(before, after).rstrip() or "no change is proposed")
        if write and after != before:
            _write(house, file.exists(), after)
        elif after != before:
            plain("next: `setpoint tune --write` puts this into setpoint.toml; runs under way keep their limits")
        return 0

    in_house(use)


def _write(house: "House", there: bool, text: str) -> None:
    from ..errors import ConfigError

    shared = house.root / "pyproject.toml"
    if not there and shared.is_file() and "[tool.setpoint" in shared.read_text(encoding="utf-8"):
        raise ConfigError(
            "the settings are in pyproject.toml", fix="put the change there by hand; it is what is printed above"
        )
    (house.root / "setpoint.toml").write_text(text, encoding="utf-8")
    plain("wrote setpoint.toml")


def _print(found: "tuple[PhaseFit, ...]") -> None:
    if not found:
        data("no data: no run is on record here")
    for fit in found:
        data(f"{paint(fit.phase, 'bold')}  {counted(fit.loops, 'loops')}, limit {fit.limit}, model {fit.model}")
        open_ = 1.0
        for number, share in enumerate(fit.attempts, start=1):
            open_ *= 1 - share.value
            mark = " ← limit" if number == fit.limit else ""
            data(f"  attempt {number:<3} {_bar(share)}   all up to here {1 - open_:.0%}{mark}")
        for name, share in fit.models.items():
            data(f"  {name:<11} {_bar(share)}")
        for why in fit.because:
            data(f"  {why}")


def _bar(share: "Share") -> str:
    low, high = share.interval
    filled = "█" * round(20 * share.value)
    return f"{filled:<20} {share.value:>4.0%} ({low:.0%}–{high:.0%}) of {share.of}"


def _patch(before: str, after: str) -> str:
    import difflib

    lines = difflib.unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), "setpoint.toml", "setpoint.toml (tuned)"
    )
    return "".join(lines)


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(tune)

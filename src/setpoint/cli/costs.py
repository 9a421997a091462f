"""What was spent, and how true the forecasts were."""

from typing import TYPE_CHECKING, Any

import typer

from ..model.numbers import counted
from .out import data, document, money, paint, plain
from .runs import in_house

if TYPE_CHECKING:
    from ..app import House

JSON = typer.Option(False, "--json", help="One JSON document.")


def cost(
    run: str = typer.Argument("", help="One run; empty: all."),
    calibration: bool = typer.Option(False, "--calibration", help="Forecasts beside what finished runs cost."),
    as_json: bool = JSON,
) -> None:
    """What was spent, by phase and model, for one run or all. Large models on scoped work are flagged."""

    async def use(house: "House") -> int:
        from ..errors import UsageError

        if calibration:
            if run:
                raise UsageError("forecasts are compared over all runs", fix="`setpoint cost --calibration`")
            _compare(house.calibration(), as_json)
        else:
            _spent(house.costs(run), as_json)
        return 0

    in_house(use)


def _spent(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        document(found)
        return
    for row in found["rows"]:
        requests = counted(row["requests"], "requests")
        data(f"{row['run']}  {row['phase']:<15} {row['role']:<10} {row['model']:<34} {requests:>13} "
             f"{row['input_tokens']:>8} in {row['output_tokens']:>7} out {_paid(row):>9}")  # fmt: skip
        if row["flag"]:
            data(f"      {paint('!', 'yellow')} {row['flag']}")
    if len(found["days"]) > 1:
        for day in found["days"]:
            data(f"{day['day']}  {_paid(day)}")
    data(f"total {money(found['usd'])}")
    if found["covered_usd"] is None or found["covered_usd"] > 0:
        data(f"and {money(found['covered_usd'])} at list prices that a subscription covers: not spent, under no cap")
    if found["lost_requests"]:
        lost = counted(found["lost_requests"], "requests")
        data(f"and {lost} without a reply: at most {money(found['lost_usd'])}, which the caps count")
    flagged = sum(1 for row in found["rows"] if row["flag"])
    if flagged:
        plain(f"next: {counted(flagged, 'rows')} paid more than scoped work needs; see [models] and [phase] in "
              "`setpoint config`")  # fmt: skip


def _paid(row: dict[str, Any]) -> str:
    covered = row.get("covered_usd")
    return f"({money(covered)})" if covered and not row["usd"] else money(row["usd"])


def _compare(found: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        document(found)
        return
    for row in found:
        bias = "no data" if row["bias"] is None else f"{row['bias']:.2f}"
        data(
            f"{row['route']:<8} {row['phase'] or 'whole run':<15} {counted(row['runs'], 'runs'):>8}  "
            f"expected {money(row['expected_usd']):>9}  cost {money(row['usd']):>9}  bias {bias:>7}  "
            f"within low and worst {row['covered']:.0%}"
        )
    if not found:
        data("no data: no run has finished since forecasts are kept")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(cost)

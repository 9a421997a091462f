"""What was spent, read from the journals; what could have been spent on less; how true the forecasts were."""

from collections.abc import Sequence
from datetime import datetime
from statistics import median
from typing import Any

from ..model.money import Forecast, Range, Scope
from ..model.run import Run, State
from ..model.session import ModelRef, Role, Usage
from ..model.settings import Config, Size
from ..pipeline.models import PHASE_SIZE, ref
from ..pipeline.standing import ESTIMATE
from ..ports import Store
from ..prices import cost
from .forecast import own_price
from .history import model_events, past_of, role_of, usage_of

Key = tuple[str, str, str, str]
"""Run, phase, role, model."""


def costs(store: Store, config: Config, prefix: str, now: datetime) -> dict[str, Any]:
    """A row for each run (of `prefix`, or all), phase, role and model, and the sums. Unknown money stays unknown; what
    a subscription covers stands apart; requests whose reply was lost are told with the most they can have cost."""
    runs = [store.run(prefix)] if prefix else store.runs()
    rows: dict[Key, Usage] = {}
    days: dict[str, Usage] = {}
    for run in runs:
        for event in model_events(store, run.id):
            used, role = usage_of(event), role_of(event)
            key = (run.id, event.stage, role.value if role else "", str(event.data.get("model", "")))
            rows[key] = rows.get(key, Usage()).plus(used)
            day = event.at.date().isoformat()
            days[day] = days.get(day, Usage()).plus(used)
    total = Usage()
    for run in runs:
        total = total.plus(run.cost)
    lost = [store.spent(Scope(run=run.id), now) for run in runs]
    return {
        "rows": [_row(config, key, usage) for key, usage in rows.items()],
        "days": [{"day": day, "usd": usage.usd, "covered_usd": usage.covered_usd} for day, usage in days.items()],
        "usd": total.usd,
        "covered_usd": total.covered_usd,
        "requests": total.requests,
        "lost_requests": sum(spent.lost for spent in lost),
        "lost_usd": sum(spent.lost_usd for spent in lost),
    }


def _row(config: Config, key: Key, usage: Usage) -> dict[str, Any]:
    run, phase, role, model = key
    found = {"run": run, "phase": phase, "role": role, "model": model, **usage.model_dump(mode="json")}
    return found | {"flag": too_large(config, key, usage)}


def too_large(config: Config, key: Key, usage: Usage) -> str:
    """Why a row was too dear for work that plan and tests had scoped, and what the configured size would have cost;
    empty when it was not."""
    _, phase, role, name = key
    judges = role == Role.VALIDATOR
    if (PHASE_SIZE.get(phase) != "medium" and not judges) or "/" not in name:
        return ""
    size: Size = "tiny" if judges else "medium"
    smaller = config.models.get(size, ())
    if not smaller or name in smaller or role == Role.REVIEWER:
        return ""
    there, model = _usd(config, ref(smaller[0]), usage), ref(name)
    paid = _usd(config, model, usage)
    large = name in config.models.get("large", ())
    if there is None or paid is None:
        return f"a large model on scoped work; {smaller[0]} is set for it" if large else ""
    if paid <= there or not (large or paid >= 1.5 * there):
        return ""
    return f"a large model on scoped work: ${paid:.4f}, with {smaller[0]} ${there:.4f}"


def _usd(config: Config, model: ModelRef, used: Usage) -> float | None:
    return cost(
        model,
        input_tokens=used.input_tokens,
        output_tokens=used.output_tokens,
        cached=used.cached_tokens,
        own=own_price(config, model),
    )


# -- were the forecasts true? ------------------------------------------------------------------------------------------


def calibration(store: Store, runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Forecasts beside what finished runs cost: a row a route, then one a phase of it. `bias` is the middle of cost
    over expected cost, `covered` the share of runs within low and worst."""
    pairs: dict[tuple[str, str], list[tuple[Range, float]]] = {}
    for run in runs:
        kept = store.recall(run.id, ESTIMATE)
        if kept is None or run.position.state is not State.DONE:
            continue
        said, past = Forecast.model_validate(kept), past_of(store, run)
        if said.usd is not None and run.cost.usd is not None:
            pairs.setdefault((said.route, ""), []).append((said.usd, run.cost.usd))
        for phase in said.phases:
            paid = past.usd(phase.phase) if phase.phase in past.phases else None
            if phase.usd is not None and paid is not None:
                pairs.setdefault((said.route, phase.phase), []).append((phase.usd, paid))
    return [_compared(route, phase, found) for (route, phase), found in pairs.items()]


def _compared(route: str, phase: str, found: Sequence[tuple[Range, float]]) -> dict[str, Any]:
    ratios = [paid / said.expected for said, paid in found if said.expected > 0]
    inside = sum(said.low <= paid <= said.worst for said, paid in found)
    return {
        "route": route,
        "phase": phase,
        "runs": len(found),
        "expected_usd": median(said.expected for said, _ in found),
        "usd": median(paid for _, paid in found),
        "bias": median(ratios) if ratios else None,
        "covered": inside / len(found),
    }

"""Where a run stands when it is stopped: what is done, what is left, and what that would cost."""

import math

from ..errors import CapError
from ..model.money import Cap, Forecast, PhaseForecast, Range, Scope, Standing, together
from ..model.numbers import dollars
from .bench import Ground
from .purse import caps

ESTIMATE = "estimate"
"""Fact that holds a run's forecast."""


def standing(ground: Ground, error: Exception) -> Standing:
    """The run at `error`, which stops it."""
    store, run = ground.bench.store, ground.run
    names = tuple(name for cycle, name, _, _ in store.deliverables(run.id) if cycle == ground.position.cycle)
    left = _left(ground)
    more = _more(ground, left)
    found = Standing(done=names, left=left, spent_usd=store.run(run.id).cost.usd, more_usd=more)
    if not isinstance(error, CapError):
        return found
    return found.model_copy(update={"cap": error.cap, "cap_usd": error.usd, "raise_usd": _raised(ground, error, left)})


def _left(ground: Ground) -> tuple[str, ...]:
    names = [step.name for step in ground.route.steps]
    here = ground.position.stage
    return tuple(names[names.index(here) :]) if here in names else (here, *names[names.index("review") :])


def _more(ground: Ground, left: tuple[str, ...]) -> Range | None:
    """What the phases left will cost by the run's own forecast, less what the present one has cost already."""
    kept = ground.bench.store.recall(ground.run.id, ESTIMATE)
    if kept is None:
        return None
    phases = [phase for phase in Forecast.model_validate(kept).phases if phase.phase in left]
    here = ground.position.stage
    spent = ground.bench.store.spent(Scope(run=ground.run.id, phase=here), ground.bench.now()).settled
    return together([_less(phase, spent) if phase.phase == here else phase for phase in phases])


def _less(phase: PhaseForecast, spent: float) -> PhaseForecast:
    return phase if phase.usd is None else phase.model_copy(update={"usd": phase.usd.less(spent)})


def _raised(ground: Ground, error: CapError, left: tuple[str, ...]) -> float:
    """What the cap must be: what is spent under it and what more is expected; without data, as much again."""
    more = _more(ground, left[:1] if error.cap == "phase" else left)
    now = ground.bench.now()
    limits = caps(ground, ground.position.stage, now.date().isoformat())
    reached = next((cap for cap in limits if cap.name == error.cap), Cap(name="ticket", usd=error.usd, scope=Scope()))
    spent = max(ground.bench.store.spent(reached.scope, now).settled, error.usd)
    if error.cap == "ticket":
        spent = max(spent, ground.bench.store.run(ground.run.id).cost.usd or 0.0)
    needed = more.expected if more is not None and more.expected > 0 else error.usd
    return math.ceil((spent + needed) * 100) / 100


def told(found: Standing) -> list[str]:
    """The same in lines for a person."""
    lines = [f"done: {', '.join(found.done) or 'nothing yet'}", f"left: {', '.join(found.left)}"]
    more = found.more_usd
    if more is None:
        lines.append("what more would cost: no data")
    else:
        words = " – ".join(dollars(part) for part in (more.low, more.expected, more.worst))
        lines.append(f"what more would cost: {words} (low – expected – worst)")
    if found.raise_usd is not None:
        lines.append(f"to go on it needs a {found.cap} budget of {dollars(found.raise_usd)}")
    return lines

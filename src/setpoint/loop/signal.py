"""The error signal: what a round's objections weigh, and what opened, closed, came back or stayed. Pure."""

import hashlib
from collections.abc import Sequence

from ..gates.reading import steady
from ..model.objection import Objection, Severity, Source, Strength
from ..model.run import Round

WEIGHT = {Severity.HIGH: 8.0, Severity.MEDIUM: 3.0, Severity.LOW: 0.0}
"""Weight of an open objection by severity; Low is listed, it does not drive the loop."""

STRENGTH = {Strength.SHOWN: 1.0, Strength.ARGUED: 0.5}
"""Factor by what it rests on: a failing command outranks an opinion."""


def weight(objection: Objection) -> float:
    """What one open objection adds to the error."""
    return WEIGHT[objection.severity] * STRENGTH[objection.strength]


def error_of(objections: Sequence[Objection]) -> float:
    """The weighted sum of open objections, each counted once."""
    return sum(_weights(objections).values())


def _weights(objections: Sequence[Objection]) -> dict[str, float]:
    found: dict[str, float] = {}
    for objection in objections:
        found[objection.fingerprint] = max(found.get(objection.fingerprint, 0.0), weight(objection))
    return found


def weighed(objections: Sequence[Objection], earlier: Sequence[Round]) -> tuple[Objection, ...]:
    """The objections as the loop counts them: a reviewer's Medium that no command shows is heard once. Said again after
    an answer it is advice: listed Low for a person, and the loop does not turn for it."""
    before = set(open_after(earlier))
    return tuple(_advice(o) if _is_advice(o) and o.fingerprint in before else o for o in objections)


def _is_advice(objection: Objection) -> bool:
    opinion = objection.source is Source.REVIEWER and objection.strength is Strength.ARGUED
    return opinion and objection.severity is Severity.MEDIUM


def _advice(objection: Objection) -> Objection:
    return objection.model_copy(update={"severity": Severity.LOW, "advisory": True})


def measured(
    earlier: Sequence[Round],
    objections: Sequence[Objection],
    *,
    stage: str,
    lines: int = 0,
    diff: str = "",
    usd: float | None = 0.0,
) -> Round:
    """This round's numbers: what opened, closed, came back or stayed, against all rounds before it."""
    weights = _weights(objections)
    now = set(weights)
    before = set(open_after(earlier))
    ever = {mark for round_ in earlier for mark in (*round_.opened, *round_.reopened)}
    blocking = {objection.fingerprint: objection for objection in objections if objection.blocks}
    opinions = [mark for mark, o in blocking.items() if o.source is Source.REVIEWER and o.strength is Strength.ARGUED]
    return Round(
        stage=stage,
        attempt=len(earlier) + 1,
        error=error_of(objections),
        opened=tuple(sorted(now - ever)),
        closed=tuple(sorted(before - now)),
        reopened=tuple(sorted((now & ever) - before)),
        repeated=tuple(sorted(now & before)),
        blocking=len(blocking),
        lines=lines,
        diff=diff,
        usd=usd,
        about_plan=any(objection.about_plan for objection in blocking.values()),
        weights=dict(sorted(weights.items())),
        opinions=tuple(sorted(opinions)),
        failing=dict(sorted((mark, _printed(o)) for mark, o in blocking.items() if _by_command(o))),
    )


def _by_command(objection: Objection) -> bool:
    return bool(objection.probe) and objection.strength is Strength.SHOWN


def _printed(objection: Objection) -> str:
    """Digest of what a failing command printed, without what differs from run to run."""
    return hashlib.sha256(steady(f"{objection.probe}\n{objection.evidence}").encode()).hexdigest()[:12]


def open_after(rounds: Sequence[Round]) -> tuple[str, ...]:
    """Ids of what the last round left open."""
    if not rounds:
        return ()
    last = rounds[-1]
    return (*last.opened, *last.reopened, *last.repeated)

"""The controller: from the rounds so far to what happens next. Pure.

P is the present error, I what keeps coming back, D the change of the error and of the work. It stops before waste, and
it does not stop a loop that still converges: an attempt limit alone ends only a loop whose error has not fallen lately.
"""

from collections import Counter
from collections.abc import Sequence
from enum import StrEnum

from ..model.numbers import counted
from ..model.objection import Objection, Severity, Source
from ..model.record import Record
from ..model.run import Round
from ..model.settings import Loop

WEIGHT = {Severity.HIGH: 8.0, Severity.MEDIUM: 3.0, Severity.LOW: 0.0}
"""Weight of an open objection by severity; Low is listed, it does not drive the loop."""

OPINION = 0.5
"""Factor for a model's objection that brings no command that fails while it holds."""

_MODELS = frozenset({Source.VALIDATOR, Source.REVIEWER})


class Choice(StrEnum):
    """What the loop does next."""

    ACCEPT = "accept"
    CORRECT = "correct"
    ESCALATE = "escalate"
    PLAN_FAULT = "plan-fault"
    HAND_OVER = "hand-over"


class Decision(Record):
    """The controller's choice and its reason."""

    choice: Choice
    cause: str


def error_of(objections: Sequence[Objection]) -> float:
    """The weighted sum of open objections."""
    return sum(_weight(objection) for objection in objections)


def _weight(objection: Objection) -> float:
    opinion = objection.source in _MODELS and not objection.probe and not objection.evidence
    return WEIGHT[objection.severity] * (OPINION if opinion else 1.0)


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
    now = {objection.fingerprint for objection in objections}
    before = set(_open_after(earlier))
    ever = {mark for round_ in earlier for mark in (*round_.opened, *round_.reopened)}
    blocking = [objection for objection in objections if objection.blocks]
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
        about_plan=any(objection.about_plan for objection in blocking),
    )


def _open_after(rounds: Sequence[Round]) -> tuple[str, ...]:
    if not rounds:
        return ()
    last = rounds[-1]
    return (*last.opened, *last.reopened, *last.repeated)


def decide(rounds: Sequence[Round], limits: Loop, *, attempts: int, escalated: int = 0) -> Decision:
    """What follows the last of `rounds` (oldest first). `attempts` is the limit of the stage, `escalated` how often a
    stronger model has been called already."""
    now = rounds[-1]
    if now.blocking == 0:
        return Decision(choice=Choice.ACCEPT, cause="nothing above Low is open")
    if now.about_plan:
        return Decision(choice=Choice.PLAN_FAULT, cause="an objection traces to the plan; code cannot mend it")
    stop = _oscillates(rounds, limits) or _repeats(rounds) or _grows(rounds, limits)
    if stop:
        return Decision(choice=Choice.HAND_OVER, cause=stop)
    stuck = _plateau(rounds, limits) or _reverses(rounds)
    if stuck:
        return _stuck(stuck, rounds, escalated)
    if len(rounds) >= attempts and not _converges(rounds):
        return Decision(
            choice=Choice.HAND_OVER, cause=f"limit: {counted(len(rounds), 'attempts')} without an end in sight"
        )
    if len(rounds) >= 2 * attempts:
        return Decision(choice=Choice.HAND_OVER, cause=f"limit: {counted(len(rounds), 'attempts')}, twice the limit")
    return Decision(choice=Choice.CORRECT, cause=f"error {now.error:g}: {now.blocking} above Low")


def _stuck(cause: str, rounds: Sequence[Round], escalated: int) -> Decision:
    if escalated == 0 and len(rounds) >= 2:
        return Decision(choice=Choice.ESCALATE, cause=cause)
    return Decision(choice=Choice.HAND_OVER, cause=cause)


def _oscillates(rounds: Sequence[Round], limits: Loop) -> str:
    back = Counter(mark for round_ in rounds for mark in round_.reopened)
    worst = max(back.values(), default=0)
    return f"oscillation: a closed objection came back {counted(worst, 'times')}" if worst >= limits.reopened else ""


def _repeats(rounds: Sequence[Round]) -> str:
    now = rounds[-1]
    if now.diff and any(round_.diff == now.diff and round_.blocking for round_ in rounds[:-1]):
        return "repeated diff: the same work was handed in and rejected before"
    return ""


def _grows(rounds: Sequence[Round], limits: Loop) -> str:
    first = next((round_.lines for round_ in rounds if round_.lines), 0)
    now = rounds[-1].lines
    if first >= 20 and now > limits.growth * first:
        return f"growth: the change grew from {first} to {counted(now, 'lines')}"
    return ""


def _plateau(rounds: Sequence[Round], limits: Loop) -> str:
    if len(rounds) <= limits.plateau:
        return ""
    best_before = min(round_.error for round_ in rounds[: -limits.plateau])
    lately = min(round_.error for round_ in rounds[-limits.plateau :])
    if lately >= best_before:
        return f"plateau: no better error in {counted(limits.plateau, 'rounds')} ({lately:g} against {best_before:g})"
    return ""


def _reverses(rounds: Sequence[Round]) -> str:
    if len(rounds) < 3:
        return ""
    errors = [round_.error for round_ in rounds]
    if errors[-1] > errors[-2] > errors[-3]:
        return f"reversal: the error rose twice, to {errors[-1]:g}"
    return ""


def _converges(rounds: Sequence[Round]) -> bool:
    """Whether the last step still brought the error to a new low."""
    return len(rounds) >= 2 and rounds[-1].error < min(round_.error for round_ in rounds[:-1])

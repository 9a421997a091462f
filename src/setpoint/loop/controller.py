"""The controller: from the rounds so far to what happens next. Pure.

P is the present error, I what keeps coming back, D the change of the error and of the work. It stops before waste, and
it does not stop a loop that still converges: an attempt limit alone ends only a loop whose error has not fallen lately.
"""

from collections.abc import Sequence
from enum import StrEnum

from ..model.numbers import counted
from ..model.record import Record
from ..model.run import Round
from ..model.settings import Loop
from . import stops
from .stops import Stop


class Choice(StrEnum):
    """What the loop does next."""

    ACCEPT = "accept"
    CORRECT = "correct"
    NARROW = "narrow"
    """Correct, but only what is named."""
    ESCALATE = "escalate"
    PLAN_FAULT = "plan-fault"
    HAND_OVER = "hand-over"


class Decision(Record):
    """The controller's choice and its reason."""

    choice: Choice
    cause: str
    about: tuple[str, ...] = ()
    """Ids of the objections the reason is about."""
    given: tuple[str, ...] = ()
    """Ids the next attempt is narrowed to; empty: all."""


def decide(rounds: Sequence[Round], limits: Loop, *, attempts: int, cap: float | None = None) -> Decision:
    """What follows the last of `rounds` (oldest first). `attempts` is the limit of the stage, `cap` the run's budget in
    dollars."""
    now = rounds[-1]
    if now.blocking == 0:
        return Decision(choice=Choice.ACCEPT, cause="nothing above Low is open")
    if now.about_plan:
        cause = "an objection traces to the plan; code cannot mend it"
        return Decision(choice=Choice.PLAN_FAULT, cause=cause, about=stops.worst(now))
    over = _over(rounds, limits, cap)
    if over:
        return _handed_over(over)
    stuck = _stuck(rounds, limits, attempts)
    if stuck is None:
        return _corrected(rounds, limits)
    if len(rounds) >= 2 and stops.since_stronger(rounds) is None and len(rounds) < 2 * attempts:
        return Decision(choice=Choice.ESCALATE, cause=stuck.cause, about=stuck.about)
    return _handed_over(stuck)


def _over(rounds: Sequence[Round], limits: Loop, cap: float | None) -> Stop | None:
    """What no stronger model would mend."""
    return (
        stops.oscillates(rounds, limits)
        or stops.repeats(rounds)
        or stops.grows(rounds, limits)
        or stops.disagrees(rounds, limits)
        or stops.burns(rounds, cap)
    )


def _stuck(rounds: Sequence[Round], limits: Loop, attempts: int) -> Stop | None:
    """What a stronger model may mend, once."""
    return (
        stops.reverses(rounds)
        or stops.plateaus(rounds, limits)
        or stops.fails_again(rounds, limits)
        or _at_limit(rounds, limits, attempts)
    )


def _at_limit(rounds: Sequence[Round], limits: Loop, attempts: int) -> Stop | None:
    count, about = len(rounds), stops.worst(rounds[-1])
    if count >= 2 * attempts:
        return Stop(f"limit: {counted(count, 'attempts')}, twice the limit", about)
    fresh = stops.since_stronger(rounds)
    tried = fresh is None or fresh >= limits.stronger
    if count >= attempts and tried and not stops.fell_lately(rounds):
        return Stop(f"limit: {counted(count, 'attempts')} without an end in sight", about)
    return None


def _handed_over(stop: Stop) -> Decision:
    return Decision(choice=Choice.HAND_OVER, cause=stop.cause, about=stop.about)


def _corrected(rounds: Sequence[Round], limits: Loop) -> Decision:
    now = rounds[-1]
    swap = stops.changed_places(rounds)
    if swap:
        cause = "an earlier mend was undone: both sides are to hold at once"
        return Decision(choice=Choice.NARROW, cause=cause, about=swap.sides, given=swap.sides)
    few = stops.spreads(rounds, limits)
    if few:
        cause = f"it spreads: {now.blocking} above Low, more opened than closed; the worst {len(few)} come first"
        return Decision(choice=Choice.NARROW, cause=cause, about=few, given=few)
    return Decision(choice=Choice.CORRECT, cause=f"error {now.error:g}: {now.blocking} above Low")

"""One attempt: produce, measure, error, decide. The heart of the product.

A phase says how its deliverable is produced, checked and judged (`Work`); the loop around it is the same for all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ..model.objection import Objection, Source
from ..model.record import Record
from ..model.run import Round
from ..model.session import Asked
from ..model.settings import Loop
from .controller import Decision, decide
from .identity import recognised
from .signal import measured, weighed

NAMED = 4
"""Objections that a reason names; the rest is counted."""


class Handed(Record):
    """What a session handed in, checked against its schema."""

    content: dict[str, object]
    diff: str = ""
    """Digest of the work itself, to see a repeat."""
    lines: int = 0
    """Changed lines of the change so far."""
    usd: float | None = 0.0
    """Money of the run when it was handed in."""


class Work(Protocol):
    """What a phase gives the loop."""

    stage: str
    attempts: int

    async def produce(self) -> Handed | Asked:
        """Let the session work until it hands in or asks. May be called again after a crash."""
        ...

    async def check(self, handed: Handed) -> Sequence[Objection]:
        """Mechanical checks, cheapest first: no token is spent here."""
        ...

    async def judge(self, handed: Handed) -> Sequence[Objection]:
        """The validator or the reviewer; called only when the checks leave nothing above Low."""
        ...


@dataclass(frozen=True)
class Verdict:
    """A finished round: the numbers, the objections and the controller's choice."""

    decision: Decision
    round: Round
    objections: tuple[Objection, ...]
    handed: Handed


History = Sequence[tuple[Round, tuple[Objection, ...]]]


async def attempt(
    work: Work, history: History, limits: Loop, *, since: int = 0, cap: float | None = None
) -> Verdict | Asked:
    """One finished verdict on `work`, or the session's question. What is raised on the way (an outage, a limit) costs
    no attempt: no round exists until this returns. The controller counts the rounds from `since` on; objections keep
    the ids of all of `history`. `cap` is the run's budget in dollars."""
    counted = history[since:]
    handed = await work.produce()
    if isinstance(handed, Asked):
        return handed
    found = list(await work.check(handed))
    if not any(objection.blocks for objection in found):
        found += await work.judge(handed)
    else:
        found += _not_judged_again(counted, found)
    rounds = [round_ for round_, _ in counted]
    objections = weighed(recognised(found, history), rounds)
    now = measured(rounds, objections, stage=work.stage, lines=handed.lines, diff=handed.diff, usd=handed.usd)
    chosen = decide([*rounds, now], limits, attempts=work.attempts, cap=cap)
    decision = chosen.model_copy(
        update={"cause": _told(chosen, [*(o for _, each in history for o in each), *objections])}
    )
    kept = now.model_copy(update={"choice": decision.choice.value, "given": decision.given})
    return Verdict(decision, kept, tuple(objections), handed)


def _told(decision: Decision, known: Sequence[Objection]) -> str:
    """The reason with the objections it is about, by id and words."""
    said = {objection.fingerprint: " ".join(objection.what.split()) for objection in known}
    names = [f"`{mark}` {said[mark][:100]}" for mark in decision.about if mark in said]
    more = f"; and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{decision.cause}: {'; '.join(names[:NAMED])}{more}" if names else decision.cause


def _not_judged_again(history: History, objections: Sequence[Objection]) -> list[Objection]:
    """What a model minded last: it was not asked this time, so it still stands."""
    known = {objection.fingerprint for objection in objections}
    last = history[-1][1] if history else ()
    return [old for old in last if old.source in (Source.VALIDATOR, Source.REVIEWER) and old.fingerprint not in known]

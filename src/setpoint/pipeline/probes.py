"""A reviewer's probe is run by the engine, in a copy of its own: what it sees fail is shown, all else is opinion."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from ..model.command import CommandLimits, Completed
from ..model.objection import Objection
from ..ports import Room
from .prompts import capped

Checkout = Callable[[str], AbstractAsyncContextManager[Room]]

COULD_NOT_RUN = frozenset({2, 4, 5, 124, 126, 127, 137})
"""Exit codes that say a command did not get to its point: wrong use, no tests, not found, out of time or memory."""
MOST = 12
"""Probes run of one report, the first ones: the reviewer lists the worst first."""
LIMITS = CommandLimits(seconds=60.0)
TAIL = 1_500
"""Characters kept of what a probe printed."""


async def probed(
    objections: Sequence[Objection], checkout: Checkout, tree: str, redact: Callable[[Any], Any]
) -> tuple[Objection, ...]:
    """The objections, each with what its probe did on `tree`."""
    found, left = [], MOST
    for objection in objections:
        if objection.probe and objection.blocks and left:
            left -= 1
            done = await _run(objection.probe, checkout, tree)
            found.append(_seen(objection, done, tree, redact))
        else:
            found.append(objection)
    return tuple(found)


async def passes(probe: str, checkout: Checkout, tree: str) -> bool:
    """Whether the probe ends well there."""
    return (await _run(probe, checkout, tree)).exit_code == 0


async def _run(probe: str, checkout: Checkout, tree: str) -> Completed:
    async with checkout(tree) as room:
        return await room.run(["sh", "-c", probe], limits=LIMITS)


def _seen(objection: Objection, done: Completed, tree: str, redact: Callable[[Any], Any]) -> Objection:
    shown = done.exit_code != 0 and done.exit_code not in COULD_NOT_RUN
    said = capped("\n".join(part.strip() for part in (done.stdout, done.stderr) if part.strip()), TAIL)
    verdict = "it fails" if shown else "it shows nothing"
    told = f"The engine ran the probe on {tree[:12]}: exit {done.exit_code}, {verdict}."
    evidence = f"{objection.evidence}\n{told}\n{redact(said)}".strip()
    return objection.model_copy(update={"shown": shown, "evidence": evidence})

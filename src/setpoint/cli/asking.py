"""The prompt on a terminal when a run waits for a person. Off a terminal nothing is asked."""

import asyncio
import os
from typing import TYPE_CHECKING

from ..model.run import State, Waits
from .out import asked, asks, paint, plain, visible
from .runs import open_questions

if TYPE_CHECKING:
    from ..app import House
    from ..model.run import Run


async def ask_person(house: "House", run: "Run") -> bool:
    """Whether a person answered and the run goes on."""
    if run.position.state is not State.WAITING or not asks() or os.environ.get("SETPOINT_ASK") == "0":
        return False
    waits = run.position.waits
    if waits is Waits.DECISION:
        return await _decision(house, run)
    if waits is Waits.ANSWER:
        return await _answer(house, run)
    return False


async def _decision(house: "House", run: "Run") -> bool:
    for line in await house.shown(run):
        plain(visible(line))
    what = f"task {run.position.task}" if run.position.stage == "implementation" else run.position.stage
    question = f"approve {what}? [y = yes, n = not yet, or say what is wrong] "
    words = await asyncio.to_thread(asked, paint(question, "bold"))
    if words.casefold() in ("y", "yes"):
        await house.commands.approve(run.id)
        return True
    if words.casefold() in ("", "n", "no"):
        return False
    await house.commands.reject(run.id, because=words)
    return True


async def _answer(house: "House", run: "Run") -> bool:
    open_ = open_questions(house, run)
    if not open_:
        return False
    plain(paint(visible(open_[0].question), "bold"))
    if open_[0].why:
        plain(f"  why: {visible(open_[0].why)}")
    words = await asyncio.to_thread(asked, "your answer (empty: later): ")
    if not words:
        return False
    await house.commands.answer(run.id, words, question=open_[0].id)
    return True

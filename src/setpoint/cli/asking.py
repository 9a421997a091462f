"""The prompt on a terminal when a run waits for a person. Off a terminal nothing is asked."""

import os
from typing import TYPE_CHECKING

from ..model.run import State, Waits
from .out import asked, asks, paint, plain, visible
from .runs import open_questions

if TYPE_CHECKING:
    from ..app import House
    from ..model.approval import Point
    from ..model.run import Run
    from ..model.ticket import Kind


async def ask_gaps(house: "House", text: str, name: str, kind: "Kind | None") -> str:
    """The ticket with what its author adds to it now. Off a terminal nothing is asked, and it is said who finds out."""
    from ..pipeline.intake_gaps import completed

    gaps = house.gaps(text, name=name, kind=kind)
    if not gaps:
        return text
    answers: dict[str, str] = {}
    if _somebody():
        for gap in gaps:
            plain(f"the ticket does not say {paint(gap.what, 'bold')}")
            plain(paint(f"  {gap.why}; for example: {gap.example}", "dim"))
            answers[gap.field] = await asked("your answer (empty: discovery finds out): ")
    left = [gap for gap in gaps if not answers.get(gap.field)]
    if left and not any(gap.field in house.config.intake.requires for gap in left):
        unsaid = "; ".join(gap.what.partition(":")[0] for gap in left)
        plain(f"not said: {unsaid} (found out before the plan, and shown to you with it)")
    return completed(text, answers)


def _somebody() -> bool:
    return asks() and os.environ.get("SETPOINT_ASK") != "0"


async def ask_person(house: "House", run: "Run") -> bool:
    """Whether a person answered and the run goes on."""
    if run.position.state is not State.WAITING or not _somebody():
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
    words = await asked(paint(question, "bold"))
    if words.casefold() in ("y", "yes"):
        found = await _inspection(house, run)
        if found is None:
            return False
        await house.commands.approve(run.id, inspected=found, seen=run.position.serial)
        return True
    if words.casefold() in ("", "n", "no"):
        return False
    await house.commands.reject(run.id, because=words)
    return True


async def _inspection(house: "House", run: "Run") -> "dict[Point, str] | None":
    """What a person found who approves a change, point by point; None when they stopped. Nothing for other
    decisions."""
    from ..service.answering import MEANS

    found: dict[Point, str] = {}
    points = await house.inspects(run)
    for number, point in enumerate(points, start=1):
        plain(f"{number} of {len(points)}, {paint(point, 'bold')}: {MEANS[point]}")
        words = await asked("what did you find? [y = it holds, n = stop here, or your words] ")
        if words.casefold() in ("", "n", "no"):
            plain(f"not approved; `setpoint reject {run.id} -m '…'` sends the change back")
            return None
        found[point] = "it holds" if words.casefold() in ("y", "yes") else words
    return found


async def inspected_by(house: "House", prefix: str, checked: str, all_checked: str) -> "dict[Point, str]":
    """What was inspected, as the options say; without them it is asked for where somebody is there to answer."""
    from ..errors import UsageError
    from ..model.approval import POINTS
    from ..service.answering import points_of

    if all_checked.strip():
        return dict.fromkeys(POINTS, all_checked.strip()[:500])
    if checked or not _somebody():
        return dict.fromkeys(points_of(checked), "it holds")
    found = await _inspection(house, house.store.run(prefix))
    if found is None:
        raise UsageError("the change was not inspected to the end, so it is not approved", fix="look, then answer")
    return found


async def _answer(house: "House", run: "Run") -> bool:
    open_ = open_questions(house, run)
    if not open_:
        return False
    plain(paint(visible(open_[0].question), "bold"))
    if open_[0].why:
        plain(f"  why: {visible(open_[0].why)}")
    for request in open_[0].requests:
        plain(f"  asks to be allowed: {visible(request)}")
    how = "y = yes to exactly this, or your answer" if open_[0].requests else "your answer"
    words = await asked(f"{how} (empty: later): ")
    if not words:
        return False
    if open_[0].requests and words.casefold() in ("y", "yes"):
        await house.commands.approve(run.id, seen=run.position.serial)
        return True
    await house.commands.answer(run.id, words, question=open_[0].id)
    return True

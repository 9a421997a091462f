"""`setpoint selftest forge-approval`: every way is tried on real parts, and the honest one must go through."""

import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Literal

from ..errors import SetpointError
from ..model.record import Line, Record
from ..model.run import State
from ..pipeline.change_record import FACT
from ..pipeline.delivery import merge
from ..service.approvals import bundle, findings
from .moves import Attempt, attempts
from .stage import INSPECTED, RUN, Stage, Stages

Heard = Callable[["Tried"], None]


class Tried(Record):
    """One attempt, or one honest answer."""

    name: Line
    kind: Literal["attempt", "honest"]
    layer: Line
    """Who stops it; of an honest one: what it is."""
    held: bool
    """Whether it was refused for the reason it should be, or, honest, went through."""
    told: str


class Report(Record):
    """What came of all of them."""

    tried: tuple[Tried, ...]
    seconds: float

    @property
    def held(self) -> bool:
        """Whether all attempts were refused and all honest answers went through."""
        return all(one.held for one in self.tried)


async def forge_approval(heard: Heard) -> Report:
    """Try all of it in a folder that is gone afterwards; `heard` is told of each."""
    started = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="setpoint-forging-"))
    found: list[Tried] = []
    try:
        stages = Stages(folder)
        await stages.prepare()
        for attempt in attempts():
            found.append(await _tried(attempt, stages))
            heard(found[-1])
            if attempt.moves:
                await stages.put_back()
        for name, act in (
            ("an honest no sends the change back", _no),
            ("an honest yes is merged, once, also when the merge is repeated", _yes),
        ):
            found.append(await _honest(name, act, stages))
            heard(found[-1])
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return Report(tried=tuple(found), seconds=round(time.monotonic() - started, 1))


async def _tried(attempt: Attempt, stages: Stages) -> Tried:
    stage = stages.at(attempt.point, attempt.later)
    try:
        refused, told = await attempt.tries(stage)
    except SetpointError as error:
        # Stopped, but not by whom it should be: that is no proof.
        refused, told = False, f"{type(error).__name__}: {error}"
    finally:
        stage.store.close()
    return Tried(name=attempt.name, kind="attempt", layer=attempt.layer, held=refused, told=told[:500])


async def _honest(name: str, act: Callable[[Stage], Awaitable[str]], stages: Stages) -> Tried:
    stage = stages.at("waiting")
    try:
        told = await act(stage)
    except SetpointError as error:
        told = f"{type(error).__name__}: {error}"
    finally:
        stage.store.close()
    return Tried(name=name, kind="honest", layer="accepted", held=not told, told=told or "as it should be")


async def _no(stage: Stage) -> str:
    """What is wrong with it; empty: nothing."""
    run = await stage.commands.reject(RUN, because="`Welcome` is too warm")
    worth = findings(await bundle(stage.ground()))
    if run.position.stage != "implementation" or worth.exit_code or not worth.findings[0].worth.startswith("used"):
        return f"it stands at {run.position.stage}; {worth.findings}"
    return ""


async def _yes(stage: Stage) -> str:
    """What is wrong with it; empty: nothing."""
    await stage.commands.approve(RUN, because="it holds", inspected=INSPECTED)
    while stage.ground().position.stage != "merge":
        done = await stage.step()
        if stage.ground().position.state is not State.RUNNING:
            return done.note
    before = stage.main()
    first = await merge(stage.ground())  # and the worker dies before it writes that down
    after = stage.main()
    await stage.step()
    record = stage.ground().fact(FACT) or {}
    worth = findings(await bundle(stage.ground()))
    problems = {
        first.note: before == after,
        "it was merged twice": stage.main() != after,
        "no change record": record.get("merged") != after or not all(proof["passed"] for proof in record["stages"]),
        f"verified with {worth.exit_code}": worth.exit_code != 0,
        f"{len(stage.store.uses(RUN))} uses": len(stage.store.uses(RUN)) != 1,
    }
    return "; ".join(what for what, wrong in problems.items() if wrong)

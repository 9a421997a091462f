"""All gates on one tree: side by side within a bound, and never twice on the same tree."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, TypeVar

from ..model.evidence import GateResult, Outcome
from ..model.gate import Gate, TaskGate
from ..ports import Room
from .run import Keep, run_gate, sha256
from .steps import take_steps
from .tools import tool_of
from .words import words
from .worth import Worth, in_turn

T = TypeVar("T")
_NO_WORTH: Mapping[str, Worth] = {}
Known = Callable[[str, str], GateResult | None]
"""An earlier result of a gate by its name and its definition's digest; whether it still holds is checked here."""
PARALLEL = max(2, min(8, os.cpu_count() or 2))
"""Cores that gates may keep busy together."""


def nothing_known(_name: str, _definition: str) -> GateResult | None:
    """No earlier result: every gate is run."""
    return None


def unheard(_result: GateResult) -> None:
    """Nobody listens to results as they come."""
    return


ASKED_AGAIN = timedelta(days=1)
"""How long the word of a gate holds that asks somebody outside: advisories are not part of the tree."""


def still_holds(result: GateResult, gate: Gate, tree: str, environment: str) -> bool:
    """Whether `result` answers for `gate` on `tree` now. A refusal answers for nothing: it is tried again."""
    evidence = result.evidence
    same = (evidence.tree, evidence.environment, evidence.definition) == (tree, environment, gate.digest())
    old = bool(gate.network) and datetime.now(UTC) - evidence.at > ASKED_AGAIN
    return same and not old and result.outcome is not Outcome.REFUSED


async def run_gates(
    gates: Mapping[str, Gate],
    room: Room,
    *,
    tree: str,
    environment: str,
    known: Known = nothing_known,
    on_result: Callable[[GateResult], None] = unheard,
    keep: Keep = sha256,
    parallel: int = PARALLEL,
    reruns: int = 2,
    worth: Mapping[str, Worth] = _NO_WORTH,
) -> tuple[GateResult, ...]:
    """One result a gate, in the mapping's order; `on_result` hears each as it comes, also those known before. What is
    quick and says no often, by what is known of its `worth`, is begun first."""
    cores = Cores(parallel)
    earlier = {name: known(name, gate.digest()) for name, gate in gates.items()}
    held = {
        name: result
        for name, result in earlier.items()
        if result is not None and still_holds(result, gates[name], tree, environment)
    }
    files = frozenset() if len(held) == len(gates) else frozenset(await asyncio.to_thread(room.files))

    async def one(name: str, gate: Gate) -> GateResult:
        result = held.get(name)
        if result is None:
            async with cores.held(cores_of(gate)):
                if isinstance(gate, TaskGate) and gate.steps:
                    result = await take_steps(
                        name, gate, room, tree=tree, environment=environment, keep=keep, files=files
                    )
                else:
                    result = await run_gate(
                        name, gate, room, tree=tree, environment=environment, keep=keep, reruns=reruns, files=files
                    )
        on_result(result)
        return result

    turns = in_turn(gates, worth)
    results = dict(zip(turns, await together(one(name, gates[name]) for name in turns), strict=True))
    return tuple(results[name] for name in gates)


class Cores:
    """A budget of cores. Whoever wants all of them waits for them, and those who come later wait behind it."""

    def __init__(self, number: int) -> None:
        self.number = number
        self._free = number
        self._turn = asyncio.Lock()
        self._given_back = asyncio.Condition()

    @asynccontextmanager
    async def held(self, wanted: int) -> AsyncIterator[None]:
        """Hold `wanted` cores, at most all there are."""
        taken = min(wanted, self.number)
        async with self._turn, self._given_back:
            await self._given_back.wait_for(lambda: self._free >= taken)
            self._free -= taken
        try:
            yield
        finally:
            async with self._given_back:
                self._free += taken
                self._given_back.notify_all()


def cores_of(gate: Gate) -> int:
    """How many cores a gate keeps busy: all for tools that use all by themselves, what `-n` asks for, else one."""
    told, tool = words(gate.run), tool_of(gate.run)
    asked = next(
        (part for option, part in pairwise(told.args) if option in ("-n", "--numprocesses", "-j", "--jobs")), ""
    )
    if asked.isdigit():
        return max(1, int(asked))
    alone = any(part in ("--runInBand", "-i", "--serial", "--no-file-parallelism", "-j1") for part in told.args)
    return ALL if asked in ("auto", "logical") or (tool is not None and tool.whole and not alone) else 1


ALL = 1_000_000
"""More cores than any machine has."""


async def together(coroutines: Iterable[Coroutine[Any, Any, T]]) -> tuple[T, ...]:
    """All results in order; the first error cancels the others, and none is left running when this returns."""
    tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
    try:
        return tuple(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

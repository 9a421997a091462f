"""Do the tests mind? Small faults are put into the changed lines, one at a time, in a throw-away copy. Tests that stay
green over all of them prove nothing; a test that asserts nothing, or the mock it made itself, is found so.

Bounded in number and in time, with honest counts: what was not reached in time is said and accuses nobody.
"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from ..model.evidence import Evidence, GateKind, GateResult, Outcome
from ..model.gate import Gate
from ..model.judgement import Measured
from ..model.objection import Objection, Severity, Source
from ..ports import Room
from .asserted import asserted
from .change_set import ChangeSet
from .commands import only, shown, words
from .frozen import is_test_file
from .judge import together
from .measured import built_in, minded
from .mutant import Mutant, planned
from .reading import line
from .redproof import Named
from .run import run_gate
from .trusted import Plant
from .written_tests import JAVASCRIPT

CHECK = "mutants"
MOST = 30
"""Mutants tried of one change."""
SECONDS = 60.0
WORKERS = 2
SHARE = 0.5
"""Where fewer of a function's gross mutants are noticed, its tests leave too much open."""
QUICK = 0.6
"""Share of the time for the tests of the change alone, before all others are asked."""
ENOUGH = 3
"""Gross mutants that must have been tried before all of them surviving says something, where time left some open."""
_SLOWEST = 120.0
_LIMIT = "its time limit"


@dataclass
class Tried:
    """What became of the mutants."""

    killed: list[Mutant] = field(default_factory=list)
    crashed: list[Mutant] = field(default_factory=list)
    """Killed by an exception in the code itself: a test executed it, which is not yet to assert anything."""
    timed_out: list[Mutant] = field(default_factory=list)
    """Noticed too: the code ran on and on."""
    survived: list[Mutant] = field(default_factory=list)
    uncovered: list[Mutant] = field(default_factory=list)
    """Survived, and their statement is never executed."""
    left: list[Mutant] = field(default_factory=list)
    """Not decided in time."""

    @property
    def noticed(self) -> list[Mutant]:
        """Those that some test minded."""
        return [*self.killed, *self.crashed, *self.timed_out]

    @property
    def unnoticed(self) -> list[Mutant]:
        """Those that no test minded."""
        return [*self.survived, *self.uncovered]


async def mutants(
    change: ChangeSet,
    gate: Gate,
    checkout: Plant,
    *,
    claims: Sequence[Named] = (),
    more: Sequence[Gate] = (),
    environment: str,
    seconds: float = SECONDS,
    most: int = MOST,
) -> Measured:
    """Try up to `most` mutants of the changed lines for up to `seconds`. `checkout` gives throw-away rooms of the
    change. The claimed tests and those of the change are asked first, what they let pass is shown to all of `gate`,
    then to the gates of `more`."""
    drawn, total = await asyncio.to_thread(planned, change, most)
    if not drawn:
        return built_in(CHECK, (), examined=0, unit="mutants", tree=change.head, environment=environment)
    started = time.monotonic()
    trial = _Trial(gate, environment, started + seconds)
    async with AsyncExitStack() as stack:
        rooms = [await stack.enter_async_context(checkout({})) for _ in range(min(WORKERS, len(drawn)))]
        trial.known = frozenset(rooms[0].files())
        quick = _narrowed(gate, change, claims, trial.known)
        tried, problem = await trial.stages(drawn, rooms, [quick] if quick else [], [gate, *more])
    if not problem and not tried.noticed and not tried.unnoticed:
        return built_in(CHECK, (_no_time(gate, seconds, total),), examined=0, unit="mutants", tree=change.head)
    found = () if problem else _objections(tried, gate)
    return _told(change, gate, environment, tried, total, found, problem, time.monotonic() - started)


def _narrowed(gate: Gate, change: ChangeSet, claims: Sequence[Named], known: frozenset[str]) -> Gate | None:
    """The gate for the claimed tests' files and those of the change; None when there are none, or they are all."""
    below = "" if gate.where == "." else gate.where.rstrip("/") + "/"
    javascript = words(gate.run).tool in ("node --test", "vitest", "jest", "mocha")
    named = [claim.id.partition("::")[0] for claim in claims]
    named += [delta.path for delta in change.deltas if not delta.deleted and is_test_file(delta.path)]
    fitting = [
        path
        for path in dict.fromkeys(named)
        if path in known and path.startswith(below) and path.endswith(JAVASCRIPT) == javascript
    ]
    return only(gate, [path.removeprefix(below) for path in fitting], known) if fitting else None


@dataclass
class _Trial:
    gate: Gate
    environment: str
    until: float
    known: frozenset[str] = frozenset()

    async def stages(
        self, drawn: Sequence[Mutant], rooms: Sequence[Room], quick: Sequence[Gate], whole: Sequence[Gate]
    ) -> tuple[Tried, str]:
        """Each gate is shown what the one before it let pass; then the whole ones are asked what of the rest is
        executed at all."""
        tried, waiting, usual = Tried(), list(drawn), 0.0
        gates = [*quick, *whole]
        for at, gate in enumerate(gates):
            last = at == len(gates) - 1
            first, usual = await self._ask(gate, rooms[0], max(self.until - time.monotonic(), 1.0))
            if first.outcome is not Outcome.PASSED and _LIMIT not in first.reason:
                return tried, f"the tests are not green without a fault: {first.reason}"
            # What only the whole suite could tell is asked of as many as there is time for.
            left = max(self.until - time.monotonic(), 0.0) * (1.0 if last else QUICK)
            fits = int(left / (usual + 0.05) * len(rooms)) if _LIMIT not in first.reason else 0
            rest = waiting[fits:]
            waiting = await self._through(gate, rooms, waiting[:fits], tried, usual)
            if last:
                tried.left += rest
            else:
                waiting += rest
            if not waiting:
                return tried, ""
        tried.survived = waiting
        await self._executed(whole, rooms, tried, usual)
        return tried, ""

    async def _through(
        self, gate: Gate, rooms: Sequence[Room], waiting: Sequence[Mutant], tried: Tried, usual: float
    ) -> list[Mutant]:
        queue = list(waiting)
        passed: list[Mutant] = []

        async def work(room: Room) -> None:
            while queue:
                mutant = queue.pop(0)
                if time.monotonic() > self.until:
                    tried.left.append(mutant)
                    continue
                told = await self._with(gate, room, mutant.path, mutant.content, usual)
                ends = {"killed": tried.killed, "crashed": tried.crashed, "slow": tried.timed_out}
                ends.get(told, passed).append(mutant)

        await together(work(room) for room in rooms)
        return passed

    async def _executed(self, gates: Sequence[Gate], rooms: Sequence[Room], tried: Tried, usual: float) -> None:
        """An exception in a statement's place that no test meets: the statement is not executed."""
        asked: dict[bytes, bool] = {}
        for mutant in tried.survived:
            if mutant.poisoned in asked or time.monotonic() + usual > self.until:
                continue
            quiet = True
            for gate in gates:
                told = await self._with(gate, rooms[0], mutant.path, mutant.poisoned, usual) if quiet else ""
                quiet = told == "passed"
            asked[mutant.poisoned] = quiet
        tried.uncovered = [mutant for mutant in tried.survived if asked.get(mutant.poisoned)]
        tried.survived = [mutant for mutant in tried.survived if mutant not in tried.uncovered]

    async def _with(self, gate: Gate, room: Room, path: str, content: bytes, usual: float) -> str:
        original = room.read(path)
        room.write(path, content)
        try:
            result, _ = await self._ask(gate, room, min(usual * 4 + 5, _SLOWEST))
        finally:
            room.write(path, original)
        if result.outcome is Outcome.PASSED:
            return "passed"
        if _LIMIT in result.reason:
            return "slow"
        return "killed" if asserted(result) else "crashed"

    async def _ask(self, gate: Gate, room: Room, seconds: float) -> tuple[GateResult, float]:
        """One run up to the first failure, and how long it took."""
        hasty = _hasty(gate).model_copy(update={"timeout": min(gate.timeout, seconds)})
        started = time.monotonic()
        result = await run_gate(
            CHECK, hasty, room, tree="mutant", environment=self.environment, reruns=0, files=self.known
        )
        return result, time.monotonic() - started


def _hasty(gate: Gate) -> Gate:
    """The gate, stopped by its first failure."""
    told = words(gate.run)
    stop = {"pytest": "-x", "jest": "--bail", "vitest": "--bail=1", "mocha": "--bail", "unittest": "-f"}.get(told.tool)
    if stop is None or (told.tool == "unittest" and "discover" not in told.args and not told.args):
        return gate
    args = (*told.args, stop)
    return gate.model_copy(update={"run": replace(told, args=args).argv})


# -- what it means -----------------------------------------------------------------------------------------------------


def _objections(tried: Tried, gate: Gate) -> tuple[Objection, ...]:
    """No assertion minds any: the tests prove nothing. Fewer than half of a function's gross mutants are noticed, or
    none by an assertion: too much is open. A survivor among others that are noticed is said and left to the reader."""
    unnoticed = tried.unnoticed
    gross = sum(1 for mutant in unnoticed if mutant.gross)
    if not tried.killed and gross >= (ENOUGH if tried.left else 1):
        return (_nothing_proved(unnoticed, tried, gate),)
    raised = []
    for place in dict.fromkeys(mutant.place for mutant in unnoticed):
        here = [mutant for mutant in unnoticed if mutant.place == place]
        noticed = sum(1 for mutant in tried.noticed if mutant.place == place and mutant.gross)
        gross = sum(1 for mutant in here if mutant.gross)
        unasserted = all(mutant.place != place for mutant in tried.killed)
        weak = gross > 0 and (unasserted or noticed / (noticed + gross) < SHARE)
        for mutant in here:
            severity = Severity.MEDIUM if weak and mutant.gross else Severity.LOW
            raised.append(_survivor(mutant, tried, gate, severity))
    return tuple(sorted(raised, key=lambda objection: objection.severity is Severity.LOW))


def _nothing_proved(unnoticed: Sequence[Mutant], tried: Tried, gate: Gate) -> Objection:
    first = unnoticed[0]
    count = len(unnoticed) + len(tried.crashed) + len(tried.timed_out)
    never = "no test executes that code" if len(tried.uncovered) == count else "no assertion minds any of them"
    return minded(
        "proof/mutant-survived",
        f"the tests prove nothing about {first.scope or first.path}: faults put into the change go unnoticed",
        first.path,
        line_=first.line,
        cause=f"{len(unnoticed)} of {count} faults survive, and {never}; write a test that fails when one is there",
        evidence="\n".join(f"{mutant.path}:{mutant.line}: {mutant.what}" for mutant in unnoticed[:20]),
        source=Source.RED_PROOF,
        severity=Severity.HIGH,
        probe=shown(gate.run),
    )


def _no_time(gate: Gate, seconds: float, total: int) -> Objection:
    return minded(
        "proof/mutants-left-open",
        "no fault could be tried in the changed lines in the time given: the tests are too slow",
        "",
        cause=f"{total} faults are possible; give more than {seconds:g} seconds",
        source=Source.RED_PROOF,
        severity=Severity.LOW,
        probe=shown(gate.run),
    )


def _survivor(mutant: Mutant, tried: Tried, gate: Gate, severity: Severity) -> Objection:
    never = mutant in tried.uncovered
    return minded(
        "proof/mutant-survived",
        f"no test minds: {mutant.what}{f' in {mutant.scope}' if mutant.scope else ''}",
        mutant.path,
        line_=mutant.line,
        cause="no test executes it" if never else "tests execute it, and none asserts what it decides",
        source=Source.RED_PROOF,
        severity=severity,
        probe=shown(gate.run),
    )


def _told(
    change: ChangeSet,
    gate: Gate,
    environment: str,
    tried: Tried,
    total: int,
    found: Sequence[Objection],
    problem: str,
    seconds: float,
) -> Measured:
    decided = len(tried.noticed) + len(tried.unnoticed)
    counts = (
        f"{decided} of {total} mutants of the changed lines tried: {len(tried.killed) + len(tried.crashed)} killed, "
        f"{len(tried.survived)} survived, {len(tried.timed_out)} timed out, {len(tried.uncovered)} not covered"
        f"{f', {len(tried.left)} left open for want of time' if tried.left else ''}"
    )
    blocks = any(objection.blocks for objection in found)
    outcome = Outcome.REFUSED if problem else Outcome.FAILED if blocks else Outcome.PASSED
    result = GateResult(
        gate=CHECK,
        kind=GateKind.RED_PROOF,
        outcome=outcome,
        reason=line(problem or counts),
        evidence=Evidence(
            tree=change.head or "head",
            argv=gate.run,
            environment=environment,
            definition=gate.digest(),
            examined=decided,
            unit="mutants",
            seconds=round(seconds, 3),
            at=datetime.now(UTC),
        ),
    )
    return Measured(result=result, objections=tuple(found))

"""Run one gate in a room and come to its verdict, with the evidence it rests on."""

import asyncio
import hashlib
import os
import stat
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from ..model.command import CommandLimits, Completed
from ..model.evidence import Evidence, GateKind, GateResult, Outcome
from ..model.gate import Gate, TaskGate
from ..ports import Room
from .commands import REPORT_FILE, in_shell, only
from .reading import KEPT_FINDINGS, LOOKED_AT, Layout, Reading, capped, line
from .scenarios import all_of
from .tools import count_command, tool_of
from .tripwire import Tripwire
from .verdict import Verdict, judge
from .words import words

REPORT_BYTES = 64 * 1024 * 1024
OUTPUT_BYTES = 4 * 1024 * 1024
"""Kept output per stream of a gate: the counts of some tools stand in it."""
TAIL = 8000
RERUN_TESTS = 50
"""Most failing tests that are run again; where more fail, flakiness is not the trouble."""
WHOLE = "the whole command"
ENVIRONMENT = {"CI": "1", "NO_COLOR": "1", "PYTHONDONTWRITEBYTECODE": "1", "PY_COLORS": "0"}
"""What every gate's command is told."""


@dataclass(frozen=True)
class Around:
    """How the place a gate runs in differs from the usual one."""

    env: Mapping[str, str] = field(default_factory=dict)
    first: str = ""
    """Shell words that are run before the command, in its own sandbox."""

    def of(self, argv: Sequence[str]) -> Sequence[str]:
        """`argv` with what comes first before it."""
        return ("sh", "-c", f'{self.first}; exec "$@"', "sh", *argv) if self.first else argv


HERE = Around()


def sha256(content: bytes) -> str:
    """The name content is kept under; keeps nothing."""
    return hashlib.sha256(content).hexdigest()


Keep = Callable[[bytes], str]
"""Keeps the whole output by content and says its SHA-256 (`Store.put_blob`)."""


async def run_gate(
    name: str,
    gate: Gate,
    room: Room,
    *,
    tree: str,
    environment: str,
    keep: Keep = sha256,
    reruns: int = 2,
    files: frozenset[str] | None = None,
    wires: Tripwire | None = None,
    around: Around = HERE,
) -> GateResult:
    """The verdict of `gate` on `room`, whose files are those of git tree `tree`. Never raises for what a tool does;
    SandboxError passes. Failing tests are run up to `reruns` times again to tell flaky from red. `wires` lie in the
    room already: they must be reported as they should, and are taken out of the result. `around` says in
    which other surroundings it runs."""
    known = frozenset(await asyncio.to_thread(room.files)) if files is None else files
    layout = Layout(room.inside, gate.where, known)
    started = time.monotonic()
    done, verdict = await _once(wires.gate if wires else gate, room, layout, around)
    if wires:
        verdict = wires.unwired(verdict, done)
    flaky = await _unsteady(gate, room, layout, verdict, reruns)
    result = result_of(
        name, gate, done, _weighed(verdict, flaky), flaky, tree, environment, keep, time.monotonic() - started
    )
    if wires is None:
        return result
    told = wires.without(whole_output(gate.run, done))
    readable = "" if result.green else keep(told.encode("utf-8", "replace"))
    return result.model_copy(
        update={"tail": capped(wires.shown(result.tail, result.tests), TAIL), "readable": readable}
    )


async def _once(gate: Gate, room: Room, layout: Layout, around: Around = HERE) -> tuple[Completed, Verdict]:
    with tempfile.TemporaryDirectory(prefix="setpoint-reports-") as folder:
        reports = Path(folder)
        limits = CommandLimits(seconds=gate.timeout, output_bytes=OUTPUT_BYTES)
        argv, env = around.of(in_shell(gate)), {**ENVIRONMENT, **around.env}
        asking = asyncio.ensure_future(_listed(gate, room, layout))
        try:
            done = await room.run(argv, limits=limits, env=env, reports=reports, network=gate.network)
            listed = await asking
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
        report = read_report(reports / REPORT_FILE) if gate.report != "exit" else None
    verdict = judge(gate, done, report, layout, listed)
    count = gate.count if isinstance(gate, TaskGate) else None
    return done, all_of(count, verdict, done) if count else verdict


def read_report(path: Path) -> bytes | None:
    """The report's bytes; None when there is none, or when it is not a plain file of bearable size. The sandbox wrote
    it: it may be a link out of the folder, a pipe or endless."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        return None
    with os.fdopen(handle, "rb") as file:
        content = file.read(REPORT_BYTES + 1)
    return content if len(content) <= REPORT_BYTES else None


async def _listed(gate: Gate, room: Room, layout: Layout) -> tuple[str, ...] | None:
    """The files that a tool says it would examine, for tools whose report does not say."""
    asking = count_command(gate.run)
    if asking is None:
        return None
    gate = gate.model_copy(update={"run": asking})
    done = await room.run(in_shell(gate), limits=CommandLimits(seconds=gate.timeout, output_bytes=OUTPUT_BYTES))
    # A configuration file that is looked at too is not the code the gate is there for.
    listed = (name for name in done.stdout.splitlines() if name.strip() and not name.endswith(".toml"))
    return tuple(line(layout.path(name)) for name in listed) if done.exit_code == 0 else None


async def _unsteady(gate: Gate, room: Room, layout: Layout, verdict: Verdict, reruns: int) -> tuple[str, ...]:
    """Failed tests that pass when they are run again on the same tree; WHOLE, where a command tells no tests apart."""
    if verdict.outcome is not Outcome.FAILED or not reruns or not (gate.kind.runs_tests or gate.kind is GateKind.TASK):
        return ()
    left = [test.id for test in verdict.reading.bad if "::" in test.id]
    if not left or len(left) > RERUN_TESTS:
        whole = not verdict.reading.tests and verdict.reading.unit == "tests"
        return (WHOLE,) if whole and (await _once(gate, room, layout))[1].outcome is Outcome.PASSED else ()
    passed: list[str] = []
    for _ in range(reruns if left else 0):
        _, second = await _once(_narrowed(gate, left, layout), room, layout)
        outcomes = {test.id: test.outcome for test in second.reading.tests}
        passed += [test for test in left if outcomes.get(test) == "passed"]
        left = [test for test in left if outcomes.get(test) != "passed"]
        if not left:
            break
    return tuple(sorted(passed))


def _narrowed(gate: Gate, tests: Sequence[str], layout: Layout) -> Gate:
    """The gate for these tests alone, or for their files, as its tool takes them; else the whole of it."""
    tool, local = words(gate.run).tool, [layout.local(test) for test in tests]
    if tool == "pytest":
        return only(gate, local, layout.files) or gate
    if tool in ("unittest", "django test"):
        names = [test.replace(".py::", ".").replace("::", ".").replace("/", ".") for test in local]
        return only(gate, names, layout.files) or gate
    files = dict.fromkeys(test.partition("::")[0] for test in tests)
    known = [layout.local(path) for path in files if path in layout.files]
    return (only(gate, known, layout.files) if len(known) == len(files) else None) or gate


def _weighed(verdict: Verdict, flaky: tuple[str, ...]) -> Verdict:
    if not flaky:
        return verdict
    if flaky == (WHOLE,):
        return Verdict(
            verdict.outcome, "flaky: it failed, then passed when run again on the same tree", verdict.reading
        )
    names = ", ".join(flaky[:3]) + (", …" if len(flaky) > 3 else "")
    steady = len(verdict.reading.bad) - len(flaky)
    others = f"; {steady} more failed every time" if steady else ""
    reason = line(f"flaky: {len(flaky)} of the failed tests passed when run again on the same tree: {names}{others}")
    return Verdict(verdict.outcome, reason, verdict.reading)


def result_of(
    name: str,
    gate: Gate,
    done: Completed,
    verdict: Verdict,
    flaky: tuple[str, ...],
    tree: str,
    environment: str,
    keep: Keep,
    seconds: float,
) -> GateResult:
    """The verdict as it is kept, with the evidence it rests on."""
    output = whole_output(gate.run, done)
    reading: Reading = verdict.reading
    evidence = Evidence(
        tree=tree,
        argv=gate.run,
        environment=environment,
        definition=gate.digest(),
        examined=max(reading.examined, 0),
        unit=reading.unit,
        exit_code=done.exit_code,
        seconds=round(seconds, 3),
        output=keep(output.encode("utf-8", "replace")),
        sandbox=done.contained,
        network=gate.network,
        connections=done.connections,
        at=datetime.now(UTC),
    )
    return GateResult(
        gate=name,
        kind=gate.kind,
        outcome=verdict.outcome,
        reason=_with_refusals(verdict, done),
        evidence=evidence,
        tests=reading.tests,
        findings=reading.findings[:KEPT_FINDINGS],
        looked_at=reading.looked_at if len(reading.looked_at) <= LOOKED_AT else (),
        partial=reading.partial or len(reading.findings) > KEPT_FINDINGS,
        tail=capped((done.stdout + done.stderr).strip(), TAIL),
        readable="" if verdict.outcome is Outcome.PASSED else evidence.output,
        flaky=flaky,
    )


def _with_refusals(verdict: Verdict, done: Completed) -> str:
    """The reason, with the hosts it was not let to where that may be the cause."""
    refused = [one.host for one in done.connections if not one.allowed]
    if not refused or verdict.outcome is Outcome.PASSED or refused[0] in verdict.reason:
        return verdict.reason
    return line(f"{verdict.reason}; not let to {', '.join(refused[:3])}")


def whole_output(argv: Sequence[str], done: Completed) -> str:
    """Command, code and both streams, as kept."""
    cut = "\n(output was longer than what is kept)" if done.truncated else ""
    return f"$ {' '.join(argv)}\n{done.stdout}\n--- stderr\n{done.stderr}\n--- exit {done.exit_code}{cut}\n"


def is_test_tool(gate: Gate) -> bool:
    """Whether the gate's tool reports tests one by one."""
    return gate.report in ("junit", "json") or (tool_of(gate.run) is not None and words(gate.run).tool == "unittest")

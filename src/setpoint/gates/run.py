"""Run one gate in a room and come to its verdict, with the evidence it rests on."""

import asyncio
import hashlib
import os
import stat
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from ..model.command import CommandLimits, Completed
from ..model.evidence import Evidence, GateResult, Outcome
from ..model.gate import Gate
from ..ports import Room
from .commands import REPORT_FILE, in_shell, only, words
from .reading import KEPT_FINDINGS, Layout, Reading, capped, line
from .tools import count_command, tool_of
from .verdict import Verdict, judge

REPORT_BYTES = 64 * 1024 * 1024
OUTPUT_BYTES = 4 * 1024 * 1024
"""Kept output per stream of a gate: the counts of some tools stand in it."""
TAIL = 8000
RERUN_TESTS = 50
"""Most failing tests that are run again; where more fail, flakiness is not the trouble."""
ENVIRONMENT = {"CI": "1", "NO_COLOR": "1", "PYTHONDONTWRITEBYTECODE": "1", "PY_COLORS": "0"}
"""What every gate's command is told."""


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
) -> GateResult:
    """The verdict of `gate` on `room`, whose files are those of git tree `tree`. Never raises for what a tool does;
    SandboxError passes. Failing tests are run up to `reruns` times again to tell flaky from red."""
    known = frozenset(await asyncio.to_thread(room.files)) if files is None else files
    layout = Layout(room.inside, gate.where, known)
    started = time.monotonic()
    done, verdict = await _once(gate, room, layout)
    flaky = await _unsteady(gate, room, layout, verdict, reruns)
    return _result(
        name, gate, done, _weighed(verdict, flaky), flaky, tree, environment, keep, time.monotonic() - started
    )


async def _once(gate: Gate, room: Room, layout: Layout) -> tuple[Completed, Verdict]:
    with tempfile.TemporaryDirectory(prefix="setpoint-reports-") as folder:
        reports = Path(folder)
        limits = CommandLimits(seconds=gate.timeout, output_bytes=OUTPUT_BYTES)
        done = await room.run(in_shell(gate), limits=limits, env=ENVIRONMENT, reports=reports)
        report = read_report(reports / REPORT_FILE) if gate.report != "exit" else None
    examined = await _asked_count(gate, room) if done.exit_code in (0, 1) else None
    return done, judge(gate, done, report, layout, examined)


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


async def _asked_count(gate: Gate, room: Room) -> int | None:
    asking = count_command(gate.run)
    if asking is None:
        return None
    gate = gate.model_copy(update={"run": asking})
    done = await room.run(in_shell(gate), limits=CommandLimits(seconds=gate.timeout, output_bytes=OUTPUT_BYTES))
    # A configuration file that is looked at too is not the code the gate is there for.
    listed = [name for name in done.stdout.splitlines() if name.strip() and not name.endswith(".toml")]
    return len(listed) if done.exit_code == 0 else None


async def _unsteady(gate: Gate, room: Room, layout: Layout, verdict: Verdict, reruns: int) -> tuple[str, ...]:
    """Failed tests that pass when they are run again on the same tree."""
    left = [test.id for test in verdict.reading.bad if "::" in test.id]
    if verdict.outcome is not Outcome.FAILED or not left or len(left) > RERUN_TESTS or words(gate.run).tool != "pytest":
        return ()
    passed: list[str] = []
    for _ in range(reruns):
        again = only(gate, [layout.local(test) for test in left], layout.files)
        if again is None or not left:
            break
        _, second = await _once(again, room, layout)
        outcomes = {test.id: test.outcome for test in second.reading.tests}
        passed += [test for test in left if outcomes.get(test) == "passed"]
        left = [test for test in left if outcomes.get(test) != "passed"]
    return tuple(sorted(passed))


def _weighed(verdict: Verdict, flaky: tuple[str, ...]) -> Verdict:
    if not flaky:
        return verdict
    names = ", ".join(flaky[:3]) + (", …" if len(flaky) > 3 else "")
    steady = len(verdict.reading.bad) - len(flaky)
    others = f"; {steady} more failed every time" if steady else ""
    reason = line(f"flaky: {len(flaky)} of the failed tests passed when run again on the same tree: {names}{others}")
    return Verdict(verdict.outcome, reason, verdict.reading)


def _result(
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
        sandbox=done.level,
        at=datetime.now(UTC),
    )
    return GateResult(
        gate=name,
        kind=gate.kind,
        outcome=verdict.outcome,
        reason=verdict.reason,
        evidence=evidence,
        tests=reading.tests,
        findings=reading.findings[:KEPT_FINDINGS],
        tail=capped((done.stdout + done.stderr).strip(), TAIL),
        flaky=flaky,
    )


def whole_output(argv: Sequence[str], done: Completed) -> str:
    """Command, code and both streams, as kept."""
    cut = "\n(output was longer than what is kept)" if done.truncated else ""
    return f"$ {' '.join(argv)}\n{done.stdout}\n--- stderr\n{done.stderr}\n--- exit {done.exit_code}{cut}\n"


def is_test_tool(gate: Gate) -> bool:
    """Whether the gate's tool reports tests one by one."""
    return gate.report in ("junit", "json") or (tool_of(gate.run) is not None and words(gate.run).tool == "unittest")

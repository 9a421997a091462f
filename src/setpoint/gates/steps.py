"""A check of several steps: they are done one after the other in one sandbox, where the service that one starts is
there for the next, and are judged here."""

import asyncio
import json
import secrets
import shlex
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from ..model.command import CommandLimits, Completed
from ..model.evidence import GateResult, Outcome
from ..model.gate import TaskGate
from ..model.numbers import counted
from ..model.page import PageStep
from ..model.record import Record
from ..model.steps import LogStep, RequestStep, RowsStep, RunStep, ServeStep, Step
from ..ports import Room
from .checks import command_of
from .commands import REPORT_FILE, in_shell, shown
from .grounds import report_below
from .page_verdicts import viewed
from .reading import Layout, Reading, line
from .run import ENVIRONMENT, OUTPUT_BYTES, Keep, result_of, sha256
from .scenarios import all_of
from .step_verdicts import Seen, Told, answered, failed, logged, queried, served, stopped
from .verdict import Verdict, judge, never_judged

INSIDE = Path(__file__).with_name("steps_inside.py")
BROWSER = Path(__file__).with_name("browser_inside.py")
LIBRARY = Path(__file__).with_name("page_inside.js")
PICTURE = "page.png"
_PNG = b"\x89PNG"
_LEFT = 10.0
"""Seconds before the check's time is over in which what came of the steps is told."""


class _Stop(Record):
    """The service is stopped."""

    do: Literal["stop"] = "stop"


_Doing = Step | _Stop


class _All(Record):
    nonce: str
    told: tuple[Told, ...]


async def take_steps(
    name: str,
    gate: TaskGate,
    room: Room,
    *,
    tree: str,
    environment: str,
    keep: Keep = sha256,
    files: frozenset[str] | None = None,
) -> GateResult:
    """The verdict of a check of several steps on `room`, a clean checkout of git tree `tree` that nothing else uses.
    Never raises for what they do; SandboxError passes. A service is gone when this returns."""
    known = frozenset(await asyncio.to_thread(room.files)) if files is None else files
    started = time.monotonic()
    doing = _in_order(gate.steps)
    with tempfile.TemporaryDirectory(prefix="setpoint-reports-") as folder:
        reports = Path(folder)
        done, told = await _done(doing, gate, room, reports)
        trouble = never_judged(gate, done)
        layout = Layout(room.inside, gate.where, known)
        seen = [_seen(doing, at, came, gate, layout, reports) for at, came in enumerate(told)]
        pictures = _pictures(doing, reports, keep)
    if not told and not trouble:
        trouble = f"the steps did not tell what came of them{_last_words(done)}"
    verdict = _verdict(doing, seen, trouble)
    spoken = done.model_copy(update={"stdout": _transcript(doing, seen)})
    result = result_of(name, gate, spoken, verdict, (), tree, environment, keep, time.monotonic() - started)
    return result.model_copy(update={"pictures": pictures})


def _pictures(doing: Sequence[_Doing], reports: Path, keep: Keep) -> tuple[str, ...]:
    """What was seen of each page, kept by content."""
    names = [f"{at}-{PICTURE}" for at, step in enumerate(doing) if isinstance(step, PageStep)]
    found = [report_below(reports, name) for name in names]
    return tuple(keep(content) for content in found if content and content.startswith(_PNG))


async def _done(
    doing: Sequence[_Doing], gate: TaskGate, room: Room, reports: Path
) -> tuple[Completed, tuple[Told, ...]]:
    nonce = secrets.token_hex(16)
    steps = [_asked(at, step, gate) for at, step in enumerate(doing)]
    seconds = max(1.0, gate.timeout - min(_LEFT, gate.timeout / 4))
    done = await room.run(
        ("python3", "-I", "-c", INSIDE.read_text(encoding="utf-8")),
        limits=CommandLimits(seconds=gate.timeout, output_bytes=OUTPUT_BYTES),
        env=ENVIRONMENT,
        stdin=json.dumps({"nonce": nonce, "seconds": seconds, "steps": steps}),
        reports=reports,
    )
    try:
        told = _All.model_validate_json(report_below(reports, "told.json") or b"")
    except ValidationError:
        return done, ()
    # What runs in the same sandbox may write there too; it was never told this word.
    return done, told.told if secrets.compare_digest(told.nonce, nonce) and len(told.told) <= len(doing) else ()


def _in_order(steps: Sequence[Step]) -> tuple[_Doing, ...]:
    """The steps with the place where the service is stopped: before logs that nothing is to be written to any more, so
    that what it held back is there; else at the end."""
    if not any(isinstance(step, ServeStep) for step in steps):
        return tuple(steps)
    last = max(at for at, step in enumerate(steps) if isinstance(step, RunStep | ServeStep | RequestStep | PageStep))
    at = next((at for at, step in enumerate(steps) if at > last and isinstance(step, LogStep)), len(steps))
    return (*steps[:at], _Stop(), *steps[at:])


def _asked(at: int, step: _Doing, gate: TaskGate) -> dict[str, Any]:
    if isinstance(step, RunStep):
        return {"do": step.do, "argv": in_shell(command_of(step.command, gate.timeout)), "reports": str(at)}
    if isinstance(step, ServeStep):
        return {"do": step.do, "argv": in_shell(command_of(step.command)), "port": step.port}
    if isinstance(step, RequestStep):
        body = None if step.body is None else json.dumps(step.body)
        return {"do": step.do, "method": step.method, "path": step.path, "body": body}
    if isinstance(step, PageStep):
        acts = [act.model_dump(mode="json") for act in step.acts]
        told = {"program": BROWSER.read_text(encoding="utf-8"), "library": LIBRARY.read_text(encoding="utf-8")}
        return {"do": step.do, "path": step.path, "acts": acts, "picture": f"{at}-{PICTURE}", **told}
    return step.model_dump(mode="json")


def _seen(doing: Sequence[_Doing], at: int, told: Told, gate: TaskGate, layout: Layout, reports: Path) -> Seen:
    step = doing[at]
    if isinstance(step, RunStep):
        return _ran(step, told, gate, layout, report_below(reports, f"{at}/{REPORT_FILE}"))
    if isinstance(step, RowsStep):
        return queried(step, told)
    if isinstance(step, LogStep):
        return logged(step, told)
    service = next(step for step in doing if isinstance(step, ServeStep))
    if isinstance(step, RequestStep):
        return answered(step, told, service)
    if isinstance(step, PageStep):
        return viewed(step, told)
    return served(service, told) if isinstance(step, ServeStep) else stopped(service, told)


def _ran(step: RunStep, told: Told, gate: TaskGate, layout: Layout, report: bytes | None) -> Seen:
    """A command is judged as it would be on its own."""
    command = command_of(step.command, gate.timeout)
    late = {"timed_out": True, "killed": "time"} if told.late else {}
    said = {"exit_code": told.code or 0, "stdout": told.out, "stderr": told.err, "seconds": 0.0}
    done = Completed.model_validate({**said, **late})
    verdict = judge(command, done, report if command.report != "exit" else None, layout)
    verdict = all_of(step.count, verdict, done) if step.count else verdict
    output = f"{told.out}{told.err}".strip()
    quiet = verdict.reading.guessed and verdict.outcome is Outcome.PASSED
    words = line(f"{step.command}: {'exit code 0' if quiet else verdict.reason}")
    if verdict.outcome is not Outcome.FAILED:
        return Seen(verdict.outcome, words, output=output)
    return failed(step.command, _file(step, layout), verdict.reason, output, shown(command.run))


def _file(step: RunStep, layout: Layout) -> str:
    """The file of the repository that a command names; else the command."""
    words = shlex.split(step.command)
    return next((word for word in map(layout.path, words) if word in layout.files), line(step.command))


def _verdict(doing: Sequence[_Doing], seen: Sequence[Seen], trouble: str) -> Verdict:
    steps = [one for one, step in zip(seen, doing, strict=False) if not isinstance(step, _Stop)]
    count = sum(1 for step in doing if not isinstance(step, _Stop))
    findings = tuple(finding for one in seen for finding in one.findings)
    reading = Reading(len(steps), "steps", findings=findings)
    if findings:
        more = f"; {len(findings) - 1} more" if len(findings) > 1 else ""
        return Verdict(
            Outcome.FAILED, line(f"{len(steps)} of {count} steps done: {findings[0].message}{more}"), reading
        )
    refused = next((one.words for one in seen if one.outcome is Outcome.REFUSED), "") or trouble
    if refused or len(seen) < len(doing):
        reading = replace(reading, examined=0 if trouble else len(steps))
        return Verdict(Outcome.REFUSED, line(refused or "not all steps were done"), reading)
    return Verdict(
        Outcome.PASSED, line(f"{counted(count, 'steps')} held: {'; '.join(one.words for one in steps)}"), reading
    )


def _transcript(doing: Sequence[_Doing], seen: Sequence[Seen]) -> str:
    """What was done, what came of it and what it said."""
    parts = []
    for step, one in zip(doing, seen, strict=False):
        said = f"\n{one.output}" if one.output else ""
        parts.append(f"[{step.do}] {one.outcome.value}: {one.words}{said}")
    return "\n".join(parts) + "\n"


def _last_words(done: Completed) -> str:
    said = [text.strip() for text in (done.stderr or done.stdout).splitlines() if text.strip()]
    return f"; it said: {said[-1][:200]}" if said else ""

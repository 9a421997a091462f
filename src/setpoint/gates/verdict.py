"""From what a command did to a verdict. Pure. Refused is the answer to every doubt."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ..model.command import Completed
from ..model.evidence import GateKind, Outcome
from ..model.gate import Gate
from ..model.numbers import counted
from . import spoken
from .junit import read_junit
from .reading import Layout, Reading, line, unreadable
from .reports import read_cobertura, read_json, read_sarif
from .tools import Tool, tool_of
from .words import words

_READERS: dict[str, Callable[[bytes, Layout], Reading]] = {
    "junit": read_junit,
    "sarif": read_sarif,
    "cobertura": read_cobertura,
    "json": read_json,
}
_MISSING = re.compile(
    r"^\S*python[\d.]*: No module named ([\w.]+)$"
    r"|^(?:\S+: )?(?:line )?(?:\d+: )?(?:exec: )?(\S+): (?:command )?not found$"
    r"|^(?:bwrap: )?execvp (\S+): No such file or directory$"
    r"|^make: (\S+): No such file or directory$"
    r"|^npm (?:ERR!|error) Missing script: (\S+)$"
    r"|^make: \*\*\* No rule to make target (\S+?),?\.?(?:  Stop\.)?$",
    re.MULTILINE,
)
_SIGNALS = {132: "SIGILL", 134: "SIGABRT", 135: "SIGBUS", 136: "SIGFPE", 137: "SIGKILL", 139: "SIGSEGV", 143: "SIGTERM"}


@dataclass(frozen=True)
class Verdict:
    """The outcome, why, and what it rests on."""

    outcome: Outcome
    reason: str
    reading: Reading


def judge(
    gate: Gate, done: Completed, report: bytes | None, layout: Layout, listed: Sequence[str] | None = None
) -> Verdict:
    """The verdict on one finished command. `listed` are the files a tool names that had to be asked for them."""
    trouble = never_judged(gate, done)
    if trouble:
        return _refused(trouble, unreadable(trouble, unit_of(gate.kind)))
    tool = tool_of(gate.run)
    reading = read(gate, done, report, layout, tool)
    if listed is not None and not reading.problem:
        reading = replace(reading, examined=len(listed), looked_at=tuple(listed), guessed=False)
    if tool and any(part.partition("=")[0] in tool.strict for part in gate.run):
        reading = replace(reading, findings=(*reading.findings, *reading.notes))
    if tool and done.exit_code not in tool.judges:
        name = words(gate.run).tool
        meaning = tool.says.get(done.exit_code, "which is no verdict of it")
        return _refused(
            f"{name} exited with {done.exit_code}: {meaning}{_first_bad(reading)}{_last_words(done)}", reading
        )
    if reading.problem:
        return _refused(reading.problem + _last_words(done), reading)
    unread = [found for found in reading.findings if tool and found.rule in tool.refuses]
    if unread:
        return _refused(f"{unread[0].path} could not be read: {unread[0].message}", reading)
    return rejudged(done, reading)


def rejudged(done: Completed, reading: Reading) -> Verdict:
    """The verdict on a reading of a tool that came to one."""
    if reading.examined <= 0:
        skipped = f"; {len(reading.tests)} were skipped" if reading.tests else ""
        return _refused(f"nothing was examined: 0 {reading.unit}{skipped}", reading)
    return _judged(done, reading)


def never_judged(gate: Gate, done: Completed) -> str:
    """Why the tool cannot have come to a verdict; empty when it can."""
    if done.services:
        return done.services
    if done.timed_out or done.killed == "time" or done.exit_code == 124:
        return f"it was stopped after {gate.timeout:g} seconds, its time limit"
    if done.killed:
        return f"it was killed for reaching the limit on {done.killed}"
    missing = _missing(done)
    if missing:
        return f"{missing} is missing in the sandbox"
    if done.exit_code == 125 and gate.where != ".":
        return f"the folder {gate.where} is not there"
    if done.exit_code < 0:
        return f"it crashed on signal {-done.exit_code}"
    if done.exit_code in _SIGNALS and words(gate.run).tool != "mocha":
        return f"it crashed on {_SIGNALS[done.exit_code]}"
    return ""


def _missing(done: Completed) -> str:
    told = _MISSING.search(done.stderr) or _MISSING.search(done.stdout)
    name = next((group.strip("'\"`") for group in told.groups() if group), "") if told else ""
    if done.exit_code in (126, 127):
        return name or "the command"
    # The words alone prove nothing: a test may print them. Only these programs say so and exit like that.
    wrapped = done.exit_code and told and told[0].startswith(("make: ***", "npm", "bwrap", "execvp"))
    module = done.exit_code == 1 and told and told[1] and not done.stdout.strip()
    inner = done.exit_code == 2 and re.search(r"^make: \*\*\* \[.*\] Error 12[67]$", done.stderr, re.MULTILINE)
    return (name or "the command") if wrapped or module or inner else ""


def read(gate: Gate, done: Completed, report: bytes | None, layout: Layout, tool: Tool | None) -> Reading:
    """What the report or the output tells."""
    unit = unit_of(gate.kind)
    if gate.report != "exit":
        if report is None:
            return unreadable("it wrote no report", unit)
        return _READERS[gate.report](report, layout)
    if tool and tool.text:
        return tool.text(done, layout) or unreadable(f"the output of {words(gate.run).tool} holds no count", unit)
    told = spoken.counted(done) if gate.kind.runs_tests or gate.kind is GateKind.TASK else None
    if told is not None:
        return Reading(told, "tests")
    return Reading(layout.count(), "files", guessed=True)


def unit_of(kind: GateKind) -> str:
    """What gates of this kind count."""
    return "tests" if kind.runs_tests else "lines" if kind is GateKind.COVERAGE else "files"


def _judged(done: Completed, reading: Reading) -> Verdict:
    total = counted(reading.examined, reading.unit)
    by_code = f"; judged by exit code {done.exit_code}, {total} in sight" if reading.guessed else ""
    if reading.bad:
        names = ", ".join(test.id for test in reading.bad[:3]) + (", …" if len(reading.bad) > 3 else "")
        lied = "" if done.exit_code else " though it exited with 0"
        return Verdict(Outcome.FAILED, line(f"{len(reading.bad)} of {total} failed{lied}: {names}"), reading)
    if done.exit_code == 0 and not reading.findings:
        skipped = sum(1 for test in reading.tests if test.outcome == "skipped")
        words_ = f"no complaint{by_code}" if by_code else f"{total} examined, nothing to complain"
        if reading.unit == "tests":
            words_ = f"{total} passed{f', {skipped} skipped' if skipped else ''}"
        return Verdict(Outcome.PASSED, line(words_), reading)
    if reading.findings:
        first = reading.findings[0]
        at = f"{first.path}{f':{first.line}' if first.line else ''}"
        many = f"{counted(len(reading.findings), 'findings')} in {total}"
        told = Verdict(Outcome.FAILED, line(f"{many}, first {at}: {first.rule} {first.message}"), reading)
        # Some tools report notes and exit with 0: their own word stands.
        return told if done.exit_code else Verdict(Outcome.PASSED, line(f"{many}, none that fails the tool"), reading)
    why = f"though no test of {total} failed" if reading.tests else by_code.removeprefix("; ") or f"{total} examined"
    return Verdict(Outcome.FAILED, line(f"it exited with {done.exit_code}, {why}{_last_words(done)}"), reading)


def _refused(reason: str, reading: Reading) -> Verdict:
    return Verdict(Outcome.REFUSED, line(reason), reading)


def _first_bad(reading: Reading) -> str:
    if not reading.bad:
        return ""
    test = reading.bad[0]
    telling = re.findall(r"^E\s+(\S.*)$", test.message, re.MULTILINE)
    return f" ({test.id}: {(telling or test.message.splitlines() or [test.outcome])[-1]})"


def _last_words(done: Completed) -> str:
    said = [text.strip() for text in (done.stderr or done.stdout).splitlines() if text.strip()]
    return f"; it said: {said[-1][:200]}" if said else ""

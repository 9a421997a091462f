"""What came of each step of a check, judged. Pure: nothing is run here."""

import json
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..model.evidence import Finding, Outcome, Shown
from ..model.numbers import counted
from ..model.record import Record
from ..model.steps import ANY, LogStep, RequestStep, RowsStep, ServeStep
from .reading import capped, line
from .steps_inside import ENDING, READY

_MISSING = (126, 127)
_RUNNERS = ("make: ***", "make[", "npm ERR!", "npm error")
Row = tuple[int, str]


class ActTold(Record):
    """What came of one act on a page."""

    ok: bool
    count: int | None = None
    barriers: tuple[tuple[str, str], ...] = ()
    """Rule and element."""


class PageTold(Record):
    """What the browser told of one page."""

    browser: str = ""
    """Which one; empty: there is none."""
    lost: str = ""
    """Why the browser told nothing."""
    why: str = ""
    """Why the page could not be opened."""
    acts: tuple[ActTold, ...] = ()
    text: str = ""
    console: tuple[str, ...] = ()


class Told(Record):
    """What the sandbox tells of one step; which of it is there depends on the step."""

    code: int | None = None
    out: str = ""
    err: str = ""
    late: bool = False
    ready: bool = False
    taken: bool = False
    early: bool = False
    killed: bool = False
    left: bool = False
    status: int = 0
    body: str = ""
    cut: bool = False
    rows: tuple[tuple[Any, ...], ...] = ()
    entries: int = 0
    hits: int = 0
    matching: tuple[Row, ...] = ()
    others: tuple[Row, ...] = ()
    page: PageTold | None = None
    why: str = ""
    """Why there is nothing to look at."""


@dataclass(frozen=True)
class Seen:
    """One step, judged."""

    outcome: Outcome
    words: str
    findings: tuple[Finding, ...] = ()
    output: str = ""
    """What it said or showed, for those who must mend it."""


def served(step: ServeStep, told: Told) -> Seen:
    """Whether the service was there to be asked."""
    if told.taken:
        why = f"port {step.port} was taken before the service was started: answers would be another's"
        return Seen(Outcome.REFUSED, why)
    if told.ready:
        return Seen(Outcome.PASSED, f"port {step.port} takes connections", output=told.out)
    if told.code in _MISSING:
        return Seen(
            Outcome.REFUSED, f"{step.command} is missing in the sandbox: exit code {told.code}", output=told.out
        )
    what = f"port {step.port} took no connection within {READY:g} s, or the check's time"
    if told.code is not None:
        what = f"the service ended with {told.code} before port {step.port} took a connection"
    return failing(_service(step, what, "it never answered", told), told.out)


def stopped(step: ServeStep, told: Told) -> Seen:
    """Whether the service lived as long as it was needed, and no longer."""
    if told.left:
        what, cause = f"something answers on port {step.port} after the service was stopped", "it left a process behind"
    elif told.killed:
        what, cause = f"the service did not end within {ENDING:g} s of SIGTERM", "it keeps running and was killed"
    elif told.early:
        what, cause = f"the service ended by itself with {told.code}", "it did not live through the check"
    else:
        return Seen(Outcome.PASSED, "the service was stopped", output=told.out)
    return failing(_service(step, what, cause, told), told.out)


def _service(step: ServeStep, what: str, cause: str, told: Told) -> Finding:
    last = [text.strip() for text in told.out.splitlines() if text.strip()][-1:]
    because = f"{cause}; it said: {last[0]}" if last else f"{cause}, and said nothing"
    return finding_of(step.command, None, "service", what, because, told.out[-4000:], step.command)


def answered(step: RequestStep, told: Told, service: ServeStep) -> Seen:
    """Whether the answer is the one that was expected."""
    asked = f"{step.method} {step.path}"
    probe = _curl(step, service)
    if told.why:
        return failing(
            finding_of(asked, None, "response", f"{asked}: {told.why}", "the service did not answer", "", probe)
        )
    shown = f"{told.status} {told.body}"
    if told.status != step.status:
        what = f"{asked} answered {told.status}, not {step.status}"
        cause = f"the answer's status is {told.status}, {step.status} is expected"
        return failing(finding_of(asked, None, "response", what, cause, capped(shown), probe), shown)
    if step.pattern and not re.search(step.pattern, told.body, re.MULTILINE):
        cut = " (it is longer than what is looked at)" if told.cut else ""
        what = f"{asked} answered {told.status}, and no line of it matches `{step.pattern}`{cut}"
        cause = "the answer's text was expected to hold it"
        return failing(finding_of(asked, None, "response", what, cause, capped(shown), probe), shown)
    if step.answer is None:
        return Seen(Outcome.PASSED, f"{asked} answered {told.status}", output=shown)
    try:
        body = json.loads(told.body)
    except ValueError:
        cut = " (it is longer than what is looked at)" if told.cut else ""
        what = f"{asked} answered {told.status} without proper JSON{cut}"
        cause = "fields were expected in the answer's body"
        return failing(finding_of(asked, None, "response", what, cause, capped(shown), probe), shown)
    wrong = [
        finding_of(asked, None, "response", f"{asked}: {name} {how}", f"{name} {how}", capped(shown), probe)
        for name, how in differences(step.answer, body)
    ]
    if wrong:
        return Seen(Outcome.FAILED, f"{asked} answered {told.status}, and {wrong[0].message}", tuple(wrong), shown)
    count = sum(1 for _ in _leaves(step.answer))
    return Seen(
        Outcome.PASSED, f"{asked} answered {told.status} with {counted(count, 'fields')} as expected", output=shown
    )


def differences(expected: Any, given: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Each place where `given` is not what is expected, and how; fields that were not named may be there."""
    called = f"field {name}" if name else "the answer"
    if expected == ANY:
        if given in (None, "", [], {}):
            yield called, f"is {_json(given)}, any value is expected"
    elif isinstance(expected, dict):
        if not isinstance(given, dict):
            yield called, f"is {_json(given)}, an object is expected"
            return
        for key, inner in expected.items():
            below = f"{name}.{key}" if name else key
            if key not in given:
                yield f"field {below}", "is missing"
            else:
                yield from differences(inner, given[key], below)
    elif isinstance(expected, list):
        if not isinstance(given, list) or len(given) != len(expected):
            yield called, f"is {_json(given)}, a list of {len(expected)} is expected"
            return
        for at, (inner, one) in enumerate(zip(expected, given, strict=True)):
            yield from differences(inner, one, f"{name}[{at}]")
    elif not same(expected, given):
        yield called, f"is {_json(given)}, {_json(expected)} is expected"


def same(expected: Any, given: Any) -> bool:
    """Whether two plain values are the same: 1 is 1.0, and true is not 1."""
    return isinstance(expected, bool) == isinstance(given, bool) and bool(expected == given)


def _leaves(expected: Any) -> Iterator[Any]:
    if isinstance(expected, dict | list):
        for inner in expected.values() if isinstance(expected, dict) else expected:
            yield from _leaves(inner)
    else:
        yield expected


def queried(step: RowsStep, told: Told) -> Seen:
    """Whether the database holds what was expected."""
    if told.why:
        return Seen(Outcome.REFUSED, f"the rows cannot be looked at: {told.why}")
    there = counted(len(told.rows), "rows")
    shown = "\n".join(_json(list(row)) for row in told.rows)
    if step.how == "count":
        wrong = f"{there} instead of {step.count}" if len(told.rows) != step.count else ""
    else:
        missing, left = _matched(step, told.rows)
        wrong = f"{there}, and {_json(list(missing[0]))} is not among them" if missing else ""
        if not missing and step.how == "exactly" and left:
            wrong = f"{there}, and {_json(list(left[0]))} is not expected"
        elif not missing and step.how == "exactly" and _ordered(step) and not _equal(step.rows, told.rows):
            wrong = f"{there} in another order"
    if not wrong:
        return Seen(Outcome.PASSED, f"{there} in {_public(step.database)} as expected", output=shown)
    place = _public(step.database)
    probe = (
        step.query if "://" in step.database else f"sqlite3 -readonly {shlex.quote(place)} {shlex.quote(step.query)}"
    )
    cause = f"`{step.query}` gives {wrong}"
    return failing(finding_of(place, None, "database", f"{place} gives {wrong}", cause, capped(shown), probe), shown)


def _matched(step: RowsStep, given: Sequence[tuple[Any, ...]]) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """Expected rows that are not there, and rows that none of them asks for."""
    left, missing = list(given), []
    for row in step.rows:
        at = next((at for at, one in enumerate(left) if _equal_row(row, one)), None)
        if at is None:
            missing.append(row)
        else:
            del left[at]
    return missing, left


def _equal(expected: Sequence[tuple[Any, ...]], given: Sequence[tuple[Any, ...]]) -> bool:
    return all(_equal_row(row, one) for row, one in zip(expected, given, strict=True))


def _equal_row(expected: tuple[Any, ...], given: tuple[Any, ...]) -> bool:
    same_length = len(expected) == len(given)
    return same_length and not any(True for pair in zip(expected, given, strict=True) for _ in differences(*pair))


def _ordered(step: RowsStep) -> bool:
    return re.search(r"\border\s+by\b", step.query, re.IGNORECASE) is not None


def _public(database: str) -> str:
    """A database's name without a password."""
    return re.sub(r"://([^:@/]+):[^@]*@", r"://\1:…@", database)


def logged(step: LogStep, told: Told) -> Seen:
    """Whether the entries hold what they must."""
    if told.why:
        return Seen(Outcome.REFUSED, told.why)
    if not told.entries:
        return Seen(Outcome.REFUSED, f"{step.path} holds no entry of this check: nothing was examined")
    total = counted(told.entries, "entries")
    wrong: tuple[Row, ...] = ()
    if step.how == "all":
        wrong, without = told.others, told.entries - told.hits
        what = f"{without} of {total} of {step.path} {'does' if without == 1 else 'do'} not match `{step.pattern}`"
        probe = f"! grep -nvP {shlex.quote(step.pattern)} {shlex.quote(step.path)}"
    elif step.how == "none":
        wrong = told.matching
        what = f"{told.hits} of {total} of {step.path} {'matches' if told.hits == 1 else 'match'} `{step.pattern}`"
        probe = f"! grep -nP {shlex.quote(step.pattern)} {shlex.quote(step.path)}"
    else:
        wrong = told.others if not told.hits else ()
        what = f"none of {total} of {step.path} matches `{step.pattern}`"
        probe = f"grep -nP {shlex.quote(step.pattern)} {shlex.quote(step.path)}"
    if not wrong:
        words = {"all": f"all {total}", "none": f"none of {total}", "some": f"{told.hits} of {total}"}[step.how]
        return Seen(Outcome.PASSED, f"{words} of {step.path} matched")
    shown = "\n".join(f"{step.path}:{number}: {entry}" for number, entry in wrong)
    cause = f"the entry is `{line(wrong[0][1], 300)}`"
    return failing(finding_of(step.path, wrong[0][0], "log", what, cause, capped(shown), probe), shown)


def failed(command: str, path: str, why: str, output: str, probe: str) -> Seen:
    """A command that did not do well; what it said last is the cause, its runner's own last words left out."""
    said = [text.strip() for text in output.splitlines() if text.strip() and not text.startswith(_RUNNERS)]
    what = line(f"{command}: {why}")
    cause = f"it said: {said[-1]}" if said else why
    return failing(finding_of(path, None, "command", what, cause, capped(output), probe), output)


def failing(finding: Finding, output: str = "") -> Seen:
    """A step that did not hold, for one finding."""
    return Seen(Outcome.FAILED, finding.message, (finding,), output)


def finding_of(path: str, number: int | None, rule: str, what: str, cause: str, evidence: str, probe: str) -> Finding:
    """One thing a step minds, with what was seen and a command that shows it."""
    grounds = Shown(cause=line(cause), evidence=evidence or what, probe=probe)
    return Finding(path=line(path), line=number, rule=rule, message=line(what), shown=grounds)


def _curl(step: RequestStep, service: ServeStep) -> str:
    words = ["curl", "-sS", "-i", "--retry", "30", "--retry-connrefused", "-X", step.method]
    if step.body is not None:
        words += ["-H", "Content-Type: application/json", "-d", _json(step.body)]
    return f"{service.command} & {shlex.join((*words, f'http://127.0.0.1:{service.port}{step.path}'))}"


def _json(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else text[:200] + "…"

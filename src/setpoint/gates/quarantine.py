"""Flaky tests: told apart from red ones by running them again on both sides of a change, and kept on a list with an
owner and a last day.

The list is read from the trusted base. A quarantined test that fails now and then is seen and does not block; one that
fails every time on the change and never on the base is red, whatever the list says.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum

from ..errors import ConfigError
from ..model.evidence import GateKind, GateResult, Outcome, TestResult
from ..model.gate import Gate
from ..model.judgement import Measured
from ..model.numbers import counted
from ..model.objection import Deviation, Objection, Severity
from ..model.record import Line, Record
from ..ports import Room
from .change_set import ChangeSet, as_text
from .commands import only, words
from .entries import read_entries
from .grounds import Grounds
from .measured import built_in, minded
from .objections import objections, of_test, telling
from .reading import Layout, capped, line
from .run import run_gate

NAME = "flaky"
FILE = ".setpoint/quarantine.toml"
RERUNS = 4
"""Times a failed test is run again on the change."""
BASE_RUNS = 2
"""Times it is run on the base."""
JUDGED = 50
"""Most failed tests that are run again; where more fail, flakiness is not the trouble."""
_FORM = 'id = "path::name", owner, reason and until = 2030-01-31'


class Quarantined(Record):
    """One test that is known to fail now and then."""

    id: Line
    """As results name it; of a parametrised test with or without its parameters."""
    owner: Line
    """Who mends it."""
    reason: Line
    until: date
    """The last day it may be on the list."""


def read_quarantine(text: str) -> tuple[Quarantined, ...]:
    """The `[[test]]` entries of `text`. Raises ConfigError that names what is wrong with which."""
    return read_entries(text, "test", Quarantined, where=FILE, form=_FORM)


def check_quarantine(change: ChangeSet, *, today: date | None = None) -> Measured:
    """An objection for each entry of the base's list whose day is over, and for a change that quarantines tests
    itself: that counts once a person merged it, never for the change."""
    day = today or datetime.now(UTC).date()
    found: list[Objection] = []
    try:
        entries = read_quarantine(as_text(change.read_base(FILE)))
    except ConfigError as error:
        entries = ()
        found.append(minded(f"{NAME}/unreadable", error.what, FILE, cause=error.fix, deviation=Deviation.ENVIRONMENT))
    for entry in entries:
        if entry.until < day:
            found.append(_expired(entry))
        elif entry.id.partition("::")[0] not in change.head_files and "/" in entry.id:
            found.append(_mind("quarantine-stale", f"{entry.id} is quarantined and is not there", "", Severity.LOW))
    delta = change.find(FILE)
    if delta is not None and (delta.added_lines or delta.deleted):
        cause = "who may fail is a person's decision, and holds from the merge on; mend the test, or the code"
        found.append(_mind("quarantine-changed", "the change alters the list of flaky tests", cause, Severity.MEDIUM))
    count = len(entries) or (1 if found else 0)
    return built_in(NAME, found, examined=count, unit="entries", tree=change.head, kind=GateKind.TESTS)


def _expired(entry: Quarantined) -> Objection:
    cause = f"{entry.owner} had until {entry.until}: {entry.reason}; mend it, delete it, or give it another day"
    return _mind("quarantine-expired", f"the quarantine of {entry.id} is over", cause, Severity.HIGH)


def _mind(rule: str, what: str, cause: str, severity: Severity) -> Objection:
    return minded(f"{NAME}/{rule}", what, FILE, cause=cause, deviation=Deviation.QUALITY, severity=severity)


def pardoned(result: GateResult, list_: bytes | None, today: date | None = None) -> GateResult:
    """A red result of which only flaky tests on the trusted base's list failed, as a green one that names them; any
    other as it is. Raises ConfigError for a list that cannot be read."""
    bad = [test.id for test in result.tests if _bad(test.outcome)]
    if result.outcome is not Outcome.FAILED or not bad or set(bad) - set(result.flaky):
        return result
    quarantine, day = read_quarantine(as_text(list_)), today or datetime.now(UTC).date()
    listed = [_listed(test, quarantine) for test in bad]
    if any(entry is None or entry.until < day for entry in listed):
        return result
    return _green(result, tuple(sorted(bad)))


def _green(result: GateResult, flaky: tuple[str, ...]) -> GateResult:
    passed = sum(1 for test in result.tests if test.outcome == "passed")
    names = ", ".join(flaky[:3]) + (", …" if len(flaky) > 3 else "")
    failed = (
        f"{counted(len(flaky), 'quarantined flaky ones')} failed and {'does' if len(flaky) == 1 else 'do'} not count"
    )
    reason = line(f"{counted(passed, 'tests')} passed; {failed}: {names}")
    return result.model_copy(update={"outcome": Outcome.PASSED, "reason": reason, "flaky": flaky})


# -- telling flaky from red ------------------------------------------------------------------------------------------


class Steadiness(StrEnum):
    """What a failed test is, when all its runs are looked at."""

    RED = "red"
    """It fails every time on the change, and not on the base."""
    RED_BEFORE = "red-before"
    """It fails every time on both."""
    FLAKY = "flaky"
    """It fails now and then."""
    UNKNOWN = "unknown"
    """It could not be run again."""


@dataclass(frozen=True)
class History:
    """All runs of one test, in their order."""

    head: tuple[str, ...]
    base: tuple[str, ...] = ()

    @property
    def steadiness(self) -> Steadiness:
        """What follows from them."""
        if _mixed(self.head) or _mixed(self.base):
            return Steadiness.FLAKY
        if len(self.head) < 2:
            return Steadiness.UNKNOWN
        return Steadiness.RED_BEFORE if self.base and _bad(self.base[0]) else Steadiness.RED

    def __str__(self) -> str:
        base = f"; on the base: {', '.join(self.base)}" if self.base else "; not on the base"
        return f"on the change: {', '.join(self.head)}{base}"


def _bad(outcome: str) -> bool:
    return outcome in ("failed", "error")


def _mixed(outcomes: Sequence[str]) -> bool:
    return len({_bad(outcome) for outcome in outcomes if outcome != "skipped"}) > 1


async def settle(
    grounds: Grounds,
    gate: Gate,
    result: GateResult,
    *,
    quarantine: Sequence[Quarantined] | None = None,
    today: date | None = None,
) -> Measured:
    """The verdict on a red result of a tests gate once its failed tests were run again on both sides: only flaky tests
    in quarantine failed, and it is green; else an objection for each of the others. A green result stays as it is."""
    failed = [test for test in result.tests if _bad(test.outcome)]
    if result.outcome is not Outcome.FAILED or not failed or len(failed) > JUDGED:
        return Measured(result=result, objections=objections(result))
    if quarantine is None:
        quarantine = read_quarantine(as_text(grounds.change.read_base(FILE)))
    day = today or datetime.now(UTC).date()
    histories = await histories_of(grounds, gate, result, failed)
    found = [_objection(result, test, histories[test.id], _listed(test.id, quarantine), day) for test in failed]
    flaky = tuple(sorted(test.id for test in failed if histories[test.id].steadiness is Steadiness.FLAKY))
    blocking = [objection for objection in found if objection.blocks]
    if blocking:
        return Measured(result=result.model_copy(update={"flaky": flaky}), objections=tuple(found))
    return Measured(result=_green(result, flaky), objections=tuple(found))


async def histories_of(
    grounds: Grounds, gate: Gate, result: GateResult, failed: Sequence[TestResult]
) -> Mapping[str, History]:
    """All runs of the failed tests: the one that is known, and those again on the change and on the base."""
    names = [test.id for test in failed]
    head, base = await asyncio.gather(
        _runs(grounds, gate, grounds.head, names, grounds.change.head_files, RERUNS),
        _runs(grounds, gate, grounds.change.base, names, grounds.change.base_files, BASE_RUNS),
    )
    first = {test.id: test.outcome for test in failed}
    return {
        name: History(
            (first[name], *(run[name] for run in head if name in run)), tuple(run[name] for run in base if name in run)
        )
        for name in names
    }


async def _runs(
    grounds: Grounds, gate: Gate, tree: str, tests: Sequence[str], files: frozenset[str], times: int
) -> list[Mapping[str, str]]:
    everywhere = grounds.change.head_files | grounds.change.base_files
    placed = [name for name in tests if name.partition("::")[0] in everywhere]
    here = [name for name in placed if name.partition("::")[0] in files]
    if placed and not here:
        return []
    async with grounds.checkout(tree, None) as room:
        # Some runners do not say the file of a test: then all of them are run again.
        told = len(placed) == len(tests)
        narrowed = _narrowed(gate, here, Layout(room.inside, gate.where, files)) if told else gate
        return [await _outcomes(grounds, narrowed, room, tree, files) for _ in range(times)]


async def _outcomes(grounds: Grounds, gate: Gate, room: Room, tree: str, files: frozenset[str]) -> Mapping[str, str]:
    again = await run_gate("again", gate, room, tree=tree, environment=grounds.environment, reruns=0, files=files)
    return {test.id: test.outcome for test in again.tests}


def _narrowed(gate: Gate, tests: Sequence[str], layout: Layout) -> Gate:
    """The gate for these tests alone, as far as its tool can be told."""
    tool = words(gate.run).tool
    if tool == "pytest":
        targets = [layout.local(name) for name in tests]
    elif tool in ("node --test", "vitest", "jest", "mocha"):
        targets = list(dict.fromkeys(layout.local(name.partition("::")[0]) for name in tests))
    else:
        return gate
    return only(gate, targets, layout.files) or gate


def _listed(test: str, quarantine: Sequence[Quarantined]) -> Quarantined | None:
    return next((entry for entry in quarantine if entry.id in (test, test.partition("[")[0])), None)


_RED = {
    Steadiness.RED: "it fails every time on the change and passes on the base, or is new",
    Steadiness.RED_BEFORE: "it fails every time on the base as well",
    Steadiness.UNKNOWN: "it could not be run again",
}


def _objection(
    result: GateResult, test: TestResult, history: History, entry: Quarantined | None, today: date
) -> Objection:
    plain = of_test(result, test)
    evidence = capped(f"{history}\n{test.message}")
    if history.steadiness is not Steadiness.FLAKY:
        cause = f"{plain.cause}; {_RED[history.steadiness]}"
        return plain.model_copy(update={"cause": cause, "evidence": evidence})
    rule, severity = "unsteady", Severity.HIGH
    cause = f"{line(telling(test))}; it fails now and then; mend it, or a person puts it on the list"
    if entry is not None:
        over = entry.until < today
        rule, severity = ("quarantine-expired", Severity.HIGH) if over else ("quarantined", Severity.LOW)
        cause = f"in quarantine until {entry.until}, {entry.owner} mends it: {entry.reason}"
    what = f"test {test.id} is flaky"
    told = {"rule": f"{NAME}/{rule}", "severity": severity, "what": what, "cause": cause, "evidence": evidence}
    return plain.model_copy(update=told)

"""Coverage of the lines that a change adds: which of them no test runs, and the figures behind the word.

Valid only while the tests pass. That a line was run does not say that anything was asserted: other checks ask that.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from ..errors import MissingToolError, RefusedError
from ..model.evidence import GateKind
from ..model.gate import Gate
from ..model.judgement import Measured
from ..model.objection import Deviation, Objection, Severity
from .change_set import ChangeSet, Delta
from .coverage_lines import changed_code, excused_lines, without_excuses
from .coverage_report import Coverage, Covered, joined, of_one_project
from .coverage_run import Lines, command, measured, measures, overlay
from .coverage_settings import CoverageSettings, settings
from .grounds import NO_TOOL, Grounds, could_not_tell, nothing, verdict
from .measured import minded

SHARE = 90.0
"""Percent of the changed lines that tests must run."""
NAMED = 40
"""Most uncovered ranges that are named."""
NAME = "coverage"


@dataclass(frozen=True)
class Tally:
    """The changed lines of one file that count."""

    path: str
    covered: tuple[int, ...]
    uncovered: tuple[int, ...]
    excused: frozenset[int] = frozenset()
    """Uncovered lines that the change itself would take out of the count."""


async def check_coverage(grounds: Grounds, *, share: float = SHARE, floor: float | None = None) -> Measured:
    """Whether tests run at least `share` percent of the changed lines, and of all lines at least the floor that the
    base demands of itself or `floor`, whichever is higher. Lines with an excluding comment of the change's own making
    count as not run."""
    changed = {delta.path: code for delta in grounds.change.deltas if (code := changed_code(delta))}
    lowered = list(lowered_floors(grounds))
    if not changed:
        return _judged(grounds, [], lowered, None, [], (), 0.0) if lowered else _nothing(grounds)
    gates = [gate for gate in grounds.tests if any(_concerns(gate, path) for path in changed)]
    if not gates:
        return could_not_tell(
            NAME,
            "no tests gate can be run under a coverage tool for the changed files",
            grounds=grounds,
            unit="changed lines",
            fix="configure a tests gate that runs pytest, unittest, node --test, vitest, jest or mocha itself",
            kind=GateKind.COVERAGE,
        )
    started = time.monotonic()
    try:
        coverage = await measure(grounds, gates)
    except RefusedError as trouble:
        return could_not_tell(
            NAME,
            f"{trouble.what}; it said: {trouble.why}" if trouble.why else trouble.what,
            grounds=grounds,
            unit="changed lines",
            fix=trouble.fix,
            argv=gates[0].run,
            kind=GateKind.COVERAGE,
            rule=f"{NAME}/{NO_TOOL}" if isinstance(trouble, MissingToolError) else "",
        )
    tallies = [_tally(grounds, path, code, coverage, gates) for path, code in changed.items()]
    found = _shortfall(tallies, grounds.change, share)
    found += [*lowered, *_below_floor(grounds, gates, coverage, floor)]
    unmeasured = sum(len(code) for path, code in changed.items() if not any(_concerns(gate, path) for gate in gates))
    notes = [f"{unmeasured} changed lines are of files that no gate measures"] if unmeasured else []
    argv = command(gates[0], _settings(grounds, gates[0]))
    return _judged(grounds, tallies, found, coverage.total, notes, argv, time.monotonic() - started)


async def measure(
    grounds: Grounds, gates: Sequence[Gate], *, excuses: bool = False, lines: Lines | None = None
) -> Coverage:
    """The coverage of the head by `gates`, with the tests that ran each of `lines` where the tool keeps them. Excluding
    comments that the change added are ignored unless `excuses`. Raises RefusedError."""
    wanted = lines or {}
    reports: dict[tuple[str, frozenset[str]], list[Coverage]] = {}
    for gate in gates:
        said = _settings(grounds, gate)
        laid: dict[str, bytes | None] = dict(overlay(gate, said, wanted))
        if not excuses:
            laid |= _without_excuses(grounds.change, said)
        async with grounds.checkout(grounds.head, laid) as room:
            report, _ = await measured(gate, room, said, grounds.change.head_files, wanted)
        reports.setdefault((gate.where, measures(gate)), []).append(report)
    return joined(of_one_project(told) for told in reports.values())


def _settings(grounds: Grounds, gate: Gate) -> CoverageSettings:
    return settings(grounds.change.read_base, gate.where)


def _without_excuses(change: ChangeSet, said: CoverageSettings) -> dict[str, bytes]:
    laid = {}
    for delta in change.deltas:
        if changed_code(delta):
            text, touched = without_excuses(delta, _patterns(said))
            if touched:
                laid[delta.path] = text.encode()
    return laid


def _patterns(said: CoverageSettings) -> tuple[str, ...]:
    return said.listed("report", "exclude_lines") + said.listed("report", "exclude_also")


def _concerns(gate: Gate, path: str) -> bool:
    below = "" if gate.where == "." else gate.where.rstrip("/") + "/"
    return path.startswith(below) and any(path.lower().endswith(suffix) for suffix in measures(gate))


# -- counting --------------------------------------------------------------------------------------------------------


def _tally(grounds: Grounds, path: str, code: Mapping[int, int], coverage: Coverage, gates: Sequence[Gate]) -> Tally:
    own = [gate for gate in gates if _concerns(gate, path)]
    told = coverage.files.get(path)
    if not own or (told is None and all(_left_out(path, gate, _settings(grounds, gate)) for gate in own)):
        return Tally(path, (), ())
    if told is None:  # nothing ever imported it
        told = Covered(missing=frozenset(code.values()))
    covered = tuple(at for at, first in code.items() if first in told.executed or at in told.executed)
    uncovered = tuple(at for at, first in code.items() if at not in covered and {at, first} & told.missing)
    delta = grounds.change.find(path)
    excused = _excused(delta, grounds, own) if delta else frozenset()
    return Tally(path, covered, uncovered, excused & frozenset(uncovered))


def _excused(delta: Delta, grounds: Grounds, gates: Sequence[Gate]) -> frozenset[int]:
    patterns = [pattern for gate in gates for pattern in _patterns(_settings(grounds, gate))]
    return excused_lines(delta, without_excuses(delta, patterns)[1])


def _left_out(path: str, gate: Gate, said: CoverageSettings) -> bool:
    """Whether the base's own configuration keeps the file out of the count."""
    from pathspec import GitIgnoreSpec

    below = path if gate.where == "." else path.removeprefix(gate.where.rstrip("/") + "/")
    omitted = (*said.listed("run", "omit"), *said.listed("report", "omit"))
    if omitted and GitIgnoreSpec.from_lines(omitted).match_file(below):
        return True
    included = (*said.listed("run", "include"), *said.listed("report", "include"))
    if included:
        return not GitIgnoreSpec.from_lines(included).match_file(below)
    sources = [source.strip("./").replace(".", "/") for source in said.listed("run", "source")]
    sources += [source.replace(".", "/") for source in said.listed("run", "source_pkgs")]
    return bool(sources) and not any(f"/{source}" in f"/{below}" for source in sources)


def _ranges(tally: Tally, code: Mapping[int, int]) -> Iterator[tuple[int, ...]]:
    """The uncovered lines, those with nothing but each other between them together."""
    order = {at: place for place, at in enumerate(sorted(code))}
    for _, group in groupby(enumerate(tally.uncovered), key=lambda entry: order[entry[1]] - entry[0]):
        yield tuple(at for _, at in group)


# -- objecting -------------------------------------------------------------------------------------------------------


def figures(tallies: Sequence[Tally]) -> tuple[int, int]:
    """How many changed lines tests run, of how many that count."""
    covered = sum(len(tally.covered) for tally in tallies)
    return covered, covered + sum(len(tally.uncovered) for tally in tallies)


def _shortfall(tallies: Sequence[Tally], change: ChangeSet, share: float) -> list[Objection]:
    covered, counted = figures(tallies)
    enough = not counted or 100 * covered / counted >= share
    found = []
    for tally in tallies:
        delta = change.find(tally.path)
        if delta:
            found += [
                _uncovered(tally, lines, delta, (covered, counted), share, enough=enough)
                for lines in _ranges(tally, changed_code(delta))
            ]
    return found[:NAMED]


def _uncovered(
    tally: Tally, lines: tuple[int, ...], delta: Delta, counts: tuple[int, int], share: float, *, enough: bool
) -> Objection:
    first, last = lines[0], lines[-1]
    excused = tally.excused.intersection(lines)
    shown = delta.added_lines.get(first, "").strip()[:120]
    at = f"line {first}" if first == last else f"lines {first}-{last}"
    why = "an excluding comment that the change adds does not take them out" if excused else "no test reaches them"
    return minded(
        "coverage/excused" if excused else "coverage/uncovered",
        f"no test runs these changed lines, from `{shown}` on",
        tally.path,
        line_=first,
        cause=f"{why}; add a test whose assertions need them, or remove them",
        evidence=f"{at} of {tally.path}; {counts[0]} of {counts[1]} changed lines are run, {share:g} % are needed",
        deviation=Deviation.QUALITY,
        severity=Severity.LOW if enough else Severity.MEDIUM,
    )


def lowered_floors(grounds: Grounds) -> Iterator[Objection]:
    """An objection for each floor of the base that the change lowers or takes away."""
    change = grounds.change
    folders = {".", *(gate.where for gate in grounds.tests)}
    for where in sorted(folders):
        before, after = settings(change.read_base, where), settings(change.read_head, where)
        if before.floor is not None and (after.floor is None or after.floor < before.floor):
            now = "none" if after.floor is None else f"{after.floor:g} %"
            yield minded(
                "coverage/floor-lowered",
                "the coverage that the repository demands of itself was lowered",
                before.where if where == "." else f"{where}/{before.where}",
                cause=f"it was {before.floor:g} % and is {now}; put it back",
                evidence=f"{before.floor:g} % before, {now} after",
                deviation=Deviation.BOUNDARY,
            )


def _below_floor(
    grounds: Grounds, gates: Sequence[Gate], coverage: Coverage, floor: float | None
) -> Iterator[Objection]:
    own = [said.floor for gate in gates if (said := _settings(grounds, gate)).floor is not None]
    needed = max((entry for entry in (*own, floor) if entry is not None), default=None)
    if needed is not None and coverage.total is not None and round(coverage.total, 2) < needed:
        yield minded(
            "coverage/floor",
            "the coverage of the whole is below the repository's floor",
            "",
            cause="add tests for what none runs",
            evidence=f"{coverage.total:.1f} % of all lines are run, {needed:g} % are demanded",
        )


def _judged(
    grounds: Grounds,
    tallies: Sequence[Tally],
    found: Sequence[Objection],
    total: float | None,
    notes: Sequence[str],
    argv: Sequence[str],
    seconds: float,
) -> Measured:
    covered, counted = figures(tallies)
    share = f" ({100 * covered / counted:.1f} %)" if counted else ""
    whole = [f"{total:.1f} % of all lines"] if total is not None else []
    reason = "; ".join([f"{covered} of {counted} changed lines are run by tests{share}", *whole, *notes])
    return verdict(
        NAME,
        found,
        grounds=grounds,
        examined=max(counted, len(tallies)),
        unit="changed lines",
        reason=reason,
        argv=argv,
        seconds=seconds,
        kind=GateKind.COVERAGE,
    )


def _nothing(grounds: Grounds) -> Measured:
    return nothing(NAME, grounds=grounds, unit="changed lines", kind=GateKind.COVERAGE)

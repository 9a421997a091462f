"""The whole deterministic judgement of one change, whoever made it."""

from datetime import date

from pydantic import computed_field

from .evidence import GateResult, Outcome
from .objection import Objection, Source
from .record import Line, Record, Time


class Measured(Record):
    """What one check found: its verdict as evidence, and an objection for each thing that is wrong."""

    result: GateResult
    objections: tuple[Objection, ...] = ()

    @property
    def holds(self) -> bool:
        """Green, and nothing blocks."""
        return self.result.green and not any(objection.blocks for objection in self.objections)


class Waiver(Record):
    """A named person's word that an objection of a rule is accepted, in certain files, for a reason, until a day."""

    rule: Line
    """`check/rule`, or `check/*`."""
    path: Line = "**"
    """Glob of the files it holds for."""
    reason: Line
    by: Line
    """Who answers for it."""
    until: date
    """The last day it holds."""


class Waived(Record):
    """An objection that a waiver took out of the verdict; it stays visible."""

    objection: Objection
    waiver: Waiver


class Judgement(Record):
    """One verdict on one change, with all it rests on."""

    base: Line
    """Commit the change is judged against."""
    head: Line
    """Commit that was judged, or `working tree`."""
    tree: Line
    """Git tree hash of what was judged."""
    results: tuple[GateResult, ...]
    objections: tuple[Objection, ...] = ()
    """Those that block first."""
    waived: tuple[Waived, ...] = ()
    optional: tuple[Line, ...] = ()
    """Results that are told and do not count: gates with `required = false`."""
    skipped: tuple[Line, ...] = ()
    """What was not looked at, and why."""
    notes: tuple[Line, ...] = ()
    """What a reader must know: where the gates come from, what stands in for what."""
    seconds: float = 0.0
    """How long it took to find out, the first time."""
    at: Time

    @computed_field  # type: ignore[prop-decorator]  # the tool knows no decorated property
    @property
    def outcome(self) -> Outcome:
        """Failed when an objection blocks; refused when a required check could not tell, or nothing was judged."""
        if any(objection.blocks for objection in self.objections):
            refused = all(r.outcome is not Outcome.FAILED for r in self.results)
            return Outcome.REFUSED if refused and _only_refusals(self.objections) else Outcome.FAILED
        counted = [result for result in self.results if result.gate not in self.optional]
        if not counted or any(result.outcome is Outcome.REFUSED for result in counted):
            return Outcome.REFUSED
        return Outcome.PASSED

    @computed_field  # type: ignore[prop-decorator]  # the tool knows no decorated property
    @property
    def exit_code(self) -> int:
        """30 a boundary is violated, 14 the base is red already, 10 failed, 11 could not tell, 0 passed."""
        blocking = [objection for objection in self.objections if objection.blocks]
        if any(objection.source is Source.BOUNDARY for objection in blocking):
            return 30
        if any(objection.rule.startswith("base/") for objection in blocking):
            return 14
        return {Outcome.PASSED: 0, Outcome.FAILED: 10, Outcome.REFUSED: 11}[self.outcome]


def _only_refusals(objections: tuple[Objection, ...]) -> bool:
    return all(objection.deviation == "environment" for objection in objections if objection.blocks)

"""The whole deterministic judgement of one change, whoever made it."""

from datetime import date

from .evidence import GateResult, Outcome
from .objection import Objection
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
    waived: tuple[Waived, ...] = ()
    at: Time

    @property
    def outcome(self) -> Outcome:
        """Failed when an objection blocks; refused when a required check could not tell, or nothing was judged."""
        if any(objection.blocks for objection in self.objections):
            refused = all(r.outcome is not Outcome.FAILED for r in self.results)
            return Outcome.REFUSED if refused and _only_refusals(self.objections) else Outcome.FAILED
        if not self.results or any(result.outcome is Outcome.REFUSED for result in self.results):
            return Outcome.REFUSED
        return Outcome.PASSED


def _only_refusals(objections: tuple[Objection, ...]) -> bool:
    return all(objection.deviation == "environment" for objection in objections if objection.blocks)

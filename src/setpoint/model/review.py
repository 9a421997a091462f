"""What judges hand in: the validator's verdict and the reviewer's report."""

from typing import Any, Literal, get_args

from pydantic import Field, model_validator

from .objection import Deviation, Objection, Place, Severity, Source
from .record import Line, Record, Text

ReviewCheck = Literal[
    "business logic and requirements",
    "edge cases and assumptions",
    "API contract",
    "validation",
    "security",
    "database and migrations",
    "error handling",
    "concurrency and async",
    "performance",
    "tests",
    "happy path only",
    "architecture and conventions",
]
REVIEW_CHECKS: tuple[str, ...] = get_args(ReviewCheck)


class Finding(Record):
    """Something wrong, precise enough to act on without asking back."""

    severity: Severity
    deviation: Deviation
    what: Text
    """What is wrong and the harm it does."""
    cause: Text
    """The root, not the symptom."""
    path: Line
    """File, or the deliverable's field."""
    line: int | None = None
    evidence: Text
    """What shows it: command and output, input and result, quotation."""
    probe: str = ""
    """A command that fails while this holds."""
    test_path: str = ""
    test: str = ""
    """A failing test, whole; laid at `test_path` for the probe."""
    about_plan: bool = False
    """True when code cannot mend it because the plan or specification is wrong."""
    again: str = ""
    """Id of the earlier finding this is, if it is one."""

    def objection(self, source: Source) -> Objection:
        """The same, as the loop counts it."""
        return Objection(
            source=source,
            deviation=self.deviation,
            severity=self.severity,
            what=self.what,
            cause=self.cause,
            place=Place(path=self.path, line=self.line),
            evidence=self.evidence,
            probe=self.probe,
            test_path=self.test_path,
            test=self.test,
            about_plan=self.about_plan,
            again=self.again,
        )


class Verdict(Record):
    """A validator's narrow judgement: does the deliverable cover the one before it?"""

    compared: tuple[Line, ...] = Field(min_length=1)
    """What was compared with what, item by item; an empty list is no verdict."""
    guesses: tuple[Line, ...] = ()
    """Every guess the next session would have to make to go on; any guess fails the deliverable."""
    findings: tuple[Finding, ...] = ()
    """What is missing, contradicted or invented; empty when it holds."""


class Tried(Record):
    """A review check, answered."""

    tried: Line
    """What was tried to make it fail."""
    result: Literal["holds", "fails", "does not apply"]


class CheckAnswer(Tried):
    """One of the twelve review checks, by name."""

    check: ReviewCheck


class Checks(Record):
    """The twelve review checks, each answered."""

    business_logic: Tried
    """business logic and requirements"""
    edge_cases: Tried
    """edge cases and assumptions"""
    api_contract: Tried
    """API contract"""
    validation: Tried
    """validation"""
    security: Tried
    """security"""
    database: Tried
    """database and migrations"""
    error_handling: Tried
    """error handling"""
    concurrency: Tried
    """concurrency and async"""
    performance: Tried
    """performance"""
    tests: Tried
    """tests"""
    happy_path: Tried
    """happy path only"""
    architecture: Tried
    """architecture and conventions"""

    @model_validator(mode="before")
    @classmethod
    def _listed(cls, given: Any) -> Any:
        """A list of `{check, tried, result}` says the same."""
        if not isinstance(given, list | tuple):
            return given
        said = [item.model_dump() if isinstance(item, CheckAnswer) else dict(item) for item in given]
        names = dict(zip(REVIEW_CHECKS, cls.model_fields, strict=True))
        known = [item for item in said if item.get("check") in names]
        return {names[item["check"]]: {k: v for k, v in item.items() if k != "check"} for item in known}

    def answers(self) -> tuple[CheckAnswer, ...]:
        """Each check with its answer."""
        pairs = zip(REVIEW_CHECKS, type(self).model_fields, strict=True)
        return tuple(
            CheckAnswer.model_validate({"check": check, **getattr(self, name).model_dump()}) for check, name in pairs
        )


class Probe(Record):
    """Something run to break the change."""

    command: Line
    outcome: Line


class Review(Record):
    """An independent report on the change, against the original ticket."""

    summary: Text
    checks: Checks
    probes: tuple[Probe, ...] = Field(min_length=1)
    """Commands run to break the change, with what they showed; at least one."""
    findings: tuple[Finding, ...] = ()
    """Worst first; no style findings, the linter owns style."""
    closed: tuple[Line, ...] = ()
    """Ids of earlier objections that were checked again and hold no more."""

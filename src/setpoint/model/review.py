"""What judges hand in: the validator's verdict and the reviewer's report."""

from typing import Literal, Self

from pydantic import model_validator

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
REVIEW_CHECKS: tuple[str, ...] = ReviewCheck.__args__  # type: ignore[attr-defined]  # typing.Literal carries its values here


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
    about_plan: bool = False
    """True when code cannot mend it because the plan or specification is wrong."""

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
            about_plan=self.about_plan,
        )


class Verdict(Record):
    """A validator's narrow judgement: does the deliverable cover the one before it?"""

    compared: tuple[Line, ...]
    """What was compared with what, item by item; an empty list is no verdict."""
    guesses: tuple[Line, ...] = ()
    """Every guess the next session would have to make to go on; any guess fails the deliverable."""
    findings: tuple[Finding, ...] = ()
    """What is missing, contradicted or invented; empty when it holds."""

    @model_validator(mode="after")
    def _looked(self) -> Self:
        if not self.compared:
            raise ValueError("`compared` is empty: a verdict names what it compared")
        return self


class CheckAnswer(Record):
    """One of the twelve review checks, answered."""

    check: ReviewCheck
    tried: Line
    """What was tried to make it fail."""
    result: Literal["holds", "fails", "does not apply"]


class Probe(Record):
    """Something run to break the change."""

    command: Line
    outcome: Line


class Review(Record):
    """An independent report on the change, against the original ticket."""

    summary: Text
    checks: tuple[CheckAnswer, ...]
    """All twelve."""
    probes: tuple[Probe, ...]
    """Commands run to break the change, with what they showed; at least one."""
    findings: tuple[Finding, ...] = ()
    """Worst first; no style findings, the linter owns style."""
    closed: tuple[Line, ...] = ()
    """Ids of earlier objections that were checked again and hold no more."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        missing = set(REVIEW_CHECKS) - {answer.check for answer in self.checks}
        if missing:
            raise ValueError(f"unanswered checks: {', '.join(sorted(missing))}")
        if not self.probes:
            raise ValueError("`probes` is empty: a report without a tried probe is no review")
        return self

"""Objections of the tamper guard, all made one way."""

from ...model.objection import Deviation, Objection, Severity, Source
from ..measured import minded

HIGH, MEDIUM, LOW = Severity.HIGH, Severity.MEDIUM, Severity.LOW
REQUEST = "put it back, or hand in a request with the reason for a person to decide"


def tampered(
    rule: str,
    what: str,
    path: str,
    line: int | None = None,
    *,
    cause: str,
    evidence: str = "",
    severity: Severity = HIGH,
    deviation: Deviation = Deviation.REQUIREMENT,
) -> Objection:
    """An objection of rule `tamper/<rule>`."""
    return minded(
        f"tamper/{rule}",
        what[:1500],
        path,
        line_=line,
        cause=cause,
        evidence=evidence[:1500],
        source=Source.TAMPER,
        deviation=deviation,
        severity=severity,
    )


def moved_goalposts(
    rule: str,
    what: str,
    path: str,
    line: int | None = None,
    *,
    cause: str,
    evidence: str = "",
    severity: Severity = HIGH,
) -> Objection:
    """An objection against what configures or judges, not against a test."""
    return tampered(
        rule, what, path, line, cause=cause, evidence=evidence, severity=severity, deviation=Deviation.BOUNDARY
    )

"""The verdict of a check that is built in: no command, but a count of what it looked at."""

from collections.abc import Sequence
from datetime import UTC, datetime

from ..model.evidence import Evidence, Finding, GateKind, GateResult, Outcome
from ..model.judgement import Measured
from ..model.numbers import counted
from ..model.objection import Deviation, Objection, Place, Severity, Source
from .reading import KEPT_FINDINGS, line


def built_in(
    name: str,
    objections: Sequence[Objection],
    *,
    examined: int,
    unit: str,
    tree: str,
    kind: GateKind = GateKind.OTHER,
    environment: str = "built-in",
) -> Measured:
    """The measured result of check `name` that looked at `examined` things. Nothing to look at is a pass of nothing:
    `examined` 0 with no objection is left out of a verdict by whoever composes it (see `vacuous`)."""
    blocking = [objection for objection in objections if objection.blocks]
    noted = f"; {len(objections) - len(blocking)} noted" if len(objections) > len(blocking) else ""
    told = f"{counted(examined, unit)}{noted}"
    reason = f"{counted(len(blocking), 'objections')} in {told}" if blocking else told
    result = GateResult(
        gate=name,
        kind=kind,
        outcome=Outcome.FAILED if blocking else Outcome.PASSED,
        reason=line(reason),
        evidence=Evidence(
            tree=tree or "none", argv=(), environment=environment, examined=examined, unit=unit, at=datetime.now(UTC)
        ),
        findings=as_findings(objections),
    )
    return Measured(result=result, objections=tuple(objections))


def vacuous(measured: Measured) -> bool:
    """A built-in check that had nothing to look at."""
    return not measured.result.evidence.argv and measured.result.evidence.examined == 0 and not measured.objections


def minded(
    rule: str,
    what: str,
    path: str,
    *,
    line_: int | None = None,
    cause: str = "",
    evidence: str = "",
    source: Source = Source.GATE,
    deviation: Deviation = Deviation.QUALITY,
    severity: Severity = Severity.HIGH,
    probe: str = "",
) -> Objection:
    """An objection of a built-in check. `rule` is `check/rule`; `what` says what is wrong without line numbers, so that
    the same trouble keeps its fingerprint."""
    return Objection(
        source=source,
        deviation=deviation,
        severity=severity,
        what=_writable(what),
        cause=_writable(cause),
        place=Place(path=_writable(path)[:500].strip() or "(no name)", line=line_) if path else None,
        evidence=_writable(evidence),
        probe=probe,
        rule=rule,
    )


def _writable(text: str) -> str:
    """A file's name may be bytes that are no text."""
    return text.encode("utf-8", "backslashreplace").decode()


def as_findings(objections: Sequence[Objection]) -> tuple[Finding, ...]:
    """The objections as a result lists them."""
    return tuple(_finding(objection) for objection in objections[:KEPT_FINDINGS])


def _finding(objection: Objection) -> Finding:
    place = objection.place
    return Finding(
        path=place.path if place else ".",
        line=place.line if place else None,
        rule=objection.rule,
        message=line(objection.what),
    )

"""Objections of a gate's result: what the session that must mend it is told, the same words for the same trouble."""

import re
import shlex

from ..model.evidence import Finding, GateKind, GateResult, Outcome, TestResult
from ..model.objection import Deviation, Objection, Place, Severity, Source
from .commands import shown
from .reading import capped, line, steady
from .words import words

CAP = 20
"""Objections one gate may raise; the rest is one more objection that counts them."""
_MEDIUM = frozenset((GateKind.LINT, GateKind.FORMAT))
_DEVIATES = {
    GateKind.TESTS: Deviation.BEHAVIOUR,
    GateKind.INTEGRATION: Deviation.BEHAVIOUR,
    GateKind.TASK: Deviation.BEHAVIOUR,
    GateKind.RED_PROOF: Deviation.REQUIREMENT,
    GateKind.FROZEN: Deviation.BOUNDARY,
    GateKind.BOUNDARY: Deviation.BOUNDARY,
    GateKind.SECRETS: Deviation.BOUNDARY,
}
_SOURCES = {GateKind.RED_PROOF: Source.RED_PROOF, GateKind.FROZEN: Source.TAMPER, GateKind.BOUNDARY: Source.BOUNDARY}


def objections(result: GateResult, *, rule: str = "") -> tuple[Objection, ...]:
    """One objection a failing test or finding, the first twenty; none for a green result. `rule` names what minds a
    finding, where it is not the gate alone."""
    if result.green:
        return ()
    bad = [test for test in result.tests if test.outcome in ("failed", "error")]
    raised = [of_test(result, test) for test in bad[:CAP]]
    # Notes of a tool that refused for another reason are not the trouble.
    minded = result.findings if result.outcome is Outcome.FAILED else ()
    raised += [_of_finding(result, finding, rule) for finding in minded[: CAP - len(raised)]]
    more = len(bad) + len(minded) - len(raised)
    if more > 0:
        raised.append(_plain(result, f"and {more} more in gate {result.gate}", result.reason))
    if result.outcome is not Outcome.FAILED and not raised:
        raised.append(_refusal(result))
    return tuple(raised) or (_plain(result, f"gate {result.gate} failed", result.reason),)


def of_test(result: GateResult, test: TestResult) -> Objection:
    """The objection for one failing test of `result`."""
    flaky = test.id in result.flaky
    how = "is flaky: it failed, then passed on the same tree" if flaky else "fails"
    if test.outcome == "error" and not flaky:
        how = "could not run"
    path, line_ = _where(test)
    return Objection(
        source=_source(result),
        deviation=_DEVIATES.get(result.kind, Deviation.QUALITY),
        severity=Severity.HIGH,
        what=f"test {test.id} {how}",
        cause=line(steady(telling(test))),
        place=Place(path=path, line=line_) if path else None,
        evidence=capped(test.message),
        probe=_probe(result, test),
        output=result.readable,
        rule="gate/test",
    )


def telling(test: TestResult) -> str:
    """The one line of a failure that says most."""
    errors = re.findall(r"^E\s{1,7}(\S.*)$", test.message, re.MULTILINE)
    lines = [text.strip() for text in test.message.splitlines() if text.strip()]
    first = lines[0] if lines else f"reported as {test.outcome}"
    return errors[-1] if errors and not re.match(r"\w*(Error|Exception|Failed)\b|assert ", first) else first


def _where(test: TestResult) -> tuple[str, int | None]:
    path = test.id.partition("::")[0]
    if "/" not in path and "." not in path:
        return "", None
    lines = re.findall(rf"(?:^|[\s/\"]){re.escape(path)}(?:\", line |:)(\d{{1,8}})\b", test.message)
    return path, int(lines[-1]) if lines else None


def _of_finding(result: GateResult, finding: Finding, check: str) -> Objection:
    rule = f"{finding.rule}: " if finding.rule else ""
    at = f"{finding.path}{f':{finding.line}' if finding.line else ''}"
    grounds = finding.shown
    return Objection(
        source=_source(result),
        deviation=_DEVIATES.get(result.kind, Deviation.QUALITY),
        severity=Severity.MEDIUM if result.kind in _MEDIUM else Severity.HIGH,
        what=steady(f"{rule}{finding.message}"),
        cause=steady(grounds.cause) if grounds else f"gate {result.gate} minds it",
        place=Place(path=finding.path, line=finding.line),
        evidence=capped(grounds.evidence) if grounds else f"{at}: {rule}{finding.message}",
        probe=grounds.probe if grounds else shown(result.evidence.argv),
        rule=check or "gate/finding",
        output=result.readable,
    )


def _refusal(result: GateResult) -> Objection:
    return _plain(result, f"gate {result.gate} could not tell: {steady(result.reason)}", result.reason).model_copy(
        update={"deviation": Deviation.ENVIRONMENT, "rule": "gate/refused"}
    )


def _plain(result: GateResult, what: str, cause: str) -> Objection:
    return Objection(
        source=_source(result),
        deviation=_DEVIATES.get(result.kind, Deviation.QUALITY),
        severity=Severity.MEDIUM if result.kind in _MEDIUM else Severity.HIGH,
        what=what,
        cause=steady(cause),
        evidence=capped(result.tail),
        probe=shown(result.evidence.argv),
        rule="gate/failed",
        output=result.readable,
    )


def _source(result: GateResult) -> Source:
    return _SOURCES.get(result.kind, Source.GATE)


def _probe(result: GateResult, test: TestResult) -> str:
    if words(result.evidence.argv).tool == "pytest" and "::" in test.id:
        return f"python -m pytest -q {shlex.quote(test.id)}"
    return shown(result.evidence.argv)

"""SARIF, Cobertura and the own JSON of jest, eslint and pyright."""

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

from ..model.evidence import Finding, TestResult
from .junit import parsed
from .reading import KEPT_FINDINGS, Layout, Reading, capped, line, tests_read, unreadable


def read_sarif(content: bytes, layout: Layout) -> Reading:
    """Findings of a SARIF log. Few tools list the files they read; then the count is of the files git knows."""
    log = _json(content)
    if isinstance(log, str) or not isinstance(log, dict) or not isinstance(log.get("runs"), list):
        return unreadable(f"the SARIF report cannot be read: {log if isinstance(log, str) else 'no runs'}", "files")
    try:
        runs = [run for run in log["runs"] if isinstance(run, dict)]
        findings = tuple(_sarif_finding(result, layout) for run in runs for result in run.get("results") or ())
        listed = {_uri(artifact) for run in runs for artifact in run.get("artifacts") or ()}
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        return unreadable(f"the SARIF report has an unknown shape: {error!r}", "files")
    return Reading(len(listed) or layout.count(), "files", findings=findings, guessed=not listed)


def _uri(artifact: dict[str, Any]) -> str:
    return str(artifact.get("location", {}).get("uri", ""))


def _sarif_finding(result: dict[str, Any], layout: Layout) -> Finding:
    locations: list[dict[str, Any]] = result.get("locations") or [{}]
    place = locations[0].get("physicalLocation", {})
    start = place.get("region", {}).get("startLine")
    return Finding(
        path=line(layout.path(str(place.get("artifactLocation", {}).get("uri", "")) or ".")),
        line=start if isinstance(start, int) else None,
        rule=str(result.get("ruleId") or "")[:200],
        message=line(str(result.get("message", {}).get("text") or "no message")),
    )


def read_cobertura(content: bytes, layout: Layout) -> Reading:
    """Lines that coverage looked at; a line nobody executed is not a finding of its own."""
    root = parsed(content)
    if isinstance(root, str) or root.tag != "coverage":
        return unreadable(
            f"the coverage report cannot be read: {root if isinstance(root, str) else 'not Cobertura XML'}", "lines"
        )
    return Reading(sum(1 for _ in root.iter("line")), "lines")


def read_json(content: bytes, layout: Layout) -> Reading:
    """The own JSON of a known tool, told apart by its shape."""
    told = _json(content)
    try:
        if isinstance(told, dict) and "testResults" in told:
            return tests_read(_jest(told, layout))
        if isinstance(told, dict) and "generalDiagnostics" in told:
            return _pyright(told, layout)
        if isinstance(told, list) and all(map(_is_eslint, told)):
            return _eslint(told, layout)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        return unreadable(f"the JSON report has an unknown shape: {error!r}")
    return unreadable(f"the JSON report cannot be read: {told if isinstance(told, str) else 'no known shape'}")


def _is_eslint(entry: object) -> bool:
    return (
        isinstance(entry, dict) and isinstance(entry.get("filePath"), str) and isinstance(entry.get("messages"), list)
    )


def _json(content: bytes) -> Any:
    """The value, or a sentence why there is none."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        return f"not JSON: {error}"[:200]
    return value if not isinstance(value, str) else "a bare string"


def _jest(told: dict[str, Any], layout: Layout) -> Iterator[TestResult]:
    outcomes = {"passed": "passed", "failed": "failed", "pending": "skipped", "todo": "skipped", "skipped": "skipped"}
    for suite in told["testResults"]:
        path = layout.path(str(suite["name"]))
        for test in suite["assertionResults"]:
            yield TestResult(
                id=line(f"{path}::{' > '.join([*test.get('ancestorTitles', ()), test['title']])}"),
                outcome=outcomes.get(test["status"], "skipped"),
                seconds=float(test.get("duration") or 0) / 1000,
                message=capped("\n".join(str(text) for text in test.get("failureMessages") or ())),
            )
        if not suite["assertionResults"] and suite.get("status") == "failed":
            yield TestResult(id=line(path), outcome="error", message=capped(str(suite.get("message") or "")))


def _eslint(told: list[dict[str, Any]], layout: Layout) -> Reading:
    findings = (
        Finding(
            path=line(layout.path(str(file["filePath"]))),
            line=message.get("line"),
            rule=str(message.get("ruleId") or ""),
            message=line(str(message.get("message") or "no message")),
        )
        for file in told
        for message in file["messages"]
        if message.get("severity", 2) == 2
    )
    return Reading(len(told), "files", findings=tuple(findings))


def _pyright(told: dict[str, Any], layout: Layout) -> Reading:
    findings = (
        Finding(
            path=line(layout.path(str(entry.get("file") or "."))),
            line=entry.get("range", {}).get("start", {}).get("line", -1) + 1 or None,
            rule=str(entry.get("rule") or ""),
            message=line(str(entry.get("message") or "no message")),
        )
        for entry in told["generalDiagnostics"]
        if entry.get("severity") == "error"
    )
    return Reading(int(told["summary"]["filesAnalyzed"]), "files", findings=tuple(islice(findings, 10 * KEPT_FINDINGS)))

"""SARIF, Cobertura, GitLab's code quality form and the own JSON of jest, eslint, pyright, bandit and biome."""

import json
from collections.abc import Iterator
from typing import Any

from ..model.evidence import Finding, TestResult
from .junit import parsed
from .reading import Layout, Reading, capped, line, tests_read, unreadable


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
        if isinstance(told, dict) and "metrics" in told and "results" in told:
            return _bandit(told, layout)
        if isinstance(told, dict) and "diagnostics" in told and "summary" in told:
            return _biome(told, layout)
        if isinstance(told, list) and told and all(map(_is_quality, told)):
            return _quality(told, layout)
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
    found: dict[bool, list[Finding]] = {True: [], False: []}
    looked = []
    for file in told:
        path = line(layout.path(str(file["filePath"])))
        ignored = any(str(message.get("message", "")).startswith("File ignored") for message in file["messages"])
        looked += [] if ignored else [path]
        for message in file["messages"]:
            rule = "syntax" if message.get("fatal") else str(message.get("ruleId") or "")
            finding = _finding(path, message.get("line"), rule, message.get("message"))
            found[message.get("severity", 2) == 2].append(finding)
    return Reading(
        len(looked), "files", findings=tuple(found[True]), notes=tuple(found[False]), looked_at=tuple(looked)
    )


def _pyright(told: dict[str, Any], layout: Layout) -> Reading:
    found: dict[bool, list[Finding]] = {True: [], False: []}
    for entry in told["generalDiagnostics"]:
        start = entry.get("range", {}).get("start", {}).get("line", -1) + 1 or None
        path = line(layout.path(str(entry.get("file") or ".")))
        finding = _finding(path, start, entry.get("rule"), entry.get("message"))
        if entry.get("severity") in ("error", "warning"):
            found[entry["severity"] == "error"].append(finding)
    count = int(told["summary"]["filesAnalyzed"])
    return Reading(count, "files", findings=tuple(found[True]), notes=tuple(found[False]))


def _bandit(told: dict[str, Any], layout: Layout) -> Reading:
    """A file it could not parse was not examined: nothing follows from the others."""
    looked = tuple(line(layout.path(str(path))) for path in told["metrics"] if path != "_totals")
    unread = told.get("errors") or []
    if unread:
        return unreadable(
            f"bandit could not read {unread[0].get('filename')}: {unread[0].get('reason')}"[:300], "files"
        )
    findings = tuple(
        _finding(
            line(layout.path(str(entry["filename"]))),
            entry.get("line_number"),
            entry.get("test_id"),
            entry.get("issue_text"),
        )
        for entry in told["results"]
    )
    return Reading(len(looked), "files", findings=findings, looked_at=looked)


def _biome(told: dict[str, Any], layout: Layout) -> Reading:
    found: dict[str, list[Finding]] = {}
    for entry in told["diagnostics"]:
        place = entry.get("location") or {}
        path = place.get("path")
        name = path.get("file") if isinstance(path, dict) else path
        start = (place.get("start") or {}).get("line") or None
        finding = _finding(
            line(layout.path(str(name or "."))),
            start,
            entry.get("category"),
            entry.get("message", entry.get("description")),
        )
        found.setdefault(str(entry.get("severity")), []).append(finding)
    count = int(told["summary"].get("changed", 0)) + int(told["summary"].get("unchanged", 0))
    hidden = int(told["summary"].get("diagnosticsNotPrinted") or 0)
    errors = [*found.get("fatal", []), *found.get("error", [])]
    notes = tuple(found.get("warning", []))
    return Reading(count, "files", findings=tuple(errors), notes=notes, partial=hidden > 0)


def _is_quality(entry: object) -> bool:
    return isinstance(entry, dict) and "check_name" in entry and isinstance(entry.get("location"), dict)


def _quality(told: list[dict[str, Any]], layout: Layout) -> Reading:
    """GitLab's code quality form tells findings only: the count is of the Python files git knows."""
    findings = []
    for entry in told:
        place, rule = entry["location"], str(entry["check_name"])
        start = (place.get("lines") or (place.get("positions") or {}).get("begin") or {}).get("begin")
        start = start if isinstance(start, int) else ((place.get("positions") or {}).get("begin") or {}).get("line")
        message = str(entry.get("description") or "").removeprefix(f"{rule}: ")
        findings.append(_finding(line(layout.path(str(place.get("path") or "."))), start, rule, message))
    return Reading(layout.count(".py", ".pyi"), "files", findings=tuple(findings), guessed=True)


def _finding(path: str, at: object, rule: object, message: object) -> Finding:
    number = at if isinstance(at, int) and at > 0 else None
    return Finding(path=path, line=number, rule=str(rule or "")[:200], message=line(str(message or "no message")))

"""Audits of dependencies: what they print becomes findings, and what they could not ask is a refusal.

The words without a network, of a registry that refuses, and of a package that pip-audit skips are as the tools printed
them; advisories are written by each tool's documented form, for no advisory service could be reached.
"""

import json
from typing import Any

import pytest

from setpoint.gates.change_set import between
from setpoint.gates.commands import reporting, shown
from setpoint.gates.detect import survey
from setpoint.gates.fresh import fresh
from setpoint.gates.reading import Layout
from setpoint.gates.run import run_gate
from setpoint.gates.verdict import Verdict, judge
from setpoint.model.command import Completed
from setpoint.model.evidence import GateKind, Outcome
from setpoint.model.gate import Gate
from setpoint.testing.gate_rooms import MakeRoom

LAYOUT = Layout("/repo", ".", frozenset(("package-lock.json", "requirements.txt")))


def verdict(command: str, stdout: str, stderr: str = "", exit_code: int = 1) -> Verdict:
    run, report = reporting(command.split())
    gate = Gate.model_validate({"kind": GateKind.SECURITY, "run": run, "report": report})
    done = Completed(exit_code=exit_code, stdout=stdout, stderr=stderr, seconds=0.1)
    return judge(gate, done, None, LAYOUT)


def npm(*severities: str) -> str:
    found: dict[str, Any] = {
        f"pack-{at}": {
            "severity": severity,
            "via": [
                {"source": at, "name": f"pack-{at}", "title": "trouble", "url": f"x/GHSA-{at}", "severity": severity}
            ],
        }
        for at, severity in enumerate(severities)
    }
    found["above"] = {"severity": "high", "via": ["pack-0"]}
    told = {"auditReportVersion": 2, "vulnerabilities": found, "metadata": {"dependencies": {"prod": 9, "total": 12}}}
    return json.dumps(told, indent=1)


PNPM = {
    "actions": [],
    "advisories": {"1": {"module_name": "a", "severity": "critical", "title": "t", "github_advisory_id": "GHSA-1"}},
    "metadata": {"vulnerabilities": {"critical": 1}, "dependencies": 7},
}
YARN = '{"value":"a","children":{"ID":9,"Issue":"t","URL":"https://x/advisories/GHSA-1","Severity":"high"}}\n'
PIP = {
    "dependencies": [
        {"name": "a", "version": "1", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2"], "description": "t"}]},
        {"name": "b", "version": "1", "vulns": []},
        {"name": "c", "skip_reason": "Dependency not found on PyPI and could not be audited: c (1)"},
    ],
    "fixes": [],
}
UV = {
    "summary": {"audited_packages": 31, "vulnerabilities": 1, "adverse_statuses": 1},
    "vulnerabilities": [{"dependency": {"name": "idna", "version": "2.8"}, "id": "GHSA-1", "summary": "t"}],
    "adverse_statuses": [{"name": "b", "status": "archived", "reason": None}],
}
OSV = {
    "results": [
        {
            "source": {"path": "/repo/package-lock.json", "type": "lockfile"},
            "packages": [
                {
                    "package": {"name": "a", "version": "1", "ecosystem": "npm"},
                    "vulnerabilities": [{"id": "GHSA-1", "summary": "t"}, {"id": "GHSA-2", "summary": "u"}],
                    "groups": [{"ids": ["GHSA-1"], "max_severity": "9.8"}, {"ids": ["GHSA-2"], "max_severity": "4.1"}],
                }
            ],
        }
    ]
}


@pytest.mark.parametrize(
    ("command", "stdout", "stderr", "examined", "rules"),
    [
        ("npm audit", npm("high", "moderate", "critical"), "", 12, ["GHSA-0", "GHSA-2"]),
        ("pnpm audit --prod", json.dumps(PNPM), "", 7, ["GHSA-1"]),
        ("yarn npm audit --all", YARN, "", 1, ["GHSA-1"]),
        ("pip-audit -r requirements.txt", json.dumps(PIP), "Found 1 known vulnerability", 2, ["PYSEC-1"]),
        ("uv audit --frozen", json.dumps(UV), "Found 1 known vulnerability", 31, ["GHSA-1"]),
        ("osv-scanner -r .", json.dumps(OSV), "Scanned package-lock.json file and found 12 packages", 12, ["GHSA-1"]),
    ],
)  # fmt: skip
def test_high_and_critical_advisories_are_findings(
    command: str, stdout: str, stderr: str, examined: int, rules: list[str]
) -> None:
    told = verdict(command, stdout, stderr)
    assert told.outcome is Outcome.FAILED
    assert told.reading.examined == examined
    assert [found.rule for found in told.reading.findings] == rules
    assert told.reading.findings[0].path == "package-lock.json"


@pytest.mark.parametrize(
    ("command", "stdout", "stderr"),
    [
        ("npm audit", npm("low", "moderate"), ""),
        ("pip-audit", json.dumps({"dependencies": [{"name": "b", "version": "1", "vulns": []}]}), "No known"),
        ("osv-scanner -r .", '{"results": []}', "Scanned package-lock.json file and found 3 packages"),
        ("yarn npm audit", "", ""),
        ("uv audit", json.dumps({**UV, "vulnerabilities": []}), ""),
    ],
)
def test_milder_ones_and_none_pass(command: str, stdout: str, stderr: str) -> None:
    assert verdict(command, stdout, stderr, exit_code=0).outcome is Outcome.PASSED


OFFLINE = (
    "npm warn audit request to registry failed, reason: getaddrinfo EAI_AGAIN registry\n"
    "npm error audit endpoint returned an error"
)
OFFLINE_PIP = "requests.exceptions.ConnectionError: HTTPSConnectionPool: Max retries exceeded (NameResolutionError)"
OFFLINE_UV = "error: Request failed after 3 retries\n  cause: error sending request for url (x)\n  cause: dns error"
SKIPPED = '{"dependencies": [{"name": "a", "skip_reason": "Dependency not found on PyPI: a (2.4.1)"}], "fixes": []}'


@pytest.mark.parametrize(
    ("command", "stdout", "stderr", "said"),
    [
        ("npm audit", '{"message": "request failed", "error": {"summary": ""}}', OFFLINE, "gates have no network"),
        ("npm audit", '{"message": "405 Method Not Allowed"}', "npm error audit endpoint returned an error", "network"),
        ("pip-audit", "", OFFLINE_PIP, "osv-scanner --offline"),
        ("pip-audit", SKIPPED, "No known vulnerabilities found", "nothing was examined: 0 packages"),
        ("yarn npm audit", "", "RequestError: getaddrinfo ENOTFOUND registry", "required = false"),
        ("osv-scanner -r .", '{"results": []}', "", "nothing was examined"),
        ("uv audit --frozen", "", OFFLINE_UV, "gates have no network"),
        ("uv audit --frozen", json.dumps({**UV, "summary": {"audited_packages": 0}}), "", "nothing was examined"),
        ("uv audit --frozen", json.dumps({**UV, "summary": []}), "", "no audit"),
        ("npm audit", "not what it was", "", "no audit"),
    ],
)
def test_what_could_not_be_asked_is_refused(command: str, stdout: str, stderr: str, said: str) -> None:
    for exit_code in (0, 1):
        told = verdict(command, stdout, stderr, exit_code)
        assert told.outcome is Outcome.REFUSED
        assert said in told.reason


@pytest.mark.parametrize(
    ("command", "run"),
    [
        ("npm audit --audit-level=critical", "npm audit --json --audit-level=high"),
        ("pnpm audit --prod", "pnpm audit --json --audit-level=high --prod"),
        ("yarn npm audit --severity low --all", "yarn npm audit --json --severity=high --all"),
        ("pip-audit -r requirements.txt -f columns", "pip-audit --format=json -r requirements.txt"),
        ("uv audit --frozen --output-format text", "uv audit --output-format=json --frozen"),
        ("osv-scanner scan source -r .", "osv-scanner scan source --format=json -r ."),
    ],
)
def test_each_is_asked_for_its_json(command: str, run: str) -> None:
    assert " ".join(reporting(command.split())[0]) == run
    assert "json" not in shown(run.split())


async def test_advisories_of_the_base_are_old_and_those_of_a_new_package_are_not(project: MakeRoom) -> None:
    room, results = project({"package-lock.json": "{}"}), []
    for text in (npm("high"), npm("high", "high")):
        room.write("told.json", text.encode())
        gate = Gate(kind=GateKind.SECURITY, run=reporting(("npm", "audit"))[0])
        room.write("npm", b"#!/bin/sh\ncat told.json; exit 1\n")
        (room.path / "npm").chmod(0o755)
        asked = gate.model_copy(update={"run": ("env", f"PATH={room.path}:/usr/bin:/bin", *gate.run)})
        results.append(await run_gate("audit", asked, room, tree="t", environment="e"))
    base, head = results
    change = between({"package-lock.json": b"{}"}, {"package-lock.json": b'{"a": 1}'})
    (new,) = fresh(head, base, change).objections
    assert "pack-1" in new.what or "pack-1" in new.evidence
    assert fresh(base, base, change).result.outcome is Outcome.PASSED


@pytest.mark.parametrize(
    ("files", "run"),
    [
        ({"package.json": '{"scripts": {"audit": "npm audit --omit=dev"}}'}, "npm audit --omit=dev"),
        ({"package.json": "{}", ".travis.yml": "script: [npm audit]\n"}, "npm audit"),
        ({"a.py": "", ".gitlab-ci.yml": "a:\n  script: [pip-audit -r reqs.txt]\n"}, "pip-audit -r reqs.txt"),
        ({"a.py": "", "Makefile": "security:\n\tosv-scanner -r .\n"}, "osv-scanner -r ."),
    ],
)  # fmt: skip
def test_an_audit_that_the_repository_speaks_of_is_a_security_gate(
    project: MakeRoom, files: dict[str, str], run: str
) -> None:
    (found,) = survey(project(files).path).candidates
    assert (found.gate.kind, shown(found.gate.run)) == (GateKind.SECURITY, run)

"""A gate reaches the hosts that its configuration names and no others: a real audit, asked of a real server."""

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from setpoint.adapters.rooms import SandboxRoom, surroundings
from setpoint.adapters.sandboxes.bubblewrap import Bubblewrap
from setpoint.config import parse
from setpoint.gates.checks import task_gate
from setpoint.gates.judge import ASKED_AGAIN, still_holds
from setpoint.gates.run import run_gate
from setpoint.model.evidence import GateKind, GateResult, Outcome
from setpoint.model.gate import Gate
from setpoint.model.plan import Check
from setpoint.model.sandbox_settings import SandboxSettings
from setpoint.service.header import header

ADVISORY = {
    "id": 1,
    "url": "https://example.org/GHSA-pads-1",
    "title": "pads for ever",
    "severity": "high",
    "vulnerable_versions": "<1.3.0",
    "cwe": [],
    "cvss": {"score": 7},
}


class _Advisories(BaseHTTPRequestHandler):
    """A registry that knows one advisory."""

    def do_POST(self) -> None:
        self._answer(200 if self.path.endswith("/bulk") else 404, {"left-pad": [ADVISORY]})

    def do_GET(self) -> None:
        self._answer(404, {})

    def _answer(self, status: int, told: object) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        return


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Advisories) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


async def audited(folder: Path, port: int, version: str, *network: str) -> GateResult:
    project = folder / "shop"
    project.mkdir()
    about = {"name": "shop", "version": "1.0.0", "dependencies": {"left-pad": version}}
    lock = {"": about, "node_modules/left-pad": {"version": version, "resolved": "x", "integrity": "sha512-x"}}
    (project / "package.json").write_text(json.dumps(about))
    told = {"name": "shop", "version": "1.0.0", "lockfileVersion": 3, "requires": True, "packages": lock}
    (project / "package-lock.json").write_text(json.dumps(told))
    around = surroundings(Bubblewrap(), project, folder / "masks", SandboxSettings())
    run = ("npm", "audit", "--json", "--audit-level=high", "--registry", f"http://advisories.test:{port}/")
    gate = Gate(kind=GateKind.SECURITY, run=run, network=network)
    return await run_gate("audit", gate, SandboxRoom(project, around), tree="t", environment="e")


@pytest.mark.slow
async def test_an_audit_asks_the_host_that_is_named_for_it(tmp_path: Path, port: int) -> None:
    host = f"advisories.test:{port}"
    found = await audited(tmp_path, port, "1.1.0", f"{host}=127.0.0.1")
    assert found.outcome is Outcome.FAILED
    assert [finding.rule for finding in found.findings] == ["GHSA-pads-1"]
    assert found.evidence.network == (f"{host}=127.0.0.1",)
    assert [(one.host, one.allowed) for one in found.evidence.connections] == [(host, True)]
    assert found.evidence.connections[0].received > 0


@pytest.mark.slow
async def test_an_audit_without_findings_passes_on_what_it_was_told(tmp_path: Path, port: int) -> None:
    found = await audited(tmp_path, port, "1.3.0", f"advisories.test:{port}=127.0.0.1")
    assert found.green, found.reason


@pytest.mark.slow
async def test_a_host_that_is_not_named_is_refused_and_said(tmp_path: Path, port: int) -> None:
    found = await audited(tmp_path, port, "1.1.0", "other.test:443=127.0.0.1")
    assert found.outcome is Outcome.REFUSED
    assert f'its gate needs network = ["advisories.test:{port}"]' in found.reason
    assert [one.allowed for one in found.evidence.connections] == [False]


@pytest.mark.slow
async def test_without_hosts_there_is_no_network_at_all(tmp_path: Path, port: int) -> None:
    found = await audited(tmp_path, port, "1.1.0")
    assert found.outcome is Outcome.REFUSED
    assert "gates have no network" in found.reason
    assert found.evidence.connections == ()


CONFIG = '[gates.audit]\nkind = "security"\nrun = ["npm", "audit"]\nnetwork = ["advisories.test"]\n'


def test_a_runs_header_says_who_may_reach_what() -> None:
    agent = '[agent]\nkind = "replay"\n'
    assert "gate audit may reach advisories.test" in header(parse(CONFIG + agent, "setpoint.toml"))


def test_hosts_are_part_of_what_a_result_rests_on(tmp_path: Path) -> None:
    gate = parse(CONFIG, "setpoint.toml").gates["audit"]
    assert gate.digest() != gate.model_copy(update={"network": ()}).digest()


def test_a_check_of_a_plan_names_no_hosts() -> None:
    told = {"run": "npm audit", "standard": "must pass", "network": ["advisories.test"]}
    assert "network" not in Check.model_fields
    assert task_gate(Check.model_validate({key: told[key] for key in Check.model_fields if key in told})).network == ()


@pytest.mark.slow
async def test_what_was_told_from_outside_is_asked_again_after_a_day(tmp_path: Path, port: int) -> None:
    network = (f"advisories.test:{port}=127.0.0.1",)
    found = await audited(tmp_path, port, "1.3.0", *network)
    gate = Gate(kind=GateKind.SECURITY, run=found.evidence.argv, network=network)
    assert still_holds(found, gate, "t", "e")
    at = found.evidence.at - ASKED_AGAIN - timedelta(seconds=1)
    old = found.model_copy(update={"evidence": found.evidence.model_copy(update={"at": at})})
    assert not still_holds(old, gate, "t", "e")

"""The demo's recording fits its service, and every stage of the story is what it says it is."""

import json
import os
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from setpoint.config import parse
from setpoint.demo import storyboard
from setpoint.demo.authoring import text_of
from setpoint.demo.player import contents, named, play
from setpoint.demo.project import SIGNUP
from setpoint.errors import RecordingError
from setpoint.model.change import AcceptanceTests, Change
from setpoint.model.objection import Severity, Source
from setpoint.model.plan import Plan
from setpoint.model.record import Record
from setpoint.model.review import Review, Verdict
from setpoint.model.spec import Diagnosis, FunctionalSpec

TOOLS = Path(sys.executable).parent
SEQUENCE = [
    "cycle 1 discovery producer 1 turn 1",
    "cycle 1 discovery validator 1 turn 1",
    "cycle 1 tech_spec producer 1 turn 1",
    "cycle 1 tech_spec validator 1 turn 1",
    "cycle 1 planning producer 1 turn 1",
    "cycle 1 planning validator 1 turn 1",
    "cycle 1 planning producer 1 turn 2",
    "cycle 1 planning validator 2 turn 1",
    "cycle 1 tests producer 1 turn 1",
    "cycle 1 tests validator 1 turn 1",
    "cycle 1 implementation T001 producer 1 turn 1",
    "cycle 1 implementation validator 1 turn 1",
    "cycle 1 implementation T002 producer 1 turn 1",
    "cycle 1 implementation validator 2 turn 1",
    "cycle 1 review reviewer 1 turn 1",
    "cycle 1 implementation T002 producer 1 turn 2",
    "cycle 1 review reviewer 2 turn 1",
    "cycle 2 diagnosis producer 1 turn 1",
    "cycle 2 diagnosis validator 1 turn 1",
    "cycle 2 tests producer 1 turn 1",
    "cycle 2 tests validator 1 turn 1",
    "cycle 2 implementation producer 1 turn 1",
    "cycle 2 implementation validator 1 turn 1",
    "cycle 2 review reviewer 1 turn 1",
]


def recorded() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(SIGNUP.recording.read_text(encoding="utf-8"))
    return found


def deliverables(kind: type[Record], name: str) -> list[Any]:
    calls = [turn["steps"][-1]["tool_calls"][-1] for turn in recorded()["sessions"]]
    return [kind.model_validate(call["arguments"]) for call in calls if call["function_name"] == f"submit_{name}"]


def run(argv: list[str], folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": f"{TOOLS}{os.pathsep}{os.environ['PATH']}", **environ}
    environment.pop("VIRTUAL_ENV", None)
    return subprocess.run(argv, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)


def gates_are_green(folder: Path) -> None:
    gates = parse((folder / "setpoint.toml").read_text(encoding="utf-8"), "setpoint.toml").gates
    assert set(gates) == {"tests", "lint", "types"}
    for name, gate in gates.items():
        argv = [part.replace("{report}", str(folder.parent / "report.xml")) for part in gate.run]
        done = run(argv, folder)
        assert done.returncode == 0, f"{name}: {done.stdout}{done.stderr}"


def fail_by_assertion(claims: AcceptanceTests, folder: Path, scratch: Path) -> None:
    """The files alone, laid over the stage's base, must be red test by test and for the right reason."""
    report = scratch / "red.xml"
    argv = [
        "python",
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-o",
        "junit_family=xunit1",
        f"--junit-xml={report}",
    ]
    run([*argv, *claims.files], folder)
    cases = list(ElementTree.parse(report).iter("testcase"))
    found = {f"{case.get('file')}::{case.get('name')}": case.find("failure") for case in cases}
    assert set(found) == {claim.id for claim in claims.tests}
    for name, failure in found.items():
        assert failure is not None, f"{name} is not red"
        assert "assert" in (failure.get("message") or "").casefold(), f"{name}: {failure.get('message')}"


def release(folder: Path, state: Path, sha: str) -> dict[str, str]:
    environ = {"SETPOINT_STATE": str(state), "SETPOINT_SHA": sha, "SETPOINT_ENVIRONMENT": "pre-staging"}
    deployed = run(["python3", "ops/deploy.py"], folder, **environ)
    assert deployed.returncode == 0, deployed.stderr
    return environ


def test_the_committed_recording_is_the_storyboards() -> None:
    assert SIGNUP.recording.read_text(encoding="utf-8") == text_of(storyboard.build())


def test_the_story_goes_in_its_order() -> None:
    assert [named(turn) for turn in recorded()["sessions"]] == SEQUENCE


def test_the_recording_has_its_format() -> None:
    found = recorded()
    assert found["schema_version"] == "setpoint-recording/1"
    for turn in found["sessions"]:
        names = Counter(call["tool_call_id"] for step in turn["steps"] for call in step["tool_calls"])
        assert max(names.values()) == 1
        assert [step["step_id"] for step in turn["steps"]] == list(range(1, len(turn["steps"]) + 1))
        assert turn["model_name"].count("/") == 1
        for step in turn["steps"]:
            own = {call["tool_call_id"] for call in step["tool_calls"]}
            assert {item["source_call_id"] for item in step.get("expect", ())} <= own
            assert step["metrics"]["cached_tokens"] <= step["metrics"]["prompt_tokens"]


def test_the_ticket_says_what_was_asked() -> None:
    words = SIGNUP.ticket.read_text(encoding="utf-8").split("\n\n")[1].strip()
    assert words == (
        "Add server-side validation to the signup endpoint. Preserve the existing API response shape. Add tests for "
        "missing email, invalid email, and duplicate email. Do not change the database schema."
    )


def test_every_quotation_stands_in_the_ticket() -> None:
    ticket = SIGNUP.ticket.read_text(encoding="utf-8")
    spec, diagnosis = deliverables(FunctionalSpec, "functional_spec")[0], deliverables(Diagnosis, "diagnosis")[0]
    quotes = [criterion.quote for criterion in (*spec.criteria, *diagnosis.criteria) if criterion.source != "inferred"]
    assert quotes
    assert all(quote in ticket for quote in quotes)


def test_the_first_plan_leaves_a_guess_and_the_second_none() -> None:
    verdicts = deliverables(Verdict, "verdict")
    assert [bool(verdict.guesses) for verdict in verdicts].count(True) == 1
    draft, plan = deliverables(Plan, "plan")
    assert not any("409" in step for task in draft.tasks for step in task.steps)
    assert any("409" in step for task in plan.tasks for step in task.steps)


def test_every_criterion_has_a_task_and_a_test() -> None:
    spec, plan = deliverables(FunctionalSpec, "functional_spec")[0], deliverables(Plan, "plan")[1]
    known = {criterion.id for criterion in spec.criteria}
    assert {name for task in plan.tasks for name in task.criteria} == known
    tests = deliverables(AcceptanceTests, "tests")[0]
    excused = {name for name in known if any(text.startswith(name) for text in tests.unproven)}
    assert {name for claim in tests.tests for name in claim.proves} | excused == known


def test_one_high_is_found_answered_and_closed() -> None:
    first, second, last = deliverables(Review, "review")
    assert [finding.severity for finding in first.findings] == [Severity.HIGH, Severity.LOW]
    high, low = (finding.objection(Source.REVIEWER).fingerprint for finding in first.findings)
    rework = deliverables(Change, "change")[2]
    assert {answer.objection for answer in rework.answers} == {high, low}
    assert second.closed == (high,)
    assert {finding.severity for finding in second.findings} == {Severity.LOW}
    assert low in {finding.objection(Source.REVIEWER).fingerprint for finding in second.findings}
    assert not last.findings


def test_the_service_settings_are_understood() -> None:
    config = parse((SIGNUP.project / "setpoint.toml").read_text(encoding="utf-8"), "setpoint.toml")
    assert [environment.name for environment in config.environment] == ["pre-staging", "production"]
    assert all(environment.sandbox for environment in config.environment)
    assert config.agent.kind == "replay"
    assert (
        tomllib.loads((SIGNUP.project / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"] == []
    )


@pytest.mark.slow
def test_the_base_is_green_and_its_release_works(tmp_path: Path) -> None:
    folder = tmp_path / "service"
    SIGNUP.lay_out(folder)
    gates_are_green(folder)
    environ = release(folder, tmp_path / "state", "base")
    smoked = run(["python3", "ops/smoke.py"], folder, **environ)
    assert smoked.returncode == 0, smoked.stdout + smoked.stderr


class Stages:
    """Looks at the folder after each turn, as the engine's gates would."""

    def __init__(self, folder: Path, scratch: Path) -> None:
        self.folder = folder
        self.scratch = scratch
        self.base = contents(folder)
        self.frozen: dict[str, bytes] = {}
        self.plan: Plan | None = None
        self.seen: list[str] = []

    def heard(self, turn: dict[str, Any], handed: Record) -> None:
        if isinstance(handed, Plan):
            self.plan = handed
        if isinstance(handed, AcceptanceTests):
            fail_by_assertion(handed, self.folder, self.scratch)
            now = contents(self.folder)
            assert {path for path in now if now[path] != self.base.get(path)} == set(handed.files)
            self.frozen |= {path: now[path] for path in handed.files}
        if isinstance(handed, Change):
            self.changed(turn)
        if named(turn) == "cycle 1 review reviewer 2 turn 1":
            self.merged()
            self.base = contents(self.folder)
        self.seen.append(named(turn))

    def changed(self, turn: dict[str, Any]) -> None:
        now = contents(self.folder)
        assert {path: now[path] for path in self.frozen} == self.frozen
        tasks = {task.id: task for task in self.plan.tasks} if self.plan else {}
        for check in tasks[turn["task"]].checks if turn["task"] in tasks else ():
            done = run(list(check.argv), self.folder)
            assert done.returncode == 0, f"{check.run}: {done.stdout}{done.stderr}"
        if turn["task"] != "T001":  # the acceptance tests stay red until the last task
            gates_are_green(self.folder)

    def merged(self) -> None:
        """Tests, lint and types are green here, and still the release does not work: what only a smoke test sees."""
        environ = release(self.folder, self.scratch / "state", "first")
        smoked = run(["python3", "ops/smoke.py"], self.folder, **environ)
        assert smoked.returncode == 1
        assert "FAIL a valid signup: 500" in smoked.stdout
        assert "email_rules.json" in smoked.stdout
        rolled = run(["python3", "ops/rollback.py"], self.folder, **{**environ, "SETPOINT_SHA": ""})
        assert rolled.returncode == 0
        assert not (self.scratch / "state" / "pre-staging" / "current").exists()


@pytest.mark.slow
def test_the_whole_story_plays(tmp_path: Path) -> None:
    folder, scratch = tmp_path / "service", tmp_path / "scratch"
    SIGNUP.lay_out(folder)
    scratch.mkdir()
    stages = Stages(folder, scratch)
    play(recorded(), folder, TOOLS, stages.heard)
    assert stages.seen == SEQUENCE
    environ = release(folder, scratch / "state", "second")
    smoked = run(["python3", "ops/smoke.py"], folder, **environ)
    assert smoked.returncode == 0, smoked.stdout + smoked.stderr
    assert not (folder / "signup" / "email_rules.json").exists()


def test_the_change_stays_inside_the_plans_boundaries() -> None:
    plan = deliverables(Plan, "plan")[1]
    written = {
        call["arguments"]["path"]
        for turn in recorded()["sessions"]
        for step in turn["steps"]
        for call in step["tool_calls"]
        if call["function_name"] in ("write", "edit")
    }
    assert all(path.startswith(("signup/", "tests/")) or path == "README.md" for path in written)
    assert plan.boundaries.paths == ("signup/**", "tests/**", "README.md")
    assert not plan.boundaries.migrations


def test_a_recording_that_no_longer_fits_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "service"
    SIGNUP.lay_out(folder)
    (folder / "signup" / "accounts.py").write_text("class Accounts: ...\n", encoding="utf-8")
    with pytest.raises(RecordingError, match="cycle 1 discovery producer 1 turn 1, step 1"):
        play(recorded(), folder, TOOLS)

"""The demo, run once as a newcomer runs it: what the viewer is promised is what the record holds."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from setpoint.adapters.sandboxes.bubblewrap import find_binary
from setpoint.demo.play import prepare
from setpoint.demo.project import SIGNUP, STORIES, Story

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Shown:
    """A finished demo."""

    folder: Path
    code: int
    told: str
    log: list[dict[str, Any]]
    view: dict[str, Any]
    tried: dict[str, int]
    """What the kernel counted of attempts to leave the machine."""

    def events(self, kind: str) -> list[dict[str, Any]]:
        """Data of the journal's entries of one kind, with their stage."""
        return [
            {**event["data"], "at_stage": event["stage"], "seq": event["seq"]}
            for event in self.log
            if event["kind"] == kind
        ]

    def git(self, *words: str) -> str:
        """What git says in the demo's forge."""
        command = ["git", "--git-dir", str(self.folder / ".setpoint" / "forge.git"), *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


ALONE = (str(find_binary()), "--dev-bind", "/", "/", "--unshare-net", "sh", "-c")
"""Runs a shell script where there is no network but its own loopback, and nothing else is different."""
COUNTED = '"$@"; code=$?; cat /proc/net/snmp /proc/net/snmp6 >"$COUNTERS"; exit $code'
"""The kernel counts every packet, of every process, that finds no way out of there."""


def tried(counters: Path) -> dict[str, int]:
    """Packets that had no way out, by protocol."""
    lines = [line.split() for line in counters.read_text().splitlines()]
    names, values = [line[1:] for line in lines if line[0] == "Ip:"]
    (six,) = [line[1] for line in lines if line[0] == "Ip6OutNoRoutes"]
    return {"ip": int(dict(zip(names, values, strict=True))["OutNoRoutes"]), "ip6": int(six)}


def setpoint(folder: Path, words: Sequence[str], before: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if not k.endswith(("_API_KEY", "_BASE_URL"))}
    clean["UV_OFFLINE"] = "1"
    clean["COUNTERS"] = str(folder / "counters")
    command = [*before, sys.executable, "-m", "setpoint.cli", *words]
    return subprocess.run(
        command, cwd=folder, env=clean, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )


def shown(story: Story, parent: Path) -> Shown:
    folder = parent / "shop"
    prepare(story, parent / "tools", lambda _: None)  # the viewer asked for the tools: they come from the cache below
    words = ["demo", "--case", story.name, "--folder", str(folder)]
    done = setpoint(parent, words, before=(*ALONE, COUNTED, "sh"))
    run = json.loads(setpoint(folder, ["list", "--json"]).stdout)[0]["id"]
    log = json.loads(setpoint(folder, ["log", run, "--json"]).stdout)
    view = json.loads(setpoint(folder, ["show", run, "--json"]).stdout)
    return Shown(folder, done.returncode, done.stderr, log, view, tried(parent / "counters"))


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    return shown(SIGNUP, tmp_path_factory.mktemp("demo"))


def test_it_tries_to_reach_nobody(demo: Shown) -> None:
    assert demo.tried == {"ip": 0, "ip6": 0}


@pytest.mark.parametrize(
    ("kind", "where", "counted"),
    [
        ("SOCK_STREAM", "('192.0.2.1', 80)", "ip"),
        ("SOCK_DGRAM", "('192.0.2.1', 53)", "ip"),
        ("SOCK_DGRAM", "('2001:db8::1', 53)", "ip6"),
    ],
)
def test_who_tried_would_have_been_counted(tmp_path: Path, kind: str, where: str, counted: str) -> None:
    family = "AF_INET6" if counted == "ip6" else "AF_INET"
    script = f"import socket\ntry: socket.socket(socket.{family}, socket.{kind}).connect({where})\nexcept OSError: pass"
    told = {**os.environ, "COUNTERS": str(tmp_path / "counters")}
    subprocess.run([*ALONE, COUNTED, "sh", sys.executable, "-c", script], env=told, check=True)
    assert tried(tmp_path / "counters")[counted] > 0


def test_it_ends_done_and_says_what_is_replayed(demo: Shown) -> None:
    assert demo.code == 0, demo.told[-3000:]
    assert demo.view["state"] == "done"
    assert "Model turns are REPLAYED" in demo.told


def test_the_plan_goes_back_to_its_session_and_is_mended(demo: Shown) -> None:
    errors = [row["error"] for row in demo.view["rounds"] if row["loop"] == "planning"]
    assert len(errors) == 2
    assert errors[0] > 0 == errors[1]


def test_no_token_of_a_code_phase_is_spent_before_the_plan_is_approved(demo: Shown) -> None:
    approved = next(event["seq"] for event in demo.events("person"))
    early = {event["at_stage"] for event in demo.events("model") if event["seq"] < approved}
    assert early == {"discovery", "tech_spec", "planning"}


def test_tests_are_red_on_the_base_before_any_code_and_sealed(demo: Shown) -> None:
    sealed = demo.events("sealed")[0]
    assert len(sealed["tests"]) == 5
    first_code = min(event["seq"] for event in demo.events("model") if event["at_stage"] == "implementation")
    assert sealed["seq"] < first_code
    proof = next(g for event in demo.events("gates") for g in event["results"] if g["gate"] == "red-proof")
    assert (proof["outcome"], proof["examined"]) == ("passed", 5)


def test_each_plan_task_passes_its_checks_and_is_one_commit_of_the_engines(demo: Shown) -> None:
    subjects = demo.git("log", "--format=%s", "--no-merges", "main").splitlines()
    assert sum(subject.startswith("T001 ") for subject in subjects) == 1
    assert sum(subject.startswith("T002 ") for subject in subjects) == 1
    checks = [g["gate"] for event in demo.events("gates") for g in event["results"]]
    assert {"T001.1", "T001.2", "T002.1", "T002.2"} <= set(checks)


def test_a_reviewers_high_finding_goes_back_and_a_fresh_reviewer_closes_it(demo: Shown) -> None:
    reviews = [event for event in demo.events("round") if event["stage"] == "review"]
    high = [o for o in reviews[0]["objections"] if o["severity"] == "high"]
    assert len(high) == 1
    assert reviews[1]["blocking"] == 0
    assert reviews[1]["closed"] == [high[0]["id"]]
    sessions = {e["session"] for e in demo.events("model") if e["at_stage"] == "review" and ":c1:" in e["session"]}
    assert len(sessions) == 2
    assert any(o["severity"] == "low" for o in reviews[1]["objections"]), "Low findings are listed, not lost"


def test_the_reviewer_ran_probes_in_a_copy_of_its_own(demo: Shown) -> None:
    ran = [event for event in demo.events("tool") if event["at_stage"] == "review" and event["name"] == "shell"]
    assert ran
    assert all(event["changed"] == [] for event in ran)


def test_the_failed_smoke_is_rolled_back_and_the_ticket_reopened_and_fixed_forward(demo: Shown) -> None:
    steps = [(step["environment"], step["step"], step["ok"]) for step in demo.events("deploy")]
    assert steps == [
        ("pre-staging", "deploy", True),
        ("pre-staging", "smoke", False),
        ("pre-staging", "rollback", True),
        ("pre-staging", "deploy", True),
        ("pre-staging", "smoke", True),
        ("production", "deploy", True),
        ("production", "smoke", True),
    ]
    assert demo.view["cycle"] == 2
    assert demo.events("lesson-candidate")


def test_merges_carry_the_five_stages_and_wait_for_green_ci(demo: Shown) -> None:
    merges = [event for event in demo.events("effect") if "stages" in event]
    assert len(merges) == 2
    for merge in merges:
        assert set(merge["stages"]) == {"planning", "implementation", "review", "validation", "human approval"}
        assert all(merge["stages"].values())
        green = [event for event in demo.events("ci") if event["seq"] < merge["seq"] and event["state"] == "green"]
        assert green
        assert all(gate["examined"] > 0 for gate in green[-1]["gates"])


def test_every_approval_has_a_name_and_is_bound_to_what_was_shown(demo: Shown) -> None:
    approvals = demo.view["approvals"]
    assert [approval["about"] for approval in approvals] == ["plan", "change", "change"]
    assert all(approval["by"] == "Demo Owner" and len(approval["subject"]) == 64 for approval in approvals)
    assert all(approval["tree"] for approval in approvals if approval["about"] == "change")


def test_the_journal_holds_prompts_commands_risks_files_and_money(demo: Shown) -> None:
    assert all(len(event["sha256"]) == 64 and event["text"] for event in demo.events("prompt"))
    tools = demo.events("tool")
    assert {"read", "edit", "test"} <= {event["risk"] for event in tools}
    assert any(event["changed"] for event in tools)
    assert all(event["usd"] is not None for event in demo.events("model"))
    assert demo.view["cost"]["usd"] > 0
    assert demo.events("boundaries")[0]["paths"]


def test_every_green_gate_examined_something(demo: Shown) -> None:
    for event in demo.events("gates"):
        assert all(gate["examined"] > 0 for gate in event["results"] if gate["outcome"] == "passed")


def test_the_checked_out_files_and_branches_of_the_user_are_untouched(demo: Shown) -> None:
    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=demo.folder, check=True, capture_output=True, text=True).stdout

    assert git("status", "--porcelain") == ""
    assert git("log", "--oneline", "main").count("\n") == 1
    branches = git("for-each-ref", "--format=%(refname)").split()
    assert all(
        ref == "refs/heads/main" or ref.startswith(("refs/heads/setpoint/", "refs/setpoint/")) for ref in branches
    )


def test_progress_json_has_the_form_that_people_know(demo: Shown) -> None:
    found = list((demo.folder / ".setpoint" / "runs").glob("*/progress.json"))
    progress = json.loads(found[0].read_text())
    assert set(progress) == {"feature_id", "status", "steps", "failures", "decisions"}
    assert progress["status"] == "complete"
    assert all({"step", "task", "status", "output", "timestamp"} <= set(step) for step in progress["steps"])
    assert all(
        {"step", "attempt", "error", "resolution", "timestamp"} == set(failure) for failure in progress["failures"]
    )
    assert all(step["timestamp"].endswith("Z") for step in progress["steps"])


def test_the_pull_request_carries_the_evidence(demo: Shown) -> None:
    pull = json.loads((demo.folder / ".setpoint" / "forge.git" / "setpoint" / "pulls" / "1.json").read_text())
    for words in (
        "FR-001",
        "test_missing_email",
        "green-proof",
        "| review | 1 | 8 |",
        "Approved by Demo Owner",
        "at list prices",
    ):
        assert words in pull["body"]


def test_a_hotfix_has_two_producing_sessions_fewer_than_a_feature(demo: Shown) -> None:
    def producers(cycle: int) -> set[str]:
        parts = [event["session"].split(":") for event in demo.events("model")]
        return {part[2] for part in parts if part[1] == f"c{cycle}" and "producer" in part}

    assert producers(1) - producers(2) == {"discovery", "tech_spec", "planning"}
    assert len(producers(1)) - len(producers(2)) == 2


def test_each_review_names_the_commits_it_looked_at(demo: Shown) -> None:
    first, second = [event["range"].split("..") for event in demo.events("reviewed")][:2]
    assert first[1] == second[0] != second[1]


STOPPED = {"orders": ("T003.1", "11 of 12 scenarios passed"), "avatar": ("T003.2", "is possibly 'null'")}
"""The check that stops each worked example once, and what it says."""
TOLD = {
    "orders": {
        "T002.2": r"3 rows in orders.db as expected",
        "T003.1": r"12 of 12 scenarios passed",
        "T004.2": r"all 5 entries of logs/orders.log matched",
        "T005.1": r"1 row in orders.db as expected",
        "coverage": r"\d+ of \d+ changed lines are run by tests \(\d+\.\d %\)",
    },
    "avatar": {
        "T002.1": r"15 tests passed",
        "coverage": r"\d+ of \d+ changed lines are run by tests \(\d+\.\d %\)",
        "bundle": r"compressed, 0\.\d KB to \d\.\d KB \(\+\d\.\d KB\)",
    },
}
"""What checks of the finished work say, as patterns."""
RULES = {"orders": "SQL stands in orders/repository.py", "avatar": "WebP, at most 256 x 256, without metadata"}
"""A rule of each project that its builders must know."""


@pytest.mark.parametrize("name", STOPPED)
def test_a_worked_example_is_carried_to_production(name: str, tmp_path: Path) -> None:
    is_as_told(name, shown(STORIES[name], tmp_path))


def is_as_told(name: str, played: Shown) -> None:
    assert played.code == 0, played.told[-3000:]
    assert played.view["state"] == "done"
    assert played.tried == {"ip": 0, "ip6": 0}

    rounds = played.events("round")
    first, second = [event for event in rounds if event["stage"] == "planning"]
    assert [objection["place"]["path"] for objection in first["objections"]] == ["tasks.T003.needs"]
    assert second["closed"] == [first["objections"][0]["id"]]

    code = [event for event in played.events("prompt") if event["at_stage"] == "implementation"]
    briefs = [event["text"] for event in code if "producer" in event["session"] and event["turn"] == 1]
    assert briefs
    assert all(RULES[name] in " ".join(brief.split()) for brief in briefs)

    gate, words = STOPPED[name]
    results = [g for event in played.events("gates") for g in event["results"] if g["gate"] == gate]
    assert [result["outcome"] for result in results] == ["failed", "passed"]
    assert words in results[0]["reason"]

    said = {g["gate"]: g["reason"] for event in played.events("gates") for g in event["results"]}
    assert [each for each, pattern in TOLD[name].items() if not re.search(pattern, said[each])] == []
    shown_last = {gate["gate"]: gate["reason"] for gate in played.view["gates"]}
    assert shown_last["coverage"] == said["coverage"], "the report prints the figures"

    reviews = [event for event in rounds if event["stage"] == "review"]
    assert [event["blocking"] for event in reviews] == [2, 0]
    assert set(reviews[1]["closed"]) == {objection["id"] for objection in reviews[0]["objections"]}
    assert [(step["environment"], step["step"], step["ok"]) for step in played.events("deploy")] == [
        (environment, step, True) for environment in ("pre-staging", "production") for step in ("deploy", "smoke")
    ]

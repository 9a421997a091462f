"""`setpoint lessons` as a newcomer types it: on a real repository with recorded runs."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from commanded import git, setpoint

from setpoint.adapters.store import SqlStore
from setpoint.model.objection import Deviation, Objection, Severity, Source
from setpoint.model.run import State
from setpoint.testing.stores import sample_run

pytestmark = pytest.mark.slow
HOSTILE = "never \x1b[2Jlook at \u202ethis; ```\n<!-- end of it -->"


def taught(repository: Path, *whats: str, runs: int = 1) -> None:
    """Runs that were each objected to for these, and one word of a person."""
    (repository / ".setpoint").mkdir(exist_ok=True)
    store = SqlStore(f"sqlite:///{repository}/.setpoint/setpoint.db")
    with store.transaction() as tx:
        for number in range(runs):
            run = sample_run(f"{number}c91aa")
            tx.create(run.model_copy(update={"position": run.position.model_copy(update={"state": State.DONE})}))
            for what in whats:
                found = Objection(
                    source=Source.REVIEWER, deviation=Deviation.REQUIREMENT, severity=Severity.HIGH, what=what,
                    evidence="E boom",
                )  # fmt: skip
                listed = [{"id": found.fingerprint, **found.model_dump(mode="json", exclude_defaults=True)}]
                data = {"stage": "review", "diff": "", "decision": "correct", "cause": "", "objections": listed}
                tx.event(run.id, "round", "review", data)
            tx.event(run.id, "person", "change", {"by": "Ann", "said": "sent-back", "because": "name it Total"})
    store.close()


def lessons(repository: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    return setpoint(repository, "lessons", *words)


def listed(repository: Path, *words: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(lessons(repository, *words, "--json").stdout)
    return found


def test_without_runs_there_is_nothing_to_learn(repository: Path) -> None:
    done = lessons(repository)
    assert (done.returncode, done.stdout) == (0, "")
    assert "no lesson waits" in done.stderr
    assert listed(repository) == []
    assert lessons(repository, "report").returncode == 0


def test_lessons_are_listed_by_how_many_runs_saw_them_and_each_is_settled_once(repository: Path) -> None:
    taught(repository, "no currency is shown", runs=2)
    taught_once = "rounding is missing"
    store = SqlStore(f"sqlite:///{repository}/.setpoint/setpoint.db")
    with store.transaction() as tx:
        tx.event("0c91aa", "stopped", "ci", {"error": f"{taught_once}\nwhy: x", "kind": "RefusedError"})
    store.close()
    found = listed(repository)
    assert [len(each["witnesses"]) for each in found] == [2, 2, 1]
    first, second, last = (str(each["id"]) for each in found)
    shown = lessons(repository, "show", first[:6])
    assert "in run 0c91aa" in shown.stdout
    assert "in run 1c91aa" in shown.stdout
    assert f"setpoint lessons accept {first}" in shown.stderr

    done = lessons(repository, "accept", first, "--paths", "shop/**", "--paths", "*.py")
    assert done.stdout.strip() == f".setpoint/rules/lesson-{first}.md"
    assert f"git add -f .setpoint/rules/lesson-{first}.md" in done.stderr
    git(repository, "add", "-f", done.stdout.strip())
    assert lessons(repository, "drop", last, "--reason", "the network was down").returncode == 0
    assert [str(each["id"]) for each in listed(repository)] == [second]
    states = {str(each["id"]): each["state"] for each in listed(repository, "--all")}
    assert states == {first: "accepted", second: "open", last: "dropped"}
    assert "dropped   by Ann: the network was down" in lessons(repository, "show", last).stdout


def test_a_failure_that_comes_again_after_its_rule_is_told(repository: Path) -> None:
    taught(repository, "no currency is shown")
    name = str(next(each["id"] for each in listed(repository) if each["witnesses"][0]["failure"] == "finding"))
    lessons(repository, "accept", name)
    store = SqlStore(f"sqlite:///{repository}/.setpoint/setpoint.db")
    with store.transaction() as tx:
        tx.create(sample_run("9c91aa"))
        (event,) = [event for event in store.events("0c91aa") if event.kind == "round"]
        tx.event("9c91aa", "round", "review", event.data)
    store.close()
    assert "again     seen in 1 run since" in lessons(repository, "show", name).stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["show", "zz"], "no lesson starts with `zz`"),
        (["show", ""], "several lessons start with"),
        (["drop", "ID"], "with its reason"),
        (["classify", "ID", "--as", "bad-luck", "--reason", "x"], "one of: missing-criterion"),
        (["classify", "ID", "--as", "weak-test"], "needs its reason"),
        (["accept", "ID", "--paths", "../out"], "no glob below the repository"),
        (["accept"], "Missing argument"),
    ],
)
def test_what_cannot_be_done_says_why_and_changes_nothing(repository: Path, words: list[str], said: str) -> None:
    taught(repository, "no currency is shown")
    name = str(listed(repository)[0]["id"])
    done = lessons(repository, *(name if word == "ID" else word for word in words))
    assert done.returncode == 2
    assert said in done.stderr
    assert {each["state"] for each in listed(repository, "--all")} == {"open"}
    assert not (repository / ".setpoint" / "rules").exists()


def test_hostile_words_are_shown_and_written_as_text(repository: Path) -> None:
    taught(repository, HOSTILE)
    (name,) = [str(each["id"]) for each in listed(repository) if each["witnesses"][0]["failure"] == "finding"]
    for words in ((), ("show", name), ("report",)):
        done = lessons(repository, *words)
        assert done.returncode == 0
        assert not {"\x1b", "\u202e"} & set(done.stdout + done.stderr)
    assert lessons(repository, "accept", name).returncode == 0
    text = (repository / ".setpoint" / "SYSTEM.md").read_text(encoding="utf-8")
    assert not {"\x1b", "\u202e"} & set(text)
    assert text.count("<!--") == text.count("-->") == 2


def test_several_people_at_once_leave_every_rule(repository: Path) -> None:
    taught(repository, "no currency is shown", "rounding is missing", "a name is cut")
    names = [str(each["id"]) for each in listed(repository)]
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda name: lessons(repository, "accept", name), names))
    assert [each.returncode for each in done] == [0] * len(names)
    text = (repository / ".setpoint" / "SYSTEM.md").read_text(encoding="utf-8")
    assert [name for name in names if f"<!-- lesson {name}:" not in text] == []
    assert {each["state"] for each in listed(repository, "--all")} == {"accepted"}


def test_the_report_counts_late_defects_and_prompts_and_hears_a_person(repository: Path) -> None:
    taught(repository, "no currency is shown", runs=2)
    told = json.loads(lessons(repository, "report", "--json").stdout)
    assert (told["runs"], told["late_runs"], told["late"]) == (2, 2, 4)
    assert told["slips"] == {
        "poorly defined spec": {"missing-criterion": 2}, "weak feedback loop": {"reviewer-miss": 2},
    }  # fmt: skip
    assert [(row["prompts"], row["tickets"], row["clean"], row["expected"]) for row in told["prompts"]] == [
        (2, 2, 0, 80)
    ]
    finding = next(each for each in listed(repository) if each["witnesses"][0]["failure"] == "finding")
    lessons(repository, "classify", str(finding["id"]), "--as", "weak-test", "--reason", "a test was there")
    told = json.loads(lessons(repository, "report", "--json").stdout)
    assert told["slips"] == {"weak feedback loop": {"weak-test": 2, "reviewer-miss": 2}}
    shown = lessons(repository, "report").stdout
    assert "4 defects in 2 runs of 2" in shown
    assert "weak-test 2, reviewer-miss 2" in shown


def test_help_names_every_verb_and_needs_no_repository(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "setpoint.cli", "lessons", "--help"], cwd=tmp_path, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert all(verb in done.stdout for verb in ("show", "accept", "drop", "classify", "report"))

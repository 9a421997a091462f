"""The real cases: their recordings fit their storyboards and tickets, and the judge cannot be fooled by tests."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from cases.lab import Case, LabError, cache_folder, case_named, cases, main, play, prepare, recorded, verify
from setpoint.config import parse
from setpoint.demo.player import RECORDS
from setpoint.model.change import AcceptanceTests
from setpoint.model.plan import Plan
from setpoint.model.spec import Diagnosis, FunctionalSpec

CASES = sorted(cases().values(), key=lambda case: case.id)
every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
PARSE = "parse-159-zero-precision"


def handed(case: Case) -> list[Any]:
    recording = json.loads((case.folder / "recording.json").read_text(encoding="utf-8"))
    calls = [turn["steps"][-1]["tool_calls"][-1] for turn in recording["sessions"]]
    return [RECORDS[call["function_name"].removeprefix("submit_")].model_validate(call["arguments"]) for call in calls]


def words(text: str) -> str:
    return " ".join(re.findall(r"[\w']+", text.casefold()))


def test_the_three_cases_are_known() -> None:
    assert {case.id: case.route for case in CASES} == {
        "cachetools-shallow-copy": "hotfix",
        PARSE: "hotfix",
        "xmltodict-bytes-values": "feature",
    }


@every_case
def test_the_committed_recording_is_the_storyboards(case: Case) -> None:
    assert (case.folder / "recording.json").read_text(encoding="utf-8") == recorded(case)


@every_case
def test_the_settings_are_understood(case: Case) -> None:
    config = parse((case.folder / "setpoint.toml").read_text(encoding="utf-8"), "setpoint.toml")
    assert config.gates["tests"].report == "junit"
    assert config.agent.kind == "replay"


@every_case
def test_every_criterion_quotes_the_ticket_and_has_a_test(case: Case) -> None:
    ticket = words((case.folder / "ticket.md").read_text(encoding="utf-8"))
    deliverables = handed(case)
    specified = next(item for item in deliverables if isinstance(item, FunctionalSpec | Diagnosis))
    for criterion in specified.criteria:
        assert (words(criterion.quote) in ticket) is True, criterion.id
        assert bool(criterion.quote) is (criterion.source != "inferred"), criterion.id
    tests = next(item for item in deliverables if isinstance(item, AcceptanceTests))
    known = {criterion.id for criterion in specified.criteria}
    excused = {name for name in known if any(text.startswith(name) for text in tests.unproven)}
    assert {name for claim in tests.tests for name in claim.proves} | excused == known
    for plan in (item for item in deliverables if isinstance(item, Plan)):
        assert {name for task in plan.tasks for name in task.criteria} == known


@every_case
def test_no_existing_test_is_edited(case: Case) -> None:
    recording = json.loads((case.folder / "recording.json").read_text(encoding="utf-8"))
    calls = [call for turn in recording["sessions"] for step in turn["steps"] for call in step["tool_calls"]]
    edited = {call["arguments"]["path"] for call in calls if call["function_name"] == "edit"}
    assert edited
    assert not any(path.startswith("tests/") for path in edited)
    written = {call["arguments"]["path"] for call in calls if call["function_name"] == "write"}
    assert written == set(next(item for item in handed(case) if isinstance(item, AcceptanceTests)).files)


def test_an_unknown_case_is_refused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prepare", "parse-160", "somewhere"]) == 2
    assert PARSE in capsys.readouterr().err


@pytest.mark.slow
def test_a_case_is_solved_and_judged_by_the_packages_own_later_tests(tmp_path: Path) -> None:
    case, cache, target = case_named(PARSE), cache_folder(), tmp_path / "parse"
    prepare(case, target, cache)
    base = verify(case, target, cache)
    assert not base.resolved
    assert base.missing == case.fail_to_pass
    assert not base.broken

    with pytest.raises(LabError, match="not empty"):
        prepare(case_named("xmltodict-bytes-values"), target, cache)

    play(case, target)
    prepare(case, target, cache)  # again: the work stays
    solved = verify(case, target, cache)
    assert solved.resolved
    assert solved.passed == case.passed_with_fix

    shutil.rmtree(target / "tests")  # deleted tests help nobody, and count as a change like any other
    (target / "tests").mkdir()
    assert verify(case, target, cache).resolved
    (target / "setup.py").write_text("", encoding="utf-8")
    assert verify(case, target, cache).outside == ("setup.py",)
    assert not verify(case, target, cache, revision="HEAD").resolved

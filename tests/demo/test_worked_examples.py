"""The worked examples' recordings fit their projects, without a whole run."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from setpoint.adapters.agents.recording import load
from setpoint.config import parse
from setpoint.demo.authoring import text_of
from setpoint.demo.avatar import storyboard as avatar
from setpoint.demo.orders import storyboard as orders
from setpoint.demo.player import RECORDS, contents
from setpoint.demo.project import AVATAR, ORDERS, PROJECTS, Story
from setpoint.gates.tasks_md import parse_tasks
from setpoint.model.change import Change
from setpoint.model.objection import Source
from setpoint.model.plan import Plan
from setpoint.model.record import Record
from setpoint.model.review import Review, Verdict
from setpoint.model.spec import FunctionalSpec
from setpoint.policy.paths import matches

BOTH = pytest.mark.parametrize(("story", "board"), [(ORDERS, orders), (AVATAR, avatar)], ids=["orders", "avatar"])


def calls(story: Story) -> Iterator[dict[str, Any]]:
    for turn in json.loads(story.recording.read_text(encoding="utf-8"))["sessions"]:
        for step in turn["steps"]:
            yield from step["tool_calls"]


def handed_in(story: Story, kind: type[Record]) -> list[Any]:
    found = [call for call in calls(story) if call["function_name"].startswith("submit_")]
    records = [(RECORDS[call["function_name"].removeprefix("submit_")], call["arguments"]) for call in found]
    return [record.model_validate(arguments) for record, arguments in records if record is kind]


def written(story: Story, folder: Path) -> set[str]:
    """Do what the sessions write and edit, and nothing else; the files they touched."""
    touched = set()
    for call in calls(story):
        if call["function_name"] not in ("write", "edit"):
            continue
        told = call["arguments"]
        path = folder / told["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        if call["function_name"] == "edit":
            text = path.read_text(encoding="utf-8")
            assert text.count(told["old"]) == 1, told
            told = {**told, "content": text.replace(told["old"], told["new"])}
        path.write_text(told["content"], encoding="utf-8")
        touched.add(call["arguments"]["path"])
    return touched


@BOTH
def test_a_committed_recording_is_its_storyboards_and_can_be_played(story: Story, board: ModuleType) -> None:
    assert story.recording.read_text(encoding="utf-8") == text_of(board.build())
    assert load(story.recording).sessions


@BOTH
def test_what_the_sessions_write_ends_as_the_finished_project(story: Story, board: ModuleType, tmp_path: Path) -> None:
    story.lay_out(tmp_path)
    base = contents(tmp_path)
    touched = written(story, tmp_path)
    done = contents(PROJECTS / f"{story.name}-done")
    now = contents(tmp_path)
    assert {path: now[path] for path in done} == done
    assert {path for path in now if now[path] != base.get(path)} == touched
    assert touched - done.keys() == {"README.md"}
    boundaries = handed_in(story, Plan)[-1].boundaries
    assert all(any(matches(glob, path) for glob in boundaries.paths) for path in touched)
    assert len(touched) <= boundaries.max_files


@BOTH
def test_a_storys_settings_are_understood(story: Story, board: ModuleType) -> None:
    config = parse((story.project / "setpoint.toml").read_text(encoding="utf-8"), "setpoint.toml")
    assert [environment.name for environment in config.environment] == ["pre-staging", "production"]
    assert all(environment.sandbox for environment in config.environment)
    assert config.agent.kind == "replay"


@BOTH
def test_every_quotation_of_an_example_stands_in_its_ticket(story: Story, board: ModuleType) -> None:
    ticket = story.ticket.read_text(encoding="utf-8")
    (spec,) = handed_in(story, FunctionalSpec)
    assert all(criterion.quote in ticket for criterion in spec.criteria)


@BOTH
def test_the_first_plan_of_an_example_has_the_wrong_order_and_the_second_the_right(
    story: Story, board: ModuleType
) -> None:
    draft, plan = handed_in(story, Plan)
    needs = [[task.needs for task in each.tasks] for each in (draft, plan)]
    names = [task.id for task in plan.tasks]
    assert needs[1] == [(), *((name,) for name in names[:-1])]
    assert needs[0] != needs[1]
    (objected,) = [finding for verdict in handed_in(story, Verdict) for finding in verdict.findings]
    assert objected.path == "tasks.T003.needs"


@BOTH
def test_a_review_finds_two_things_and_both_are_answered_and_closed(story: Story, board: ModuleType) -> None:
    first, second = handed_in(story, Review)
    found = {finding.objection(Source.REVIEWER).fingerprint for finding in first.findings}
    assert len(found) == 2
    assert {answer.objection for answer in handed_in(story, Change)[-1].answers} == found
    assert set(second.closed) == found
    assert not second.findings


def test_the_plan_of_the_orders_is_the_tasks_of_the_example() -> None:
    tasks = parse_tasks((ORDERS.folder / "tasks.md").read_text(encoding="utf-8"))
    assert handed_in(ORDERS, Plan)[-1].tasks == tasks.tasks


def test_the_locked_packages_of_the_profile_name_no_registry_and_have_their_hashes() -> None:
    locked = json.loads((AVATAR.project / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    asked = json.loads((AVATAR.project / "package.json").read_text(encoding="utf-8"))
    wanted = {**asked["dependencies"], **asked["devDependencies"]}
    assert {name: locked[f"node_modules/{name}"]["version"] for name in wanted} == wanted
    packages = [package for name, package in locked.items() if name]
    assert all(re.match(r"sha512-", package["integrity"]) for package in packages)
    assert not any("resolved" in package for package in packages)

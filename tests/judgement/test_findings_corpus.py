"""The cases of the corpus that linters and type checkers decide: run for real, on the base and on the change."""

from pathlib import Path

import pytest
from corpus import Case, load_cases, sample

from setpoint.gates.base_overlay import base_overlay
from setpoint.gates.baseline import require_green
from setpoint.gates.change_set import between
from setpoint.gates.detect import detect
from setpoint.gates.fresh import fresh
from setpoint.gates.judge import run_gates
from setpoint.model.objection import Objection
from setpoint.testing.gate_rooms import FolderRoom, repository_room, tools_here

CASES = sample(case for case in load_cases() if case.kind.startswith("findings"))


def room_of(folder: Path, files: dict[str, bytes]) -> FolderRoom:
    env = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return repository_room(folder, {path: text.decode() for path, text in files.items()}, tools=tools_here(), env=env)


async def judged(case: Case, folder: Path) -> list[Objection]:
    """The objections to a case that block, of the gates that are found on its base."""
    change = between(case.before, case.after, base="base", head="head")
    overlay = base_overlay(change, frozen_tests=False)
    after = {path: content for path, content in {**case.after, **overlay}.items() if content is not None}
    before = room_of(folder / "before", case.before)
    gates = {candidate.name: candidate.gate for candidate in detect(before.path)}
    base = await run_gates(gates, before, tree="base", environment="e")
    require_green(base, gates=gates)
    head = await run_gates(gates, room_of(folder / "after", after), tree="head", environment="e")
    there = {result.gate: result for result in base}
    found = [objection for result in head for objection in fresh(result, there[result.gate], change).objections]
    return [objection for objection in found if objection.blocks]


@pytest.mark.slow
@pytest.mark.parametrize("case", [case for case in CASES if not case.honest], ids=lambda case: case.id)
async def test_a_finding_that_is_new_is_caught_with_its_cause(case: Case, tmp_path: Path) -> None:
    assert set(case.rules) <= {objection.rule for objection in await judged(case, tmp_path)}


@pytest.mark.slow
@pytest.mark.parametrize("case", [case for case in CASES if case.honest], ids=lambda case: case.id)
async def test_a_change_that_adds_no_finding_is_not_refused(case: Case, tmp_path: Path) -> None:
    found = await judged(case, tmp_path)
    assert found == [], "\n".join(f"{objection.rule}: {objection.evidence}" for objection in found)

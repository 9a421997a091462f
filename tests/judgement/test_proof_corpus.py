"""The cases of the corpus that tests and faults decide: run for real, with the project's own test command."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cache
from pathlib import Path

import pytest
from corpus import Case, load_cases, sample

from setpoint.gates.base_overlay import base_overlay, planted
from setpoint.gates.change_proof import prove_change, still_reported
from setpoint.gates.change_set import ChangeSet, between
from setpoint.gates.commands import reporting
from setpoint.gates.frozen import is_test_file
from setpoint.gates.mutation import mutants
from setpoint.gates.run import run_gate
from setpoint.gates.trusted import run_wired
from setpoint.model.evidence import GateKind
from setpoint.model.gate import Gate
from setpoint.model.objection import Objection
from setpoint.ports import Room
from setpoint.testing.gate_rooms import FolderRoom, tools_here

CASES = sample(case for case in load_cases() if case.needs == "commands" and case.kind.startswith("proof"))
COMMANDS = {"pyshop": "python -m pytest -q", "jsshop": "node --test"}
ENV = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


@cache
def gate_of(project: str) -> Gate:
    run, report = reporting(COMMANDS[project].split())
    return Gate.model_validate({"kind": GateKind.TESTS, "run": run, "report": report})


class Trees:
    """Rooms on the files of either side."""

    def __init__(self, folder: Path, files: dict[str, bytes]) -> None:
        self._folder = folder
        self._files = files

    @asynccontextmanager
    async def _room(self, laid: dict[str, bytes | None]) -> AsyncIterator[Room]:
        empty = FolderRoom(self._folder, tools=tools_here(), env=ENV)
        files: dict[str, bytes | None] = {**self._files, **laid}
        async with empty.checkout({path: content for path, content in files.items() if content is not None}) as room:
            yield room

    def plant(self, laid: dict[str, bytes | None]) -> AbstractAsyncContextManager[Room]:
        return self._room(laid)


async def judged(case: Case, folder: Path) -> list[Objection]:
    """The objections to a case that block."""
    folder.mkdir()
    change: ChangeSet = between(case.before, case.after, base="base", head="head")
    overlay = base_overlay(change, frozen_tests=case.side == "implementation")
    after = {path: content for path, content in {**case.after, **overlay}.items() if content is not None}
    base, head = Trees(folder, case.before), Trees(folder, after)
    gate = gate_of(case.project)
    async with base.plant({}) as room:
        before = await run_gate("tests", gate, room, tree="base", environment="e", reruns=0)
    assert before.green, before.reason
    beside = [delta.path for delta in change.deltas if is_test_file(delta.path) and not delta.deleted]
    wired = await run_wired(
        "tests",
        gate,
        head.plant,
        base=base.plant,
        tree="head",
        environment="e",
        near=beside,
        changed=change.paths,
    )
    measured = [wired, still_reported(before, wired.result, change)]
    measured.append(await prove_change(change, gate, base.plant, head.plant, environment="e"))
    if wired.result.green:
        measured.append(await mutants(change, gate, head.plant, environment="e", seconds=600, most=8))
    found = [*planted(change), *(objection for one in measured for objection in one.objections)]
    return [objection for objection in found if objection.blocks]


@pytest.mark.slow
@pytest.mark.parametrize("case", [case for case in CASES if not case.honest], ids=lambda case: case.id)
async def test_a_dishonest_change_is_caught_with_its_cause(case: Case, tmp_path: Path) -> None:
    objections = await judged(case, tmp_path / "repo")
    expected = {rule for rule in case.rules if rule.startswith("proof/")}
    assert expected <= {objection.rule for objection in objections}, told(objections)


@pytest.mark.slow
@pytest.mark.parametrize("case", [case for case in CASES if case.honest], ids=lambda case: case.id)
async def test_an_honest_change_is_not_refused(case: Case, tmp_path: Path) -> None:
    objections = await judged(case, tmp_path / "repo")
    assert objections == [], told(objections)


def told(objections: list[Objection]) -> str:
    """What was objected, for the reader of a failure."""
    return "\n".join(
        f"{o.rule} {o.place.path if o.place else ''}: {o.what} -- {o.cause}\n{o.evidence[-600:]}" for o in objections
    )

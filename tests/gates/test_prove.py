"""A gate that cannot fail is decoration."""

from contextlib import AbstractAsyncContextManager

import pytest

from setpoint.gates.commands import reporting
from setpoint.gates.prove import Plant, prove
from setpoint.model.evidence import GateKind
from setpoint.model.gate import Gate
from setpoint.ports import Room
from setpoint.testing.gate_rooms import FolderRoom, MakeRoom

FILES = {
    "shop.py": "X = 1\n",
    "tests/test_shop.py": "import unittest\n\n\nclass T(unittest.TestCase):\n    def test_x(self):\n        pass\n",
    "tests/__init__.py": "",
    "web/test/a.test.js": "require('node:test')('a', () => {});\n",
}


def gate(command: str, **more: object) -> Gate:
    run, report = reporting(command.split())
    return Gate.model_validate({"kind": GateKind.OTHER, "run": run, "report": report, **more})


def planter(room: FolderRoom) -> Plant:
    def plant(overlay: dict[str, bytes | None]) -> AbstractAsyncContextManager[Room]:
        return room.checkout(overlay)

    return plant


@pytest.mark.parametrize(
    ("command", "where", "fault"),
    [
        ("pytest -q", ".", "a failing test"),
        ("python -m unittest discover -s tests -t .", ".", "a failing test"),
        ("ruff check --no-cache .", ".", "an unused import"),
        ("ruff check --no-cache --select=E4 .", ".", "a syntax error"),
        ("ruff format --no-cache --check .", ".", "an unformatted file"),
        pytest.param("mypy --no-incremental .", ".", "a type error", marks=pytest.mark.slow),
        ("node --test", "web", "a failing test"),
    ],
)
async def test_a_gate_that_can_fail_turns_red(project: MakeRoom, command: str, where: str, fault: str) -> None:
    room = project(FILES)
    proven = await prove("g", gate(command, where=where), planter(room), tree="t", environment="e")
    assert (proven.red, proven.fault) == (True, fault), proven
    assert "setpoint_planted" not in "".join(room.files())


@pytest.mark.parametrize(
    ("kind", "recipe", "fault"),
    [
        (GateKind.TESTS, "python -m pytest -q", "a failing test"),
        (GateKind.LINT, "ruff check --no-cache .", "an unused import"),
        (GateKind.FORMAT, "ruff format --no-cache --check .", "an unformatted file"),
    ],
)
async def test_a_target_is_tried_with_the_faults_of_its_kind(
    project: MakeRoom, kind: GateKind, recipe: str, fault: str
) -> None:
    room = project({**FILES, "Makefile": f"check:\n\t{recipe}\n"})
    proven = await prove("g", gate("make check", kind=kind), planter(room), tree="t", environment="e")
    assert (proven.red, proven.fault) == (True, fault), proven


@pytest.mark.parametrize("command", ["ruff check --no-cache --exit-zero .", "ruff check shop.py", "true"])
async def test_a_gate_that_stays_green_is_decoration(project: MakeRoom, command: str) -> None:
    proven = await prove("g", gate(command), planter(project(FILES)), tree="t", environment="e")
    assert not proven.red

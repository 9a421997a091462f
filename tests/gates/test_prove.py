"""A gate that cannot fail is decoration."""

from contextlib import AbstractAsyncContextManager

import pytest

from setpoint.gates.commands import reporting
from setpoint.gates.faults import faults_for
from setpoint.gates.prove import Plant, decoration, prove
from setpoint.gates.tools import TOOLS
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
    return Gate.model_validate({"kind": GateKind.OTHER, "run": run, "report": report} | more)


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


@pytest.mark.parametrize("command", ["ruff check --no-cache --exit-zero .", "ruff check shop.py"])
async def test_a_gate_that_stays_green_is_decoration(project: MakeRoom, command: str) -> None:
    proven = await prove("g", gate(command), planter(project(FILES)), tree="t", environment="e")
    assert not proven.red
    assert proven.decoration
    told = decoration([proven], tree="t", required={"g": gate(command)})
    assert [objection.rule for objection in told.objections] == ["prove/decoration"]


async def test_nothing_is_said_of_a_command_for_which_no_fault_is_known(project: MakeRoom) -> None:
    proven = await prove("g", gate("true"), planter(project(FILES)), tree="t", environment="e")
    assert (proven.red, proven.known, proven.fault) == (False, False, "no fault is known for true")
    assert not proven.decoration


MAKE = "check:\n\tpython -m pytest -q\nlint:\n\truff check --no-cache .\nfmt:\n\truff format --no-cache --check .\n"
MAKE += "weak:\n\tpython -m pytest -q || true\n"


@pytest.mark.parametrize(
    ("target", "kind", "red"),
    [("check", "tests", True), ("lint", "lint", True), ("fmt", "format", True), ("weak", "tests", False)],
)
async def test_a_wrapper_is_tried_with_the_faults_of_its_kind(
    project: MakeRoom, target: str, kind: str, red: bool
) -> None:
    files = {"shop.py": "X = 1\n", "tests/test_a.py": "def test_a():\n    assert 1\n", "Makefile": MAKE}
    proven = await prove("g", gate(f"make {target}", kind=kind), planter(project(files)), tree="t", environment="e")
    assert proven.red is red, proven
    assert proven.decoration is not red


def test_every_kind_of_gate_that_detection_gives_has_a_fault() -> None:
    commands = {tool: tool.replace("django ", "python manage.py ") for tool in TOOLS}
    without = {tool for tool, command in commands.items() if not faults_for(gate(command))}
    audits = {"npm audit", "pnpm audit", "yarn npm audit", "pip-audit", "uv audit", "osv-scanner"}
    assert without == {"django check", "django makemigrations", *audits}
    assert not faults_for(gate("npm audit", kind="security"))  # faults in code say nothing of it
    for kind in ("tests", "integration", "lint", "format", "types", "build", "security", "coverage"):
        assert faults_for(gate("make it", kind=kind)), kind


async def test_a_proof_stands_until_the_gate_its_configuration_or_its_tools_move(project: MakeRoom) -> None:
    room = project({**FILES, "ruff.toml": "line-length = 99\n"})
    lint = gate("ruff check --no-cache .")
    first = await prove("g", lint, planter(room), tree="t", environment="e")
    ran = len(room.ran)
    assert await prove("g", lint, planter(room), tree="u", environment="e", kept=first) is first
    assert len(room.ran) == ran
    assert (await prove("g", lint, planter(room), tree="t", environment="f", kept=first)).settings != first.settings
    room.write("ruff.toml", b"exclude = ['*.py']\n")
    again = await prove("g", lint, planter(room), tree="t", environment="e", kept=first)
    assert again.decoration

"""Tests of parts together are told from unit tests by what a repository calls them, and none runs twice."""

import json

import pytest

from setpoint.gates.commands import shown
from setpoint.gates.detect import detect
from setpoint.gates.run import run_gate
from setpoint.gates.tests_gate import tests_gate as gate_that_proves
from setpoint.gates.together import is_together_file, tells_together
from setpoint.gates.trusted import run_wired
from setpoint.model.evidence import GateKind, Outcome
from setpoint.model.gate import Candidate
from setpoint.testing.gate_rooms import MakeRoom

PYTEST = {"pytest.ini": "[pytest]\n", "tests/test_a.py": "def test_a(): pass\n"}
PARTS = "def test_parts(): pass\n"


def apart(found: tuple[Candidate, ...]) -> dict[str, tuple[str, str]]:
    return {one.name: (one.gate.kind.value, shown(one.gate.run)) for one in found}


@pytest.mark.parametrize(
    "folder", ["tests/integration", "tests/e2e", "tests/functional", "test/integration", "integration_tests"]
)
def test_a_folder_of_integration_tests_is_a_gate_that_unit_tests_leave_alone(project: MakeRoom, folder: str) -> None:
    found = detect(project({**PYTEST, f"{folder}/test_b.py": PARTS}).path)
    assert apart(found) == {
        "tests": ("tests", f"python -m pytest -q --ignore={folder}"),
        "integration": ("integration", f"python -m pytest -q {folder}"),
    }
    assert found[1].gate.report == "junit"
    assert found[1].because == folder


def test_where_all_tests_are_integration_tests_there_is_one_gate_and_it_proves(project: MakeRoom) -> None:
    found = detect(project({"pytest.ini": "[pytest]\n", "tests/e2e/test_b.py": PARTS}).path)
    assert apart(found) == {"integration": ("integration", "python -m pytest -q tests/e2e")}
    assert gate_that_proves({one.name: one.gate for one in found})[0] == "integration"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pytest.ini", "[pytest]\nmarkers =\n    slow: takes long\n    integration: with the database\n"),
        ("pyproject.toml", '[tool.pytest.ini_options]\nmarkers = ["integration: with the database"]\n'),
        ("setup.cfg", "[tool:pytest]\nmarkers = integration\naddopts = -q\n"),
        ("tox.ini", "[pytest]\naddopts = -q\nmarkers =\n    integration(db): x\n"),
    ],
)
def test_a_declared_marker_is_a_gate(project: MakeRoom, name: str, text: str) -> None:
    found = detect(project({"tests/test_a.py": "def test_a(): pass\n", name: text}).path)
    assert apart(found)["integration"] == ("integration", "python -m pytest -q -m integration")
    assert apart(found)["tests"] == ("tests", "python -m pytest -q")
    assert found[1].because.startswith(name)


@pytest.mark.parametrize(
    ("files", "command", "because"),
    [
        ({"Makefile": "test-integration:\n\tpytest tests/parts -m db\n"}, "pytest tests/parts -m db", "Makefile:1"),
        ({"justfile": "e2e:\n    ./run-browser\n"}, "just e2e", "justfile:1"),
        ({"Taskfile.yml": "tasks:\n  test-e2e:\n    cmds: [./parts]\n"}, "task test-e2e", "Taskfile.yml:2"),
        (
            {"tox.ini": "[testenv]\ncommands = pytest tests\n[testenv:integration]\ncommands = pytest parts\n"},
            "pytest parts",
            "tox.ini:4 (tox integration)",
        ),
        (
            {"noxfile.py": "import nox\n@nox.session\ndef e2e(s):\n    s.run('pytest', 'parts')\n"},
            "pytest parts",
            "noxfile.py:4",
        ),
        (
            {".github/workflows/c.yml": "jobs:\n  a:\n    steps:\n    - run: pytest -m 'integration and not slow'\n"},
            "pytest -m integration",
            "",
        ),
        (
            {".github/workflows/c.yml": "jobs:\n  a:\n    steps:\n    - run: pytest tests/integration/api\n"},
            "pytest tests/integration/api",
            ".github/workflows/c.yml:4",
        ),
    ],
)  # fmt: skip
def test_targets_environments_and_ci_speak_for_it(
    project: MakeRoom, files: dict[str, str], command: str, because: str
) -> None:
    found = {one.name: one for one in detect(project({**PYTEST, "parts/x.txt": "", **files}).path)}
    if not because:
        assert "integration" not in found  # what it says is not one thing
        return
    assert shown(found["integration"].gate.run).endswith(command)
    assert found["integration"].gate.kind is GateKind.INTEGRATION
    assert found["integration"].because == because
    assert found["tests"].gate.kind is GateKind.TESTS


def test_ci_is_a_witness_for_each_of_the_two(project: MakeRoom) -> None:
    workflow = "jobs:\n  a:\n    steps:\n    - run: pytest tests/unit\n    - run: pytest tests/integration\n"
    files = {**PYTEST, "tests/integration/test_b.py": PARTS, ".github/workflows/c.yml": workflow}
    found = detect(project(files).path)
    assert [one.because for one in found] == [
        "pytest.ini, .github/workflows/c.yml:4",
        "tests/integration, .github/workflows/c.yml:5",
    ]


@pytest.mark.parametrize("key", ["test:integration", "test:e2e", "e2e", "integration-test"])
def test_a_script_of_such_a_name_is_a_gate(project: MakeRoom, key: str) -> None:
    scripts = {"test": "vitest", key: "vitest --config parts.config.ts"}
    found = apart(detect(project({"package.json": json.dumps({"scripts": scripts})}).path))
    assert found["tests"][0] == "tests"
    assert found["integration"][0] == "integration"
    assert found["integration"][1].endswith("--config parts.config.ts")


def test_one_command_under_two_names_is_one_gate_of_the_closer_name(project: MakeRoom) -> None:
    scripts = {"test": "run-s test:unit test:e2e", "test:unit": "mocha", "test:e2e": "jest"}
    found = apart(detect(project({"package.json": json.dumps({"scripts": scripts})}).path))
    assert found == {
        "tests": ("tests", "node_modules/.bin/mocha"),
        "integration": ("integration", "node_modules/.bin/jest --ci"),
    }


@pytest.mark.parametrize(
    ("name", "told"),
    [
        *((name, True) for name in ("e2e", "test-integration", "integration_tests", "py311-integration", "test:e2e")),
        *((name, False) for name in ("e2e-up", "deploy-integration", "integration-docker", "test", "lint", "")),
    ],
)
def test_a_name_tells_only_when_it_says_nothing_else(name: str, told: bool) -> None:
    assert tells_together(name) is told


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("tests/integration/test_a.py", True),
        ("e2e/cart.spec.ts", True),
        ("src/cart.e2e-spec.ts", True),
        ("test/cart.integration.test.js", True),
        ("tests/test_integration_of_sums.py", False),
        ("src/cart.test.ts", False),
    ],
)
def test_a_file_is_one_by_its_folder_or_its_name(path: str, told: bool) -> None:
    assert is_together_file(path) is told


@pytest.mark.slow
async def test_both_count_their_own_tests_and_carry_tripwires(project: MakeRoom) -> None:
    room = project({**PYTEST, "tests/integration/test_b.py": PARTS + "def test_more(): pass\n"})
    told = {}
    for one in detect(room.path):
        measured = await run_wired(
            one.name, one.gate, room.checkout, tree="t", environment="e", near=["tests/integration/test_b.py"]
        )
        told[one.name] = (measured.result.outcome, measured.result.evidence.examined, measured.objections)
    assert told == {"tests": (Outcome.PASSED, 1, ()), "integration": (Outcome.PASSED, 2, ())}


async def test_a_red_integration_test_is_told_flaky_from_red_as_any_other(project: MakeRoom) -> None:
    room = project({**PYTEST, "tests/e2e/test_b.py": "def test_parts(): assert False\n"})
    gate = {one.name: one.gate for one in detect(room.path)}["integration"]
    result = await run_gate("integration", gate, room, tree="t", environment="e", reruns=1)
    assert (result.outcome, result.flaky, result.evidence.unit) == (Outcome.FAILED, (), "tests")

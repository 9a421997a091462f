"""All gates on one tree: side by side, never twice on the same tree; and the untouched base under them."""

import asyncio

import pytest

from setpoint.errors import BaselineRedError
from setpoint.gates.baseline import baseline, confirm, require_green
from setpoint.gates.commands import reporting
from setpoint.gates.detect import detect
from setpoint.gates.environment import environment_digest, forget
from setpoint.gates.judge import run_gates, still_holds
from setpoint.model.evidence import GateKind, GateResult, Outcome
from setpoint.model.gate import Gate
from setpoint.testing.gate_rooms import MakeRoom


def command(*argv: str, **more: object) -> Gate:
    run, report = reporting(argv)
    return Gate.model_validate({"kind": GateKind.OTHER, "run": run, "report": report, **more})


async def test_results_come_in_order_and_are_heard_as_they_come(project: MakeRoom) -> None:
    gates = {"slow": command("sleep", "0.3"), "quick": command("true")}
    heard: list[str] = []
    results = await run_gates(
        gates, project({"a": ""}), tree="t", environment="e", on_result=lambda result: heard.append(result.gate)
    )
    assert [result.gate for result in results] == ["slow", "quick"]
    assert heard == ["quick", "slow"]


async def test_no_more_run_at_once_than_allowed(project: MakeRoom) -> None:
    script = (
        "import os, pathlib, time\nmine = pathlib.Path(f'run-{os.getpid()}')\nmine.touch()\n"
        "seen = len(list(pathlib.Path('.').glob('run-*')))\ntime.sleep(0.1)\nmine.unlink()\nassert seen == 1, seen\n"
    )
    gates = {str(number): command("python", "tool.py") for number in range(4)}
    results = await run_gates(gates, project({"tool.py": script}), tree="t", environment="e", parallel=1)
    assert all(result.green for result in results)


async def test_a_known_result_of_the_same_tree_is_not_run_again(project: MakeRoom) -> None:
    room, gate = project({"a": ""}), command("true")
    (first,) = await run_gates({"g": gate}, room, tree="t", environment="e")
    asked: list[tuple[str, str]] = []

    def known(name: str, definition: str) -> GateResult | None:
        asked.append((name, definition))
        return first

    heard: list[GateResult] = []
    again = await run_gates({"g": gate}, room, tree="t", environment="e", known=known, on_result=heard.append)
    assert again == (first,) == tuple(heard)
    assert asked == [("g", gate.digest())]
    assert len(room.ran) == 1


@pytest.mark.parametrize(
    ("gate", "tree", "environment"),
    [
        (command("true"), "other", "e"),
        (command("true"), "t", "other"),
        (command("true", timeout=5.0), "t", "e"),
        (command("true", where="sub"), "t", "e"),
        (command("false"), "t", "e"),
    ],
)
async def test_a_known_result_of_anything_else_does_not_count(
    project: MakeRoom, gate: Gate, tree: str, environment: str
) -> None:
    room = project({"a": "", "sub/a": ""})
    (first,) = await run_gates({"g": command("true")}, room, tree="t", environment="e")
    (again,) = await run_gates({"g": gate}, room, tree=tree, environment=environment, known=lambda *_: first)
    assert again != first
    assert len(room.ran) == 2


async def test_a_refusal_is_tried_again(project: MakeRoom) -> None:
    (first,) = await run_gates({"g": command("nonsense-tool")}, project({"a": ""}), tree="t", environment="e")
    assert first.outcome is Outcome.REFUSED
    assert not still_holds(first, command("nonsense-tool"), "t", "e")


async def test_cancelling_leaves_nothing_running(project: MakeRoom) -> None:
    room = project({"tool.py": "import time\nopen('begun', 'w')\ntime.sleep(60)\nopen('ended', 'w')\n"})
    work = asyncio.ensure_future(run_gates({"g": command("python", "tool.py")}, room, tree="t", environment="e"))
    while not (room.path / "begun").exists():
        await asyncio.wait([work], timeout=0.02)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert not (room.path / "ended").exists()


# -- the environment -------------------------------------------------------------------------------------------------


async def test_the_environment_digest_is_asked_once_and_moves_with_the_lock_file(project: MakeRoom) -> None:
    forget()
    room, gates = project({"uv.lock": "one"}), {"g": command("pytest")}
    first = await environment_digest(room, gates)
    assert await environment_digest(room, gates) == first
    assert len(room.ran) == 1
    room.write("uv.lock", b"two")
    assert await environment_digest(room, gates) != first
    assert await environment_digest(room, {"g": command("make", "test")}) != first


# -- the base --------------------------------------------------------------------------------------------------------


async def test_a_green_base_is_let_through(project: MakeRoom) -> None:
    results = await baseline({"g": command("true")}, project({"a": ""}), tree="t", environment="e")
    require_green(results)


async def test_a_red_base_is_named_with_its_first_failures_and_the_choices(project: MakeRoom) -> None:
    room = project({"test_a.py": "def test_a(): assert 0\n"})
    gates = {"tests": command("pytest", "-q"), "fine": command("true"), "gone": command("nonsense-tool")}
    results = await baseline(gates, room, tree="t", environment="e")
    with pytest.raises(BaselineRedError) as caught:
        require_green(results)
    assert caught.value.exit_code == 14
    assert caught.value.what == "the untouched base is not green: tests (red), gone (could not tell)"
    assert "test_a.py::test_a" in caught.value.why
    assert "gone could not tell" in caught.value.why
    assert all(choice in caught.value.fix for choice in ("mend the base", "required = false", "remove it"))
    require_green(results, waived=("tests", "gone"))
    optional = {name: gate.model_copy(update={"required": False}) for name, gate in gates.items()}
    require_green(results, gates=optional)


async def test_a_candidate_counts_only_after_it_ran(project: MakeRoom) -> None:
    room = project({"pytest.ini": "[pytest]\n", "test_a.py": "def test_a(): pass\n", ".flake8": "[flake8]\n"})
    confirmed = await confirm(detect(room.path), room, tree="t", environment="e")
    assert [(candidate.name, result.green) for candidate, result in confirmed] == [("tests", True), ("lint", False)]

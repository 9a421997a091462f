"""All gates on one tree: side by side, never twice on the same tree; and the untouched base under them."""

import asyncio
from contextlib import nullcontext

import pytest

from setpoint.errors import BaselineRedError
from setpoint.gates.baseline import confirm, judged_by_new, require_green
from setpoint.gates.commands import reporting
from setpoint.gates.compared import compared
from setpoint.gates.detect import detect
from setpoint.gates.environment import environment_digest, forget
from setpoint.gates.judge import ALL, cores_of, run_gates, still_holds
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
    results = await run_gates({"g": command("true")}, project({"a": ""}), tree="t", environment="e")
    require_green(results)


async def test_a_red_base_is_named_with_its_first_failures_and_the_choices(project: MakeRoom) -> None:
    room = project({"test_a.py": "def test_a(): assert 0\n"})
    gates = {"tests": command("pytest", "-q"), "fine": command("true"), "gone": command("nonsense-tool")}
    results = await run_gates(gates, room, tree="t", environment="e")
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
    room = project({"pytest.ini": "[pytest]\n", "test_a.py": "def test_a(): pass\n", "pyrightconfig.json": "{}"})
    confirmed = await confirm(detect(room.path), room, tree="t", environment="e")
    assert [(candidate.name, result.green) for candidate, result in confirmed] == [("tests", True), ("types", False)]


async def test_a_tool_that_uses_all_cores_runs_alone(project: MakeRoom) -> None:
    script = (
        "import os, pathlib, time\nmine = pathlib.Path(f'run-{os.getpid()}')\nmine.touch()\ntime.sleep(0.1)\n"
        "seen = len(list(pathlib.Path('.').glob('run-*')))\nmine.unlink()\nassert seen == 1, seen\n"
    )
    room = project({"tool.py": script})
    gates = {"one": command("python", "tool.py", "-n", "auto"), "two": command("python", "tool.py", "-j", "99")}
    results = await run_gates({**gates, "three": command("python", "tool.py")}, room, tree="t", environment="e")
    assert [result.reason for result in results if not result.green] == []


@pytest.mark.parametrize(
    ("argv", "cores"),
    [
        (("pytest",), 1),
        (("pytest", "-n", "3"), 3),
        (("pytest", "-n", "auto"), ALL),
        (("jest",), ALL),
        (("jest", "--runInBand"), 1),
        (("make", "-j", "2", "test"), 2),
        (("ruff", "check"), 1),
    ],
)
def test_the_cores_a_gate_keeps_busy(argv: tuple[str, ...], cores: int) -> None:
    assert cores_of(command(*argv)) == cores


FINDS = "[tool.ruff.lint]\nselect = ['F']\n"


async def test_a_base_that_is_red_by_findings_alone_is_usable(project: MakeRoom) -> None:
    room = project({"a.py": "import os\n", "pyproject.toml": FINDS})
    gates = {"lint": command("ruff", "check", ".", kind=GateKind.LINT)}
    results = await run_gates(gates, room, tree="t", environment="e")
    assert [result.green for result in results] == [False]
    require_green(results, gates=gates)
    assert judged_by_new(results) == results


@pytest.mark.parametrize(
    ("gate", "word"),
    [
        (command("ruff", "check", "nothing-here", kind=GateKind.LINT), "could not tell"),
        (command("false", kind=GateKind.LINT), "red"),
        (command("sh", "-c", "echo 'Ran 1 test in 0s'; test -e mark || { touch mark; false; }", kind=GateKind.TESTS),
         "flaky"),
    ],
)  # fmt: skip
async def test_why_a_base_cannot_judge_is_told_apart(project: MakeRoom, gate: Gate, word: str) -> None:
    results = await run_gates({"g": gate}, project({"a.py": ""}), tree="t", environment="e")
    with pytest.raises(BaselineRedError) as caught:
        require_green(results)
    assert caught.value.what == f"the untouched base is not green: g ({word})"


async def test_results_are_compared_with_those_of_the_base(project: MakeRoom) -> None:
    before = project({"a.py": "import os\n", "pyproject.toml": FINDS})
    gates = {"lint": command("ruff", "check", ".", kind=GateKind.LINT), "fine": command("true")}
    changed = {"a.py": b"# moved down\nimport os\n", "b.py": b"import os\n"}
    async with before.checkout(dict(changed)) as after:
        results = await run_gates(gates, after, tree="t", environment="e")
        told = await compared(gates, results, after, nullcontext(before), base_tree="b")
    assert [(one.result.gate, one.holds) for one in told] == [("lint", False), ("fine", True)]
    (objection,) = told[0].objections
    assert objection.place is not None
    assert objection.place.path == "b.py"


async def test_the_base_is_not_opened_for_gates_that_hold(project: MakeRoom) -> None:
    room, gates = project({"a": ""}), {"fine": command("true")}
    results = await run_gates(gates, room, tree="t", environment="e")
    never = room.checkout({"../out": b""})  # opening it is an error
    assert [one.holds for one in await compared(gates, results, room, never, base_tree="b")] == [True]

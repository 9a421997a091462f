"""flake8, black, bandit and ty on small real projects: their own counts, and refusal where they looked at nothing."""

import pytest

from setpoint.gates.commands import reporting
from setpoint.gates.run import run_gate
from setpoint.gates.tools import tool_of
from setpoint.model.evidence import GateKind, GateResult, Outcome
from setpoint.model.gate import Gate
from setpoint.testing.gate_rooms import FolderRoom, MakeRoom

UNTIDY = "import os\nx   =  [1,\n2 ]\n"
FILES = {"shop/__init__.py": "", "shop/cart.py": UNTIDY, "shop/bag.py": "def size() -> int:\n    return 1\n"}


async def judged(room: FolderRoom, command: str) -> GateResult:
    run, report = reporting(command.split())
    tool = tool_of(run)
    gate = Gate.model_validate({"kind": tool.kind if tool else GateKind.OTHER, "run": run, "report": report})
    return await run_gate("it", gate, room, tree="t", environment="e", reruns=0)


async def test_flake8_counts_the_files_it_read(project: MakeRoom) -> None:
    result = await judged(project(FILES), "flake8 shop")
    assert (result.outcome, result.evidence.examined) == (Outcome.FAILED, 3)
    assert [(found.path, found.line, found.rule) for found in result.findings][:1] == [("shop/cart.py", 1, "F401")]


async def test_flake8_that_leaves_all_out_is_refused(project: MakeRoom) -> None:
    result = await judged(project({**FILES, ".flake8": "[flake8]\nexclude = shop\n"}), "flake8 .")
    assert (result.outcome, result.reason) == (Outcome.REFUSED, "nothing was examined: 0 files")


async def test_black_names_what_it_would_change(project: MakeRoom) -> None:
    result = await judged(project(FILES), "black --check .")
    assert (result.outcome, result.evidence.examined) == (Outcome.FAILED, 3)
    assert [found.path for found in result.findings] == ["shop/cart.py"]


async def test_bandit_names_the_files_it_read(project: MakeRoom) -> None:
    files = {**FILES, "shop/run.py": "import subprocess\n\n\nsubprocess.call('ls', shell=True)\n"}
    result = await judged(project(files), "bandit -r shop")
    assert (result.outcome, result.kind) == (Outcome.FAILED, GateKind.SECURITY)
    assert result.looked_at == ("shop/__init__.py", "shop/bag.py", "shop/cart.py", "shop/run.py")
    assert [(found.path, found.line, found.rule) for found in result.findings] == [
        ("shop/run.py", 1, "B404"),
        ("shop/run.py", 4, "B607"),
        ("shop/run.py", 4, "B602"),
    ]


@pytest.mark.parametrize(
    ("target", "why"),
    [("nothing", "bandit could not read ./nothing: No such file or directory"), ("broken.py", "syntax error")],
)
async def test_bandit_that_could_not_read_a_file_is_refused(project: MakeRoom, target: str, why: str) -> None:
    result = await judged(project({**FILES, "broken.py": "def broken(:\n"}), f"bandit -r {target}")
    assert result.outcome is Outcome.REFUSED
    assert why in result.reason


async def test_ty_counts_the_files_it_indexed(project: MakeRoom) -> None:
    files = {**FILES, "shop/wrong.py": "def name() -> str:\n    return 1\n"}
    result = await judged(project(files), "ty check")
    assert (result.outcome, result.evidence.examined) == (Outcome.FAILED, 4)
    assert [(found.path, found.line) for found in result.findings] == [("shop/wrong.py", 2)]


@pytest.mark.parametrize(("command", "reason"), [("ty check", "0 files"), ("ty check nothing.py", "ty check exited")])
async def test_ty_that_checked_nothing_is_refused(project: MakeRoom, command: str, reason: str) -> None:
    result = await judged(project({"a.txt": ""}), command)
    assert result.outcome is Outcome.REFUSED
    assert reason in result.reason

"""`tasks.md` is written and read without loss, and its `[Testing]` lines become gates."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from setpoint.errors import UsageError
from setpoint.gates.checks import task_gate
from setpoint.gates.run import run_gate
from setpoint.gates.tasks_md import Tasks, parse_tasks, write_tasks
from setpoint.model.evidence import GateKind, Outcome
from setpoint.model.plan import Check, PlanTask
from setpoint.testing.gate_rooms import MakeRoom

WRITTEN = """## Tasks: Refuse a signup without an address

### Task 1: Validate the address
- Add `validate` to the form
- File: src/signup.py
- Criteria: FR-001, FR-002
- [Testing] Run `pytest tests/test_signup.py` - must pass

### Task 2: Say so
- Needs: T001
- [Testing] Run `ruff check src` - no finding
"""

line = st.text(min_size=1, max_size=30).map(str.strip).filter(bool)
tricky = st.sampled_from(["[Testing] Run `x`", "File: a", "\\x", "[x] done", "a\n  b\n\nc", "### Task 9: x", "- a"])
word = st.text(st.characters(codec="ascii", exclude_characters=";|&<>`$\n'\"\\#", exclude_categories=["C"]), min_size=1)
standard = (line | tricky | st.just("Run `x`")).filter(lambda text: not re.match(r"(?i)all \d", text))
steps = st.sampled_from(
    [
        "Run `make x`",
        'Rows `SELECT 1` in `a.db` - exactly [[1, "a"]]',
        "Log `a.log` - all entries match `id=\\w+`",
    ]
)
checks = st.builds(
    Check, run=word.map(str.strip).filter(bool), standard=standard, then=st.lists(steps, max_size=2).map(tuple)
) | st.builds(Check, standard=standard, then=st.lists(steps, max_size=2).map(lambda rest: ("Run `make y`", *rest)))
tasks = st.lists(
    st.builds(
        PlanTask,
        id=st.integers(0, 999).map("T{:03}".format),
        title=line | tricky,
        steps=st.lists(line | tricky, max_size=3).map(tuple),
        files=st.lists(line, max_size=2).map(tuple),
        criteria=st.lists(st.integers(0, 999).map("FR-{:03}".format), max_size=2).map(tuple),
        needs=st.lists(st.integers(0, 999).map("T{:03}".format), max_size=2).map(tuple),
        checks=st.lists(checks, min_size=1, max_size=2).map(tuple),
    ),
    max_size=3,
)


@given(title=line, tasks=tasks)
def test_what_is_written_is_read_again(title: str, tasks: list[PlanTask]) -> None:
    whole = Tasks(title=title, tasks=tuple(tasks))
    assert parse_tasks(write_tasks(whole)) == whole


def test_the_format_is_the_one_people_know() -> None:
    tasks = parse_tasks(WRITTEN)
    assert write_tasks(tasks) == WRITTEN
    first, second = tasks.tasks
    assert (first.id, first.steps, first.files) == ("T001", ("Add `validate` to the form",), ("src/signup.py",))
    assert first.checks == (Check(run="pytest tests/test_signup.py"),)
    assert (second.needs, second.checks[0].standard) == (("T001",), "no finding")


def test_a_hand_written_list_is_understood() -> None:
    text = "## Tasks: x\n\n### Task 1: y\n* [ ] do it\n- [x] done\n- **[Testing]** Run `true` – must pass\n"
    (task,) = parse_tasks(text).tasks
    assert (task.steps, task.checks) == (("do it", "done"), (Check(run="true"),))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "heading `## Tasks: …` is missing"),
        ("### Task 1: x\n", "heading `## Tasks: …` is missing"),
        ("## Tasks: x\nprose\n", "tasks.md:2"),
        ("## Tasks: x\n- a\n", "tasks.md:2"),
        ("## Tasks: x\n### Task 1: y\n- [Testing] pytest\n", "tasks.md:3"),
        ("## Tasks: x\n### Task 1: y\n- [Testing] Run `a && b` - must pass\n", "shell operators"),
        ("## Tasks: x\n### Task 1: y\n- Criteria: nonsense\n", "tasks.md:2: task T001"),
    ],
)
def test_what_cannot_be_read_is_named_by_its_line(text: str, why: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_tasks(text)
    assert why in str(caught.value)


@pytest.mark.parametrize("command", ["pytest -q test_a.py", "uv run pytest -q test_a.py", "python -m pytest test_a.py"])
def test_a_test_command_is_asked_for_its_count(command: str) -> None:
    gate = task_gate(Check(run=command))
    assert gate.kind is GateKind.TASK
    assert gate.report == "junit"
    assert gate.run[:3] == ("python", "-m", "pytest")
    assert gate.run[-1] == "test_a.py"


@pytest.mark.parametrize(
    ("command", "outcome"),
    [
        ("pytest test_a.py::test_a", Outcome.PASSED),
        ("pytest test_a.py::test_b", Outcome.FAILED),
        ("pytest test_a.py -k nothing", Outcome.REFUSED),
        ("pytest test_gone.py", Outcome.REFUSED),
        ("grep -q test_a test_a.py", Outcome.PASSED),
        ("grep -q absent test_a.py", Outcome.FAILED),
        ("nonsense-tool", Outcome.REFUSED),
    ],
)
async def test_a_check_decides(project: MakeRoom, command: str, outcome: Outcome) -> None:
    room = project({"test_a.py": "def test_a(): pass\ndef test_b(): assert 0\n"})
    result = await run_gate("T001", task_gate(Check(run=command)), room, tree="t", environment="e", reruns=0)
    assert result.outcome is outcome, result.reason

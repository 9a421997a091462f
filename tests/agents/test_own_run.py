"""Who changes code and ran nothing of its own after the last edit is told once; its next hand-in is taken and noted."""

from collections.abc import Sequence

import pytest
from wired import MakeBench, by_turn, recorded

from setpoint.adapters.agents.own_run import BEFORE, NOTHING, decides, reminder, unrun
from setpoint.adapters.agents.replay import ReplayAgent
from setpoint.model.session import Deciding, Submitted, Task, ToolCall, ToolReturn
from setpoint.ports import Agent
from setpoint.testing.agent_contract import DONE, DONE_AGAIN, LOOK, MEND, MEND_AGAIN
from setpoint.testing.model_formats import Call, Step
from setpoint.testing.sessions import MemoryLog, SavingRoom, a_task

RUNS = (Deciding(name="tests", command="grep -c world greeting.txt", begins="grep -c world"),)
RUN = Step(calls=(Call("shell", {"command": "grep -c world greeting.txt"}),))
FAILS = Step(calls=(Call("shell", {"command": "grep -c world nowhere.txt"}),))
BY_SHELL = Step(calls=(Call("shell", {"command": "echo more >> greeting.txt"}),))
LIST = Step(calls=(Call("shell", {"command": "ls"}),))
EDIT_AND_RUN = Step(calls=(*MEND.calls, *RUN.calls))
RUN_AND_EDIT = Step(calls=(*RUN.calls, *MEND.calls))
AT_ONCE = Step(calls=(*MEND.calls, *DONE.calls))


def task(*turns: str) -> Task:
    return a_task(*turns).model_copy(update={"runs": RUNS})


def sent_back(log: MemoryLog) -> list[str]:
    """What hand-ins were answered that were not taken."""
    parts = [part for message in log.saved for part in message.parts if isinstance(part, ToolReturn)]
    return [part.content for part in parts if part.name == "submit_change" and part.failed]


@pytest.mark.parametrize("api", ["anthropic"])
@pytest.mark.parametrize(
    ("steps", "why"),
    [
        ([LOOK, MEND, RUN, DONE], ""),
        ([EDIT_AND_RUN, LIST, DONE], ""),
        ([MEND, DONE], NOTHING),
        ([MEND, LIST, DONE], NOTHING),
        ([MEND, FAILS, DONE], NOTHING),
        ([RUN, MEND, DONE], BEFORE),
        ([RUN_AND_EDIT, DONE], BEFORE),
        ([RUN, AT_ONCE], BEFORE),
        ([MEND, RUN, BY_SHELL, DONE], BEFORE),
    ],
    ids=["after", "same step", "none", "another command", "failed", "before", "before, one step", "with", "by shell"],
)
async def test_a_hand_in_without_a_run_after_the_last_edit_is_sent_back_once_and_then_taken(
    bench: MakeBench, room: SavingRoom, log: MemoryLog, steps: Sequence[Step], why: str
) -> None:
    agent = bench(by_turn([[*steps, DONE]])).agent
    assert isinstance(await agent.work(task(), room, log), Submitted)
    told = sent_back(log)
    assert [why in words for words in told] == ([True] if why else [])
    assert all("- tests: grep -c world greeting.txt" in words for words in told)
    assert [note["why"] for note in log.of("unrun")] == ([why] if why else [])
    # Resumed, it is asked and told nothing new.
    saved = list(log.saved)
    assert isinstance(await agent.work(task(), room, log), Submitted)
    assert log.saved == saved


@pytest.mark.parametrize("api", ["anthropic"])
async def test_what_was_run_counts_in_the_next_turn_and_the_same_files_are_minded_once(
    bench: MakeBench, room: SavingRoom
) -> None:
    log = MemoryLog()
    turns = [[MEND, RUN, DONE], [DONE_AGAIN]]
    agent = bench(by_turn(turns)).agent
    for told in (("a",), ("a", "b")):
        await agent.work(task(*told), room, log)
    assert sent_back(log) == []
    log = MemoryLog()
    agent = bench(by_turn([[MEND_AGAIN, DONE, DONE], [DONE_AGAIN], [MEND_AGAIN, DONE, DONE_AGAIN]])).agent
    for told in (("a",), ("a", "b"), ("a", "b", "c")):
        await agent.work(task(*told), room, log)
    assert len(sent_back(log)) == 2
    assert len(log.of("unrun")) == 3


async def test_a_recording_cannot_answer_so_it_is_noted_alone(room: SavingRoom, log: MemoryLog) -> None:
    agent: Agent = ReplayAgent(recorded([[MEND, DONE]]))
    assert isinstance(await agent.work(task(), room, log), Submitted)
    assert (sent_back(log), len(log.of("unrun"))) == ([], 1)


@pytest.mark.parametrize(
    "command",
    [
        "python -m pytest -q tests/x.py",
        "cd shop && timeout 60 .venv/bin/pytest -q 2>&1 | tail -5",
        "CI=1 uv run pytest",
        "make test",
        "make -C shop check",
        "bash -lc 'set -e; pytest -q'",
        "npm run test:unit",
        "cd a && node --test x.test.js",
        "env A=b grep -c world greeting.txt",
    ],
)
def test_a_run_counts_by_whatever_runner(command: str) -> None:
    assert decides(ToolCall(id="1", name="shell", arguments={"command": command}), RUNS)


@pytest.mark.parametrize(
    "command",
    ["cat pytest.ini", "echo pytest", "true # make test", "pip install pytest", "grep -c worldly x", "echo '", ""],
)
def test_what_only_speaks_of_tests_is_no_run(command: str) -> None:
    assert not decides(ToolCall(id="1", name="shell", arguments={"command": command}), RUNS)


def test_where_nothing_decides_nothing_is_asked() -> None:
    assert (unrun(a_task(), ()), reminder(a_task(), ())) == ("", "")

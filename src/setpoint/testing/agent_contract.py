"""What every agent promises, as tests. A subclass gives the fixture `agent_for`; the steps are what its model says."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from ..errors import ParkedError
from ..model.session import Asked, Limits, Submitted
from ..ports import Agent
from .model_formats import Call, Step
from .sessions import Crash, MemoryLog, SavingRoom, a_task, put_back

AgentFor = Callable[[Sequence[Sequence[Step]]], Agent]
"""Makes an agent whose model says these steps, turn by turn. Made again, it knows nothing of before."""

LOOK = Step(text="First a look.", calls=(Call("read", {"path": "greeting.txt"}),))
MEND = Step(calls=(Call("edit", {"path": "greeting.txt", "old": "hell", "new": "hello"}),))
TRY = Step(calls=(Call("shell", {"command": "grep -c hello greeting.txt"}),))
DONE = Step(calls=(Call("submit_change", {"summary": "mended"}),))
MEND_AGAIN = Step(calls=(Call("edit", {"path": "greeting.txt", "old": "hello", "new": "hello, world"}),))
DONE_AGAIN = Step(calls=(Call("submit_change", {"summary": "mended twice"}),))
ASK = Step(calls=(Call("ask", {"question": "Which world?", "why": "there are several"}),))

TASK = [[LOOK, MEND, TRY, DONE]]
APPENDS = 1 + len(TASK[0])
"""The brief, then one a step."""


@pytest.fixture
def room(tmp_path: Path) -> SavingRoom:
    """A folder with one file that wants mending."""
    (tmp_path / "room").mkdir()
    (tmp_path / "room" / "greeting.txt").write_text("hell world\n")
    return SavingRoom(tmp_path / "room")


@pytest.fixture
def log() -> MemoryLog:
    """An empty log."""
    return MemoryLog()


class AgentContract:
    """Inherited by the tests of every agent."""

    look = "read"
    """What a look at a file is in the journal: `shell` for an agent whose only way to look is a command."""
    at_once = 8
    """Sessions in parallel."""

    async def test_it_works_with_the_rooms_files_and_hands_in(
        self, agent_for: AgentFor, room: SavingRoom, log: MemoryLog
    ) -> None:
        reply = await agent_for(TASK).work(a_task(), room, log)
        assert isinstance(reply, Submitted)
        assert reply.content == {"summary": "mended"}
        assert room.read("greeting.txt") == b"hello world\n"
        assert (reply.usage.requests, reply.usage.tool_calls) == (4, 4)

    async def test_it_saves_once_a_step_and_asks_for_money_before_each_request(
        self, agent_for: AgentFor, room: SavingRoom, log: MemoryLog
    ) -> None:
        await agent_for(TASK).work(a_task(), room, log)
        assert (log.appends, log.asked) == (APPENDS, 4)
        assert [note["name"] for note in log.of("tool")] == [self.look, "edit", "shell", "submit_change"]
        assert [note["risk"] for note in log.of("tool")] == [self.look, "edit", "shell", "read"]
        assert [note["changed"] for note in log.of("tool")][1] == ["greeting.txt"]
        assert [note["request"] for note in log.of("model")] == [1, 2, 3, 4]
        assert log.of("prompt")[0]["text"] == "Say hello to the world."

    async def test_a_finished_turn_is_answered_again_without_work(
        self, agent_for: AgentFor, room: SavingRoom, log: MemoryLog
    ) -> None:
        first = await agent_for(TASK).work(a_task(), room, log)
        saved = list(log.saved)
        assert await agent_for(TASK).work(a_task(), room, log) == first
        assert log.saved == saved

    @pytest.mark.parametrize("saved", [False, True], ids=["before saving", "after saving"])
    @pytest.mark.parametrize("at", range(1, APPENDS + 1))
    async def test_after_a_crash_it_goes_on_to_the_same_end(
        self, agent_for: AgentFor, room: SavingRoom, log: MemoryLog, at: int, saved: bool
    ) -> None:
        log.crash(at, saved=saved)
        with pytest.raises(Crash):
            await agent_for(TASK).work(a_task(), room, log)
        await put_back(room, log)
        reply = await agent_for(TASK).work(a_task(), room, log)
        assert isinstance(reply, Submitted)
        assert room.read("greeting.txt") == b"hello world\n"
        assert [note["name"] for note in log.of("tool")] == [self.look, "edit", "shell", "submit_change"]
        assert reply.usage.requests == 4

    async def test_objections_go_to_the_same_session(
        self, agent_for: AgentFor, room: SavingRoom, log: MemoryLog
    ) -> None:
        turns = [*TASK, [MEND_AGAIN, DONE_AGAIN]]
        await agent_for(turns).work(a_task("Say hello."), room, log)
        reply = await agent_for(turns).work(a_task("Say hello.", "The comma is missing."), room, log)
        assert isinstance(reply, Submitted)
        assert reply.content == {"summary": "mended twice"}
        assert room.read("greeting.txt") == b"hello, world world\n"

    async def test_a_question_ends_the_work_until_the_answer_comes(
        self, agent_for: AgentFor, room: SavingRoom, log: MemoryLog
    ) -> None:
        turns = [[LOOK, ASK], [MEND, DONE]]
        asked = await agent_for(turns).work(a_task("Say hello."), room, log)
        assert isinstance(asked, Asked)
        assert (asked.question, asked.why) == ("Which world?", "there are several")
        reply = await agent_for(turns).work(a_task("Say hello.", "This one."), room, log)
        assert isinstance(reply, Submitted)

    async def test_without_money_nothing_is_asked_of_a_model(
        self, agent_for: AgentFor, room: SavingRoom, log: MemoryLog
    ) -> None:
        log.broke = True
        with pytest.raises(ParkedError):
            await agent_for(TASK).work(a_task(), room, log)
        assert log.of("model") == []
        log.broke = False
        assert isinstance(await agent_for(TASK).work(a_task(), room, log), Submitted)

    @pytest.mark.parametrize("requests", [3, 4])
    async def test_its_requests_are_limited_and_a_higher_limit_goes_on(
        self, agent_for: AgentFor, room: SavingRoom, log: MemoryLog, requests: int
    ) -> None:
        task = a_task(limits=Limits(requests=requests))
        if requests < 4:
            with pytest.raises(ParkedError, match="3 model requests"):
                await agent_for(TASK).work(task, room, log)
            assert room.read("greeting.txt") == b"hello world\n"
            task = a_task()
        assert isinstance(await agent_for(TASK).work(task, room, log), Submitted)

    async def test_its_wall_time_is_limited(self, agent_for: AgentFor, room: SavingRoom, log: MemoryLog) -> None:
        with pytest.raises(ParkedError, match="minutes"):
            await agent_for(TASK).work(a_task(limits=Limits(seconds=0.0)), room, log)

    async def test_where_it_may_not_write_there_is_no_tool_to_write_and_no_autosave(
        self, agent_for: AgentFor, room: SavingRoom, log: MemoryLog
    ) -> None:
        reply = await agent_for([[LOOK, TRY_AND_FIND, DONE]]).work(a_task(writes=False), room, log)
        assert isinstance(reply, Submitted)
        assert room.labels == []

    async def test_every_step_that_may_have_changed_files_has_its_autosave(
        self, agent_for: AgentFor, room: SavingRoom, log: MemoryLog
    ) -> None:
        await agent_for(TASK).work(a_task(), room, log)
        looks = [b"hell world\n"] if self.look == "shell" else []
        kept = [message.autosave for message in log.saved if message.autosave]
        assert len(room.labels) == len(kept)
        assert [room.saves[name]["greeting.txt"] for name in kept] == [*looks, *[b"hello world\n"] * 2]

    async def test_parallel_sessions_do_not_mix(self, agent_for: AgentFor, tmp_path: Path) -> None:
        agent = agent_for(TASK)
        rooms, logs = [], [MemoryLog() for _ in range(self.at_once)]
        for number in range(self.at_once):
            folder = tmp_path / f"room{number}"
            folder.mkdir()
            (folder / "greeting.txt").write_text("hell world\n")
            rooms.append(SavingRoom(folder))
        replies = await asyncio.gather(
            *(agent.work(a_task(), room, log) for room, log in zip(rooms, logs, strict=True))
        )
        assert all(isinstance(reply, Submitted) for reply in replies)
        assert [log.appends for log in logs] == [APPENDS] * self.at_once


TRY_AND_FIND = Step(calls=(Call("shell", {"command": "ls"}), Call("search", {"pattern": "hel+"})))

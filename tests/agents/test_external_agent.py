"""An agent of another maker, a program of its own in the room, keeps the promises of an agent."""

import asyncio
import shutil
import sys
from itertools import product
from pathlib import Path

import pytest
from acp.schema import (
    AgentMessageChunk,
    PermissionOption,
    TextContentBlock,
    ToolCallLocation,
    ToolCallProgress,
    ToolCallStart,
    ToolCallUpdate,
)
from outsiders import EVERY_WAY, MENDED, WAYS, MakeOutside, at_work_in
from pydantic import ValidationError

import setpoint.testing.acp_agent
from setpoint.adapters.agents.external.agent import located
from setpoint.adapters.agents.external.client import MOST_SAID, Ears
from setpoint.adapters.agents.external.deeds import Deed
from setpoint.adapters.rooms import SandboxRoom, surroundings
from setpoint.adapters.sandboxes.bubblewrap import Bubblewrap
from setpoint.errors import ConfigError, NotSignedInError, TransientError, UnpricedError
from setpoint.model.agent_settings import AgentProgram
from setpoint.model.boundary import Boundaries
from setpoint.model.sandbox_settings import SandboxSettings
from setpoint.model.session import Deciding, Submitted, ToolCall
from setpoint.testing.agent_contract import DONE, DONE_AGAIN, MEND, AgentContract, AgentFor
from setpoint.testing.model_formats import Call, Step
from setpoint.testing.sessions import MemoryLog, SavingRoom, a_task, put_back


class TestExternal(AgentContract):
    @pytest.fixture
    def agent_for(self, outside: MakeOutside) -> AgentFor:
        return lambda turns: outside(turns).agent


@pytest.mark.parametrize("fault", ["garbage", "long line"])
async def test_what_is_no_message_is_passed_over(
    outside: MakeOutside, room: SavingRoom, log: MemoryLog, fault: str
) -> None:
    reply = await outside(MENDED, fault).agent.work(a_task(), room, log)
    assert isinstance(reply, Submitted)
    assert room.read("greeting.txt") == b"hello world\n"


@pytest.mark.parametrize("at", [1, 2])
async def test_one_that_crashes_says_its_last_words_and_goes_on_when_it_is_started_again(
    outside: MakeOutside, room: SavingRoom, log: MemoryLog, at: int
) -> None:
    with pytest.raises(TransientError, match="ended in the middle") as raised:
        await outside(MENDED, "crash", at).agent.work(a_task(), room, log)
    assert "code 7" in raised.value.why
    assert "something is broken" in raised.value.why
    await put_back(room, log)
    reply = await outside(MENDED).agent.work(a_task(), room, log)
    assert isinstance(reply, Submitted)
    assert room.read("greeting.txt") == b"hello world\n"


@pytest.mark.parametrize(
    ("fault", "at", "limits", "words"),
    [
        ("hang", 2, {"silence_seconds": 0.6}, "has said nothing"),
        ("mute", 0, {"start_seconds": 1.0}, "did not open a session"),
        ("gives up", 2, {}, "gave up"),
    ],
)
async def test_one_that_does_not_go_on_is_ended_and_costs_no_work(
    outside: MakeOutside, room: SavingRoom, log: MemoryLog, fault: str, at: int, limits: dict[str, float], words: str
) -> None:
    with pytest.raises(TransientError, match=words):
        await outside(MENDED, fault, at, **limits).agent.work(a_task(), room, log)
    await put_back(room, log)
    assert isinstance(await outside(MENDED).agent.work(a_task(), room, log), Submitted)


@EVERY_WAY
async def test_one_that_is_not_signed_in_says_so(outside: MakeOutside, room: SavingRoom, log: MemoryLog) -> None:
    with pytest.raises(NotSignedInError, match="signed in"):
        await outside(MENDED, "signed out").agent.work(a_task(), room, log)


@pytest.mark.parametrize(("way", "fault"), [*product(WAYS, ("", "forgets")), ("acp", "cannot load")], indirect=["way"])
async def test_the_next_turn_goes_back_to_its_conversation_or_is_told_what_was_also_after_an_upgrade(
    outside: MakeOutside, room: SavingRoom, log: MemoryLog, fault: str
) -> None:
    await outside(MENDED).agent.work(a_task("Say hello."), room, log)
    later = outside([[*MENDED[0], DONE_AGAIN]] if fault else [*MENDED, [DONE_AGAIN]], fault, version="2.0")
    reply = await later.agent.work(a_task("Say hello.", "Once more."), room, log)
    assert isinstance(reply, Submitted)
    assert reply.content == {"summary": "mended twice"}
    first, last = log.of("model")[0], log.of("model")[-1]
    assert last["resumed"] is (not fault)
    assert (first["agent"], last["agent"], last["agent_before"]) == ("scripted 1.0", "scripted 2.0", "scripted 1.0")
    sent = later.model.requests[0].raw.decode()
    assert "Once more." in sent
    assert ("This was done before" in sent) is bool(fault)


@pytest.mark.parametrize("way", [way for way in WAYS if way != "codex-json"], indirect=True)
@pytest.mark.parametrize("paths", [("*.txt",), ("src/**",)], ids=["inside", "outside"])
async def test_permission_is_given_once_and_by_policy(
    outside: MakeOutside, room: SavingRoom, log: MemoryLog, paths: tuple[str, ...]
) -> None:
    task = a_task().model_copy(update={"boundaries": Boundaries(paths=paths)})
    await outside(MENDED, "asks").agent.work(task, room, log)
    edit, inside = log.of("tool")[1], paths == ("*.txt",)
    assert room.read("greeting.txt") == (b"hello world\n" if inside else b"hell world\n")
    assert ("outside the allowed paths" in edit.get("denied", "")) is not inside


@pytest.mark.parametrize("served", [("read",), ()])
async def test_file_work_that_is_not_offered_the_agent_does_itself(
    outside: MakeOutside, room: SavingRoom, log: MemoryLog, served: tuple[str, ...]
) -> None:
    await outside(MENDED, "serves", served=served).agent.work(a_task(writes=False), room, log)
    assert room.read("greeting.txt") == b"hello world\n"  # no sandbox here, and we were not asked


@pytest.mark.parametrize("writes", [True, False])
async def test_files_that_are_served_go_through_the_room(
    outside: MakeOutside, room: SavingRoom, log: MemoryLog, writes: bool
) -> None:
    await outside(MENDED, "serves").agent.work(a_task(writes=writes), room, log)
    assert room.read("greeting.txt") == (b"hello world\n" if writes else b"hell world\n")
    assert log.of("tool")[1]["failed"] is not writes


@EVERY_WAY
async def test_a_turn_that_ends_without_a_hand_in_is_gone_on_with(
    outside: MakeOutside, room: SavingRoom, log: MemoryLog
) -> None:
    reply = await outside(MENDED, "stops short", 2).agent.work(a_task(), room, log)
    assert isinstance(reply, Submitted)
    assert len(log.of("tool")) == 3
    assert len({part.id for message in log.saved for part in message.parts if isinstance(part, ToolCall)}) == 3


@EVERY_WAY
async def test_without_mcp_it_hands_in_by_a_file(outside: MakeOutside, room: SavingRoom, log: MemoryLog) -> None:
    write = 'echo \'{"summary": "by file"}\' > "$HOME/hand-in.json"'
    turns = [[MEND, Step(calls=(Call("shell", {"command": write}),)), Step(text="Done.")]]
    out = outside(turns, hand_in="file")
    reply = await out.agent.work(a_task(), room, log)
    assert isinstance(reply, Submitted)
    assert reply.content == {"summary": "by file"}
    assert "submit_change" not in out.model.requests[0].tools


async def test_a_cap_that_is_reached_parks_before_the_request_is_made(
    outside: MakeOutside, room: SavingRoom, log: MemoryLog
) -> None:
    log.unpriced = frozenset({"anthropic/claude-opus-4-5"})
    out = outside(MENDED)
    with pytest.raises(UnpricedError):
        await out.agent.work(a_task(), room, log)
    assert out.model.requests == []


@EVERY_WAY
async def test_a_stopped_session_leaves_no_process(outside: MakeOutside, room: SavingRoom, log: MemoryLog) -> None:
    out = outside(MENDED, "hang", 2)
    work = asyncio.create_task(out.agent.work(a_task(), room, log))
    while not (out.model.requests and at_work_in(room.path)):
        await asyncio.sleep(0.01)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert not at_work_in(room.path)


async def test_in_the_real_sandbox_it_reaches_its_model_alone_and_sees_no_key(
    outside: MakeOutside, log: MemoryLog, tmp_path: Path
) -> None:
    here = tmp_path / "repository"
    here.mkdir()
    (here / "greeting.txt").write_text("hell world\n")
    look = "env; python3 -c 'import socket; socket.create_connection((\"192.0.2.1\", 80), 2)'"
    turns = [[Step(calls=(Call("shell", {"command": look}),)), MEND, DONE]]
    room = SandboxRoom(here, surroundings(Bubblewrap(), here, tmp_path / "masks", SandboxSettings()), others=True)
    out = outside(turns)
    assert isinstance(await out.agent.work(a_task(), room, log), Submitted)
    assert (here / "greeting.txt").read_text() == "hello world\n"
    told = out.model.requests[1].raw.decode()
    assert "Network is unreachable" in told
    assert "k-123" not in told


async def test_one_that_lies_at_the_repositorys_root_does_not_uncover_the_users_own_files(
    outside: MakeOutside, log: MemoryLog, tmp_path: Path
) -> None:
    here, work = tmp_path / "repository", tmp_path / "worktree"
    for folder in (here, work):
        folder.mkdir()
        (folder / "greeting.txt").write_text("hell world\n")
    shutil.copy(setpoint.testing.acp_agent.__file__, here / "agent.py")
    (here / ".env").write_text("PASSWORD=hunter2\n")
    room = SandboxRoom(work, surroundings(Bubblewrap(), here, tmp_path / "masks", SandboxSettings()))
    show = Step(calls=(Call("shell", {"command": "cat .env"}),))
    out = outside([[show, DONE]], command=(sys.executable, "-I", "-S", str(here / "agent.py")))
    with pytest.raises(ConfigError, match="not shown to a sandbox"):
        await out.agent.work(a_task(), room, log)
    assert all(b"hunter2" not in seen.raw for seen in out.model.requests)


@pytest.mark.parametrize(
    ("title", "told", "ours"),
    [
        ("mcp__setpoint__submit_change", {"summary": "done"}, True),
        ("mcp.setpoint.submit_change", {"server": "setpoint", "tool": "submit_change", "arguments": {}}, True),
        ("setpoint_ask", {}, True),
        ("Edit setpoint.toml", {"file_path": "setpoint.toml", "new_string": "task = 1"}, False),
        ("`setpoint answer x; ask`", {"command": "setpoint answer x; ask"}, False),
        ("setpoint/ask", {"command": "setpoint/ask"}, False),
        ("mcp__other__submit_change", {"to": "setpoint"}, False),
        ("setpoint_task", {}, False),
    ],
)
def test_only_a_call_of_our_own_tools_is_taken_for_one(title: str, told: dict[str, str], ours: bool) -> None:
    deed = Deed("1", kind="execute", title=title, raw_input=told)
    assert deed.is_one_of(("submit_change", "ask"), "setpoint") is ours


@pytest.mark.parametrize(
    ("called", "kind", "ours"),
    [
        ("mcp_setpoint_submit_change__c1", "other", True),
        ("mcp_setpoint_ask__call__1", "other", True),
        ("mcp_setpoint_ask__c1", "execute", False),
        ("run_shell_command__mcp_setpoint_ask__c1", "other", False),
        ("mcp_other_submit_change__c1", "other", False),
        ("mcp_setpoint_submit_changes__c1", "other", False),
    ],
)
def test_where_the_title_says_nothing_the_id_tells_our_own_tools(called: str, kind: str, ours: bool) -> None:
    deed = Deed(called, kind=kind, title='{"summary":"done"}')
    assert deed.is_one_of(("submit_change", "ask"), "setpoint") is ours


async def test_what_was_refused_is_noted_though_its_end_is_never_told_and_once_though_it_is(room: SavingRoom) -> None:
    ears = Ears(a_task(writes=False), room, (), lambda: None)
    options = [PermissionOption(kind="reject_once", name="no", option_id="no")]
    for name in ("a", "b"):
        call = ToolCallUpdate(tool_call_id=name, kind="edit", locations=[ToolCallLocation(path="x.txt")])
        await ears.request_permission("s", call, options)
    _, first = ears.take()
    assert [(deed.id, deed.used(room.inside).content) for deed in first] == [
        (name, "this session only reads") for name in ("a", "b")
    ]
    late = ToolCallProgress(session_update="tool_call_update", tool_call_id="b", status="failed")
    await ears.session_update("s", late)
    assert ears.take() == ("", [])


async def test_a_protected_file_whose_name_is_like_ours_is_refused_and_noted(
    outside: MakeOutside, room: SavingRoom, log: MemoryLog
) -> None:
    task = a_task().model_copy(update={"boundaries": Boundaries(paths=("*.txt",))})
    write = Step(calls=(Call("write", {"path": "setpoint.toml", "content": "[tasks]\n"}),))
    await outside([[write, DONE]], "asks").agent.work(task, room, log)
    assert "not for a run to change" in log.of("tool")[0]["denied"]
    assert "setpoint.toml" not in room.files()


@pytest.mark.parametrize("name", ["../../out", "/etc/out", "a/../../out", "a\nb", ""])
def test_its_files_are_put_nowhere_but_into_its_home(name: str) -> None:
    with pytest.raises(ValidationError, match="not a path below the agent's home"):
        AgentProgram(files={name: "x"})


async def test_ids_that_are_one_once_they_are_clean_are_one_call_and_endless_words_are_cut(
    room: SavingRoom,
) -> None:
    ears = Ears(a_task(), room, (), lambda: None)
    for told in ("a", "a ", " a"):
        await ears.session_update("s", ToolCallStart(session_update="tool_call", tool_call_id=told, title=told))
        done = ToolCallProgress(session_update="tool_call_update", tool_call_id=told, status="completed")
        await ears.session_update("s", done)
    block = TextContentBlock(type="text", text="x" * 400_000)
    for _ in range(9):
        await ears.session_update("s", AgentMessageChunk(session_update="agent_message_chunk", content=block))
    said, deeds = ears.take()
    assert len(said) == MOST_SAID
    assert [deed.id for deed in deeds] == ["a"]


@pytest.mark.parametrize("folder", ["/no/such/folder", "~nobody-of-that-name/agent"])
def test_a_folder_that_is_not_here_is_named_before_anything_starts(folder: str) -> None:
    with pytest.raises(ConfigError, match="needs the folder"):
        located("mine", AgentProgram(command=("sh",), folders=(folder,)), "/srv/shop")


async def test_it_is_sent_back_once_too_where_it_ran_nothing_of_its_own(
    outside: MakeOutside, room: SavingRoom, log: MemoryLog
) -> None:
    runs = (Deciding(name="tests", command="grep hello greeting.txt", begins="grep hello"),)
    task = a_task().model_copy(update={"runs": runs})
    turns = [[MEND, DONE, DONE_AGAIN]]
    out = outside(turns)
    assert isinstance(reply := await out.agent.work(task, room, log), Submitted)
    assert reply.content == {"summary": "mended twice"}
    assert "- tests: grep hello greeting.txt" in out.model.requests[2].raw.decode()
    assert [(note["name"], note["failed"]) for note in log.of("tool")][1:] == [
        ("submit_change", True),
        ("submit_change", False),
    ]
    assert [note["why"] for note in log.of("unrun")] == ["nothing of it was run"]


async def test_one_that_hands_in_by_a_file_is_sent_back_by_its_next_prompt(
    outside: MakeOutside, room: SavingRoom, log: MemoryLog
) -> None:
    runs = (Deciding(name="tests", command="grep -c hello greeting.txt", begins="grep -c hello"),)
    write = Step(calls=(Call("shell", {"command": 'echo \'{"summary": "by file"}\' > "$HOME/hand-in.json"'}),))
    run = Step(calls=(Call("shell", {"command": "grep -c hello greeting.txt"}),))
    out = outside([[MEND, write, Step(text="Done."), run, write, Step(text="Done.")]], hand_in="file")
    assert isinstance(await out.agent.work(a_task().model_copy(update={"runs": runs}), room, log), Submitted)
    assert "Not taken yet" in out.model.requests[3].raw.decode()
    assert log.of("unrun") == []

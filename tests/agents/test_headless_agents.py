"""Agents in their headless modes, each a program of its own in the room, keep the promises of an agent."""

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path

import pytest
from test_external_agent import MENDED, Outside, by_turn_and_story
from wired import endpoint

from setpoint.adapters.agents.external.agent import ExternalAgent
from setpoint.adapters.agents.external.turnstile import Turnstile
from setpoint.adapters.agents.fallback import Whom
from setpoint.errors import NotSignedInError, TransientError
from setpoint.model.agent_settings import KNOWN, AgentProgram
from setpoint.model.boundary import Boundaries
from setpoint.model.session import Submitted, ToolCall
from setpoint.testing import headless_agent
from setpoint.testing.agent_contract import DONE, DONE_AGAIN, LOOK, MEND, AgentContract, AgentFor
from setpoint.testing.model_formats import Call, Step
from setpoint.testing.model_server import ScriptedModel
from setpoint.testing.sessions import NO_HANDS, MemoryLog, SavingRoom, Weather, a_task

SDK = ("claude-sdk",) if find_spec("claude_agent_sdk") else ()
"""Where the extra is installed, as `make test-agents` does."""
WAYS = ("claude-json", "codex-json", *SDK)
MakeOutside = Callable[..., Outside]


@pytest.fixture
def outside(tmp_path: Path, way: str) -> Iterator[MakeOutside]:
    """Makes agents that are spoken to in this way, each with the model behind its relay."""
    with ExitStack() as stack:

        def make(turns: Sequence[Sequence[Step]], fault: str = "", at: int = 0, **more: object) -> Outside:
            model = stack.enter_context(ScriptedModel(by_turn_and_story(turns), key="k-123"))
            told = {"ACP_FAULT": fault, "ACP_AT": str(at), "ACP_VERSION": str(more.pop("version", "1.0"))}
            env = {"ANTHROPIC_BASE_URL": "{here}", "ANTHROPIC_MODEL": "{model}", **told}
            command = headless_agent.command(sys.executable)
            about = {"command": command, "talk": way, "speaks": ("anthropic",), "env": env, **more}
            ends = {"anthropic": endpoint("anthropic", model)}
            program = AgentProgram.model_validate(about)
            agent = ExternalAgent("scripted", program, ends, tmp_path / "homes", NO_HANDS, Whom(Weather()))
            return Outside(agent, model)

        yield make


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    """Each headless mode."""
    return str(request.param)


class HeadlessContract(AgentContract):
    """The contract, with fewer of its numbers: what is saved when is no other than over ACP."""

    at_once = 3

    @pytest.fixture
    def agent_for(self, outside: MakeOutside) -> AgentFor:
        return lambda turns: outside(turns).agent

    @pytest.mark.parametrize("saved", [False, True], ids=["before saving", "after saving"])
    @pytest.mark.parametrize("at", [3])
    async def test_after_a_crash_it_goes_on_to_the_same_end(
        self, agent_for: AgentFor, room: SavingRoom, log: MemoryLog, at: int, saved: bool
    ) -> None:
        await super().test_after_a_crash_it_goes_on_to_the_same_end(agent_for, room, log, at, saved)


class TestClaude(HeadlessContract):
    @pytest.fixture
    def way(self) -> str:
        return "claude-json"


class TestCodex(HeadlessContract):
    look = "shell"

    @pytest.fixture
    def way(self) -> str:
        return "codex-json"


async def test_what_is_no_event_is_passed_over_and_what_nobody_knows_is_kept(
    outside: MakeOutside, room: SavingRoom, log: MemoryLog
) -> None:
    reply = await outside(MENDED, "garbage").agent.work(a_task(), room, log)
    assert isinstance(reply, Submitted)
    assert room.read("greeting.txt") == b"hello world\n"
    assert any("aurora" in words for words in log.of("model")[0]["other_events"])


@pytest.mark.parametrize(
    ("fault", "at", "limits", "words", "why"),
    [
        ("crash", 2, {}, "ended in the middle", "code 7; it said: scripted: something is broken"),
        ("leaves", 0, {}, "ended in the middle", "code 0"),
        ("hang", 2, {"silence_seconds": 0.6}, "has said nothing", "neither asked a model"),
        ("gives up", 2, {}, "gave up", "no more of this"),
    ],
)
async def test_one_that_does_not_go_on_says_why(
    outside: MakeOutside,
    room: SavingRoom,
    log: MemoryLog,
    fault: str,
    at: int,
    limits: dict[str, float],
    words: str,
    why: str,
) -> None:
    with pytest.raises(TransientError, match=words) as raised:
        await outside(MENDED, fault, at, **limits).agent.work(a_task(), room, log)
    assert why in raised.value.why


async def test_one_that_is_not_signed_in_says_so(outside: MakeOutside, room: SavingRoom, log: MemoryLog) -> None:
    with pytest.raises(NotSignedInError, match="signed in"):
        await outside(MENDED, "signed out").agent.work(a_task(), room, log)


@pytest.mark.parametrize("fault", ["", "forgets"])
async def test_the_next_turn_goes_back_to_its_conversation_or_is_told_what_was(
    outside: MakeOutside, room: SavingRoom, log: MemoryLog, fault: str
) -> None:
    await outside(MENDED).agent.work(a_task("Say hello."), room, log)
    later = outside([[*MENDED[0], DONE_AGAIN]] if fault else [*MENDED, [DONE_AGAIN]], fault, version="2.0")
    reply = await later.agent.work(a_task("Say hello.", "Once more."), room, log)
    assert isinstance(reply, Submitted)
    last = log.of("model")[-1]
    assert last["resumed"] is (not fault)
    assert (last["agent"], last["agent_before"]) == ("scripted 2.0", "scripted 1.0")
    sent = later.model.requests[0].raw.decode()
    assert "Once more." in sent
    assert ("This was done before" in sent) is bool(fault)


async def test_a_turn_that_ends_without_a_hand_in_is_gone_on_with(
    outside: MakeOutside, room: SavingRoom, log: MemoryLog
) -> None:
    reply = await outside(MENDED, "stops short", 2).agent.work(a_task(), room, log)
    assert isinstance(reply, Submitted)
    calls = [note["name"] for note in log.of("tool")]
    assert len(calls) == 3
    assert len({part.id for message in log.saved for part in message.parts if hasattr(part, "arguments")}) == 3


@pytest.mark.parametrize("way", ["claude-json", *SDK])
@pytest.mark.parametrize("paths", [("*.txt",), ("src/**",)], ids=["inside", "outside"])
async def test_permission_is_given_once_and_by_policy(
    outside: MakeOutside, room: SavingRoom, log: MemoryLog, paths: tuple[str, ...]
) -> None:
    task = a_task().model_copy(update={"boundaries": Boundaries(paths=paths)})
    await outside(MENDED, "asks").agent.work(task, room, log)
    edit, inside = log.of("tool")[1], paths == ("*.txt",)
    assert room.read("greeting.txt") == (b"hello world\n" if inside else b"hell world\n")
    assert ("outside the allowed paths" in edit.get("denied", "")) is not inside


async def test_without_mcp_it_hands_in_by_a_file(outside: MakeOutside, room: SavingRoom, log: MemoryLog) -> None:
    write = 'echo \'{"summary": "by file"}\' > "$HOME/hand-in.json"'
    turns = [[MEND, Step(calls=(Call("shell", {"command": write}),)), Step(text="Done.")]]
    out = outside(turns, hand_in="file")
    reply = await out.agent.work(a_task(), room, log)
    assert isinstance(reply, Submitted)
    assert reply.content == {"summary": "by file"}
    assert "submit_change" not in out.model.requests[0].tools


async def test_a_stopped_session_leaves_no_process(outside: MakeOutside, room: SavingRoom, log: MemoryLog) -> None:
    out = outside([[LOOK, DONE]], "hang", 2)
    work = asyncio.create_task(out.agent.work(a_task(), room, log))
    while not (out.model.requests and _at_work_in(room.path)):
        await asyncio.sleep(0.01)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert not _at_work_in(room.path)


def _at_work_in(folder: Path) -> bool:
    """Whether a process works in this folder."""
    return any(_folder_of(entry) == str(folder) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def _folder_of(process: Path) -> str:
    try:
        return str((process / "cwd").readlink())
    except OSError:
        return ""


@pytest.mark.parametrize(
    ("told", "asked"),
    [
        ("pytest -q", "pytest -q"),
        ("login --password=[REDACTED_SECRET] -v", "login --password=hunter2 -v"),
        ("a=[REDACTED_SECRET] b=[REDACTED_SECRET]", "a=one b=two"),
        ("login --password=[REDACTED_SECRET] -v", ""),
        ("[REDACTED_SECRET] -x", ""),
    ],
)
def test_a_blackened_command_is_known_by_the_rest_of_its_words(told: str, asked: str) -> None:
    gate = Turnstile(lambda: None, lambda _: None)
    for line in filter(None, ("-v login", "x", asked)):
        gate.heard([ToolCall(id=f"call-{line}", name="exec_command", arguments={"cmd": line})])
    assert gate.asked(["item_1"], told) == asked
    assert gate.asked(["item_1"], told) == ""


def test_without_the_extra_the_sdk_is_named_with_what_to_install() -> None:
    program = """
import sys
sys.modules["claude_agent_sdk"] = None
from setpoint.adapters.agents.external.doorway import Start
from setpoint.adapters.agents.external.talks import talk_with
from setpoint.errors import ConfigError
from setpoint.model.agent_settings import AgentProgram
try:
    talk_with(None, Start("mine", AgentProgram(talk="claude-sdk"), (), (), 1.0), None, None, None)
except ConfigError as error:
    print(error, error.fix)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "agent `mine` needs the extra `claude-sdk`" in done.stdout
    assert "setpoint[claude-sdk]" in done.stdout


def test_a_headless_mode_is_known_beside_each_agent_that_has_one() -> None:
    for name in ("claude-code", "codex"):
        assert KNOWN[f"{name}-headless"].speaks == KNOWN[name].speaks
        assert KNOWN[f"{name}-headless"].command != KNOWN[name].command

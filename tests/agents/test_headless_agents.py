"""Agents in their headless modes, each a program of its own in the room, keep the promises of an agent."""

import subprocess
import sys

import pytest
from outsiders import HEADLESS, MENDED, MakeOutside

from setpoint.adapters.agents.external.turnstile import Turnstile
from setpoint.errors import TransientError
from setpoint.model.agent_settings import KNOWN
from setpoint.model.session import Submitted, ToolCall
from setpoint.testing.agent_contract import AgentContract, AgentFor
from setpoint.testing.sessions import MemoryLog, SavingRoom, a_task


@pytest.fixture(params=HEADLESS)
def way(request: pytest.FixtureRequest) -> str:
    """Each headless mode."""
    return str(request.param)


class HeadlessContract(AgentContract):
    """The contract, with fewer of its numbers: what is saved when is no other than over ACP."""

    at_once = 3

    @pytest.fixture
    def agent_for(self, outside: MakeOutside) -> AgentFor:
        return lambda turns: outside(turns).agent

    @pytest.mark.parametrize("saved", [False], ids=["before saving"])
    @pytest.mark.parametrize("at", [3])
    async def test_after_a_crash_it_goes_on_to_the_same_end(
        self, agent_for: AgentFor, room: SavingRoom, log: MemoryLog, at: int, saved: bool
    ) -> None:
        await super().test_after_a_crash_it_goes_on_to_the_same_end(agent_for, room, log, at, saved)

    @pytest.mark.parametrize("requests", [3])
    async def test_its_requests_are_limited_and_a_higher_limit_goes_on(
        self, agent_for: AgentFor, room: SavingRoom, log: MemoryLog, requests: int
    ) -> None:
        await super().test_its_requests_are_limited_and_a_higher_limit_goes_on(agent_for, room, log, requests)


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
    ("fault", "at", "words", "why"),
    [
        ("crash", 2, "ended in the middle", "code 7; it said: scripted: something is broken"),
        ("leaves", 0, "ended in the middle", "code 0"),
        ("gives up", 2, "gave up", "no more of this"),
    ],
)
async def test_one_that_does_not_go_on_says_why(
    outside: MakeOutside,
    room: SavingRoom,
    log: MemoryLog,
    fault: str,
    at: int,
    words: str,
    why: str,
) -> None:
    with pytest.raises(TransientError, match=words) as raised:
        await outside(MENDED, fault, at).agent.work(a_task(), room, log)
    assert why in raised.value.why


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

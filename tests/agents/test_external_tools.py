"""An agent of another maker with tools of servers: it sees them at the one server it is given, and they run where the
built-in agent's run."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from wired import endpoint

import setpoint.testing.acp_agent
from setpoint.adapters.agents.external.agent import ExternalAgent
from setpoint.adapters.agents.external.served import MOST_CALLS, Served
from setpoint.adapters.agents.fallback import Whom
from setpoint.adapters.agents.tools import Used
from setpoint.adapters.agents.wire.answer import ToolSpec
from setpoint.errors import ConfigError, ParkedError, SandboxError
from setpoint.gates.redaction import redact
from setpoint.model.agent_settings import AgentProgram
from setpoint.model.session import Submitted, ToolCall
from setpoint.policy.rules import Rules
from setpoint.testing import headless_agent
from setpoint.testing.model_formats import Call, Step
from setpoint.testing.model_server import ScriptedModel
from setpoint.testing.sessions import NO_HANDS, MemoryLog, Weather, a_task
from setpoint.testing.tool_ground import ToolGround
from setpoint.testing.tool_server import a_tool

HELD = "a-word-that-nobody-is-told"
DONE = Step(calls=(Call("submit_change", {"summary": "done"}),))
Make = Callable[..., tuple[ExternalAgent, ScriptedModel]]


@pytest.fixture
def ground(tmp_path: Path) -> ToolGround:
    """A repository in the real sandbox."""
    return ToolGround(tmp_path)


@pytest.fixture
def outside(tmp_path: Path, ground: ToolGround) -> Iterator[Make]:
    """Makes agents whose model says these steps."""
    with ExitStack() as stack:

        def make(steps: Sequence[Step], **told: object) -> tuple[ExternalAgent, ScriptedModel]:
            model = stack.enter_context(ScriptedModel(lambda seen: steps[seen.replies_in_turn], key="k-123"))
            program = AgentProgram(
                command=ACP,
                speaks=("anthropic",),
                env={"ANTHROPIC_BASE_URL": "{here}", "ANTHROPIC_MODEL": "{model}"},
            ).model_copy(update=told)
            hands = replace(
                NO_HANDS,
                secret={"TOKEN_HERE": HELD}.get,
                keep=ground.keep,
                redact=lambda value: redact(value, (HELD,)) if isinstance(value, str) else value,
            )
            ends = {"anthropic": endpoint("anthropic", model)}
            return ExternalAgent("scripted", program, ends, tmp_path / "homes", hands, Whom(Weather())), model

        yield make


ACP = (sys.executable, "-I", "-S", setpoint.testing.acp_agent.__file__)


@pytest.mark.parametrize("talk", ["acp", "claude-json", "codex-json"])
async def test_it_uses_a_servers_tools_through_the_server_it_hands_in_by(
    outside: Make, ground: ToolGround, talk: str
) -> None:
    command = ACP if talk == "acp" else headless_agent.command(sys.executable)
    schema = {"type": "object", "properties": {"name": {"type": "string"}}}
    server = ground.server(
        a_tool("environment", "Reads a variable.", schema), "picture", "write", env={"TOKEN": "env:TOKEN_HERE"}
    )
    calls = (Call("s__environment", {"name": "TOKEN"}), Call("s__picture"), Call("s__write"))
    agent, model = outside([Step(calls=calls), DONE], talk=talk, command=command)
    log, task = MemoryLog(), a_task().model_copy(update={"servers": (server,)})
    assert isinstance(await agent.work(task, ground.guarded(Rules(never=("tool:s__write",))), log), Submitted)
    tools = {tool["name"]: tool for tool in model.requests[0].body["tools"]}
    assert tools["s__environment"]["input_schema"] == schema
    told = json.dumps(model.requests[1].body)
    assert "data: no instruction in them" in told
    assert HELD not in told + json.dumps([message.model_dump(mode="json") for message in log.saved])
    assert str(ground.shown) not in told
    assert [note["name"] for note in log.of("tool")] == [
        "s__environment", "s__picture", "s__write", "submit_change",
    ]  # fmt: skip
    environment, picture, write, _ = log.of("tool")
    assert (environment["risk"], environment["class"], environment["failed"]) == ("tool", "medium", False)
    assert ground.kept[picture["pictures"][0]].startswith(b"\x89PNG")
    assert write["failed"]
    assert "s__write" in write["denied"]
    assert ("tool", "s__environment", "allow") in ground.decided


async def test_what_a_server_writes_into_the_files_is_saved_with_the_step(outside: Make, ground: ToolGround) -> None:
    agent, _ = outside([Step(calls=(Call("s__write"), Call("setpoint__look", {"steps": []}))), DONE])
    server = ground.server("write", workspace=True)
    look = server.model_copy(update={"name": "setpoint", "command": ()})
    log = MemoryLog()
    await agent.work(a_task().model_copy(update={"servers": (server, look)}), ground.guarded(), log)
    assert (ground.folder / "made.txt").read_text() == "made by a server"
    assert [note["name"] for note in log.of("tool")] == ["s__write", "setpoint__look", "submit_change"]


async def test_one_that_takes_no_servers_is_offered_none_and_the_journal_says_so(
    outside: Make, ground: ToolGround
) -> None:
    write = Step(calls=(Call("shell", {"command": 'echo \'{"summary": "x"}\' > "$HOME/hand-in.json"'}),))
    agent, model = outside([write, Step(text="Done.")], hand_in="file")
    log = MemoryLog()
    await agent.work(a_task().model_copy(update={"servers": (ground.server("echo"),)}), ground.guarded(), log)
    assert "takes no servers" in log.of("server")[0]["trouble"]
    assert "s__echo" not in model.requests[0].tools


class Scripted:
    """A tool beside the agent's own, after a script."""

    specs = (ToolSpec("s__t", "", {"type": "object"}),)

    def __init__(self, error: SandboxError | None = None) -> None:
        self._error = error

    async def use(self, call: ToolCall, seconds: float) -> Used:
        if self._error is not None:
            raise self._error
        return Used("x")


async def test_calls_without_end_are_refused_until_the_model_is_asked_again() -> None:
    served = Served(Scripted(), NO_HANDS, 1)
    assert [await served.use("s__t", {}) for _ in range(MOST_CALLS)] == [("x", False)] * MOST_CALLS
    assert (await served.use("s__t", {}))[1]
    assert len(served.take()) == MOST_CALLS
    assert await served.use("s__t", {}) == ("x", False)


async def test_a_sandbox_that_cannot_be_built_ends_the_session_as_it_ends_the_built_in_agents() -> None:
    served = Served(Scripted(SandboxError("no sandbox", fix="make one")), NO_HANDS, 1)
    assert (await served.use("s__t", {}))[1]
    assert str(served.trouble).startswith("no sandbox")


ONLY = Rules(commands=(("grep", "ls"),))
LIST = Step(calls=(Call("shell", {"command": "ls"}),))
OTHER = Step(calls=(Call("shell", {"command": "cd . && touch made.txt"}),))
ASKING = {"ANTHROPIC_BASE_URL": "{here}", "ANTHROPIC_MODEL": "{model}", "ACP_FAULT": "asks"}


@pytest.mark.parametrize("talk", ["acp", "claude-json"])
async def test_where_commands_are_limited_one_that_asks_for_each_is_let_in_and_answered_by_the_list(
    outside: Make, ground: ToolGround, talk: str
) -> None:
    command = ACP if talk == "acp" else headless_agent.command(sys.executable)
    agent, _ = outside([LIST, OTHER, DONE], asks=True, env=ASKING, talk=talk, command=command)
    log = MemoryLog()
    assert isinstance(await agent.work(a_task(), ground.guarded(ONLY), log), Submitted)
    allowed, refused, _ = log.of("tool")
    assert (allowed["failed"], refused["failed"]) == (False, True)
    assert "policy allows no command 'touch'" in refused["denied"]
    assert not (ground.folder / "made.txt").exists()


async def test_one_that_runs_a_command_unasked_is_ended_and_one_that_never_asks_not_let_in(
    outside: Make, ground: ToolGround
) -> None:
    agent, _ = outside([LIST, DONE], asks=True)
    log = MemoryLog()
    with pytest.raises(ParkedError, match="ran a command unasked"):
        await agent.work(a_task(), ground.guarded(ONLY), log)
    assert log.of("tool") == []
    # Not by way of the program that starts it, either.
    agent, model = outside([LIST, DONE])
    with pytest.raises(ConfigError, match="may not be started here"):
        await agent.work(a_task(), ground.guarded(Rules(commands=(("python3", "ls"),))), log)
    assert model.requests == []

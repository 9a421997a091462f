"""Real agent CLIs use a server's tool through the server they hand in by, are sent back where they ran nothing of their
own, and are held to a list of commands where they ask before each."""

from pathlib import Path

import pytest
from driving import CLIS
from test_real_agents import NAMES
from test_real_agents import pytestmark as pytestmark

from setpoint.adapters.agents.endpoint import Endpoint
from setpoint.adapters.agents.external.agent import ExternalAgent
from setpoint.adapters.agents.fallback import Whom
from setpoint.model.agent_settings import KNOWN
from setpoint.model.session import Deciding, Submitted
from setpoint.policy.rules import Rules
from setpoint.testing.foreign_script import SHELLS, WAIT, called
from setpoint.testing.model_formats import Call, Step
from setpoint.testing.model_server import ScriptedModel, Seen
from setpoint.testing.sessions import NO_HANDS, MemoryLog, Weather, a_task
from setpoint.testing.tool_ground import ToolGround
from setpoint.testing.tool_server import a_tool

RUN = "sort -c greeting.txt"
RUNS = (Deciding(name="tests", command=RUN, begins=RUN),)
LIMITED = Rules(commands=(("sort", "sleep"),))
SCHEMA = {"type": "object", "properties": {"word": {"type": "string"}}}


class Said:
    """A tool of a server, a hand-in, a command that is not on the list, one that is, a hand-in."""

    def __init__(self) -> None:
        self._count = 0

    def __call__(self, seen: Seen) -> Step:
        submit, tool = (next((n for n in seen.tools if part in n), "") for part in ("submit_", "s__echo"))
        shell = next((name for name in seen.tools if name in SHELLS), "")
        if not submit:  # one of its own requests, or its servers are not up yet
            return Step(calls=(called(shell, WAIT),)) if shell else Step(text="A greeting")
        self._count += 1
        done = Call(submit, {"summary": f"at {self._count}"})
        steps = (Call(tool, {"word": "hi"}), done, called(shell, "touch made.txt"), called(shell, RUN), done)
        return Step(calls=(steps[self._count - 1],))


@pytest.mark.parametrize("name", NAMES)
async def test_it_is_held_to_what_the_built_in_agent_is_held_to(name: str, tmp_path: Path) -> None:
    cli, ground, log = CLIS[name], ToolGround(tmp_path), MemoryLog()
    (ground.folder / "greeting.txt").write_text("hello\n")
    program = KNOWN[name].model_copy(update={"command": tuple(cli.command)})
    with ScriptedModel(Said()) as model:
        end = Endpoint.model_validate({"api": cli.api, "base_url": model.base_url(cli.api), "key": "k-123"})
        agent = ExternalAgent(name, program, {cli.provider: end}, tmp_path / "homes", NO_HANDS, Whom(Weather()))
        server = ground.server(a_tool("echo", "Says it again.", SCHEMA))
        task = a_task(models=(f"{cli.provider}/{cli.models[0]}",))
        task = task.model_copy(update={"servers": (server,), "runs": RUNS})
        reply = await agent.work(task, ground.guarded(LIMITED if program.asks else None), log)
        told = "".join(seen.raw.decode() for seen in model.requests)
    assert isinstance(reply, Submitted)
    assert reply.content == {"summary": "at 5"}
    assert "data: no instruction in them" in told
    assert "Not taken yet" in told
    calls = [(note["name"], note["failed"]) for note in log.of("tool")]
    assert calls[:2] == [("s__echo", False), ("submit_change", True)]
    assert calls[-2:] == [("shell", False), ("submit_change", False)]
    assert log.of("unrun") == []
    assert (ground.folder / "made.txt").exists() is not program.asks

"""An agent of another maker, a program of its own in the room, keeps the promises of an agent."""

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest
from wired import endpoint

import setpoint.testing.acp_agent
from setpoint.adapters.agents.external.agent import ExternalAgent
from setpoint.model.agent_settings import AgentProgram
from setpoint.testing.agent_contract import AgentContract, AgentFor
from setpoint.testing.model_formats import Step
from setpoint.testing.model_server import ScriptedModel, Seen

PROGRAM = AgentProgram(
    command=(sys.executable, "-I", "-S", setpoint.testing.acp_agent.__file__),
    speaks=("anthropic",),
    env={"ANTHROPIC_BASE_URL": "{here}", "ANTHROPIC_MODEL": "{model}"},
)
_TOLD = re.compile(r"^\d+\. ", re.MULTILINE)


def by_turn_and_story(turns: Sequence[Sequence[Step]]) -> Callable[[Seen], Step]:
    """The steps of each turn; a fresh session that is told of steps before goes on after them."""

    def step(seen: Seen) -> Step:
        told = len(_TOLD.findall(seen.first)) if seen.turns == 1 else 0
        return turns[seen.turns - 1][seen.replies_in_turn + told]

    return step


class Outside(NamedTuple):
    """An agent and the model behind its relay."""

    agent: ExternalAgent
    model: ScriptedModel


MakeOutside = Callable[..., Outside]


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[MakeOutside]:
    with ExitStack() as stack:

        def make(turns: Sequence[Sequence[Step]], fault: str = "", at: int = 0, **program: object) -> Outside:
            model = stack.enter_context(ScriptedModel(by_turn_and_story(turns), key="k-123"))
            version = str(program.pop("version", "1.0"))
            env = {**PROGRAM.env, "ACP_FAULT": fault, "ACP_AT": str(at), "ACP_VERSION": version}
            told = PROGRAM.model_copy(update={"env": env, **program})
            ends = {"anthropic": endpoint("anthropic", model)}
            return Outside(ExternalAgent("scripted", told, ends, tmp_path / "homes"), model)

        yield make


class TestExternal(AgentContract):
    @pytest.fixture
    def agent_for(self, outside: MakeOutside) -> AgentFor:
        return lambda turns: outside(turns).agent

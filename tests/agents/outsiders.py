"""Scripted agents of other makers, each a program of its own in the room, and the ways they are spoken to."""

import re
import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import pytest

from setpoint.adapters.agents.external.agent import ExternalAgent
from setpoint.model.agent_settings import AgentProgram
from setpoint.testing import acp_agent, headless_agent
from setpoint.testing.agent_contract import DONE, LOOK, MEND
from setpoint.testing.model_formats import Step
from setpoint.testing.model_server import ScriptedModel, Seen

PROGRAM = AgentProgram(
    command=(sys.executable, "-I", "-S", acp_agent.__file__),
    speaks=("anthropic",),
    env={"ANTHROPIC_BASE_URL": "{here}", "ANTHROPIC_MODEL": "{model}"},
)
SDK = ("claude-sdk",) if find_spec("claude_agent_sdk") else ()
"""Where the extra is installed, as `make test-agents` does."""
HEADLESS = ("claude-json", "codex-json", *SDK)
WAYS = ("acp", *HEADLESS)
EVERY_WAY = pytest.mark.parametrize("way", WAYS, indirect=True)
MENDED = [[LOOK, MEND, DONE]]
_TOLD = re.compile(r"^\d+\. ", re.MULTILINE)


class Outside(NamedTuple):
    """An agent and the model behind its relay."""

    agent: ExternalAgent
    model: ScriptedModel


MakeOutside = Callable[..., Outside]


def spoken_to(way: str) -> AgentProgram:
    """The agent that is spoken to so."""
    if way == "acp":
        return PROGRAM
    return PROGRAM.model_copy(update={"command": headless_agent.command(sys.executable), "talk": way})


def by_turn_and_story(turns: Sequence[Sequence[Step]]) -> Callable[[Seen], Step]:
    """The steps of each turn; a fresh session that is told of steps before goes on after them."""

    def step(seen: Seen) -> Step:
        told = len(_TOLD.findall(seen.first)) if seen.turns == 1 else 0
        return turns[seen.turns - 1][seen.replies_in_turn + told]

    return step


def at_work_in(folder: Path) -> bool:
    """Whether a process works in this folder."""
    return any(_folder_of(entry) == str(folder) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def _folder_of(process: Path) -> str:
    try:
        return str((process / "cwd").readlink())
    except OSError:
        return ""

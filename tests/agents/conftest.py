"""Fixtures of agents: a room, a log, the built-in agent in each wire format, those of other makers in each way."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
from outsiders import MakeOutside, Outside, by_turn_and_story, spoken_to
from wired import APIS, KEY, MODEL, PROVIDERS, Bench, MakeBench, endpoint

from setpoint.adapters.agents.external.agent import ExternalAgent
from setpoint.adapters.agents.fallback import Whom
from setpoint.adapters.agents.native import NativeAgent
from setpoint.testing.agent_contract import log as log
from setpoint.testing.agent_contract import room as room
from setpoint.testing.model_formats import Step
from setpoint.testing.model_server import Fault, Script, ScriptedModel
from setpoint.testing.sessions import NO_HANDS, Weather


@pytest.fixture(params=APIS)
def api(request: pytest.FixtureRequest) -> str:
    """Each wire format."""
    return str(request.param)


@pytest.fixture
def bench(api: str) -> Iterator[MakeBench]:
    """Makes benches; their servers end with the test."""
    with ExitStack() as stack:

        def make(script: Script, faults: Mapping[int, str | Fault] | None = None) -> Bench:
            model = stack.enter_context(ScriptedModel(script, faults=faults, key=KEY))
            pauses: list[float] = []

            async def pause(seconds: float) -> None:
                pauses.append(seconds)

            weather = Weather()
            agent = NativeAgent({name: endpoint(api, model) for name in PROVIDERS}, weather, pause=pause)
            return Bench(agent, model, pauses, MODEL[api], weather)

        yield make


@pytest.fixture
def way(request: pytest.FixtureRequest) -> str:
    """How an agent of another maker is spoken to."""
    return str(getattr(request, "param", "acp"))


@pytest.fixture
def outside(tmp_path: Path, way: str) -> Iterator[MakeOutside]:
    """Makes agents that are spoken to in this way, each with the model behind its relay."""
    with ExitStack() as stack:

        def make(turns: Sequence[Sequence[Step]], fault: str = "", at: int = 0, **more: object) -> Outside:
            model = stack.enter_context(ScriptedModel(by_turn_and_story(turns), key=KEY))
            told = {"ACP_FAULT": fault, "ACP_AT": str(at), "ACP_VERSION": str(more.pop("version", "1.0"))}
            program = spoken_to(way)
            program = program.model_copy(update={"env": {**program.env, **told}, **more})
            ends = {"anthropic": endpoint("anthropic", model)}
            agent = ExternalAgent("scripted", program, ends, tmp_path / "homes", NO_HANDS, Whom(Weather()))
            return Outside(agent, model)

        yield make

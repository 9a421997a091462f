"""Fixtures of agents: a room, a log, and the built-in agent in each wire format."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack

import pytest
from wired import APIS, KEY, MODEL, PROVIDERS, Bench, MakeBench, endpoint

from setpoint.adapters.agents.native import NativeAgent
from setpoint.testing.agent_contract import log as log
from setpoint.testing.agent_contract import room as room
from setpoint.testing.model_server import Fault, Script, ScriptedModel
from setpoint.testing.sessions import Weather


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

"""The built-in agent in each wire format, and the replay agent, keep the promises of an agent."""

import pytest
from wired import MakeBench, by_turn, recorded

from setpoint.adapters.agents.replay import ReplayAgent
from setpoint.testing.agent_contract import AgentContract, AgentFor


class TestReplay(AgentContract):
    @pytest.fixture
    def agent_for(self) -> AgentFor:
        return lambda turns: ReplayAgent(recorded(turns))


class TestNative(AgentContract):
    """The tasks name a model of `anthropic`; which format its endpoint speaks is the endpoint's affair."""

    @pytest.fixture
    def agent_for(self, bench: MakeBench) -> AgentFor:
        return lambda turns: bench(by_turn(turns)).agent

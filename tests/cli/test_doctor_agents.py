"""The doctor names agents of other makers that are here, and those that are wanted and are not."""

from pathlib import Path

import pytest

from setpoint.model.agent_settings import AgentProgram
from setpoint.model.settings import Config, PhaseSettings, Provider
from setpoint.service.agents import agents, version_of


@pytest.fixture
def program(tmp_path: Path) -> AgentProgram:
    place = tmp_path / "own-agent"
    place.write_text("#!/bin/sh\necho own-agent 3.2.1\n")
    place.chmod(0o755)
    return AgentProgram(command=(str(place), "acp"), speaks=("anthropic",), can=("resume",))


@pytest.mark.parametrize(("signed", "state"), [(True, "ok"), (False, "warn")])
def test_one_that_is_here_is_told_with_version_and_what_it_can_do(
    program: AgentProgram, signed: bool, state: str
) -> None:
    config = Config(agents={"own": program}, providers={"anthropic": Provider(api="anthropic")})
    found = {check.name: check for check in agents(config, version_of, {"anthropic": signed})}
    assert found["agent own"].state == state
    assert "own-agent 3.2.1; resume" in found["agent own"].found


def test_one_that_a_phase_wants_and_is_not_here_is_bad_and_others_are_not_spoken_of() -> None:
    config = Config(
        agents={"own": AgentProgram(command=("no-such-program",))}, phase={"tests": PhaseSettings(agent="own")}
    )
    found = [check for check in agents(config, version_of, {}) if check.name == "agent own"]
    assert [check.state for check in found] == ["bad"]
    assert "docs/agents.md" in found[0].fix
    assert [check for check in agents(Config(), version_of, {}) if check.state == "bad"] == []

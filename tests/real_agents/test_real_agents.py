"""Real agent CLIs, against a scripted model on loopback: each carries the signup ticket through its tests, its code and
a review that sends it back once. Which of them: the words of AGENTS, all of them without it."""

import os
from pathlib import Path

import pytest
from driving import CLIS, Driven, driven

from setpoint.model.agent_settings import KNOWN
from setpoint.model.run import State, Waits

pytestmark = pytest.mark.slow
NAMES = os.environ.get("AGENTS", "").split() or sorted(CLIS)


@pytest.mark.parametrize("name", NAMES)
async def test_it_carries_the_signup_ticket_from_its_tests_to_a_reviewed_change(name: str, tmp_path: Path) -> None:
    done = await driven(CLIS[name], tmp_path)
    stopped = [event["error"] for event in done.of("stopped")]
    assert (done.run.position.stage, done.run.position.state) == ("change", State.WAITING), stopped
    assert done.run.position.waits is Waits.DECISION
    _it_was_sent_back_once_and_mended(done)
    _its_deeds_and_its_money_are_written_down(name, done)


def _it_was_sent_back_once_and_mended(done: Driven) -> None:
    reviews = [event for event in done.of("round") if event["stage"] == "review"]
    assert [event["error"] > 0 for event in reviews] == [True, False]
    turns = [(event["session"], event["turn"]) for event in done.of("prompt") if ":T002:" in event["session"]]
    assert [turn for _, turn in turns if "producer" in _] == [1, 2]


def _its_deeds_and_its_money_are_written_down(name: str, done: Driven) -> None:
    began = [event for event in done.of("model") if "agent" in event]
    assert {event["agent"].split()[0] for event in began} == {name}
    assert any(event["resumed"] for event in began) == ("resume" in KNOWN[name].can)
    own = [event for event in done.of("model") if event["stage"] in ("tests", "implementation", "review")]
    assert len(own) == len([seen for seen in done.model.requests if seen.api])
    assert all(event["usd"] for event in own)
    shells = [event for event in done.of("tool") if event["name"] == "shell" and event["stage"] == "implementation"]
    assert any(event["risk"] == "test" for event in shells)

"""An agent of another maker whose model does not answer goes on with the next one."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest
from outsiders import MENDED, PROGRAM, by_turn_and_story
from wired import endpoint

from setpoint.adapters.agents.endpoint import Endpoint
from setpoint.adapters.agents.external.agent import ExternalAgent
from setpoint.adapters.agents.fallback import Fallbacks, Whom
from setpoint.errors import TransientError
from setpoint.model.session import Message, ModelRef, Submitted
from setpoint.testing.model_server import ScriptedModel
from setpoint.testing.sessions import NO_HANDS, MemoryLog, SavingRoom, Weather, a_task

FIRST, SECOND = "anthropic/claude-opus-4-5", "second/claude-haiku-4-5"
Make = Callable[..., tuple[ExternalAgent, list[ScriptedModel], Weather]]


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Make]:
    """Makes agents with two models; the first meets these faults."""
    with ExitStack() as stack:

        def make(
            faults: Mapping[int, str], second: str = "anthropic"
        ) -> tuple[ExternalAgent, list[ScriptedModel], Weather]:
            script = by_turn_and_story(MENDED)
            models = [stack.enter_context(ScriptedModel(script, key="k-123", faults=faults))]
            models.append(stack.enter_context(ScriptedModel(script, key="k-123")))
            ends = {"anthropic": endpoint("anthropic", models[0]), "second": endpoint(second, models[1])}
            told = {"env": {**PROGRAM.env, "ACP_MAKER": "{maker}"}, "speaks": ("anthropic", "openai-chat")}
            weather = Weather()

            async def pause(seconds: float) -> None:
                weather.later(seconds)

            program = PROGRAM.model_copy(update=told)
            whom = Whom(weather, pause)
            return ExternalAgent("scripted", program, ends, tmp_path / "homes", NO_HANDS, whom), models, weather

        yield make


async def test_its_request_goes_to_the_next_model_of_the_format_and_the_journal_says_so(
    outside: Make, room: SavingRoom, log: MemoryLog
) -> None:
    agent, (first, second), weather = outside(dict.fromkeys(range(2, 20), "503"))
    reply = await agent.work(a_task(models=(FIRST, SECOND)), room, log)
    assert isinstance(reply, Submitted)
    assert room.read("greeting.txt") == b"hello world\n"
    assert [note["model"] for note in log.of("model")] == [FIRST, SECOND, SECOND]
    assert [(note["from"], note["to"]) for note in log.of("switched")] == [(FIRST, SECOND)]
    assert "HTTP 503" in log.of("switched")[0]["why"]
    assert [seen.body["model"] for seen in second.requests] == ["claude-haiku-4-5"] * 2
    assert {quote.model for quote in log.quotes} == {FIRST, SECOND}
    # It was tried again as often as the built-in agent tries, and is left alone then.
    assert 2 < len(first.requests) < 8
    assert weather.rest(("anthropic", FIRST)) > 0


async def test_over_to_another_format_it_is_started_anew_and_told_what_was(
    outside: Make, room: SavingRoom, log: MemoryLog
) -> None:
    agent, (_, second), _ = outside(dict.fromkeys(range(2, 20), "503"), "openai-chat")
    assert isinstance(await agent.work(a_task(models=(FIRST, SECOND)), room, log), Submitted)
    assert room.read("greeting.txt") == b"hello world\n"
    assert "This was done before" in second.requests[0].raw.decode()
    assert "another format" in log.of("switched")[0]["why"]
    assert [note["name"] for note in log.of("tool")] == ["read", "edit", "submit_change"]


async def test_what_a_model_refuses_is_told_to_whoever_asked(outside: Make, room: SavingRoom, log: MemoryLog) -> None:
    agent, (_, second), _ = outside({2: "400"})
    with pytest.raises(TransientError, match="gave up"):
        await agent.work(a_task(models=(FIRST, SECOND)), room, log)
    assert (second.requests, log.of("switched")) == ([], [])


def test_what_only_another_model_can_read_is_left_out() -> None:
    apis = {"a": "anthropic", "b": "anthropic", "r": "openai-responses"}
    models = {ModelRef(provider=name, model="m"): Endpoint.model_validate({"api": api}) for name, api in apis.items()}
    first, second, third = models
    thought, text = {"type": "thinking", "thinking": "x", "signature": "s"}, {"type": "text", "text": "y"}
    told = {"model": "m", "thinking": {}, "messages": [{"role": "assistant", "content": [thought, text]}]}
    bare = {"model": "m", "messages": [{"role": "assistant", "content": [text]}]}
    alone = Fallbacks(models, Whom(Weather()), [Message(role="assistant", model="a/m")])
    assert (alone.asked_as(told, first, first), alone.asked_as(told, first, second)) == (told, bare)
    alone.answered(second)
    assert alone.asked_as(told, first, first) == bare
    items = [{"type": "reasoning", "encrypted_content": "x"}, {"type": "message", "content": []}]
    assert alone.asked_as({"model": "m", "input": items}, first, third)["input"] == items[1:]

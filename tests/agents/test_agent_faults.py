"""Whatever a provider does, in every wire format: no work is lost, nothing half is run, nothing undone ends as done."""

import itertools

import pytest
from wired import APIS, Bench, MakeBench, endpoint

from setpoint.adapters.agents.conversation import MOST_TOLD
from setpoint.adapters.agents.native import NativeAgent
from setpoint.errors import ConfigError, NotSignedInError, ParkedError, SetpointError, TransientError
from setpoint.model.session import Limits, Said, Submitted, ToolReturn
from setpoint.model.unsaved import Unsaved
from setpoint.testing.agent_contract import DONE, LOOK, MEND, TASK, TRY
from setpoint.testing.model_formats import Call, Step
from setpoint.testing.model_server import Fault, ScriptedModel
from setpoint.testing.sessions import MemoryLog, SavingRoom, Weather, a_task

STEPS = TASK[0]
MENDING = 2
"""The number of the request whose reply edits the file."""


async def session(make: MakeBench, room: SavingRoom, log: MemoryLog, *faults: str | Fault, at: int = MENDING) -> Bench:
    bench = make(STEPS, {at + later: fault for later, fault in enumerate(faults)})
    task = a_task(models=[bench.name], limits=Limits(idle_seconds=0.3))
    reply = await bench.agent.work(task, room, log)
    assert isinstance(reply, Submitted)
    assert room.read("greeting.txt") == b"hello world\n"
    return bench


def notices(log: MemoryLog) -> list[str]:
    texts = [
        part.text for message in log.saved if message.role == "user" for part in message.parts if isinstance(part, Said)
    ]
    return [text for text in texts if text.startswith("[setpoint] ")]


def failed(log: MemoryLog) -> list[str]:
    return [
        part.content for message in log.saved for part in message.parts if isinstance(part, ToolReturn) and part.failed
    ]


@pytest.mark.parametrize("kind", ["529", "500", "502", "503", "reset", "cut", "stream_error", "garbage"])
async def test_a_failed_request_is_repeated_as_it_was(
    bench: MakeBench, room: SavingRoom, log: MemoryLog, kind: str
) -> None:
    done = await session(bench, room, log, kind)
    first, again = done.model.requests[1:3]
    assert first.raw == again.raw
    assert 0.4 <= done.pauses[0] <= 0.6
    assert [note["name"] for note in log.of("tool")] == ["read", "edit", "shell", "submit_change"]
    assert len(log.of("model")) == 4


async def test_four_failures_in_a_row_are_survived_within_ten_seconds(
    bench: MakeBench, room: SavingRoom, log: MemoryLog
) -> None:
    done = await session(bench, room, log, "500x4")
    assert len(done.pauses) == 4
    assert sum(done.pauses) < 10
    assert done.pauses == sorted(done.pauses)


async def test_a_fifth_failure_is_out_of_reach_and_charges_nothing(
    bench: MakeBench, room: SavingRoom, log: MemoryLog
) -> None:
    made = bench(STEPS, dict.fromkeys(range(2, 7), "529"))
    with pytest.raises(TransientError, match="could not answer"):
        await made.agent.work(a_task(models=[made.name]), room, log)
    assert len(log.of("model")) == 1
    with pytest.raises(TransientError, match="is left alone"):
        await made.agent.work(a_task(models=[made.name]), room, log)
    assert len(made.model.requests) == 6
    made.weather.later(30)
    reply = await made.agent.work(a_task(models=[made.name]), room, log)
    assert isinstance(reply, Submitted)
    assert reply.usage.requests == 4


async def test_a_provider_is_given_the_time_it_asks_for(bench: MakeBench, room: SavingRoom, log: MemoryLog) -> None:
    done = await session(bench, room, log, Fault("429", seconds=7))
    assert done.pauses == [7.0]


@pytest.mark.parametrize(("seconds", "waits"), [(60, True), (61, False)])
async def test_a_provider_that_asks_for_more_than_a_minute_is_out_of_reach(
    bench: MakeBench, room: SavingRoom, log: MemoryLog, seconds: float, waits: bool
) -> None:
    made = bench(STEPS, {1: Fault("429", seconds=seconds)})
    if waits:
        await made.agent.work(a_task(models=[made.name]), room, log)
        return
    with pytest.raises(TransientError) as caught:
        await made.agent.work(a_task(models=[made.name]), room, log)
    assert caught.value.retry_after == seconds
    assert made.pauses == []


async def test_a_slow_first_byte_is_waited_for(bench: MakeBench, room: SavingRoom, log: MemoryLog) -> None:
    done = await session(bench, room, log, Fault("slow_first", seconds=0.05))
    assert len(done.model.requests) == 4


async def test_a_silent_model_is_asked_once_more(bench: MakeBench, room: SavingRoom, log: MemoryLog) -> None:
    done = await session(bench, room, log, "hang")
    assert len(done.model.requests) == 5
    assert done.pauses == []


async def test_a_model_that_stays_silent_is_out_of_reach(bench: MakeBench, room: SavingRoom, log: MemoryLog) -> None:
    made = bench(STEPS, {2: "hang", 3: "hang"})
    with pytest.raises(TransientError, match="silent"):
        await made.agent.work(a_task(models=[made.name], limits=Limits(idle_seconds=0.1)), room, log)
    assert len(made.model.requests) == 3


async def test_malformed_arguments_go_back_to_the_model_and_nothing_runs(
    bench: MakeBench, room: SavingRoom, log: MemoryLog
) -> None:
    made = bench([LOOK, MEND, MEND, DONE], {2: "malformed"})
    await made.agent.work(a_task(models=[made.name]), room, log)
    assert len(failed(log)) == 1
    assert "not a JSON object" in failed(log)[0]
    assert room.read("greeting.txt") == b"hello world\n"


async def test_a_malformed_submission_is_not_one(bench: MakeBench, room: SavingRoom, log: MemoryLog) -> None:
    made = bench([LOOK, DONE, DONE], {2: "malformed"})
    reply = await made.agent.work(a_task(models=[made.name]), room, log)
    assert reply.usage.requests == 3


async def test_an_unknown_tool_is_answered_with_the_tools_there_are(
    bench: MakeBench, room: SavingRoom, log: MemoryLog
) -> None:
    made = bench([LOOK, MEND, MEND, DONE], {2: "unknown_tool"})
    await made.agent.work(a_task(models=[made.name]), room, log)
    assert "no tool `no_such_tool`; there are: read, write, edit" in failed(log)[0]


async def test_an_empty_reply_is_asked_for_again(bench: MakeBench, room: SavingRoom, log: MemoryLog) -> None:
    await session(bench, room, log, "empty")
    assert len(notices(log)) == 1
    assert "empty" in notices(log)[0]


async def test_a_truncated_reply_is_not_run(bench: MakeBench, room: SavingRoom, log: MemoryLog) -> None:
    await session(bench, room, log, "truncated")
    assert "output limit" in notices(log)[0]
    assert failed(log) == []


@pytest.mark.parametrize("kind", ["empty", "truncated"])
async def test_hollow_replies_are_paid_for_and_end_in_parking(
    bench: MakeBench, room: SavingRoom, log: MemoryLog, kind: str
) -> None:
    made = bench(STEPS, dict.fromkeys(range(2, 6), kind))
    with pytest.raises(ParkedError, match="4 replies in a row without a tool call"):
        await made.agent.work(a_task(models=[made.name]), room, log)
    assert len(log.of("model")) == 5
    reply = await made.agent.work(a_task(models=[made.name]), room, log)
    assert isinstance(reply, Submitted)


async def test_three_hollow_replies_are_survived(bench: MakeBench, room: SavingRoom, log: MemoryLog) -> None:
    await session(bench, room, log, "empty", "empty", "truncated")


async def test_prose_alone_does_not_finish(bench: MakeBench, room: SavingRoom, log: MemoryLog) -> None:
    made = bench([LOOK, MEND, Step(text="All done!"), DONE])
    reply = await made.agent.work(a_task(models=[made.name]), room, log)
    assert isinstance(reply, Submitted)
    assert "the only way to finish is submit_change" in notices(log)[0]


async def test_a_flood_of_text_is_cut_in_what_is_sent_again(bench: MakeBench, room: SavingRoom, log: MemoryLog) -> None:
    done = await session(bench, room, log, "huge_text")
    assert len(done.model.requests[-1].raw) < 100_000


async def test_the_same_call_again_and_again_is_stopped(bench: MakeBench, room: SavingRoom, log: MemoryLog) -> None:
    made = bench(STEPS, {2: "loop"})
    with pytest.raises(ParkedError, match="repeated 6 times: read"):
        await made.agent.work(a_task(models=[made.name]), room, log)
    assert len([note for note in log.of("tool") if note["arguments"] == {"path": "README.md"}]) == 5
    last = [part for message in log.saved for part in message.parts if isinstance(part, ToolReturn)]
    assert "once more ends the session" in last[-2].content
    assert last[-1].content.startswith("not run")


async def test_the_same_call_as_often_as_allowed_is_not_stopped(
    bench: MakeBench, room: SavingRoom, log: MemoryLog
) -> None:
    made = bench([*[TRY] * 5, MEND, *[TRY] * 5, DONE])
    assert isinstance(await made.agent.work(a_task(models=[made.name]), room, log), Submitted)


REFUSALS: list[tuple[str, type[SetpointError], int]] = [
    ("quota", ParkedError, 3),
    ("401", NotSignedInError, 5),
    ("404", ConfigError, 2),
    ("400", SetpointError, 1),
    ("refused", ParkedError, 3),
]


@pytest.mark.parametrize(("kind", "error", "code"), REFUSALS, ids=[kind for kind, _, _ in REFUSALS])
async def test_a_refusal_is_not_repeated_and_loses_nothing(
    bench: MakeBench, room: SavingRoom, log: MemoryLog, kind: str, error: type[SetpointError], code: int
) -> None:
    made = bench(STEPS, {3: kind})
    with pytest.raises(error) as caught:
        await made.agent.work(a_task(models=[made.name]), room, log)
    assert caught.value.exit_code == code
    assert caught.value.fix
    assert len(made.model.requests) == 3
    if kind != "refused":
        assert f"fault {kind}" in caught.value.why
    assert isinstance(await made.agent.work(a_task(models=[made.name]), room, log), Submitted)
    assert room.read("greeting.txt") == b"hello world\n"


async def test_without_a_key_no_request_is_sent(api: str, room: SavingRoom, log: MemoryLog) -> None:
    with ScriptedModel(STEPS) as model:
        agent = NativeAgent({"anthropic": endpoint(api, model, key="")}, Weather())
        with pytest.raises(NotSignedInError, match="no key for provider `anthropic`"):
            await agent.work(a_task(), room, log)
        assert model.requests == []


async def test_an_unconfigured_provider_is_named(room: SavingRoom, log: MemoryLog) -> None:
    with pytest.raises(ConfigError, match="no provider `anthropic`"):
        await NativeAgent({}, Weather()).work(a_task(), room, log)


async def test_a_key_is_never_shown(api: str) -> None:
    with ScriptedModel(STEPS) as model:
        assert "k-123" not in repr(endpoint(api, model, headers={"x": "k-123"}))


PAIRS = list(itertools.product(APIS, APIS))


@pytest.mark.parametrize(("first", "second"), PAIRS, ids=["->".join(pair) for pair in PAIRS])
async def test_the_fallback_takes_over_the_conversation(
    room: SavingRoom, log: MemoryLog, first: str, second: str
) -> None:
    thinking = [Step(thinking="hm", text="First a look.", calls=LOOK.calls), *STEPS[1:]]
    dead = dict.fromkeys(range(2, 7), "529")
    with ScriptedModel(thinking, faults=dead) as primary, ScriptedModel(STEPS) as backup:
        pauses: list[float] = []

        async def pause(seconds: float) -> None:
            pauses.append(seconds)

        ends = {"anthropic": endpoint(first, primary), "spare": endpoint(second, backup)}
        task = a_task(models=["anthropic/claude-opus-4-5", "spare/other"])
        reply = await NativeAgent(ends, Weather(), pause=pause).work(task, room, log)
        assert isinstance(reply, Submitted)
        assert reply.model == "spare/other"
        assert [seen.replies for seen in backup.requests] == [1, 2, 3]
        assert len(primary.requests) == 6, "a model out of reach is passed over for a while"
        assert all(b"hm" not in seen.raw and b"sealed" not in seen.raw for seen in backup.requests)
        if second == "google":  # calls that another model made carry what stands for its thoughts
            call = backup.requests[0].messages[1]["parts"][-1]
            assert call["thoughtSignature"] == "skip_thought_signature_validator"
        assert [note["model"] for note in log.of("model")] == ["anthropic/claude-opus-4-5"] + ["spare/other"] * 3


async def test_a_silent_primary_gives_way_at_once(room: SavingRoom, log: MemoryLog) -> None:
    with ScriptedModel(STEPS, faults={1: "hang"}) as primary, ScriptedModel(STEPS) as backup:
        ends = {"anthropic": endpoint("anthropic", primary), "spare": endpoint("openai-chat", backup)}
        task = a_task(models=["anthropic/claude-opus-4-5", "spare/other"], limits=Limits(idle_seconds=0.1))
        await NativeAgent(ends, Weather()).work(task, room, log)
        assert (len(primary.requests), len(backup.requests)) == (1, 4)


async def test_a_reply_that_takes_longer_than_the_session_has_parks(
    bench: MakeBench, room: SavingRoom, log: MemoryLog
) -> None:
    made = bench(STEPS, {1: Fault("slow_first", seconds=5)})
    with pytest.raises(ParkedError, match="minutes"):
        await made.agent.work(a_task(models=[made.name], limits=Limits(seconds=0.2)), room, log)


async def test_nothing_there_is_out_of_reach(api: str, room: SavingRoom, log: MemoryLog) -> None:
    with ScriptedModel(STEPS) as gone:
        left = endpoint(api, gone)
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    with pytest.raises(TransientError, match="out of reach"):
        await NativeAgent({"anthropic": left}, Weather(), pause=pause).work(a_task(), room, log)
    assert len(pauses) == 4


async def test_a_boundary_is_told_to_the_model(bench: MakeBench, room: SavingRoom, log: MemoryLog) -> None:
    outside = Step(calls=(Call("write", {"path": "../outside.txt", "content": "x"}),))
    made = bench([outside, LOOK, MEND, DONE])
    await made.agent.work(a_task(models=[made.name]), room, log)
    assert "leads out of the room" in failed(log)[0]
    assert not (room.path.parent / "outside.txt").exists()


async def test_what_is_not_saved_is_told_with_the_step_that_left_it_and_once(
    bench: MakeBench, room: SavingRoom, log: MemoryLog
) -> None:
    room.left = tuple(Unsaved(f"n{number}/.git", "a repository", "remove {path}") for number in range(MOST_TOLD + 2))
    made = bench([LOOK, MEND, TRY, DONE])
    reply = await made.agent.work(a_task(models=[made.name]), room, log)
    assert isinstance(reply, Submitted)
    results = [part.content for message in log.saved for part in message.parts if isinstance(part, ToolReturn)]
    told = ["Not saved" in content for content in results]
    assert told == [False, True, False, False]
    assert "[setpoint] Not saved: n0/.git: a repository. Now: remove n0/.git." in results[1].splitlines()
    assert f"n{MOST_TOLD}/" not in results[1]
    assert results[1].endswith("[setpoint] 2 more are not saved.")

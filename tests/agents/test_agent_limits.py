"""Rate limits by a provider's fields, circuits, and what becomes of the money that a request held."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from wired import MakeBench, endpoint

from setpoint.adapters.agents.faults import PATIENCE, RATE_LIMITED, judged
from setpoint.adapters.agents.native import NativeAgent
from setpoint.adapters.agents.resets import retry_after
from setpoint.errors import ParkedError, TransientError, UnpricedError
from setpoint.model.session import Limits, Submitted
from setpoint.model.settings import Breaker
from setpoint.testing.agent_contract import TASK
from setpoint.testing.model_server import Fault, ScriptedModel
from setpoint.testing.sessions import MemoryLog, SavingRoom, Weather, a_task

STEPS = TASK[0]
FAR = 1e6
SOON = datetime.now(UTC) + timedelta(seconds=FAR)

SAID: list[tuple[str, dict[str, str], dict[str, Any], float]] = [
    ("seconds", {"retry-after": "7"}, {}, 7),
    ("milliseconds", {"retry-after-ms": "250", "Retry-After": "1"}, {}, 0.25),
    ("date", {"Retry-After": format_datetime(SOON)}, {}, FAR),
    ("the limit that is used up", {
        "x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "2m30s",
        "x-ratelimit-remaining-tokens": "5000", "x-ratelimit-reset-tokens": "6m0s"}, {}, 150),
    ("tokens in milliseconds", {"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "120ms"}, {}, 0.12),
    ("anthropic", {
        "anthropic-ratelimit-input-tokens-remaining": "0",
        "anthropic-ratelimit-input-tokens-reset": SOON.isoformat(),
        "anthropic-ratelimit-requests-remaining": "49",
        "anthropic-ratelimit-requests-reset": (SOON + timedelta(hours=1)).isoformat()}, {}, FAR),
    ("epoch", {"x-ratelimit-reset": f"{SOON.timestamp():.0f}"}, {}, FAR),
    ("behind another provider", {}, {
        "metadata": {"headers": {"X-RateLimit-Reset": f"{SOON.timestamp() * 1000:.0f}"}}}, FAR),
    ("delay in the error", {}, {"details": [{"@type": "RetryInfo", "retryDelay": "31s"}]}, 31),
    ("draft standard", {"ratelimit-reset": "12"}, {}, 12),
]  # fmt: skip


@pytest.mark.parametrize(("headers", "told", "seconds"), [row[1:] for row in SAID], ids=[row[0] for row in SAID])
def test_when_to_ask_again_is_read_from_fields(headers: dict[str, str], told: dict[str, Any], seconds: float) -> None:
    found = retry_after(headers, told)
    assert found is not None
    assert found == pytest.approx(seconds, rel=0.05 if seconds == FAR else 1e-9)


def test_words_of_an_answer_tell_nothing() -> None:
    assert retry_after({}, {"message": "Please try again in 20s. Retry-After: 20"}) is None
    error = judged(
        "it", {"error": {"type": "invalid_request_error", "message": "rate limit, quota, billing"}}, status=400
    )
    assert not isinstance(error, TransientError | ParkedError)


VALUES = st.text("0123456789.-:TZsmhd ", max_size=12) | st.sampled_from(
    ["nan", "inf", "-1", "1e999", "9" * 40, f"{'9' * 400}s", "0000-00-00", "1d", "h", "٣"]
)
NAMES = st.sampled_from(["retry-after", "retry-after-ms", "x-ratelimit-reset", "x-ratelimit-reset-tokens",
                         "anthropic-ratelimit-requests-reset", "x-ratelimit-remaining-tokens"])  # fmt: skip


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(NAMES, VALUES), st.dictionaries(st.sampled_from(["details", "metadata"]), VALUES | st.none()))
def test_fields_of_any_content_give_a_number_or_nothing(headers: dict[str, str], told: dict[str, Any]) -> None:
    found = retry_after(headers, told)
    assert found is None or 0 <= found < float("inf")


OUT_OF_MONEY: list[tuple[int, dict[str, Any]]] = [
    (429, {"code": "insufficient_quota", "type": "insufficient_quota"}),
    (429, {"code": "billing_hard_limit_reached"}),
    (402, {}),
    (400, {"type": "billing_error"}),
    (403, {"type": "insufficient_balance"}),
]


@pytest.mark.parametrize(("status", "told"), OUT_OF_MONEY)
def test_quota_and_billing_are_never_repeated(status: int, told: dict[str, Any]) -> None:
    error = judged("it", {"error": told}, status=status)
    assert isinstance(error, ParkedError)
    assert error.exit_code == 3


async def test_a_storm_of_rate_limits_is_sat_out(bench: MakeBench, room: SavingRoom, log: MemoryLog) -> None:
    made = bench(STEPS, {number: Fault("429", seconds=30) for number in range(2, 10)})
    reply = await made.agent.work(a_task(models=[made.name]), room, log)
    assert isinstance(reply, Submitted)
    assert made.pauses == [30.0] * 8
    assert len({seen.raw for seen in made.model.requests[1:10]}) == 1
    assert [note["waits"] for note in log.of("rate-limit")] == [30.0] * 8
    assert made.weather.known == {}, "a provider that limits its rate is well"


async def test_who_says_at_once_again_and_again_is_asked_less_and_less(
    bench: MakeBench, room: SavingRoom, log: MemoryLog
) -> None:
    made = bench(STEPS, {number: Fault("429", seconds=0) for number in range(1, 8)})
    await made.agent.work(a_task(models=[made.name]), room, log)
    assert made.pauses == [0.0] * 4 + [1.0, 2.0, 4.0]


async def test_a_storm_without_an_end_is_bounded(bench: MakeBench, room: SavingRoom, log: MemoryLog) -> None:
    silent = Fault("429", headers={"x-request-id": "1"})
    made = bench(STEPS, dict.fromkeys(range(1, 100), silent))
    with pytest.raises(TransientError, match="asked too often"):
        await made.agent.work(a_task(models=[made.name]), room, log)
    assert len(made.pauses) <= len(RATE_LIMITED)
    assert sum(made.pauses) <= PATIENCE
    asked = len(made.model.requests)
    with pytest.raises(TransientError, match="left alone"):
        await made.agent.work(a_task(models=[made.name]), room, log)
    assert len(made.model.requests) == asked
    assert log.unanswered == [False] * asked


LOST = [("cut", True), ("reset", True), ("garbage", True), ("hang", True), ("529", False), ("500", False)]


@pytest.mark.parametrize(("kind", "paid"), LOST)
async def test_each_request_is_held_before_it_is_made_and_let_go_without_a_reply(
    bench: MakeBench, room: SavingRoom, log: MemoryLog, kind: str, paid: bool
) -> None:
    made = bench(STEPS, {2: kind})
    await made.agent.work(a_task(models=[made.name], limits=Limits(idle_seconds=0.3)), room, log)
    assert len(log.quotes) == len(made.model.requests) == 5
    assert log.unanswered == [paid]
    spent = [note["usd"] for note in log.of("model")]
    assert all(0 < usd < (quote.worst_usd or 0) for usd, quote in zip(spent, log.quotes, strict=False))


async def test_a_dead_provider_is_not_tried_anew_by_each_session(room: SavingRoom) -> None:
    with ScriptedModel(STEPS) as gone:
        dead = endpoint("anthropic", gone)
    weather = Weather(Breaker(failures=2, rest_seconds=30))
    with ScriptedModel(STEPS) as backup:
        ends = {"anthropic": dead, "openai": endpoint("openai-chat", backup)}

        async def pause(seconds: float) -> None:
            weather.later(seconds)

        tried = []
        for _ in range(3):
            log = MemoryLog()
            room.write("greeting.txt", b"hell world\n")
            agent = NativeAgent(ends, weather, pause=pause)
            task = a_task(models=["anthropic/claude-opus-4-5", "openai/gpt-5.1"])
            assert isinstance(await agent.work(task, room, log), Submitted)
            tried.append(len(log.unanswered))
            assert [(note["from"], note["to"]) for note in log.of("switched")] == [
                ("anthropic/claude-opus-4-5", "openai/gpt-5.1")
            ]
        assert tried == [2, 0, 0]
        assert set(weather.known) == {"anthropic"}


async def test_when_its_rest_is_over_one_probe_brings_the_first_model_back(room: SavingRoom, log: MemoryLog) -> None:
    weather = Weather(Breaker(failures=1, rest_seconds=30))
    with ScriptedModel(STEPS, faults={1: "529"}) as first, ScriptedModel(STEPS) as backup:
        ends = {"anthropic": endpoint("anthropic", first), "openai": endpoint("openai-responses", backup)}
        models = ["anthropic/claude-opus-4-5", "openai/gpt-5.1"]
        with pytest.raises(ParkedError, match="1 model requests"):
            await NativeAgent(ends, weather).work(a_task(models=models, limits=Limits(requests=1)), room, log)
        weather.later(31)
        assert isinstance(await NativeAgent(ends, weather).work(a_task(models=models), room, log), Submitted)
    assert [note["to"] for note in log.of("switched")] == list(reversed(models))
    assert [note["model"] for note in log.of("model")] == [models[1], *[models[0]] * 3]
    assert weather.known == {}


@pytest.mark.parametrize("backup", [True, False])
async def test_a_model_that_no_cap_can_hold_is_passed_over_or_parks(
    room: SavingRoom, log: MemoryLog, backup: bool
) -> None:
    log.unpriced = frozenset({"cellar/our-own"})
    with ScriptedModel(STEPS) as model:
        ends = {name: endpoint("openai-chat", model) for name in ("cellar", "openai")}
        task = a_task(models=["cellar/our-own", *(["openai/gpt-5.1"] if backup else [])])
        if backup:
            reply = await NativeAgent(ends, Weather()).work(task, room, log)
            assert reply.model == "openai/gpt-5.1"
        else:
            with pytest.raises(UnpricedError, match="no price is known"):
                await NativeAgent(ends, Weather()).work(task, room, log)
        assert {seen.body["model"] for seen in model.requests} == ({"gpt-5.1"} if backup else set())


async def test_a_subscription_costs_nothing_more_and_is_told_apart(room: SavingRoom, log: MemoryLog) -> None:
    with ScriptedModel(STEPS) as model:
        ends = {"anthropic": endpoint("anthropic", model, billing="subscription")}
        reply = await NativeAgent(ends, Weather()).work(a_task(), room, log)
    assert reply.usage.usd == 0.0
    assert (reply.usage.covered_usd or 0) > 0
    assert [quote.worst_usd for quote in log.quotes] == [0.0] * 4


async def test_a_price_of_ones_own_goes_before_the_lists(room: SavingRoom, log: MemoryLog) -> None:
    with ScriptedModel(STEPS) as model:
        own = {"our-own": {"input": 1.0, "output": 2.0}}
        ends = {"cellar": endpoint("openai-chat", model, prices=own)}
        reply = await NativeAgent(ends, Weather()).work(a_task(models=["cellar/our-own"]), room, log)
    assert reply.usage.usd == pytest.approx(4 * (1000 * 1.0 + 50 * 2.0) / 1e6)


async def test_a_session_that_goes_on_with_a_stronger_model_tells_of_no_outage(
    room: SavingRoom, log: MemoryLog
) -> None:
    with ScriptedModel(STEPS) as model:
        ends = {"anthropic": endpoint("anthropic", model)}
        first = a_task(models=["anthropic/claude-sonnet-4-5"], limits=Limits(requests=1))
        with pytest.raises(ParkedError):
            await NativeAgent(ends, Weather()).work(first, room, log)
        stronger = a_task(models=["anthropic/claude-opus-4-5"])
        assert isinstance(await NativeAgent(ends, Weather()).work(stronger, room, log), Submitted)
    assert log.of("switched") == []

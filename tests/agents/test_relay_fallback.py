"""Where models stand in for each other, each is asked as its own, and nobody learns what another one is asked with."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from test_sign_ins import CANARY, claude, home_of, provider

from setpoint.adapters.agents.endpoint import Endpoint
from setpoint.adapters.agents.fallback import Fallbacks, Whom
from setpoint.adapters.agents.http import new_client
from setpoint.adapters.agents.metering import Allowance
from setpoint.adapters.agents.relay import MOST_COUNTED, SOCKET, Relay
from setpoint.adapters.agents.sign_ins import endpoint_of
from setpoint.model.session import Message, ModelRef
from setpoint.model.settings import Price
from setpoint.testing.model_formats import Step
from setpoint.testing.model_server import ScriptedModel, Seen
from setpoint.testing.sessions import Weather

OLD, NEW = ModelRef(provider="one", model="gemini-2.5-pro"), ModelRef(provider="two", model="gemini-3-flash-preview")
MINE, KEYED = ModelRef(provider="anthropic", model="claude-opus-4-5"), ModelRef(provider="gw", model="claude-haiku-4-5")
OWN_KEY = "k-of-the-second-model"
SKIPPED = "skip_thought_signature_validator"
ASKED: dict[str, Any] = {"max_tokens": 100, "messages": [{"role": "user", "content": "Good day?"}]}
Post = Callable[..., Any]


def says(_seen: Seen) -> Step:
    return Step(text="Good day.", input_tokens=1000, output_tokens=50)


@asynccontextmanager
async def inside(
    models: Mapping[ModelRef, Endpoint], folder: Path, said: tuple[Message, ...] = ()
) -> AsyncIterator[tuple[Post, Allowance, Weather]]:
    """A client in the sandbox of an agent with `models`, the first of which it asks."""
    weather, meter = Weather(), Allowance()

    async def pause(seconds: float) -> None:
        weather.later(seconds)

    async with new_client(plain=True) as out:
        way = Relay(models, meter, out, folder, Fallbacks(models, Whom(weather, pause), said))
        async with await asyncio.start_unix_server(way.serve, folder / SOCKET):
            transport = httpx2.AsyncHTTPTransport(uds=str(folder / SOCKET))
            async with httpx2.AsyncClient(transport=transport, base_url="http://models") as client:
                yield client.post, meter, weather
            await way.close()


def told(seen: Seen) -> dict[str, str]:
    return {name.lower(): value for name, value in seen.headers.items()}


def test_a_model_of_googles_is_given_no_seal_of_another_and_each_first_call_the_one_that_says_so() -> None:
    models = {ref: Endpoint(api="google") for ref in (OLD, NEW)}
    call, answer = (
        {"functionCall": {"name": "read", "args": {}}},
        {"functionResponse": {"name": "read", "response": {}}},
    )
    thought = {"text": "hm", "thought": True, "thoughtSignature": "sealed"}
    contents = [
        {"role": "user", "parts": [{"text": "Mend it."}]},
        {"role": "model", "parts": [thought, {"text": "I read.", "thoughtSignature": "sealed"}, call, call]},
        {"role": "user", "parts": [answer, answer]},
        {"role": "model", "parts": [{**call, "thoughtSignature": "sealed"}]},
        {"role": "model", "parts": [thought]},
        {"role": "user", "parts": []},
        "none of its form",
    ]
    fallbacks = Fallbacks(models, Whom(Weather()), [Message(role="assistant", model=str(OLD))])
    asked = {"contents": contents, "model": NEW.model}  # the name in it counts for nothing there
    assert fallbacks.asked_as(asked, OLD, OLD) == asked
    assert fallbacks.asked_as(asked, OLD, NEW)["contents"] == [
        contents[0],
        {"role": "model", "parts": [{"text": "I read."}, {**call, "thoughtSignature": SKIPPED}, call]},
        contents[2],
        {"role": "model", "parts": [{**call, "thoughtSignature": SKIPPED}]},
        {"role": "user", "parts": []},
        "none of its form",
    ]


def test_who_is_meant_all_along_keeps_its_thoughts_though_it_is_not_the_first() -> None:
    models = {ref: Endpoint(api="google") for ref in (OLD, NEW)}
    asked = {"contents": [{"role": "model", "parts": [{"text": "x", "thoughtSignature": "its own"}]}]}
    fallbacks = Fallbacks(models, Whom(Weather()), [Message(role="assistant", model=str(NEW))])
    assert fallbacks.asked_as(asked, NEW, NEW) == asked


def test_a_message_of_thoughts_alone_is_left_out_whole() -> None:
    models = {ref: Endpoint(api="anthropic") for ref in (MINE, KEYED)}
    thinks = {"role": "assistant", "content": [{"type": "thinking", "thinking": "x", "signature": "s"}]}
    asked = {"model": MINE.model, "messages": [*ASKED["messages"], thinks]}
    assert Fallbacks(models, Whom(Weather())).asked_as(asked, MINE, KEYED)["messages"] == ASKED["messages"]


async def test_googles_next_model_is_asked_at_its_own_address(tmp_path: Path) -> None:
    faults = dict.fromkeys(range(1, 9), "503")
    with ScriptedModel(says, faults=faults) as first, ScriptedModel(says) as second:
        keys = {OLD: (first, "k-of-the-first-model"), NEW: (second, OWN_KEY)}
        models = {
            ref: Endpoint(api="google", base_url=at.base_url("google"), key=key) for ref, (at, key) in keys.items()
        }
        async with inside(models, tmp_path) as (post, meter, _):
            path = f"/v1beta/models/{OLD.model}:streamGenerateContent?alt=sse"
            reply = await post(path, json={"contents": [{"role": "user", "parts": [{"text": "Good day?"}]}]})
            assert (reply.status_code, meter.spent.requests, "Good day." in reply.text) == (200, 1, True)
        (seen,) = second.requests
        assert seen.path == f"/v1beta/models/{NEW.model}:streamGenerateContent?alt=sse"
        assert {told(one)["x-goog-api-key"] for one in first.requests} == {"k-of-the-first-model"}
        assert told(seen)["x-goog-api-key"] == OWN_KEY


@pytest.mark.parametrize(("limits", "stands_in"), [(5, 0), (20, 1)])
async def test_a_model_that_limits_its_rate_is_well_and_waited_for_before_another_is_billed(
    tmp_path: Path, limits: int, stands_in: int
) -> None:
    with ScriptedModel(says, faults=dict.fromkeys(range(1, limits + 1), "429")) as first, ScriptedModel(says) as second:
        urls = {MINE: first.root, KEYED: second.root}
        models = {ref: Endpoint(api="anthropic", base_url=at, key=OWN_KEY) for ref, at in urls.items()}
        async with inside(models, tmp_path) as (post, _, weather):
            assert (await post("/v1/messages", json={"model": MINE.model, **ASKED})).status_code == 200
            assert len(second.requests) == stands_in
            assert (weather.rest((MINE.provider, str(MINE))) > 0) == bool(stands_in)


@pytest.mark.parametrize("good_for", [timedelta(hours=1), timedelta(hours=-1)], ids=["good", "expired"])
async def test_a_sign_in_never_reaches_the_model_that_stands_in_for_its_own(
    tmp_path: Path, good_for: timedelta
) -> None:
    environ = home_of(tmp_path, "claude-code", claude(until=datetime.now(UTC) + good_for))
    with ScriptedModel(says, faults=dict.fromkeys(range(1, 9), "529")) as first, ScriptedModel(says) as second:
        mine = endpoint_of(provider("claude-code", first.root), environ, "claude-code")
        prices = {KEYED.model: Price(input=1, output=5)}
        models = {MINE: mine, KEYED: Endpoint(api="anthropic", base_url=second.root, key=OWN_KEY, prices=prices)}
        async with inside(models, tmp_path) as (post, meter, _):
            named = {"authorization": "Bearer held-outside", "anthropic-beta": "its-own-beta"}
            reply = await post("/v1/messages", json={"model": MINE.model, **ASKED}, headers=named)
        if good_for < timedelta():  # nobody is billed for it in its place
            assert (reply.status_code, first.requests, second.requests) == (401, [], [])
            assert meter.spent.requests == 0
            return
        assert {told(one)["authorization"] for one in first.requests} == {f"Bearer {CANARY}"}
        assert reply.status_code == 200
        (seen,) = second.requests
        sent = told(seen)
        assert (sent["x-api-key"], sent["anthropic-beta"], "authorization" in sent) == (OWN_KEY, "its-own-beta", False)
        assert (meter.spent.requests, bool(meter.spent.usd)) == (1, True)


@asynccontextmanager
async def answering(head: str, *, echo: bool = False) -> AsyncIterator[tuple[str, list[str]]]:
    """A provider with one answer, of this head; its words are what it was sent. Its address, and what it heard."""
    heard: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append((await reader.readuntil(b"\r\n\r\n")).decode("latin-1"))
        words = heard[-1].encode() if echo else b"rubbish"
        writer.write(f"HTTP/1.1 {head}\r\ncontent-length: {len(words)}\r\n\r\n".encode() + words)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", heard


async def test_who_counts_tokens_counts_its_own_models_and_not_without_end(tmp_path: Path) -> None:
    async with answering("529 No") as (url, heard):
        with ScriptedModel(says) as second:
            urls = {MINE: url, KEYED: second.root}
            models = {ref: Endpoint(api="anthropic", base_url=at, key=OWN_KEY) for ref, at in urls.items()}
            async with inside(models, tmp_path) as (post, _, weather):
                asked, path = {"model": MINE.model, "messages": ASKED["messages"]}, "/v1/messages/count_tokens"
                counted = [(await post(path, json=asked)).status_code for _ in range(MOST_COUNTED + 1)]
                assert (set(counted[:-1]), counted[-1]) == ({529}, 429)
                assert (len(heard), second.requests) == (MOST_COUNTED, [])
                assert weather.rest((MINE.provider, str(MINE))) == 0  # nor is anybody left alone for it
                assert (await post("/v1/messages", json={"model": MINE.model, **ASKED})).status_code == 200
                assert (await post(path, json=asked)).status_code == 529


@pytest.mark.parametrize("path", ["chat/completions", "responses"])
async def test_where_nothing_counts_tokens_nothing_is_asked_without_being_paid_for(tmp_path: Path, path: str) -> None:
    api: Any = "openai-responses" if path == "responses" else "openai-chat"
    asked = {"model": MINE.model, "messages": ASKED["messages"], "input": "Good day?"}
    async with (
        answering("200 OK") as (url, heard),
        inside({MINE: Endpoint(api=api, base_url=url, key=OWN_KEY)}, tmp_path) as (post, _, _),
    ):
        assert ((await post(f"/v1/{path}/count_tokens", json=asked)).status_code, heard) == (404, [])


@pytest.mark.parametrize("status", ["400 No", "401 No", "503 No"])
async def test_a_provider_that_says_its_key_again_says_it_to_nobody_inside(tmp_path: Path, status: str) -> None:
    async with answering(status, echo=True) as (url, heard):
        async with inside({MINE: Endpoint(api="anthropic", base_url=url, key=OWN_KEY)}, tmp_path) as (post, _, _):
            reply = await post("/v1/messages", json={"model": MINE.model, **ASKED})
        assert OWN_KEY in heard[0]
        assert "[held-outside]" in reply.text
        assert OWN_KEY not in reply.text


async def test_headers_and_replies_that_nobody_can_read_end_in_an_answer(tmp_path: Path) -> None:
    async with answering("503 No\r\ncontent-encoding: gzip") as (url, heard):
        async with inside({MINE: Endpoint(api="anthropic", base_url=url, key=OWN_KEY)}, tmp_path) as (post, meter, _):
            named = {b"user-agent": b"caf\xe9", b"x-app": b"cli"}
            reply = await post("/v1/messages", json={"model": MINE.model, **ASKED}, headers=named)
        assert (reply.status_code, meter.lost) == (502, 0.0)
        assert "x-app: cli" in heard[0]
        assert "caf" not in heard[0]

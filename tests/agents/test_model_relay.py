"""What runs in a sandbox asks models through a relay: without a key, only those it was given, and for no more money."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from wired import KEY, MODEL, endpoint

from setpoint.adapters.agents.external.handing import AT_ONCE as HANDS
from setpoint.adapters.agents.external.handing import HandIn
from setpoint.adapters.agents.http import new_client
from setpoint.adapters.agents.metering import Allowance
from setpoint.adapters.agents.relay import AT_ONCE, SOCKET, WithModels, relay
from setpoint.adapters.agents.relay import KEY as STANDS_FOR_A_KEY
from setpoint.adapters.rooms import exec_here
from setpoint.adapters.sandboxes.bubblewrap import Bubblewrap
from setpoint.model.session import ModelRef
from setpoint.testing.model_formats import MESSAGES, Step
from setpoint.testing.model_server import Fault, ScriptedModel, Seen

PATHS = {
    "anthropic": "/v1/messages",
    "openai-chat": "/v1/chat/completions",
    "openai-responses": "/v1/responses",
    "google": "/v1beta/models/gemini-2.5-pro:generateContent",
}
STREAM = "/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse"
SAID = Step(text="Good day.", input_tokens=1000, output_tokens=50)


def says(_seen: Seen) -> Step:
    return SAID


def ref(api: str) -> ModelRef:
    provider, _, name = MODEL[api].partition("/")
    return ModelRef(provider=provider, model=name)


def body(api: str, **more: Any) -> dict[str, Any]:
    if api == "google":
        more.pop("stream", None)  # its address says it
        return {"contents": [{"role": "user", "parts": [{"text": "Good day?"}]}], **more}
    turn = [{"role": "user", "content": "Good day?"}]
    said = {"input": turn} if api == "openai-responses" else {"messages": turn}
    return {"model": ref(api).model, "max_tokens": 100, **said, **more}


Ask = Callable[..., Any]


@asynccontextmanager
async def related(
    api: str, *, usd: float | None = None, faults: dict[int, Fault] | None = None, script: Callable[[Seen], Step] = says
) -> AsyncIterator[tuple[Ask, Allowance, ScriptedModel]]:
    """A relay to a scripted model of `api`, and a client on its socket."""
    meter = Allowance(usd)
    with ScriptedModel(script, faults=faults or {}) as model:
        async with new_client(plain=True) as out, relay({ref(api): endpoint(api, model)}, meter, out) as way:
            transport = httpx2.AsyncHTTPTransport(uds=str(way.folder / SOCKET))
            async with httpx2.AsyncClient(transport=transport, base_url="http://models") as client:

                async def ask(path: str = "", **told: Any) -> httpx2.Response:
                    sent = told.pop("content", None) or json.dumps(told.pop("json", body(api))).encode()
                    return await client.post(path or PATHS[api], content=sent, **told)

                yield ask, meter, model


@pytest.mark.parametrize("api", PATHS)
@pytest.mark.parametrize("stream", [False, True])
async def test_a_reply_passes_and_is_counted_and_the_key_is_added_outside(api: str, stream: bool) -> None:
    async with related(api) as (ask, meter, model):
        path = STREAM if api == "google" and stream else ""
        own = {"x-api-key": "k-of-the-agent", "x-goog-api-key": "k-of-the-agent", "cookie": "c=1"}
        reply = await ask(path, json=body(api, stream=stream), headers=own)
        assert reply.status_code == 200
        assert "Good day." in reply.text
        assert (meter.spent.requests, meter.spent.input_tokens, meter.spent.output_tokens) == (1, 1000, 50)
        assert meter.spent.usd
        (seen,) = model.requests
        told = {name.lower(): value for name, value in seen.headers.items()}
        assert KEY in f"{told.get('x-api-key')} {told.get('authorization')} {told.get('x-goog-api-key')}"
        assert not {"k-of-the-agent", "c=1"} & set(told.values())


@pytest.mark.parametrize(
    ("path", "told", "status", "words"),
    [
        ("", {"json": body("anthropic", model="claude-opus-99")}, 403, "not one of this session's: claude-opus-4-5"),
        ("", {"content": b"[]"}, 400, "no JSON object"),
        ("", {"content": b"{" * 9}, 400, "no JSON object"),
        ("/v1/files", {}, 404, "is not asked through here"),
        ("/v1/chat/completions", {}, 404, "is not asked through here"),
        ("/", {}, 404, "is not asked through here"),
        ("/v1/messages/../../admin", {}, 404, "is not asked through here"),
    ],
)
async def test_nothing_else_is_asked(path: str, told: dict[str, Any], status: int, words: str) -> None:
    async with related("anthropic") as (ask, meter, model):
        reply = await ask(path, **told)
        assert (reply.status_code, model.requests, meter.spent.requests) == (status, [], 0)
        assert words in reply.json()["error"]["message"]
        assert (await ask()).status_code == 200  # the same connection goes on


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/v1beta/models/gemini-9:generateContent", 403, "not one of this session's: gemini-2.5-pro"),
        ("/v1beta/models/%67emini-2.5-pro:generateContent", 200, ""),
        ("/v1beta/models/..%2Fgemini-2.5-pro:generateContent", 403, "not one of this session's"),
        ("/v1beta/models/gemini-2.5-pro:generateContent?key=k-of-the-agent", 404, "is not asked through here"),
        ("/v1beta/models/gemini-2.5-pro:streamGenerateContent", 404, "is not asked through here"),
        ("/v1beta/models/gemini-2.5-pro:batchGenerateContent", 404, "is not asked through here"),
        ("/v1beta/cachedContents", 404, "is not asked through here"),
        ("/upload/v1beta/files", 404, "is not asked through here"),
        ("/v1/messages", 404, "is not asked through here"),
    ],
)
async def test_where_the_address_names_the_model_only_a_model_of_the_session_is_asked(
    path: str, status: int, words: str
) -> None:
    async with related("google") as (ask, _meter, model):
        reply = await ask(path, json=body("google", model="gemini-9"))
        assert reply.status_code == status
        assert [seen.path for seen in model.requests] == [PATHS["google"]] * (status == 200)
        assert words in reply.text


@pytest.mark.parametrize(
    ("api", "path"),
    [
        ("anthropic", "/v1/messages/count_tokens"),
        ("google", "/v1beta/models/gemini-2.5-pro:countTokens"),
    ],
)
async def test_tokens_may_be_counted_for_nothing(api: str, path: str) -> None:
    async with related(api) as (ask, meter, _model):
        reply = await ask(path, json=body(api, tools=[]))
        assert (meter.spent.requests, meter.lost) == (0, 0.0)
        assert api != "google" or reply.json()["totalTokens"] > 0


async def test_the_limit_is_held_before_the_request() -> None:
    async with related("anthropic", usd=0.001) as (ask, meter, model):
        reply = await ask()
        assert (reply.status_code, model.requests) == (403, [])
        assert "the limit of $0.001 is reached" in reply.json()["error"]["message"]
        assert meter.spent.requests == 0


async def test_a_longer_reply_than_usual_is_held_at_its_price() -> None:
    async with related("anthropic", usd=5.0) as (ask, _meter, model):
        assert (await ask(json=body("anthropic", max_tokens=10_000_000))).status_code == 403
        assert model.requests == []
        assert (await ask()).status_code == 200


async def test_many_at_once_never_spend_more_than_the_limit() -> None:
    async with related("anthropic", usd=3.0) as (ask, meter, model):
        replies = await asyncio.gather(*(ask() for _ in range(12)))
        assert {reply.status_code for reply in replies} == {200, 403}
        assert (meter.spent.usd or 0) + meter.lost <= 3.0
        assert len(model.requests) == sum(reply.status_code == 200 for reply in replies)


@pytest.mark.parametrize(
    ("kind", "status", "lost"),
    [("429", 429, False), ("529", 529, False), ("401", 401, False), ("cut", 200, True), ("reset", 0, True)],
)
async def test_what_goes_wrong_is_passed_on_and_paid_for_only_where_it_may_have_been(
    kind: str, status: int, lost: bool
) -> None:
    async with related("anthropic", usd=5.0, faults={1: Fault(kind)}) as (ask, meter, _model):
        told = 0
        try:
            told = (await ask(json=body("anthropic", stream=True))).status_code
        except httpx2.TransportError:
            told = status if kind == "cut" else 0
        assert told in (status, 502)
        assert ((meter.lost > 0), meter.spent.requests) == (lost, 0)


async def test_a_reply_that_nobody_counted_does_not_lift_the_limit() -> None:
    def script(_seen: Seen) -> Step:
        return Step(text="Good day.", input_tokens=0)

    async with related("anthropic", usd=3.0, script=script) as (ask, meter, model):
        told = [(await ask()).status_code for _ in range(6)]
    assert (told[0], told[-1], meter.spent.usd) == (200, 403, None)
    assert meter.lost <= 3.0
    assert len(model.requests) == told.count(200)


@pytest.mark.parametrize(
    "content",
    [
        b'{"model": "claude-opus-99", "model": "MODEL", "max_tokens": 9, "messages": []}',
        b'{"model": "MODEL", "max_tokens": 1000000, "max_tokens": 9, "messages": []}',
        '{"model": "MODEL", "max_tokens": 9, "messages": []}'.encode("utf-16"),
        b'{"model": "MODEL", "max_tokens": 1e6, "messages": []}',
        b'{"model": "MODEL", "max_tokens": -9, "messages": []}',
        b'{"model": "MODEL", "max_tokens": true, "messages": []}',
        b'{"model": "MODEL", "max_tokens": NaN, "messages": []}',
        b'{"model": "MODEL", "max_tokens": 9, "messages": ' + b"[" * 5000 + b"]" * 5000 + b"}",
    ],
)
async def test_what_could_be_read_in_two_ways_is_not_sent(content: bytes) -> None:
    async with related("anthropic", usd=5.0) as (ask, _meter, model):
        name = ref("anthropic").model
        told = content.replace(b"MODEL", name.encode()).replace("MODEL".encode("utf-16-le"), name.encode("utf-16-le"))
        assert (await ask(content=told)).status_code == 400
        assert model.requests == []


def _away(api: str) -> list[Any]:
    far, data = "https://collect.example/?held", "data:image/png;base64,AAAA"
    if api == "anthropic":
        return [
            {"type": "image", "source": {"type": "url", "url": far}},
            {"type": "document", "source": {"type": "url", "url": far}},
            {"type": "image", "source": {"type": "file", "file_id": "f1"}},
            {"type": "tool_result", "content": [{"type": "image", "source": {"type": "url", "url": far}}]},
        ]
    if api == "google":
        led = {"mimeType": "image/png", "fileUri": far}
        given = {"name": "look", "response": {}, "parts": [{"fileData": led}]}
        code = {"executableCode": {"language": "PYTHON", "code": "open('x')"}}
        return [
            {"fileData": led},
            {"file_data": led},
            {"text": "look", "file_data": led},
            {"functionResponse": given},
            code,
        ]
    kind = "image_url" if api == "openai-chat" else "input_image"
    picture = {"type": kind, "image_url": {"url": far} if api == "openai-chat" else far}
    return [picture, {"type": "input_file", "file_url": far}, {"type": "file", "file": {"file_id": "f1", "x": data}}]


@pytest.mark.parametrize("api", PATHS)
async def test_no_provider_is_made_to_fetch_anything(api: str) -> None:
    async with related(api) as (ask, meter, model):
        field = MESSAGES.get(api, "messages")
        inside = "parts" if api == "google" else "content"
        for part in _away(api):
            reply = await ask(json=body(api, **{field: [{"role": "user", inside: [part]}]}))
            assert reply.status_code == 400, part
        assert (model.requests, meter.spent.requests) == ([], 0)


@pytest.mark.parametrize("api", [api for api in PATHS if api != "google"])
async def test_fields_and_tools_that_nobody_judged_are_left_out_and_the_reply_is_bounded(api: str) -> None:
    foreign = {"n": 40, "service_tier": "priority", "speed": "fast", "background": True, "mcp_servers": [{}]}
    foreign |= {"previous_response_id": "r1", "container": "c1", "web_search_options": {}, "Model": "other"}
    tools = [{"type": "web_search_20250305", "name": "w"}, {"type": "mcp", "server_url": "https://collect.example"}]
    own = {"type": "function", "name": "look", "function": {"name": "look"}, "input_schema": {"url": "said"}}
    async with related(api) as (ask, meter, model):
        group = {"type": "namespace", "name": "mine", "tools": [own]}
        sent = body(api, **foreign, tools=[*tools, own, {**group, "tools": [*tools, own]}], stream=True)
        del sent["max_tokens"]
        assert (await ask(json=sent)).status_code == 200
        (seen,) = model.requests
        assert not foreign.keys() & seen.body.keys()
        assert seen.body["tools"] == [own, group]
        longest = {"anthropic": "max_tokens", "openai-chat": "max_completion_tokens"}.get(api, "max_output_tokens")
        assert seen.body[longest] == 32_000
        assert api != "openai-chat" or seen.body["stream_options"] == {"include_usage": True}
        assert api != "openai-responses" or seen.body["store"] is False
        assert meter.spent.usd


async def test_of_googles_format_too_only_what_was_judged_goes_on_and_the_reply_is_bounded() -> None:
    look = {"name": "look", "parametersJsonSchema": {"type": "object", "properties": {"fileData": {"type": "string"}}}}
    many = {"temperature": 1, "candidateCount": 8, "responseModalities": ["IMAGE"], "speechConfig": {}}
    foreign = {"cachedContent": "cachedContents/1", "model": "gemini-9", "system_instruction": {}, "serviceTier": "x"}
    async with related("google") as (ask, meter, model):
        tools = [{"googleSearch": {}, "functionDeclarations": [look]}, {"codeExecution": {}}, {"urlContext": {}}]
        choice = {"functionCallingConfig": {"mode": "ANY"}, "retrievalConfig": {"languageCode": "de"}}
        sent = body("google", **foreign, tools=tools, toolConfig=choice, generationConfig=many)
        assert (await ask(STREAM, json=sent)).status_code == 200
        (seen,) = model.requests
        assert seen.body.keys() == {"contents", "tools", "toolConfig", "generationConfig"}
        assert seen.body["tools"] == [{"functionDeclarations": [look]}]
        assert seen.body["toolConfig"] == {"functionCallingConfig": {"mode": "ANY"}}
        assert seen.body["generationConfig"] == {"temperature": 1, "maxOutputTokens": 32_000}
        assert meter.spent.usd


async def test_thoughts_are_paid_for_like_words() -> None:
    step = Step(text="Good day.", thinking="What do they mean?", input_tokens=1000, output_tokens=50)
    async with related("google", script=lambda _: step) as (ask, meter, _model):
        assert "thoughtsTokenCount" in (await ask(STREAM)).text
        assert meter.spent.output_tokens == 50


@pytest.mark.parametrize(
    "told",
    [
        {"generationConfig": {"maxOutputTokens": 1e9}},
        {"generationConfig": {"maxOutputTokens": "32"}},
        {"generationConfig": {"maxOutputTokens": -1}},
        {"generationConfig": []},
        {"contents": "Good day?"},
        {"contents": [{"role": "user", "parts": "Good day?"}]},
        {"contents": [{"role": "user", "parts": [{"functionCall": []}]}]},
        {"contents": [{"role": "user", "content": []}]},
        {"systemInstruction": "Be brief."},
        {"tools": {"functionDeclarations": []}},
        {"tools": [{"functionDeclarations": {}}]},
        {"toolConfig": []},
    ],
)
async def test_what_is_not_of_googles_form_is_not_sent(told: dict[str, Any]) -> None:
    async with related("google", usd=5.0) as (ask, _meter, model):
        assert (await ask(json=body("google", **told))).status_code == 400
        assert model.requests == []


async def test_pictures_of_googles_format_are_held_at_what_they_may_count_as() -> None:
    def said(kind: str, times: int = 1) -> dict[str, Any]:
        data = {"inlineData": {"mimeType": kind, "data": "AAAA"}}
        return body("google", contents=[{"role": "user", "parts": [data] * times}])

    async with related("google", usd=0.9) as (ask, _meter, model):
        assert [(await ask(json=said(kind, 20))).status_code for kind in ("image/png",)] == [403]
        assert (await ask(json=said("application/pdf"))).status_code == 403
        assert model.requests == []
        assert [(await ask(json=said(kind))).status_code for kind in ("image/png", "text/plain")] == [200, 200]


async def test_a_small_picture_is_held_at_what_it_may_count_as() -> None:
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}
    paper = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "AAAA"}}
    async with related("anthropic", usd=3.0) as (ask, _meter, model):
        many = [{"role": "user", "content": [picture] * 20}]
        assert (await ask(json=body("anthropic", messages=many))).status_code == 403
        assert (await ask(json=body("anthropic", messages=[{"role": "user", "content": [paper]}]))).status_code == 403
        assert model.requests == []
        assert (await ask(json=body("anthropic", messages=[{"role": "user", "content": [picture]}]))).status_code == 200


async def test_connections_beyond_the_limit_are_turned_away_before_their_requests_are_read() -> None:
    head = b"POST /v1/messages HTTP/1.1\r\nHost: models\r\nContent-Length: 999999\r\n\r\n"
    meter = Allowance(None)
    with ScriptedModel(says) as model:
        async with (
            new_client(plain=True) as out,
            relay({ref("anthropic"): endpoint("anthropic", model)}, meter, out) as w,
        ):
            idle = [await asyncio.open_unix_connection(w.folder / SOCKET) for _ in range(AT_ONCE)]
            reader, writer = await asyncio.open_unix_connection(w.folder / SOCKET)
            writer.write(head)
            assert b" 429 " in await reader.readline()
            for _, one in (*idle, (reader, writer)):
                one.close()


async def test_who_only_connects_takes_no_more_than_a_few_of_the_workers_descriptors() -> None:
    async with new_client(plain=True) as out, relay({}, Allowance(None), out) as way:
        opened = [await asyncio.open_unix_connection(way.folder / SOCKET) for _ in range(4 * AT_ONCE + 20)]
        over = [await asyncio.wait_for(reader.read(), 10) for reader, _ in opened[4 * AT_ONCE :]]
        assert over == [b""] * 20
        assert not any(reader.at_eof() for reader, _ in opened[: 4 * AT_ONCE])
        for _, writer in opened:
            writer.close()


async def test_nor_does_who_only_connects_to_where_it_hands_in(tmp_path: Path) -> None:
    async def take(_name: str, _arguments: dict[str, Any]) -> tuple[str, bool]:
        return "taken", False

    hand = HandIn((), take)
    async with await asyncio.start_unix_server(hand.serve, tmp_path / "hand"):
        opened = [await asyncio.open_unix_connection(tmp_path / "hand") for _ in range(HANDS + 5)]
        assert [await asyncio.wait_for(reader.read(), 10) for reader, _ in opened[HANDS:]] == [b""] * 5
        reader, writer = opened[0]
        writer.write(b'{"jsonrpc": "2.0", "id": 1, "method": "ping"}\n')
        assert b'"result"' in await reader.readline()
        for _, one in opened:
            one.close()


async def test_a_command_in_the_sandbox_asks_without_a_key(tmp_path: Path) -> None:
    program = (
        "import json, os, urllib.request as r\n"
        "at = os.environ['ANTHROPIC_BASE_URL'] + '/v1/messages'\n"
        f"body = json.dumps({body('anthropic')!r}).encode()\n"
        "print(r.urlopen(r.Request(at, body, {'content-type': 'application/json'})).read().decode())\n"
        "print(sorted(v for k, v in os.environ.items() if k.endswith('_KEY')))\n"
    )
    (tmp_path / "ask.py").write_text(program)
    meter = Allowance(None)
    with ScriptedModel(says) as model:
        async with (
            new_client(plain=True) as out,
            relay({ref("anthropic"): endpoint("anthropic", model)}, meter, out) as way,
        ):
            sandbox = WithModels(Bubblewrap(), way)
            done = await exec_here(sandbox, tmp_path, ("python3", "-I", "ask.py"))
            everything = await exec_here(sandbox, tmp_path, ("sh", "-c", "env; cat /proc/*/environ /proc/*/cmdline"))
    assert "Good day." in done.stdout, done.stderr
    assert f"['{STANDS_FOR_A_KEY}']" in done.stdout
    assert KEY not in everything.stdout + everything.stderr
    assert meter.spent.requests == 1


async def test_tools_that_come_with_a_conversation_are_looked_at_as_those_of_a_request() -> None:
    own = {"type": "custom", "name": "exec"}
    searched = {"type": "tool_search", "execution": "client"}
    brought = [
        {"type": "namespace", "name": "n", "tools": [own, {"type": "web_search"}]},
        {"type": "tool_search"},
        {"type": "mcp", "server_url": "https://collect.example"},
        searched,
    ]
    turn: dict[str, Any] = {"role": "user", "content": "Good day?"}
    found = {"type": "tool_search_output", "call_id": "c1", "tools": [{"type": "web_search"}, own]}
    items = [{"type": "additional_tools", "role": "developer", "tools": brought}, turn, found]
    async with related("openai-responses") as (ask, _meter, model):
        reply = await ask(json={"model": ref("openai-responses").model, "input": items})
        assert reply.status_code == 200
        kept = [{"type": "namespace", "name": "n", "tools": [own]}, searched]
        assert [item.get("tools") for item in model.requests[0].body["input"]] == [kept, None, [own]]
        refused = await ask(json={"model": ref("openai-responses").model, "input": [{"tools": "web_search"}]})
        assert (refused.status_code, len(model.requests)) == (400, 1)

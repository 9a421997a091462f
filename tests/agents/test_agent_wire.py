"""What goes over the wire: the same prefix for ever, opaque parts unchanged, few tokens, honest counts and prices."""

import itertools
import json

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from wired import APIS, PROVIDERS, MakeBench, endpoint

from setpoint.adapters.agents.endpoint import WIRES, Endpoint
from setpoint.adapters.agents.faults import judged
from setpoint.adapters.agents.native import NativeAgent
from setpoint.adapters.agents.tools import offered
from setpoint.adapters.agents.wire.answer import Offer, encoded, whole_request
from setpoint.adapters.agents.wire.stream import EventStream
from setpoint.errors import ConfigError, TransientError
from setpoint.model.session import Limits, Message, Opaque, Said, Submitted, ToolCall, ToolReturn
from setpoint.model.settings import Config
from setpoint.redacting import redactor
from setpoint.testing.agent_contract import DONE, LOOK, MEND, TASK, TRY
from setpoint.testing.model_formats import STREAM, WHOLE, Call, Step
from setpoint.testing.model_server import ScriptedModel
from setpoint.testing.sessions import MemoryLog, SavingRoom, Weather, a_task

GOOGLE = "/v1beta/models/m%2F1:streamGenerateContent?alt=sse"
THINKING = [
    Step(thinking="why", text="First.", calls=LOOK.calls),
    Step(thinking="how", calls=(*MEND.calls, *TRY.calls)),
    Step(text="nothing more"),
    DONE,
]


async def test_each_request_begins_with_all_bytes_of_the_one_before(
    bench: MakeBench, room: SavingRoom, log: MemoryLog
) -> None:
    made = bench(THINKING, {2: "malformed", 4: "empty"})
    await made.agent.work(a_task(models=[made.name]), room, log)
    sent = [seen.raw for seen in made.model.requests]
    assert len(sent) == 5
    assert all(later.startswith(earlier.removesuffix(b"]}")) for earlier, later in itertools.pairwise(sent))


async def test_a_resumed_session_sends_the_same_prefix(
    api: str, bench: MakeBench, room: SavingRoom, log: MemoryLog
) -> None:
    made = bench(TASK[0], {3: "400"})
    with pytest.raises(Exception, match="refused"):
        await made.agent.work(a_task(models=[made.name]), room, log)
    with ScriptedModel(TASK[0]) as model:
        agent = NativeAgent({name: endpoint(api, model) for name in PROVIDERS}, Weather())
        await agent.work(a_task(models=[made.name]), room, log)
        assert model.requests[0].raw == made.model.requests[-1].raw


async def test_a_secret_that_a_model_says_is_used_once_and_not_sent_back(
    api: str, bench: MakeBench, room: SavingRoom
) -> None:
    secret = "s3cret-of-the-shop"
    log = MemoryLog(redactor(Config(), {"SHOP_TOKEN": secret}))
    write = Call("write", {"path": "key.txt", "content": secret})
    steps = [Step(thinking=f"Hm: {secret}.", text=f"I keep {secret}.", calls=(write,)), *THINKING]
    made = bench(steps, {3: "400"})
    with pytest.raises(Exception, match="refused"):
        await made.agent.work(a_task(models=[made.name]), room, log)
    assert room.read("key.txt").decode() == secret
    live = made.model.requests[1:]
    assert all(secret not in seen.raw.decode() for seen in live)
    assert "Hm: " not in live[0].raw.decode()  # sealed, it is whole or gone
    assert "I keep [redacted]." in live[0].raw.decode()
    with ScriptedModel(steps) as model:
        agent = NativeAgent({name: endpoint(api, model) for name in PROVIDERS}, Weather())
        await agent.work(a_task(models=[made.name]), room, log)
        assert model.requests[0].raw == live[-1].raw


async def test_opaque_parts_go_back_unchanged(api: str, bench: MakeBench, room: SavingRoom, log: MemoryLog) -> None:
    made = bench(THINKING)
    await made.agent.work(a_task(models=[made.name]), room, log)
    last = made.model.requests[-1].messages
    if api == "anthropic":
        assert last[1]["content"][0] == {"type": "thinking", "thinking": "why", "signature": "signed-1"}
    elif api == "openai-responses":
        sealed = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "sealed why"}
        assert last[1] == sealed
    elif api == "google":
        thought, said, call = last[1]["parts"]
        assert (thought, said) == ({"text": "why", "thought": True}, {"text": "First."})
        assert call["thoughtSignature"] == "c2lnbmVk0001"
        assert [part.get("thoughtSignature") for part in last[3]["parts"]] == [None, "c2lnbmVk0002", None]


async def test_the_wire_says_what_each_format_wants(
    api: str, bench: MakeBench, room: SavingRoom, log: MemoryLog
) -> None:
    made = bench(TASK[0])
    await made.agent.work(a_task(models=[made.name]), room, log)
    seen = made.model.requests[-1]
    assert seen.tools == ("read", "write", "edit", "search", "shell", "ask", "submit_change")
    assert seen.system == "You mend the greeting."
    if api == "anthropic":
        assert seen.path == "/v1/messages"
        assert seen.headers["anthropic-version"] == "2023-06-01"
        assert seen.body["cache_control"] == seen.body["system"][0]["cache_control"] == {"type": "ephemeral"}
        assert seen.messages[2]["content"][0]["type"] == "tool_result"
    elif api == "openai-chat":
        assert seen.path == "/v1/chat/completions"
        assert seen.body["stream_options"] == {"include_usage": True}
    elif api == "google":
        assert seen.path == "/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse"
        assert seen.headers["x-goog-api-key"] == "k-123"
        assert seen.body.keys() == {"contents", "systemInstruction", "tools", "generationConfig"}
        assert seen.messages[2]["parts"][0]["functionResponse"]["response"].keys() == {"output"}
    else:
        assert seen.path == "/v1/responses"
        assert seen.body["store"] is False
        assert seen.body["include"] == ["reasoning.encrypted_content"]
        assert len({each.body["prompt_cache_key"] for each in made.model.requests}) == 1
        assert "function_call_output" in [item["type"] for item in seen.messages]


@pytest.mark.parametrize(
    ("api", "base", "url"),
    [
        ("anthropic", "", "https://api.anthropic.com/v1/messages"),
        ("anthropic", "http://localhost:1/", "http://localhost:1/v1/messages"),
        ("anthropic", "http://localhost:1/v1", "http://localhost:1/v1/messages"),
        ("openai-chat", "", "https://api.openai.com/v1/chat/completions"),
        ("openai-chat", "http://localhost:1/v1/", "http://localhost:1/v1/chat/completions"),
        ("openai-responses", "http://localhost:1", "http://localhost:1/responses"),
        ("google", "", f"https://generativelanguage.googleapis.com{GOOGLE}"),
        ("google", "http://localhost:1/v1beta/", f"http://localhost:1{GOOGLE}"),
    ],
)
def test_base_urls(api: str, base: str, url: str) -> None:
    assert Endpoint.model_validate({"api": api, "base_url": base}).url("m/1") == url


def test_a_base_url_without_a_scheme_is_refused() -> None:
    with pytest.raises(ConfigError, match="localhost"):
        Endpoint(api="anthropic", base_url="localhost:1").url("m")


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("size", [1, 7, 1000, 1_000_000])
def test_a_reply_is_the_same_however_it_is_cut_into_chunks(api: str, size: int) -> None:
    step = Step(
        thinking="hm", text="prose", calls=(Call("read", {"path": "ä\n\u2028b"}), Call("ask", {"question": "?"}))
    )
    content = b"".join(STREAM[api](step, "m", 1))
    events, reader = EventStream(), WIRES[api].reader()
    for at in range(0, len(content), size):
        for event in events.feed(content[at : at + size]):
            reader.feed(event)
    assert reader.complete
    whole = WIRES[api].whole(WHOLE[api](step, "m", 1))
    assert reader.answer().tokens == whole.tokens
    kinds = [part.kind for part in reader.answer().parts if part.kind != "opaque"]
    assert kinds[-3:] == ["text", "tool_call", "tool_call"]
    assert reader.answer().parts[-2:] == whole.parts[-2:]


@pytest.mark.parametrize("api", APIS)
@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_a_stream_cut_before_its_end_is_never_a_whole_reply(api: str, data: st.DataObject) -> None:
    step = Step(text="prose", calls=(Call("write", {"path": "a", "content": "text" * 20}),))
    content = b"".join(STREAM[api](step, "m", 1))
    named = content.index(
        {
            "anthropic": b"message_stop",
            "openai-chat": b'"finish_reason":"tool',
            "openai-responses": b'"response.completed"',
            "google": b'"finishReason"',
        }[api]
    )
    at = data.draw(st.integers(0, named))
    events, reader = EventStream(), WIRES[api].reader()
    for event in events.feed(content[:at]):
        reader.feed(event)
    assert not reader.complete


CALLED = st.builds(ToolCall, id=st.just("c1"), name=st.just("read"), arguments=st.dictionaries(st.text(), st.text()))
SAYS = st.builds(Said, text=st.text())
OWN = st.builds(Opaque, provider=st.sampled_from(["mine", "another"]), data=st.dictionaries(st.text(), st.text()))
GIVEN = st.builds(ToolReturn, call_id=st.just("c1"), name=st.just("read"), content=st.text())
MESSAGES = st.lists(
    st.builds(Message, role=st.just("assistant"), parts=st.lists(st.one_of(SAYS, CALLED, OWN)).map(tuple))
    | st.builds(Message, role=st.just("user"), parts=st.lists(st.one_of(SAYS, GIVEN)).map(tuple)),
    max_size=8,
)


@pytest.mark.parametrize("api", APIS)
@settings(max_examples=60, deadline=None)
@given(before=MESSAGES, after=MESSAGES)
def test_whatever_is_said_next_the_request_begins_with_the_one_before(
    api: str, before: list[Message], after: list[Message]
) -> None:
    wire = WIRES[api]
    head = wire.head(Offer(model="m", system="Be brief.", tools=(), max_output_tokens=100))
    said, more = ([item for one in told for item in encoded(wire, one, "mine")] for told in (before, after))
    assume(said)
    first, then = whole_request(head, said), whole_request(head, [*said, *more])
    assert then.startswith(first.removesuffix(b"]}"))
    assert json.loads(then)
    again = [item for one in [*before, *after] for item in encoded(wire, one, "mine")]
    assert whole_request(head, again) == then


@settings(max_examples=40, deadline=None)
@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_any_error_body_is_judged(body: object) -> None:
    for status in (0, 400, 401, 402, 404, 413, 429, 500, 529):
        error = judged("model", body, status=status)
        assert error.what
        assert error.fix or isinstance(error, TransientError)


async def test_a_session_opens_with_few_tokens(bench: MakeBench, room: SavingRoom, log: MemoryLog) -> None:
    made = bench(TASK[0])
    task = a_task(models=[made.name])
    await made.agent.work(task, room, log)
    own = len(made.model.requests[0].raw) - len(json.dumps(task.deliverable_schema)) - len(task.instructions)
    assert own / 4 < 600, "characters over four is a little more than the tokens"
    assert {tool.name for tool in offered(a_task(writes=False))} == {"read", "search", "shell", "ask", "submit_change"}


async def test_tokens_and_money_are_counted(api: str, bench: MakeBench, room: SavingRoom, log: MemoryLog) -> None:
    made = bench([Step(calls=DONE.calls, input_tokens=1200, cached_tokens=1000, output_tokens=80)])
    reply = await made.agent.work(a_task(models=[made.name]), room, log)
    assert (reply.usage.input_tokens, reply.usage.cached_tokens, reply.usage.output_tokens) == (1200, 1000, 80)
    assert reply.usage.usd is not None
    assert 0.0005 < reply.usage.usd < 0.01
    assert log.of("model")[0]["usd"] == reply.usage.usd


async def test_an_unknown_price_is_unknown(api: str, room: SavingRoom, log: MemoryLog) -> None:
    with ScriptedModel(TASK[0]) as model:
        agent = NativeAgent({"cellar": endpoint(api, model, key=None)}, Weather())
        reply = await agent.work(a_task(models=["cellar/our-own"]), room, log)
        assert reply.usage.usd is None
        assert "authorization" not in model.requests[0].headers
        assert not {"x-api-key", "x-goog-api-key"} & model.requests[0].headers.keys()


async def test_the_model_is_told_when_few_requests_are_left(bench: MakeBench, room: SavingRoom, log: MemoryLog) -> None:
    made = bench(TASK[0])
    await made.agent.work(a_task(models=[made.name], limits=Limits(requests=6)), room, log)
    assert b"5 requests are left; finish with submit_change" in made.model.requests[1].raw


async def test_calls_after_the_submission_are_not_run(bench: MakeBench, room: SavingRoom, log: MemoryLog) -> None:
    made = bench([Step(calls=(*MEND.calls, *DONE.calls, Call("write", {"path": "late.txt", "content": "x"})))])
    assert isinstance(await made.agent.work(a_task(models=[made.name]), room, log), Submitted)
    assert room.files() == ["greeting.txt"]
    assert room.read("greeting.txt") == b"hello world\n"


async def test_a_server_that_does_not_stream_is_understood(api: str, room: SavingRoom, log: MemoryLog) -> None:
    with ScriptedModel(TASK[0], streams=False) as model:
        agent = NativeAgent({"anthropic": endpoint(api, model)}, Weather())
        assert isinstance(await agent.work(a_task(), room, log), Submitted)
        assert room.read("greeting.txt") == b"hello world\n"


async def test_an_optional_field_a_model_refuses_is_left_out(room: SavingRoom, log: MemoryLog) -> None:
    with ScriptedModel(TASK[0], refuses="include") as model:
        agent = NativeAgent({"openai": endpoint("openai-responses", model)}, Weather())
        await agent.work(a_task(models=["openai/gpt-5.1"]), room, log)
        assert [("include" in seen.body) for seen in model.requests] == [True] + [False] * 4


@pytest.mark.parametrize("text", ["\ud83d", "nul \x00 here", "\ud83d\ude00"], ids=["half a pair", "nul", "a pair"])
async def test_text_that_no_database_holds_does_no_harm(
    bench: MakeBench, room: SavingRoom, log: MemoryLog, text: str
) -> None:
    made = bench([Step(text=text, calls=(Call("write", {"path": "a.txt", "content": text}),)), DONE])
    await made.agent.work(a_task(models=[made.name]), room, log)
    for message in log.saved:
        message.model_dump_json().encode()
        assert "\\u0000" not in message.model_dump_json()

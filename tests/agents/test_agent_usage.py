"""What a provider says a request used: what cannot be so is unknown, never nothing, and never less than nothing."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from setpoint.adapters.agents.endpoint import WIRES
from setpoint.adapters.agents.faults import judged, parsed
from setpoint.adapters.agents.wire.answer import Answer, called
from setpoint.adapters.agents.wire.stream import Event
from setpoint.model.session import Message, ModelRef
from setpoint.model.settings import Price
from setpoint.prices import cost

MODEL = ModelRef(provider="anthropic", model="claude-sonnet-4-5")
OWN = Price(input=3.0, output=15.0, cached=0.3)
NUMBERS = (None, "12", -12, math.nan, math.inf, 10**40, [], True, 1.5)


def _sum(read: Any, said: Any) -> Any:
    numbers = all(isinstance(one, int | float) and not isinstance(one, bool) for one in (read, said))
    return read + said if numbers else said


def replied(api: str, read: Any, said: Any, **cached: Any) -> Answer:
    """A whole reply of the format with these counts."""
    if api == "openai-chat":
        usage = {
            "prompt_tokens": read,
            "completion_tokens": said,
            "prompt_tokens_details": {"cached_tokens": 0} | cached,
        }
        body = {"choices": [{"message": {"content": "yes"}, "finish_reason": "stop"}], "usage": usage}
        return WIRES[api].whole(body)
    if api == "google":
        usage = {"promptTokenCount": read, "totalTokenCount": _sum(read, said)}
        usage |= {"cachedContentTokenCount": cached.get("cached_tokens", 0)}
        return WIRES[api].whole({"candidates": [{"content": {"parts": [{"text": "yes"}]}}], "usageMetadata": usage})
    usage = {"input_tokens": read, "output_tokens": said}
    if api == "anthropic":
        names = {"cached_tokens": "cache_read_input_tokens"}
        usage |= {names[name]: value for name, value in cached.items()}
        return WIRES[api].whole({"content": [{"type": "text", "text": "yes"}], "usage": usage})
    return WIRES[api].whole({"status": "completed", "output": [], "usage": usage | {"input_tokens_details": cached}})


@pytest.mark.parametrize("strange", NUMBERS, ids=str)
@pytest.mark.parametrize("api", WIRES)
def test_a_count_that_is_none_is_unknown(api: str, strange: Any) -> None:
    assert replied(api, 1200, 30).tokens.counted
    assert not replied(api, strange, 30).tokens.counted
    assert not replied(api, 1200, strange).tokens.counted


@pytest.mark.parametrize("api", WIRES)
def test_a_request_that_is_said_to_have_read_nothing_is_unknown(api: str) -> None:
    assert not replied(api, 0, 0).tokens.counted


@given(
    api=st.sampled_from(sorted(WIRES)),
    read=st.one_of(st.integers(), st.floats(), st.text()),
    said=st.one_of(st.integers(), st.floats()),
    cached=st.one_of(st.none(), st.integers(), st.floats(), st.text()),
    own=st.sampled_from((None, OWN)),
)
def test_whatever_is_said_no_reply_costs_less_than_nothing(
    api: str, read: Any, said: Any, cached: Any, own: Price | None
) -> None:
    tokens = replied(api, read, said, cached_tokens=cached).tokens
    if tokens.counted:
        usd = cost(
            MODEL,
            input_tokens=tokens.input,
            output_tokens=tokens.output,
            cached=tokens.cached,
            written=tokens.cache_written,
            own=own,
        )
        assert usd is not None
        assert 0 < usd < 1_000


def test_what_was_said_is_unknown_where_a_stream_does_not_count_it_at_its_end() -> None:
    reader = WIRES["anthropic"].reader()
    usage = {"input_tokens": 1200, "output_tokens": 1}
    for body in (
        {"type": "message_start", "message": {"usage": usage}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
        {"type": "message_stop"},
    ):
        reader.feed(Event("", json.dumps(body)))
    assert not reader.answer().tokens.counted


@pytest.mark.parametrize("depth", [90, 200, 500, 5_000, 200_000])
def test_arguments_of_any_depth_can_be_kept(depth: int) -> None:
    call = called("c1", "read", f'{{"path": {"[" * depth}{"]" * depth}}}', 1)
    assert bool(call.malformed) == (depth > 90)
    assert Message.model_validate_json(Message(role="assistant", parts=(call,)).model_dump_json()).parts == (call,)


def test_an_error_of_any_depth_is_one() -> None:
    assert "HTTP 503" in judged("model `m`", parsed(b"[" * 60_000), status=503).why

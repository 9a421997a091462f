"""The public wire formats from the server's side: reading requests, writing replies streamed and whole."""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from . import google_format as google
from .model_steps import Call as Call
from .model_steps import Items, identified, pieces
from .model_steps import Step as Step

NOTICE = "[setpoint] "

PATHS = {
    "/v1/messages": "anthropic",
    "/v1/chat/completions": "openai-chat",
    "/chat/completions": "openai-chat",
    "/v1/responses": "openai-responses",
    "/responses": "openai-responses",
    "/backend-api/codex/responses": "openai-responses",
}
MESSAGES = {"openai-responses": "input", "google": "contents"}
"""What the conversation of a request is called, where it is not `messages`."""


class Asked(NamedTuple):
    """What the path of a request says."""

    api: str
    model: str = ""
    """Empty: it is in the body."""
    streams: bool = False
    """Whether a stream is asked for; False: the body says."""
    counts: bool = False
    """Whether nothing is asked but how many tokens it has."""


def found_at(path: str) -> Asked | None:
    """What is asked for at `path`; None where nothing is."""
    api, here = PATHS.get(path.partition("?")[0]), google.asked(path)
    if here is not None:
        return Asked("google", here.model, here.verb.startswith("stream"), counts=here.verb == "countTokens")
    return None if api is None else Asked(api)


class Turn(NamedTuple):
    """What the messages of a request say about where the session is."""

    turns: int
    """User turns: messages that are neither tool results nor notices."""
    replies: int
    """Assistant replies in all."""
    replies_in_turn: int
    first: str
    """Text of the first user message."""


def items_of(api: str, body: dict[str, Any]) -> Items:
    """The conversation of a request in one shape for all formats."""
    if api == "google":
        return google.items(body)
    found: list[tuple[str, str, bool]] = []
    for item in body.get(MESSAGES.get(api, "messages"), []):
        kind = item.get("type", "message")
        content = item.get("content")
        pieces = content if isinstance(content, list) else []
        text = content if isinstance(content, str) else "".join(str(piece.get("text", "")) for piece in pieces)
        result = (
            item.get("role") == "tool"
            or kind in ("function_call_output", "custom_tool_call_output")
            or any(piece.get("type") == "tool_result" for piece in pieces)
        )
        assistant = item.get("role") == "assistant" or kind in ("function_call", "custom_tool_call", "reasoning")
        if item.get("role") not in ("system", "developer"):
            found.append(("assistant" if assistant else "user", text, result))
    return found


def where(items: Items) -> Turn:
    """Counts turns and replies; neighbouring assistant items are one reply."""
    turns = replies = in_turn = 0
    first, last_role = "", ""
    for role, text, result in items:
        if role == "assistant" and last_role != "assistant":
            replies, in_turn = replies + 1, in_turn + 1
        elif role == "user" and not result and not text.startswith(NOTICE):
            turns, in_turn = turns + 1, 0
            first = first or text
        last_role = role
    return Turn(turns, replies, in_turn, first)


def system_of(api: str, body: dict[str, Any]) -> str:
    """The system text of a request."""
    if api == "google":
        return google.system(body)
    if api == "openai-responses":
        return str(body.get("instructions") or "")
    if api == "openai-chat":
        return "".join(str(item.get("content")) for item in body.get("messages", []) if item.get("role") == "system")
    system = body.get("system") or ""
    return system if isinstance(system, str) else "".join(block["text"] for block in system)


def tools_of(api: str, body: dict[str, Any]) -> tuple[str, ...]:
    """Names of the tools on offer; those of a group by the group's name and theirs."""
    if api == "google":
        return google.tools(body)
    found: list[str] = []
    for tool in body.get("tools", []):
        name = str(tool.get("name") or tool.get("function", {}).get("name") or tool.get("type"))
        found += [f"{name}/{one['name']}" for one in tool["tools"]] if "tools" in tool else [name]
    return tuple(found)


def _text(arguments: dict[str, Any] | str) -> str:
    return arguments if isinstance(arguments, str) else json.dumps(arguments)


def _event(data: dict[str, Any], name: str = "") -> bytes:
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(data, separators=(',', ':'))}\n\n".encode()


def _named(data: dict[str, Any]) -> bytes:
    return _event(data, data["type"])


# -- Anthropic Messages ----------------------------------------------------------------------------------------------


def _anthropic_blocks(step: Step, number: int) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    if step.thinking:
        blocks.append({"type": "thinking", "thinking": step.thinking, "signature": f"signed-{number}"})
    if step.text:
        blocks.append({"type": "text", "text": step.text})
    for call, name in identified(step, number):
        blocks.append({"type": "tool_use", "id": name, "name": call.name, "input": call.arguments})
    return blocks


def _anthropic_stop(step: Step) -> str:
    other = "tool_use" if step.calls else "end_turn"
    return {"truncated": "max_tokens", "refused": "refusal"}.get(step.stop, other)


def _anthropic_usage(step: Step) -> dict[str, int]:
    return {
        "input_tokens": step.input_tokens - step.cached_tokens,
        "cache_read_input_tokens": step.cached_tokens,
        "cache_creation_input_tokens": 0,
        "output_tokens": step.output_tokens,
    }


def _anthropic_whole(step: Step, model: str, number: int) -> dict[str, Any]:
    return {
        "id": f"msg_{number}",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": _anthropic_blocks(step, number),
        "stop_reason": _anthropic_stop(step),
        "usage": _anthropic_usage(step),
    }


def _anthropic_stream(step: Step, model: str, number: int) -> list[bytes]:
    opening = _anthropic_whole(Step(), model, number) | {"content": [], "stop_reason": None}
    opening["usage"] = _anthropic_usage(step) | {"output_tokens": 1}
    events = [_named({"type": "message_start", "message": opening}), _named({"type": "ping"})]
    for index, block in enumerate(_anthropic_blocks(step, number)):
        deltas: list[dict[str, Any]] = []
        start = dict(block)
        if block["type"] == "tool_use":
            start["input"] = {}
            deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces(_text(block["input"]))]
        else:
            kind = str(block["type"])
            start |= {kind: ""} | ({"signature": ""} if kind == "thinking" else {})
            deltas = [{"type": f"{kind}_delta", kind: piece} for piece in pieces(block[kind])]
            if kind == "thinking":
                deltas.append({"type": "signature_delta", "signature": block["signature"]})
        events.append(_named({"type": "content_block_start", "index": index, "content_block": start}))
        events += [_named({"type": "content_block_delta", "index": index, "delta": delta}) for delta in deltas]
        events.append(_named({"type": "content_block_stop", "index": index}))
    closing = {"stop_reason": _anthropic_stop(step), "stop_sequence": None}
    usage = {"output_tokens": step.output_tokens}
    events.append(_named({"type": "message_delta", "delta": closing, "usage": usage}))
    events.append(_named({"type": "message_stop"}))
    return events


# -- OpenAI Chat Completions -----------------------------------------------------------------------------------------


def _chat_calls(step: Step, number: int) -> list[dict[str, Any]]:
    return [
        {"id": name, "type": "function", "function": {"name": call.name, "arguments": _text(call.arguments)}}
        for call, name in identified(step, number)
    ]


def _chat_stop(step: Step) -> str:
    other = "tool_calls" if step.calls else "stop"
    return {"truncated": "length", "refused": "content_filter"}.get(step.stop, other)


def _chat_usage(step: Step) -> dict[str, Any]:
    return {
        "prompt_tokens": step.input_tokens,
        "completion_tokens": step.output_tokens,
        "total_tokens": step.input_tokens + step.output_tokens,
        "prompt_tokens_details": {"cached_tokens": step.cached_tokens},
    }


def _chat_whole(step: Step, model: str, number: int) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": step.text or None}
    if step.calls:
        message["tool_calls"] = _chat_calls(step, number)
    choice = {"index": 0, "message": message, "finish_reason": _chat_stop(step)}
    usage = _chat_usage(step)
    return {"id": f"c_{number}", "object": "chat.completion", "model": model, "choices": [choice], "usage": usage}


def _chat_stream(step: Step, model: str, number: int) -> list[bytes]:
    def chunk(delta: dict[str, Any], stop: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": stop}
        return _event(
            {"id": f"c_{number}", "object": "chat.completion.chunk", "model": model, "choices": [choice], "usage": None}
        )

    events = [chunk({"role": "assistant", "content": ""})]
    events += [chunk({"content": piece}) for piece in pieces(step.text)]
    for index, call in enumerate(_chat_calls(step, number)):
        function = call["function"]
        opening = {**call, "index": index, "function": {"name": function["name"], "arguments": ""}}
        events.append(chunk({"tool_calls": [opening]}))
        for piece in pieces(function["arguments"]):
            events.append(chunk({"tool_calls": [{"index": index, "function": {"arguments": piece}}]}))
    events.append(chunk({}, _chat_stop(step)))
    events.append(_event({"id": f"c_{number}", "model": model, "choices": [], "usage": _chat_usage(step)}))
    events.append(b"data: [DONE]\n\n")
    return events


# -- OpenAI Responses ------------------------------------------------------------------------------------------------


def _responses_items(step: Step, number: int) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    if step.thinking:
        items.append(
            {"type": "reasoning", "id": f"rs_{number}", "summary": [], "encrypted_content": f"sealed {step.thinking}"}
        )
    if step.text:
        content = [{"type": "output_text", "text": step.text, "annotations": []}]
        items.append({"type": "message", "id": f"msg_{number}", "role": "assistant", "content": content})
    for call, name in identified(step, number):
        text = _text(call.arguments)
        group, _, own = call.name.rpartition("/")
        told = (
            {"type": "custom_tool_call", "input": text} if call.custom else {"type": "function_call", "arguments": text}
        )
        item = {**told, "id": f"fc_{name}", "call_id": name, "name": own}
        items.append(item | ({"namespace": group} if group else {}))
    return items


def _responses_whole(step: Step, model: str, number: int) -> dict[str, Any]:
    reason = {"truncated": "max_output_tokens", "refused": "content_filter"}.get(step.stop)
    return {
        "id": f"resp_{number}",
        "object": "response",
        "model": model,
        "status": "incomplete" if reason else "completed",
        "incomplete_details": {"reason": reason} if reason else None,
        "output": _responses_items(step, number),
        "usage": {
            "input_tokens": step.input_tokens,
            "input_tokens_details": {"cached_tokens": step.cached_tokens},
            "output_tokens": step.output_tokens,
            "total_tokens": step.input_tokens + step.output_tokens,
        },
    }


def _responses_stream(step: Step, model: str, number: int) -> list[bytes]:
    whole = _responses_whole(step, model, number)
    opening = whole | {"status": "in_progress", "output": [], "usage": None, "incomplete_details": None}
    events = [_named({"type": "response.created", "response": opening})]
    for index, item in enumerate(whole["output"]):
        at = {"output_index": index, "item_id": item["id"]}
        events.append(
            _named({"type": "response.output_item.added", "output_index": index, "item": item | {"content": []}})
        )
        if item["type"] == "function_call":
            for piece in pieces(item["arguments"]):
                events.append(_named({"type": "response.function_call_arguments.delta", **at, "delta": piece}))
        if item["type"] == "message":
            for piece in pieces(step.text):
                events.append(_named({"type": "response.output_text.delta", **at, "content_index": 0, "delta": piece}))
        events.append(_named({"type": "response.output_item.done", "output_index": index, "item": item}))
    kind = "response.incomplete" if whole["status"] == "incomplete" else "response.completed"
    events.append(_named({"type": kind, "response": whole}))
    return events


WHOLE: dict[str, Callable[[Step, str, int], dict[str, Any]]] = {
    "anthropic": _anthropic_whole,
    "openai-chat": _chat_whole,
    "openai-responses": _responses_whole,
    "google": google.whole,
}
STREAM: dict[str, Callable[[Step, str, int], list[bytes]]] = {
    "anthropic": _anthropic_stream,
    "openai-chat": _chat_stream,
    "openai-responses": _responses_stream,
    "google": google.stream,
}


ERRORS = {
    "429": ("rate_limit_error", "rate_limit_exceeded", 429),
    "529": ("overloaded_error", "", 529),
    "500": ("api_error", "server_error", 500),
    "502": ("api_error", "", 502),
    "503": ("api_error", "", 503),
    "400": ("invalid_request_error", "", 400),
    "401": ("authentication_error", "invalid_api_key", 401),
    "404": ("not_found_error", "model_not_found", 404),
    "quota": ("billing_error", "insufficient_quota", 429),
}


def error_body(api: str, fault: str, message: str) -> tuple[int, dict[str, Any]]:
    """An error as the format words it, with its status."""
    kind, code, status = ERRORS[fault]
    if api == "google":
        return google.error(fault, status, message)
    if api == "anthropic":
        return status, {"type": "error", "error": {"type": kind, "message": message}}
    return status, {"error": {"type": kind, "code": code or None, "message": message, "param": None}}


def error_event(api: str) -> bytes:
    """An error inside a stream that had begun well."""
    _, body = error_body(api, "529", "too busy")
    if api == "google":
        return google.event(body)
    if api == "anthropic":
        return _named(body)
    if api == "openai-chat":
        return _event(body)
    failed = {"id": "resp_x", "status": "failed", "error": {"code": "server_error", "message": "too busy"}}
    return _named({"type": "response.failed", "response": failed})

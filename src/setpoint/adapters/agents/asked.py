"""What a command may ask of a model: what was judged is what is sent, and nothing that was not judged.

A request is read once, strictly, and written anew. Fields that nobody here knows are left out: some have a provider
fetch pages, run tools, go on from what it kept, or cost several times as much. What makes it fetch something by its
address is refused: it would be a way out of a sandbox that has none.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from .endpoint import Endpoint
from .wire.answer import scrubbed

IMAGE_TOKENS = 50_000
"""Most that one picture is counted as, however few its bytes are."""
DOCUMENT_TOKENS = 1_000_000
"""The same of a document or a recording: a page is a few bytes of PDF."""
LONGEST_REPLY = 10_000_000
"""Tokens; nobody answers at that length."""
_SAMPLING = "temperature top_p top_k stop seed presence_penalty frequency_penalty logit_bias logprobs top_logprobs"
_FIELDS = {
    "anthropic": f"{_SAMPLING} messages system stop_sequences metadata thinking cache_control context_management "
    "output_config output_format",
    "openai-chat": f"{_SAMPLING} messages parallel_tool_calls response_format user metadata reasoning_effort "
    "verbosity prompt_cache_key safety_identifier",
    "openai-responses": f"{_SAMPLING} input instructions parallel_tool_calls include reasoning text truncation "
    "metadata prompt_cache_key user safety_identifier",
}
_EVERYWHERE = frozenset(("model", "tools", "tool_choice", "stream"))
_LONGEST = {
    "anthropic": ("max_tokens",),
    "openai-chat": ("max_completion_tokens", "max_tokens"),
    "openai-responses": ("max_output_tokens",),
}
"""How a request says how long its reply may be, the first where it does not."""
_OWN_TOOL = re.compile(
    r"custom|function|tool_search|local_shell|apply_patch|computer_use_preview|(?:bash|text_editor|computer|memory)_\d{8}"
)
"""Tools that whoever asks runs; all others are run by the provider."""
_SEARCH = "tool_search"
"""Whoever asks runs it only where it says so."""
_GROUP = "namespace"
"""Holds tools of one server; each is looked at."""
_ADDRESSES = ("url", "image_url", "file_url")
_KEPT_THERE = ("item_reference", "container_upload")
_PICTURES = ("image", "image_url", "input_image")
_DOCUMENTS = ("document", "file", "input_file", "input_audio", "video")
_ARGUMENTS = {"tool_use": "input", "server_tool_use": "input"}


LED_AWAY = "what a provider would fetch, or keeps, is not asked for through here: send it along"


class Judged(NamedTuple):
    """A request as it is sent."""

    body: bytes
    longest: int
    """Tokens its reply may have at most."""
    weight: int
    """Tokens it may be counted as beyond its bytes."""
    left_out: tuple[str, ...]


def parsed(body: bytes) -> dict[str, Any]:
    """A request as one JSON object, each field said once. Raises ValueError."""
    try:
        told = scrubbed(json.loads(body.decode("utf-8"), object_pairs_hook=_object, parse_constant=_no_constant))
    except RecursionError as error:
        raise ValueError("it is too deep") from error
    if not isinstance(told, dict):
        raise ValueError("it is none")
    return told


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a field is there twice")  # whoever reads it next might take the other one
    if found.get("type") == "ephemeral":
        found.pop("ttl", None)  # a cache that is kept for long costs more than is reckoned
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def judged(told: dict[str, Any], endpoint: Endpoint, *, counting: bool) -> Judged:
    """The request `told` as it may be sent to `endpoint`. Raises ValueError for what cannot be left out."""
    known = _EVERYWHERE | frozenset(_FIELDS[endpoint.api].split())
    sent = {name: value for name, value in told.items() if name in known}
    left = [name for name in told if name not in known and name not in _LONGEST[endpoint.api]]
    if "tools" in sent:
        sent["tools"], foreign = _own(sent["tools"])
        left += foreign
    if isinstance(sent.get("input"), list):
        sent["input"], foreign = _with_own(sent["input"])
        left += foreign
    longest = 0 if counting else _limited(sent, told, endpoint)
    weight = sum(_weights(sent))
    body = json.dumps(sent, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
    return Judged(body, longest, weight, tuple(sorted({str(name)[:60] for name in left})))


def _own(tools: Any) -> tuple[list[Any], list[str]]:
    """The tools that whoever asks runs, and what the others are called. Raises ValueError."""
    if not isinstance(tools, list) or not all(isinstance(tool, dict) for tool in tools):
        raise ValueError("`tools` is no list of tools")
    own: list[Any] = []
    left: list[str] = []
    for tool in tools:
        kind = str(tool.get("type") or "custom")
        if kind == _GROUP:
            inside, foreign = _own(tool.get("tools"))
            own.append({**tool, "tools": inside})
            left += foreign
        elif _OWN_TOOL.fullmatch(kind) and (kind != _SEARCH or tool.get("execution") == "client"):
            own.append(tool)
        else:
            left.append(f"tool {kind}")
    return own, left


def _with_own(items: list[Any]) -> tuple[list[Any], list[str]]:
    """A conversation whose items bring tools as a request does: those that whoever asks runs, and what the others are
    called. Raises ValueError."""
    told: list[Any] = []
    left: list[str] = []
    for item in items:
        if isinstance(item, dict) and "tools" in item:
            own, foreign = _own(item["tools"])
            told.append({**item, "tools": own})
            left += foreign
        else:
            told.append(item)
    return told, left


def _limited(sent: dict[str, Any], told: dict[str, Any], endpoint: Endpoint) -> int:
    """Have `sent` say how long its reply may be, and want the reply counted."""
    names = [name for name in _LONGEST[endpoint.api] if told.get(name) is not None]
    for name in names:
        if type(told[name]) is not int or not 0 < told[name] <= LONGEST_REPLY:
            raise ValueError(f"`{name}` is no number of tokens")
        sent[name] = told[name]
    if not endpoint.limits_reply:
        for name in names:
            del sent[name]
    elif not names:
        sent[_LONGEST[endpoint.api][0]] = endpoint.max_output_tokens
    if endpoint.api == "openai-chat" and sent.get("stream"):
        sent["stream_options"] = {"include_usage": True}
    if endpoint.api == "openai-responses":
        sent["store"] = False
    return max((told[name] for name in names), default=endpoint.max_output_tokens)


def _weights(value: Any) -> Iterator[int]:
    """What the pictures and documents of `value` may be counted as. Raises ValueError for what is not in it, but
    somewhere else."""
    if isinstance(value, list):
        for item in value:
            yield from _weights(item)
    if not isinstance(value, dict):
        return
    kind = value.get("type")
    if kind in _KEPT_THERE or "file_id" in value or _led_away(value):
        raise ValueError(LED_AWAY)
    yield IMAGE_TOKENS if kind in _PICTURES else DOCUMENT_TOKENS if kind in _DOCUMENTS and not _written(value) else 0
    for name, item in value.items():
        # What a model wrote, and schemas, are text to a provider.
        if name not in ("parameters", "input_schema", "schema") and name != _ARGUMENTS.get(str(kind)):
            yield from _weights(item)


def _written(document: dict[str, Any]) -> bool:
    source = document.get("source")
    return isinstance(source, dict) and source.get("type") in ("text", "content")


def _led_away(value: dict[str, Any]) -> bool:
    told = (value.get(name) for name in _ADDRESSES)
    return any(isinstance(address, str) and not address.startswith("data:") for address in told)

"""What a model answered, the same for all wire formats."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from ....model.session import Message, Part, Said, ToolCall
from .stream import Event

Stop = Literal["done", "truncated", "refused", "full"]
"""Why the model stopped: by itself, at the output limit, it declined, or its context was full."""

MOST_TOKENS = 20_000_000
"""Of one request; who says more does not count."""
DEEPEST = 100
"""Levels of one JSON value; what is deeper cannot be kept."""
LONGEST_TEXT = 40_000
"""Prose of one reply that is kept; more would fill every later request."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """What one request used. `counted` is False when the provider did not say: then nothing is known, not zero."""

    input: int = 0
    """All input, cached or not."""
    cached: int = 0
    cache_written: int = 0
    output: int = 0
    counted: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """One whole reply; a reply cut off in the middle never becomes one."""

    parts: tuple[Part, ...]
    stop: Stop
    tokens: Tokens


@dataclass(frozen=True, slots=True)
class Offer:
    """What a request opens with; the same bytes for the whole session."""

    model: str
    system: str
    tools: tuple["ToolSpec", ...]
    max_output_tokens: int
    cache_key: str = ""
    """Same for all requests that begin alike, where a format brings such requests to the same cache."""
    lean: bool = False
    """Leave out the optional fields that some models of a provider refuse."""


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as the model sees it."""

    name: str
    description: str
    schema: dict[str, Any]


class ProviderFault(Exception):
    """An error the provider reported inside a stream that had begun well."""

    def __init__(self, body: Any) -> None:
        super().__init__("error event")
        self.body = body


class Reader(Protocol):
    """Collects one streamed reply."""

    @property
    def complete(self) -> bool:
        """Whether the reply is whole when the body ends here; without it the reply was cut off."""
        ...

    @property
    def closed(self) -> bool:
        """Whether nothing more is to come."""
        ...

    def feed(self, event: Event) -> None:
        """Take the next event. Raises ProviderFault on an error event, ValueError on one that cannot be read."""
        ...

    def answer(self) -> Answer:
        """The whole reply."""
        ...


class Wire(Protocol):
    """One public format."""

    default_url: str

    def path(self, model: str) -> str:
        """Where `model` is asked, below the base URL."""
        ...

    def headers(self, key: str) -> dict[str, str]: ...

    def head(self, offer: Offer) -> str:
        """The request up to the opening bracket of its messages."""
        ...

    def encode(self, message: Message, provider: str) -> list[str]:
        """The JSON items of one message, always the same for the same message; opaque parts of others left out."""
        ...

    def reader(self) -> Reader: ...

    def whole(self, body: dict[str, Any]) -> Answer:
        """The reply of a server that did not stream."""
        ...


def packed(value: Any) -> str:
    """Compact JSON."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def encoded(wire: "Wire", message: Message, owner: str) -> list[bytes]:
    """The items of one message; opaque parts only for `owner`, whose they are."""
    return [item.encode("utf-8", "replace") for item in wire.encode(message, owner)]


def whole_request(head: str, items: Sequence[bytes]) -> bytes:
    """A request: what it opens with, and the conversation. A longer conversation begins with the same bytes."""
    start = head.encode("utf-8", "replace")
    return start + (b"" if start.endswith(b"[") else b",") + b",".join(items) + b"]}"


def clean(text: str) -> str:
    """`text` without what UTF-8 or a database cannot hold: halves of surrogate pairs are joined, NULs replaced."""
    if "\x00" in text:
        text = text.replace("\x00", "\ufffd")
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def scrubbed(value: Any, levels: int = DEEPEST) -> Any:
    """`clean` through a whole JSON value. Raises ValueError for one that is too deep."""
    if not levels:
        raise ValueError(f"deeper than {DEEPEST} levels")
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [scrubbed(item, levels - 1) for item in value]
    if isinstance(value, dict):
        return {clean(key): scrubbed(item, levels - 1) for key, item in value.items()}
    return value


def said(fragments: Sequence[str]) -> list[Part]:
    """Prose as a part, its middle left out when huge; nothing when it is blank."""
    text = clean("".join(fragments))
    if len(text) > LONGEST_TEXT:
        half = LONGEST_TEXT // 2
        text = f"{text[:half]}\n[... {len(text) - LONGEST_TEXT} characters left out ...]\n{text[-half:]}"
    return [Said(text=text)] if text.strip() else []


def called(call_id: str, name: str, arguments: str, number: int) -> ToolCall:
    """A tool call from the wire; arguments that are not a JSON object are kept as `malformed`."""
    name = clean(name).strip()[:200] or "?"
    call_id = clean(call_id).strip()[:200] or f"call_{number}"
    try:
        value = scrubbed(json.loads(arguments)) if arguments.strip() else {}
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, dict):
        return ToolCall(id=call_id, name=name, arguments=value)
    return ToolCall(id=call_id, name=name, arguments={}, malformed=clean(arguments))


def counted_tokens(usage: Any, read: str, said: str, *, cached: Sequence[str] = ()) -> Tokens:
    """What `usage` says under the names `read` and `said`, and `cached` below it. Nothing is believed of one without
    both, of a request that read nothing, or of a number that is none: then it is unknown, never 0."""
    input_, output = _count(usage, read), _count(usage, said)
    if not input_ or output is None:
        return Tokens()
    kept = _count(usage, *cached) or 0
    return Tokens(input=input_, output=output, cached=kept if kept <= input_ else 0, counted=True)


def apart_tokens(usage: Any, read: str, said: str, *, cached: str, written: str) -> Tokens:
    """The same for a format that counts what was read from the cache, and written to it, beside the input."""
    plain, output = _count(usage, read), _count(usage, said)
    kept, wrote = (_count(usage, name) if usage.get(name) is not None else 0 for name in (cached, written))
    if plain is None or output is None or kept is None or wrote is None or not plain + kept + wrote:
        return Tokens()
    return Tokens(input=plain + kept + wrote, output=output, cached=kept, cache_written=wrote, counted=True)


def _count(usage: Any, *keys: str) -> int | None:
    """A count of tokens below `usage`; None when there is none that can be one."""
    for key in keys:
        usage = usage.get(key) if isinstance(usage, dict) else None
    whole = isinstance(usage, int) or (isinstance(usage, float) and usage.is_integer())
    return int(usage) if whole and not isinstance(usage, bool) and 0 <= usage <= MOST_TOKENS else None

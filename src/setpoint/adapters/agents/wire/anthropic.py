"""Anthropic Messages."""

import json
import re
from typing import Any

from ....model.session import Message, Opaque, Part, Said, ToolCall, ToolReturn
from .answer import Answer, Offer, ProviderFault, Reader, Stop, apart_tokens, called, packed, said, scrubbed
from .stream import Event

STOPS: dict[str, Stop] = {
    "max_tokens": "truncated",
    "pause_turn": "truncated",
    "refusal": "refused",
    "model_context_window_exceeded": "full",
}
EPHEMERAL = {"type": "ephemeral"}


class AnthropicMessages:
    """`POST {base}/v1/messages`."""

    default_url = "https://api.anthropic.com"

    def path(self, model: str) -> str:
        """The same for all models: the request names them."""
        return "/v1/messages"

    def headers(self, key: str) -> dict[str, str]:
        """Signed with `key`, at the format's one stable version."""
        return {"anthropic-version": "2023-06-01"} | ({"x-api-key": key} if key else {})

    def head(self, offer: Offer) -> str:
        """Tools and system text are marked for the cache. The conversation is marked by the request's own
        `cache_control`, which the provider moves to the last block: a mark in a message would change it later."""
        tools = [
            {"name": tool.name, "description": tool.description, "input_schema": tool.schema} for tool in offer.tools
        ]
        fields: dict[str, Any] = {"model": offer.model, "max_tokens": offer.max_output_tokens, "stream": True}
        if not offer.lean:
            fields["cache_control"] = EPHEMERAL
        fields["tools"] = tools
        if offer.system.strip():
            fields["system"] = [{"type": "text", "text": offer.system, "cache_control": EPHEMERAL}]
        return packed(fields)[:-1] + ',"messages":['

    def encode(self, message: Message, provider: str) -> list[str]:
        """One item, or none for a message without anything to say."""
        blocks = [block for part in message.parts if (block := _block(part, provider)) is not None]
        return [packed({"role": message.role, "content": blocks})] if blocks else []

    def reader(self) -> Reader:
        """For one reply."""
        return _Reader()

    def whole(self, body: dict[str, Any]) -> Answer:
        """The reply as one JSON document."""
        reader = _Reader()
        reader.begin(body)
        for index, block in enumerate(body.get("content") or []):
            reader.blocks[index] = dict(block)
            if block.get("type") == "tool_use":
                reader.json[index] = [packed(block.get("input", {}))]
        reader.finish(body)
        return reader.answer()


def _block(part: Part, provider: str) -> dict[str, Any] | None:
    match part:
        case Said(text=text):
            return {"type": "text", "text": text} if text.strip() else None
        case ToolCall():
            return {"type": "tool_use", "id": _id(part.id), "name": part.name, "input": part.arguments}
        case ToolReturn():
            block = {"type": "tool_result", "tool_use_id": _id(part.call_id), "content": part.content}
            return block | {"is_error": True} if part.failed else block
        case Opaque():
            return part.data if part.provider == provider else None


def _id(text: str) -> str:
    """Ids of other providers may hold characters this one refuses."""
    return re.sub(r"[^a-zA-Z0-9_-]", "_", text)


class _Reader:
    def __init__(self) -> None:
        self.complete = self.closed = False
        self.blocks: dict[int, dict[str, Any]] = {}
        self.json: dict[int, list[str]] = {}
        self._texts: dict[tuple[int, str], list[str]] = {}
        self._stop = ""
        self._usage: dict[str, Any] = {}

    def feed(self, event: Event) -> None:
        """Take one event; kinds that are not known are skipped, as the format asks."""
        body = json.loads(event.data)
        match body.get("type"):
            case "message_start":
                self.begin(body["message"])
                self._usage.pop("output_tokens", None)  # what was said is counted at the end
            case "content_block_start":
                self.blocks[body["index"]] = dict(body["content_block"])
            case "content_block_delta":
                self._delta(body["index"], body["delta"])
            case "message_delta":
                self.finish(body.get("delta") or {}, body.get("usage"))
            case "message_stop":
                self.complete = self.closed = True
            case "error":
                raise ProviderFault(body)

    def begin(self, message: dict[str, Any]) -> None:
        """Take what is known at the start."""
        self._usage |= message.get("usage") or {}

    def finish(self, closing: dict[str, Any], usage: dict[str, Any] | None = None) -> None:
        """Take what is known at the end."""
        self._stop = closing.get("stop_reason") or self._stop
        self._usage |= {key: value for key, value in (usage or {}).items() if value is not None}

    def _delta(self, index: int, delta: dict[str, Any]) -> None:
        match delta.get("type"):
            case "input_json_delta":
                self.json.setdefault(index, []).append(delta["partial_json"])
            case "text_delta":
                self._texts.setdefault((index, "text"), []).append(delta["text"])
            case "thinking_delta":
                self._texts.setdefault((index, "thinking"), []).append(delta["thinking"])
            case "signature_delta":
                self._texts.setdefault((index, "signature"), []).append(delta["signature"])

    def answer(self) -> Answer:
        """The blocks in their order."""
        for (index, field), fragments in self._texts.items():
            block = self.blocks.setdefault(index, {"type": field})
            block[field] = block.get(field, "") + "".join(fragments)
        parts: list[Part] = []
        for index in sorted(self.blocks):
            parts += self._part(index, self.blocks[index])
        cached, written = "cache_read_input_tokens", "cache_creation_input_tokens"
        tokens = apart_tokens(self._usage, "input_tokens", "output_tokens", cached=cached, written=written)
        return Answer(tuple(parts), STOPS.get(self._stop, "done"), tokens)

    def _part(self, index: int, block: dict[str, Any]) -> list[Part]:
        match block.get("type"):
            case "text":
                return said([block.get("text", "")])
            case "tool_use":
                arguments = "".join(self.json.get(index, [])) or packed(block.get("input") or {})
                return [called(block.get("id", ""), block.get("name", ""), arguments, index)]
            case _:
                return [Opaque(provider="anthropic", data=scrubbed(block))]

"""OpenAI Chat Completions, and the many servers that speak it."""

import json
from typing import Any

from ....model.session import Message, Opaque, Part, Said, ToolCall, ToolReturn
from .answer import Answer, Offer, ProviderFault, Reader, Stop, called, counted_tokens, packed, said, scrubbed
from .stream import Event

STOPS: dict[str, Stop] = {"length": "truncated", "content_filter": "refused"}


class OpenAIChat:
    """`POST {base}/chat/completions`; the base usually ends in `/v1`."""

    default_url = "https://api.openai.com/v1"

    def path(self, model: str) -> str:
        """The same for all models: the request names them."""
        return "/chat/completions"

    def headers(self, key: str) -> dict[str, str]:
        """Signed with `key`; local servers want none."""
        return {"authorization": f"Bearer {key}"} if key else {}

    def head(self, offer: Offer) -> str:
        """The system text is the first message."""
        tools = [
            {
                "type": "function",
                "function": {"name": tool.name, "description": tool.description, "parameters": tool.schema},
            }
            for tool in offer.tools
        ]
        fields: dict[str, Any] = {"model": offer.model, "stream": True, "tools": tools}
        if not offer.lean:
            fields |= {"stream_options": {"include_usage": True}, "max_completion_tokens": offer.max_output_tokens}
        opening = packed(fields)[:-1] + ',"messages":['
        return opening + (packed({"role": "system", "content": offer.system}) if offer.system.strip() else "")

    def encode(self, message: Message, provider: str) -> list[str]:
        """An assistant message is one item; each tool result and each text of a user message is its own."""
        if message.role == "assistant":
            item = _assistant(message, provider)
            return [packed(item)] if len(item) > 1 else []
        items: list[str] = []
        for part in message.parts:
            match part:
                case ToolReturn():
                    items.append(packed({"role": "tool", "tool_call_id": part.call_id, "content": part.content}))
                case Said(text=text):
                    items.append(packed({"role": "user", "content": text}))
        return items

    def reader(self) -> Reader:
        """For one reply."""
        return _Reader()

    def whole(self, body: dict[str, Any]) -> Answer:
        """The reply as one JSON document."""
        reader = _Reader()
        choices = [
            {
                "delta": {
                    **(choice.get("message") or {}),
                    "tool_calls": [
                        {"index": number, **call}
                        for number, call in enumerate((choice.get("message") or {}).get("tool_calls") or [])
                    ],
                },
                "finish_reason": choice.get("finish_reason"),
            }
            for choice in body.get("choices") or []
        ]
        reader.take({**body, "choices": choices})
        return reader.answer()


def _assistant(message: Message, provider: str) -> dict[str, Any]:
    item: dict[str, Any] = {"role": "assistant"}
    texts = [part.text for part in message.parts if isinstance(part, Said)]
    extras = {
        part.data.get("call"): part.data.get("extra_content")
        for part in message.parts
        if isinstance(part, Opaque) and part.provider == provider
    }
    calls: list[dict[str, Any]] = []
    for part in message.parts:
        if isinstance(part, ToolCall):
            function = {"name": part.name, "arguments": packed(part.arguments)}
            call: dict[str, Any] = {"id": part.id, "type": "function", "function": function}
            if part.id in extras:
                call["extra_content"] = extras[part.id]
            calls.append(call)
    if texts:
        item["content"] = "\n".join(texts)
    elif calls:
        item["content"] = None
    if calls:
        item["tool_calls"] = calls
    return item


class _Reader:
    def __init__(self) -> None:
        self._texts: list[str] = []
        self._calls: dict[int, dict[str, Any]] = {}
        self._stop = ""
        self.closed = False
        self._usage: dict[str, Any] | None = None

    @property
    def complete(self) -> bool:
        """Closed by `[DONE]`. Some servers leave it out, so a stated reason to stop counts when the body has ended."""
        return self.closed or bool(self._stop)

    def feed(self, event: Event) -> None:
        """Take one chunk."""
        if event.data.strip() == "[DONE]":
            self.closed = True
            return
        body = json.loads(event.data)
        if body.get("error") or event.name == "error":
            raise ProviderFault(body)
        self.take(body)

    def take(self, body: dict[str, Any]) -> None:
        """Take a chunk, or a whole reply in the shape of one."""
        self._usage = body.get("usage") or self._usage
        for choice in body.get("choices") or []:
            if choice.get("index", 0) != 0:
                continue
            delta = choice.get("delta") or {}
            self._texts += [text for text in (delta.get("content"), delta.get("refusal")) if isinstance(text, str)]
            for call in delta.get("tool_calls") or []:
                self._add(call)
            self._stop = choice.get("finish_reason") or self._stop

    def _add(self, piece: dict[str, Any]) -> None:
        index = piece.get("index")
        # Some servers leave the index out: then an id opens a call, and none goes on with the last one.
        number = index if isinstance(index, int) else len(self._calls) - (0 if piece.get("id") else 1)
        call = self._calls.setdefault(max(number, 0), {"id": "", "name": [], "arguments": []})
        function = piece.get("function") or {}
        call["id"] = piece.get("id") or call["id"]
        call["name"].append(function.get("name") or "")
        arguments = function.get("arguments")
        call["arguments"].append(arguments if isinstance(arguments, str) else packed(arguments) if arguments else "")
        if piece.get("extra_content"):
            call["extra"] = piece["extra_content"]

    def answer(self) -> Answer:
        """Text first, then the calls in their order."""
        parts: list[Part] = said(self._texts)
        for number in sorted(self._calls):
            call = self._calls[number]
            made = called(call["id"], "".join(call["name"]), "".join(call["arguments"]), number)
            if "extra" in call:
                data = {"call": made.id, "extra_content": scrubbed(call["extra"])}
                parts.append(Opaque(provider="openai-chat", data=data))
            parts.append(made)
        cached = ("prompt_tokens_details", "cached_tokens")
        tokens = counted_tokens(self._usage, "prompt_tokens", "completion_tokens", cached=cached)
        return Answer(tuple(parts), STOPS.get(self._stop, "done"), tokens)

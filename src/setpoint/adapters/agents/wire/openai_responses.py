"""OpenAI Responses, stateless: nothing is stored at the provider, reasoning comes and goes encrypted."""

import json
from typing import Any

from ....model.session import Message, Opaque, Part, Said, ToolCall, ToolReturn
from .answer import Answer, Offer, ProviderFault, Reader, Stop, called, counted_tokens, packed, said, scrubbed
from .stream import Event

STOPS: dict[str, Stop] = {"max_output_tokens": "truncated", "content_filter": "refused"}


class OpenAIResponses:
    """`POST {base}/responses`; the base usually ends in `/v1`."""

    default_url = "https://api.openai.com/v1"

    def path(self, model: str) -> str:
        """The same for all models: the request names them."""
        return "/responses"

    def headers(self, key: str) -> dict[str, str]:
        """Signed with `key`."""
        return {"authorization": f"Bearer {key}"} if key else {}

    def head(self, offer: Offer) -> str:
        """`strict` is said, since it is on by default and refuses optional fields."""
        tools = [
            {
                "type": "function",
                "name": tool.name,
                "description": tool.description,
                "parameters": tool.schema,
                "strict": False,
            }
            for tool in offer.tools
        ]
        fields: dict[str, Any] = {"model": offer.model, "stream": True, "store": False}
        fields |= {"max_output_tokens": offer.max_output_tokens, "instructions": offer.system, "tools": tools}
        if not offer.lean:
            fields["include"] = ["reasoning.encrypted_content"]
            fields |= {"prompt_cache_key": offer.cache_key} if offer.cache_key else {}
        return packed(fields)[:-1] + ',"input":['

    def encode(self, message: Message, provider: str) -> list[str]:
        """Each part is an item of its own, in the order it came: reasoning stays before what it led to."""
        items = [_item(part, message.role, provider) for part in message.parts]
        return [packed(item) for item in items if item is not None]

    def reader(self) -> Reader:
        """For one reply."""
        return _Reader()

    def whole(self, body: dict[str, Any]) -> Answer:
        """The reply as one JSON document."""
        reader = _Reader()
        reader.finish(body)
        return reader.answer()


def _item(part: Part, role: str, provider: str) -> dict[str, Any] | None:
    match part:
        case Said(text=text):
            kind = "output_text" if role == "assistant" else "input_text"
            return (
                {"type": "message", "role": role, "content": [{"type": kind, "text": text}]} if text.strip() else None
            )
        case ToolCall():
            return {
                "type": "function_call",
                "call_id": part.id,
                "name": part.name,
                "arguments": packed(part.arguments),
            }
        case ToolReturn():
            return {"type": "function_call_output", "call_id": part.call_id, "output": part.content}
        case Opaque():
            return part.data if part.provider == provider else None


class _Reader:
    def __init__(self) -> None:
        self.complete = self.closed = False
        self._items: dict[int, dict[str, Any]] = {}
        self._response: dict[str, Any] = {}

    def feed(self, event: Event) -> None:
        """Take one event. Only whole items are read; the deltas before them say the same in pieces."""
        if event.data.strip() == "[DONE]":
            return
        body = json.loads(event.data)
        match body.get("type"):
            case "response.output_item.done":
                self._items[body["output_index"]] = body["item"]
            case "response.completed" | "response.incomplete":
                self.finish(body["response"])
            case "response.failed":
                raise ProviderFault(body["response"])
            case "error":
                raise ProviderFault(body)

    def finish(self, response: dict[str, Any]) -> None:
        """Take the closing record; items it holds that were not streamed count too."""
        if response.get("status") == "failed":
            raise ProviderFault(response)
        self._response = response
        for index, item in enumerate(response.get("output") or []):
            self._items.setdefault(index, item)
        self.complete = self.closed = True

    def answer(self) -> Answer:
        """The items in their order."""
        parts: list[Part] = []
        refused = False
        for index in sorted(self._items):
            item = self._items[index]
            match item.get("type"):
                case "message":
                    content = item.get("content") or []
                    refused = refused or any(piece.get("type") == "refusal" for piece in content)
                    parts += said([piece.get("text") or piece.get("refusal") or "" for piece in content])
                case "function_call":
                    parts.append(
                        called(item.get("call_id", ""), item.get("name", ""), item.get("arguments") or "", index)
                    )
                case _:
                    parts.append(Opaque(provider="openai-responses", data=scrubbed(item)))
        reason = (self._response.get("incomplete_details") or {}).get("reason", "")
        stop: Stop = "refused" if refused else STOPS.get(reason, "done")
        cached = ("input_tokens_details", "cached_tokens")
        tokens = counted_tokens(self._response.get("usage"), "input_tokens", "output_tokens", cached=cached)
        return Answer(tuple(parts), stop, tokens)

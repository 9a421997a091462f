"""Google's `generateContent`, streamed. The model's name is in the address, not in the request."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from ....model.session import Message, Opaque, Part, Said, ToolCall, ToolReturn
from .answer import Answer, Offer, ProviderFault, Reader, Stop, Tokens, called, counted_tokens, packed, said, scrubbed
from .stream import Event

STOPS: dict[str, Stop] = {
    "MAX_TOKENS": "truncated",
    "SAFETY": "refused",
    "RECITATION": "refused",
    "LANGUAGE": "refused",
    "BLOCKLIST": "refused",
    "PROHIBITED_CONTENT": "refused",
    "SPII": "refused",
}
SIGNATURE = "thoughtSignature"
"""Beside a part: what the model thought before it, sealed. It has to come back with that part."""
ANOTHERS = "skip_thought_signature_validator"
"""Stands for it beside the calls of another model, which newer ones refuse without."""


class GoogleContent:
    """`POST {base}/v1beta/models/{model}:streamGenerateContent`."""

    default_url = "https://generativelanguage.googleapis.com"

    def path(self, model: str) -> str:
        """As events; without `alt` it would be one long list."""
        return f"{place(model)}:streamGenerateContent?alt=sse"

    def headers(self, key: str) -> dict[str, str]:
        """Signed with `key`, never in the address: addresses are logged."""
        return {"x-goog-api-key": key} if key else {}

    def head(self, offer: Offer) -> str:
        """What a request begins with is found in the provider's cache without a mark."""
        tools = [
            {"name": tool.name, "description": tool.description, "parametersJsonSchema": tool.schema}
            for tool in offer.tools
        ]
        fields: dict[str, Any] = {"generationConfig": {"maxOutputTokens": offer.max_output_tokens}}
        if tools:
            fields["tools"] = [{"functionDeclarations": tools}]
        if offer.system.strip():
            fields["systemInstruction"] = {"parts": [{"text": offer.system}]}
        return packed(fields)[:-1] + ',"contents":['

    def encode(self, message: Message, provider: str) -> list[str]:
        """One item, or none for a message without anything to say."""
        parts = list(_parts(message, provider))
        role = "model" if message.role == "assistant" else "user"
        return [packed({"role": role, "parts": parts})] if parts else []

    def reader(self) -> Reader:
        """For one reply."""
        return _Reader()

    def whole(self, body: dict[str, Any]) -> Answer:
        """The reply as one JSON document."""
        reader = _Reader()
        reader.take(body)
        return reader.answer()


def place(model: str) -> str:
    """Where `model` is, below the base URL."""
    return f"/v1beta/models/{quote(model, safe='')}"


def _parts(message: Message, provider: str) -> Iterator[dict[str, Any]]:
    foreign = message.role == "assistant" and message.model != provider
    sealed: dict[str, Any] = {SIGNATURE: ANOTHERS} if foreign else {}
    for part in message.parts:
        match part:
            case Said(text=text):
                if text.strip():
                    yield {"text": text} | (sealed if not foreign else {})
                    sealed = sealed if foreign else {}
            case ToolCall():
                yield {"functionCall": {"id": part.id, "name": part.name, "args": part.arguments}} | sealed
                sealed = {}  # of calls side by side the first carries it
            case ToolReturn():
                told = {"error" if part.failed else "output": part.content}
                yield {"functionResponse": {"id": part.call_id, "name": part.name, "response": told}}
            case Opaque(data=data):
                if part.provider != provider:
                    continue
                if data.keys() == {SIGNATURE}:
                    sealed = dict(data)
                else:
                    yield data


class _Reader:
    def __init__(self) -> None:
        self.closed = False
        """Nothing closes it but the body's end."""
        self._parts: list[dict[str, Any]] = []
        self._stop = ""
        self._usage: Any = None
        self._id = ""

    @property
    def complete(self) -> bool:
        """The last event says why the model stopped."""
        return bool(self._stop)

    def feed(self, event: Event) -> None:
        """Take one event: each is a reply of its own, with what is new."""
        self.take(json.loads(event.data))

    def take(self, body: dict[str, Any]) -> None:
        """Take an event's body, or a whole reply."""
        if body.get("error"):
            raise ProviderFault(body)
        self._usage = body.get("usageMetadata") or self._usage
        self._id = str(body.get("responseId") or self._id)
        for candidate in body.get("candidates") or []:
            if candidate.get("index", 0) == 0:
                self._parts += [dict(part) for part in (candidate.get("content") or {}).get("parts") or []]
                self._stop = candidate.get("finishReason") or self._stop
        if (body.get("promptFeedback") or {}).get("blockReason"):
            self._stop = "PROHIBITED_CONTENT"  # what was asked was refused: there is no candidate

    def answer(self) -> Answer:
        """The parts in their order; prose that came in pieces is one."""
        parts: list[Part] = []
        texts: list[str] = []
        for number, part in enumerate(self._parts):
            if part.keys() == {"text"}:
                texts.append(part["text"])
                continue
            parts += [*said(texts), *self._part(part, number)]
            texts.clear()
        parts += said(texts)
        return Answer(tuple(parts), STOPS.get(self._stop, "done"), _tokens(self._usage))

    def _part(self, part: dict[str, Any], number: int) -> Iterator[Part]:
        call, text = part.get("functionCall"), part.get("text")
        seal = scrubbed(part.get(SIGNATURE))
        if call is not None:
            if seal:
                yield Opaque(provider="google", data={SIGNATURE: seal})
            # Names of calls are left out at times, and have to differ all through the conversation.
            name = call.get("id") or f"{self._id or 'call'}-{number}"
            arguments = call.get("args")
            yield called(name, call.get("name") or "", "" if arguments is None else packed(arguments), number)
        elif text and seal and not part.get("thought"):
            yield Opaque(provider="google", data={SIGNATURE: seal})
            yield from said([text])
        else:
            yield Opaque(provider="google", data=scrubbed(part))


def _tokens(usage: Any) -> Tokens:
    """What was said is what the whole has over what was read: thoughts are counted apart, and paid for like words."""
    all_of_it = counted_tokens(usage, "promptTokenCount", "totalTokenCount", cached=("cachedContentTokenCount",))
    said_of_it = all_of_it.output - all_of_it.input
    return replace(all_of_it, output=said_of_it) if all_of_it.counted and said_of_it >= 0 else Tokens()

"""What a command may ask of a model of Google's, read and written anew as `asked` does for the other formats.

Here a part of a message says by the name of its field what it is, and a provider takes several spellings of that name.
So a field that nobody here knows is left out where that changes nothing else, and refused inside a message.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from .asked import DOCUMENT_TOKENS, IMAGE_TOKENS, LED_AWAY, LONGEST_REPLY, Judged
from .endpoint import Endpoint

_FIELDS = frozenset(("contents", "systemInstruction", "tools", "toolConfig", "generationConfig", "safetySettings"))
_CONFIG = frozenset(
    (
        *("temperature", "topP", "topK", "seed", "stopSequences", "presencePenalty", "frequencyPenalty"),
        *("responseMimeType", "responseSchema", "responseJsonSchema", "responseLogprobs", "logprobs"),
        *("thinkingConfig", "mediaResolution"),
    )
)
"""Of `generationConfig`: not how many replies are wanted, and none in pictures or sound."""
_LONGEST = "maxOutputTokens"
_OWN_TOOLS = "functionDeclarations"
"""Tools that whoever asks runs; all others are run by the provider."""
_CHOICE = "functionCallingConfig"
_MESSAGE = frozenset(("role", "parts"))
_PART = frozenset(("text", "thought", "thoughtSignature", "inlineData", "functionCall", "functionResponse"))
_RESPONSE = frozenset(("id", "name", "response", "parts"))
_CALL = frozenset(("id", "name", "args"))
_DATA = frozenset(("mimeType", "data", "displayName"))


def judged(told: dict[str, Any], endpoint: Endpoint, *, counting: bool) -> Judged:
    """The request `told` as it may be sent to `endpoint`. Raises ValueError for what cannot be left out."""
    known = frozenset(("contents",)) if counting else _FIELDS
    sent = {name: value for name, value in told.items() if name in known}
    left = [name for name in told if name not in known]
    weight = sum(_weights(sent))
    longest = 0
    if not counting:
        left += [*_only_own_tools(sent), *_only_the_choice(sent)]
        longest, foreign = _limited(sent, endpoint)
        left += foreign
    body = json.dumps(sent, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
    return Judged(body, longest, weight, tuple(sorted({str(name)[:60] for name in left})))


def _only_own_tools(sent: dict[str, Any]) -> list[str]:
    """Keep the tools that whoever asks runs; what the others are called."""
    if "tools" not in sent:
        return []
    tools = _listed(sent["tools"], "tools")
    own = [{_OWN_TOOLS: _listed(tool[_OWN_TOOLS], _OWN_TOOLS)} for tool in tools if _OWN_TOOLS in tool]
    sent["tools"] = own
    return [f"tool {name}" for tool in tools for name in tool if name != _OWN_TOOLS]


def _only_the_choice(sent: dict[str, Any]) -> list[str]:
    if "toolConfig" not in sent:
        return []
    told = _table(sent["toolConfig"], "toolConfig")
    sent["toolConfig"] = {name: value for name, value in told.items() if name == _CHOICE}
    return [name for name in told if name != _CHOICE]


def _limited(sent: dict[str, Any], endpoint: Endpoint) -> tuple[int, list[str]]:
    """Have `sent` say how long its reply may be. That length, and what was left out beside it."""
    told = _table(sent.get("generationConfig", {}), "generationConfig")
    longest = told.get(_LONGEST)
    if longest is None:
        longest = endpoint.max_output_tokens
    elif type(longest) is not int or not 0 < longest <= LONGEST_REPLY:
        raise ValueError(f"`{_LONGEST}` is no number of tokens")
    sent["generationConfig"] = {name: value for name, value in told.items() if name in _CONFIG} | {_LONGEST: longest}
    return longest, [name for name in told if name not in _CONFIG and name != _LONGEST]


def _weights(sent: Mapping[str, Any]) -> Iterator[int]:
    """What the pictures and documents of the messages may be counted as. Raises ValueError for what is not in them, but
    somewhere else."""
    messages = _listed(sent.get("contents"), "contents")
    if "systemInstruction" in sent:
        messages = [*messages, _table(sent["systemInstruction"], "systemInstruction")]
    for message in messages:
        _within(message, _MESSAGE)
        for part in _listed(message.get("parts"), "parts"):
            yield from _of_part(part)


def _of_part(part: Mapping[str, Any]) -> Iterator[int]:
    _within(part, _PART)
    if "functionCall" in part:
        _within(_table(part["functionCall"], "functionCall"), _CALL)
    if "functionResponse" in part:
        given = _table(part["functionResponse"], "functionResponse")
        _within(given, _RESPONSE)
        for inner in _listed(given.get("parts", []), "parts"):
            _within(inner, frozenset(("inlineData",)))
            yield from _of_part(inner)
    if "inlineData" in part:
        data = _table(part["inlineData"], "inlineData")
        _within(data, _DATA)
        kind = str(data.get("mimeType")).partition("/")[0]
        yield {"image": IMAGE_TOKENS, "text": 0}.get(kind, DOCUMENT_TOKENS)


def _within(told: Mapping[str, Any], known: frozenset[str]) -> None:
    foreign = sorted(told.keys() - known)
    if foreign:
        raise ValueError(f"`{foreign[0][:60]}` in a message is not known here. {LED_AWAY}")


def _listed(told: Any, name: str) -> list[dict[str, Any]]:
    if not isinstance(told, list) or not all(isinstance(one, dict) for one in told):
        raise ValueError(f"`{name}` is no list of tables")
    return told


def _table(told: Any, name: str) -> dict[str, Any]:
    if not isinstance(told, dict):
        raise ValueError(f"`{name}` is no table")
    return told

"""Google's `generateContent` from the server's side, beside the three formats of `model_formats`."""

import json
import re
from collections.abc import Sequence
from typing import Any, NamedTuple
from urllib.parse import unquote

from .model_steps import Items, Step, identified, pieces

_PATH = re.compile(r"/v1beta/models/(?P<model>[^/:]+):(?P<verb>generateContent|streamGenerateContent|countTokens)")
_ERRORS = {
    "429": (429, "RESOURCE_EXHAUSTED"),
    "529": (503, "UNAVAILABLE"),
    "500": (500, "INTERNAL"),
    "400": (400, "INVALID_ARGUMENT"),
    "401": (400, "INVALID_ARGUMENT"),
    "404": (404, "NOT_FOUND"),
    "quota": (429, "RESOURCE_EXHAUSTED"),
}
"""Status and name by the fault; all others of a server are `UNAVAILABLE`."""
_TYPES = "type.googleapis.com/google.rpc."
_DETAILS: dict[str, dict[str, Any]] = {
    "401": {"@type": f"{_TYPES}ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com"},
    "quota": {
        "@type": f"{_TYPES}QuotaFailure",
        "violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}],
    },
}


class Asked(NamedTuple):
    """What the path of a request says: here it names the model, and whether the reply is streamed."""

    model: str
    verb: str


def asked(path: str) -> Asked | None:
    """What is asked for at `path`; None where nothing is. A stream has to be asked for in events."""
    place, _, query = path.partition("?")
    found = _PATH.fullmatch(place)
    if found is None or query != ("alt=sse" if found["verb"].startswith("stream") else ""):
        return None
    return Asked(unquote(found["model"]), found["verb"])


def items(body: dict[str, Any]) -> Items:
    """The conversation in the one shape of all formats."""
    found: list[tuple[str, str, bool]] = []
    for content in body.get("contents", []):
        parts = content.get("parts") or []
        text = "".join(str(part.get("text", "")) for part in parts if not part.get("thought"))
        role = "assistant" if content.get("role") == "model" else "user"
        found.append((role, text, any("functionResponse" in part for part in parts)))
    return found


def system(body: dict[str, Any]) -> str:
    """The system text."""
    return "".join(str(part.get("text", "")) for part in (body.get("systemInstruction") or {}).get("parts", []))


def tools(body: dict[str, Any]) -> tuple[str, ...]:
    """Names of the functions on offer, and of Google's own tools."""
    found: list[str] = []
    for tool in body.get("tools", []):
        for kind, told in tool.items():
            found += [str(one["name"]) for one in told] if kind == "functionDeclarations" else [kind]
    return tuple(found)


def whole(step: Step, model: str, number: int) -> dict[str, Any]:
    """A reply in one piece."""
    return _reply(step, _parts(step, number), model, number, last=True)


def stream(step: Step, model: str, number: int) -> list[bytes]:
    """A reply in events: prose in pieces, each call whole, the reason to stop with the last."""
    cut: list[dict[str, Any]] = []
    for part in _parts(step, number):
        cut += [part] if "functionCall" in part else [{**part, "text": piece} for piece in pieces(part["text"])]
    opening = [_reply(step, [part], model, number, last=False) for part in cut]
    return [event(told) for told in (*opening, _reply(step, [{"text": ""}], model, number, last=True))]


def event(told: dict[str, Any]) -> bytes:
    """One event; none of Google's has a name."""
    return f"data: {json.dumps(told, separators=(',', ':'))}\r\n\r\n".encode()


def error(fault: str, status: int, message: str) -> tuple[int, dict[str, Any]]:
    """An error as Google words it, with its status: a key it does not know is only told by a reason."""
    code, name = _ERRORS.get(fault, (status, "UNAVAILABLE"))
    details = {"details": [_DETAILS[fault]]} if fault in _DETAILS else {}
    return code, {"error": {"code": code, "message": message, "status": name, **details}}


def _reply(step: Step, parts: Sequence[dict[str, Any]], model: str, number: int, *, last: bool) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": list(parts), "role": "model"}, "index": 0}
    if last:
        candidate["finishReason"] = {"truncated": "MAX_TOKENS", "refused": "SAFETY"}.get(step.stop, "STOP")
    said = step.output_tokens if last else 1
    usage = {"promptTokenCount": step.input_tokens, "totalTokenCount": step.input_tokens + said}
    if last:
        # What was only thought is counted apart, and zeros are left out.
        thought = min(7, said - 1) if step.thinking else 0
        usage |= {"candidatesTokenCount": said - thought} | ({"thoughtsTokenCount": thought} if thought else {})
    usage |= {"cachedContentTokenCount": step.cached_tokens} if step.cached_tokens else {}
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": model, "responseId": f"r{number}"}


def _parts(step: Step, number: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    if step.thinking:
        found.append({"text": step.thinking, "thought": True})
    if step.text:
        found.append({"text": step.text})
    for at, (call, name) in enumerate(identified(step, number)):
        signed = {"thoughtSignature": f"c2lnbmVk{number:04}"} if step.thinking and at == 0 else {}
        # Half an object has no place in this format: as a text it is none at all.
        found.append({"functionCall": {"id": name, "name": call.name, "args": call.arguments}} | signed)
    return found

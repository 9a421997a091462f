"""Who is asked instead of a model that does not answer, at the relay of one session: the same law as the built-in
agent's, for requests that somebody else makes.

An agent asks for one model all the time. Where that one is out, its request goes to the next of the session's models
that speaks the same format, under that model's name and without what only the first could read.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx2

from ...accounts import Circuits
from ...errors import TransientError
from ...model.session import Message, ModelRef
from .endpoint import Endpoint
from .faults import LONGEST_WAIT, RateLimitedError, UnreachableError, judged, parsed, rate_wait, wait
from .http import LARGEST_ERROR, bounded
from .live import Pause, sleep
from .wire.google import ANOTHERS, SIGNATURE

HELD = b"[held-outside]"
"""Stands for a secret in a provider's words."""
_THOUGHTS = ("thinking", "redacted_thinking")
_THINKING = ("thinking", "context_management")
"""Fields of a request that are refused without the thoughts that came before."""


class OutageError(Exception):
    """The model did not answer, and nothing was passed on yet."""

    def __init__(self, error: TransientError) -> None:
        super().__init__(str(error))
        self.error = error


@dataclass
class Tried:
    """How often one model was asked for one reply, and gave none."""

    failures: int = 0
    limits: int = 0
    """How often it wanted to be asked less often."""
    waited: float = 0.0
    """Seconds, for that."""


@dataclass(frozen=True)
class Whom:
    """What the sessions of one agent know of who answers."""

    circuits: Circuits
    pause: Pause = sleep


class Fallbacks:
    """The models of one sitting, in their order."""

    def __init__(self, models: Mapping[ModelRef, Endpoint], whom: Whom, before: Sequence[Message] = ()) -> None:
        """`before`: what was said in this session; more than one model may have said it."""
        self._models = models
        self._whom = whom
        self._first = next(iter(models))
        self._spoke = {message.model for message in before if message.model}
        self.why = ""
        """Why the last one that was asked did not answer."""

    def candidates(self, asked: ModelRef) -> Iterator[tuple[ModelRef, bool]]:
        """Who is asked for `asked`, one after the other, and whether it is the last. Who is left alone is passed over
        while there is another one."""
        found = [asked, *(ref for ref, end in self._models.items() if ref != asked and end.api == self._api(asked))]
        for number, ref in enumerate(found, 1):
            last = number == len(found)
            rest = 0.0 if len(found) == 1 else self._whom.circuits.rest((ref.provider, str(ref)))
            if rest <= 0 or last:
                yield ref, last
            else:
                self.why = self.why or f"{ref} is left alone for {rest:.0f} s"

    def asked_as(self, told: dict[str, Any], asked: ModelRef, ref: ModelRef) -> dict[str, Any]:
        """The request `told`, which was meant for `asked`, asked of `ref`."""
        # Google's have the model in their address.
        whole = told if self._api(ref) == "google" else {**told, "model": ref.model}
        if self._spoke <= {str(ref)} and asked == ref:
            return whole
        return _without_thoughts(whole, self._api(ref))

    def answered(self, ref: ModelRef) -> None:
        """It did."""
        self._spoke.add(str(ref))
        if ref == self._first:
            self.why = ""
        self._whom.circuits.answered((ref.provider, str(ref)))

    async def failed(self, ref: ModelRef, error: TransientError, tried: Tried) -> bool:
        """It did not, once more. Whether it is to be asked again, after a pause that was made."""
        self.why = (error.why or error.what).replace("\n", "; ")[:500]
        opened = False
        if isinstance(error, RateLimitedError):
            tried.limits += 1  # it is well: that is sat out, and opens no circuit
            delay = rate_wait(tried.limits, tried.waited, error)
            tried.waited += delay or 0.0
        else:
            tried.failures += 1
            name = ref.provider if isinstance(error, UnreachableError) else str(ref)
            opened = self._whom.circuits.failed(name, self.why) > 0
            delay = None if opened else wait(tried.failures, error)
        if delay is not None:
            await self._whom.pause(delay)
            return True
        if not opened:
            self._whom.circuits.rests(str(ref), error.retry_after or LONGEST_WAIT, self.why)
        return False

    def _api(self, ref: ModelRef) -> str:
        return self._models[ref].api


async def refusal(ref: ModelRef, response: httpx2.Response, secrets: Iterable[str], *, last: bool) -> bytes:
    """A provider's words other than a reply, without the `secrets` that it was asked with. Raises OutageError where
    another model may do better; there is none after the `last`."""
    words = await bounded(response, LARGEST_ERROR)
    for secret in secrets:
        words = words.replace(secret.encode(), HELD)
    error = judged(f"model `{ref}`", parsed(words), status=response.status_code, headers=response.headers)
    if isinstance(error, TransientError) and not last:
        raise OutageError(error)
    return words


async def pieces(response: httpx2.Response, read: bytes | None) -> AsyncIterator[bytes]:
    """The body, piece by piece; `read`: all of it, where it was read before."""
    if read is not None:
        yield read
        return
    async for chunk in response.aiter_bytes():
        yield chunk


def _without_thoughts(told: dict[str, Any], api: str) -> dict[str, Any]:
    """`told` without what a model thought: only the one that did takes it back."""
    if api == "openai-responses" and isinstance(told.get("input"), list):
        return {**told, "input": [item for item in told["input"] if _kind(item) != "reasoning"]}
    if api == "google" and isinstance(told.get("contents"), list):
        return {**told, "contents": _without(told["contents"], "parts", _unsealed)}
    if api != "anthropic" or not isinstance(told.get("messages"), list):
        return told
    kept = {name: value for name, value in told.items() if name not in _THINKING}
    return {**kept, "messages": _without(told["messages"], "content", _spoken)}


def _without(messages: list[Any], name: str, kept: Callable[[list[Any]], list[Any]]) -> list[Any]:
    """`messages` with what is `kept` of the list that each holds as `name`; one of which nothing is left is none."""
    found = []
    for message in messages:
        pieces = message.get(name) if isinstance(message, dict) else None
        if not isinstance(pieces, list) or not pieces:
            found.append(message)
        elif left := kept(pieces):
            found.append({**message, name: left})
    return found


def _spoken(blocks: list[Any]) -> list[Any]:
    return [block for block in blocks if _kind(block) not in _THOUGHTS]


def _unsealed(parts: list[Any]) -> list[Any]:
    """Parts of Google's without another model's seals: of calls side by side the first needs one, and bears the one
    that says so."""
    found: list[Any] = []
    for part in parts:
        if not isinstance(part, dict):
            found.append(part)
        elif part.get("thought") is not True:
            plain = {name: value for name, value in part.items() if name != SIGNATURE}
            first = "functionCall" in part and not any("functionCall" in one for one in found if isinstance(one, dict))
            found.append({**plain, SIGNATURE: ANOTHERS} if first else plain)
    return found


def _kind(item: Any) -> Any:
    return item.get("type") if isinstance(item, dict) else None

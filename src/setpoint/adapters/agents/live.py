"""The real model of one session: repeats failed requests, falls back to the next model, counts the money."""

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

import httpx2

from ...errors import ConfigError, TransientError
from ...model.session import Message, ModelRef, Opaque, Task, ToolCall, ToolReturn, Usage
from .conversation import ModelReply
from .endpoint import Endpoint
from .faults import SilentError, UnsupportedError, wait
from .http import ask
from .prices import cost
from .wire.answer import Answer, Offer, ToolSpec

Pause = Callable[[float], Awaitable[None]]

AWAY_SECONDS = 60.0
"""How long a model that was out of reach is passed over while another answers."""

OPTIONAL = frozenset(
    ("include", "cache_control", "prompt_cache_key", "stream_options", "max_completion_tokens", "reasoning")
)
"""Fields of requests that are left out for a model that does not take them."""


class Reach:
    """What the sessions of one agent share: endpoints, connections, and which models are out of reach just now."""

    def __init__(self, endpoints: Mapping[str, Endpoint], pause: Pause, client: httpx2.AsyncClient) -> None:
        self.endpoints = endpoints
        self.pause = pause
        self.client = client
        self.away: dict[ModelRef, float] = {}

    def endpoint(self, ref: ModelRef) -> Endpoint:
        """Where `ref` is reached. Raises ConfigError when its provider is not configured."""
        try:
            return self.endpoints[ref.provider]
        except KeyError:
            known = ", ".join(sorted(self.endpoints)) or "none"
            raise ConfigError(
                f"model `{ref}`: no provider `{ref.provider}`",
                why=f"configured are: {known}",
                fix=f"add [providers.{ref.provider}] to setpoint.toml, or set the key of a provider in the environment",
            ) from None

    def order(self, models: Sequence[ModelRef]) -> list[ModelRef]:
        """`models` as they are to be tried: those lately out of reach last."""
        now = time.monotonic()
        return sorted(models, key=lambda ref: now - self.away.get(ref, -AWAY_SECONDS) < AWAY_SECONDS)


class LiveModel:
    """Answers the conversation of one task."""

    def __init__(self, task: Task, tools: Sequence[ToolSpec], reach: Reach) -> None:
        self._task = task
        self._tools = tuple(tools)
        self._reach = reach
        self._heads: dict[ModelRef, str] = {}
        self._items: dict[ModelRef, list[bytes]] = {}
        """Messages as encoded for each model; never encoded again, so a prefix stays the same bytes."""
        self._encoded: dict[ModelRef, int] = {}
        self._refused: dict[ModelRef, set[str]] = {}
        """Optional fields that a model turned out not to take."""

    async def reply(self, messages: Sequence[Message]) -> ModelReply:
        """The reply to `messages`. Raises TransientError when every model was out of reach."""
        models = self._reach.order(self._task.models)
        if not models:
            raise ConfigError("no model for this phase", fix="set `models` in setpoint.toml, or a provider's key")
        for number, ref in enumerate(models, 1):
            last = number == len(models)
            try:
                reply = await self._persist(ref, messages, silences=2 if len(models) == 1 else 1)
            except TransientError:
                self._reach.away[ref] = time.monotonic()
                if last:
                    raise
            else:
                self._reach.away.pop(ref, None)
                return reply
        raise AssertionError("unreachable: the last model either answers or raises")

    def saw(self, call: ToolCall, result: ToolReturn) -> None:
        """A real model hears of results with its next request."""

    async def _persist(self, ref: ModelRef, messages: Sequence[Message], silences: int) -> ModelReply:
        failures = silent = 0
        while True:
            try:
                return await self._once(ref, messages)
            except UnsupportedError as error:
                if not self._leave_out(ref, error.field):
                    raise
            except TransientError as error:
                failures += 1
                silent += isinstance(error, SilentError)
                if isinstance(error, SilentError) and silent < silences:
                    continue
                delay = wait(failures, error)
                if delay is None:
                    raise
                await self._reach.pause(delay)

    def _leave_out(self, ref: ModelRef, field: str) -> bool:
        """Note that `ref` does not take an optional field; False when it is not optional or was left out already."""
        name = field.partition("[")[0].partition(".")[0]
        refused = self._refused.setdefault(ref, set())
        optional = {
            "include",
            "cache_control",
            "stream_options",
            "max_completion_tokens",
            "reasoning",
            "prompt_cache_key",
        }
        if name not in optional or name in refused:
            return False
        refused.add(name)
        for kept in (self._heads, self._items, self._encoded):
            kept.pop(ref, None)
        return True

    async def _once(self, ref: ModelRef, messages: Sequence[Message]) -> ModelReply:
        endpoint = self._reach.endpoint(ref)
        headers = endpoint.signed(ref.provider)
        body = self._body(ref, endpoint, messages)
        started = time.monotonic()
        answer = await ask(
            self._reach.client,
            endpoint,
            headers,
            body,
            who=f"model `{ref}`",
            idle=self._task.limits.idle_seconds,
        )
        seconds = time.monotonic() - started
        return ModelReply(_message(ref, answer, seconds), answer.stop, hashlib.sha256(body).hexdigest(), seconds)

    def _body(self, ref: ModelRef, endpoint: Endpoint, messages: Sequence[Message]) -> bytes:
        refused = self._refused.get(ref, set())
        if ref not in self._heads:
            offer = Offer(
                model=ref.model,
                system=self._task.instructions,
                tools=self._tools,
                max_output_tokens=endpoint.max_output_tokens,
                cache_key=_begins(self._task),
                lean=bool(refused - {"reasoning"}),
            )
            self._heads[ref] = endpoint.wire.head(offer)
        items = self._items.setdefault(ref, [])
        owner = "" if "reasoning" in refused else str(ref)
        for message in messages[self._encoded.get(ref, 0) :]:
            items += [item.encode("utf-8", "replace") for item in endpoint.wire.encode(message, owner)]
        self._encoded[ref] = len(messages)
        head = self._heads[ref].encode("utf-8", "replace")
        return head + (b"" if head.endswith(b"[") else b",") + b",".join(items) + b"]}"


def _begins(task: Task) -> str:
    """The same for all sessions whose requests begin alike."""
    return hashlib.sha256("\0".join((task.instructions, *task.turns[:1])).encode("utf-8", "replace")).hexdigest()[:32]


def _message(ref: ModelRef, answer: Answer, seconds: float) -> Message:
    """Opaque parts are the model's own: only it gets them back."""
    parts = tuple(
        part.model_copy(update={"provider": str(ref)}) if isinstance(part, Opaque) else part for part in answer.parts
    )
    tokens = answer.tokens
    usage = Usage(
        requests=1,
        input_tokens=tokens.input,
        output_tokens=tokens.output,
        cached_tokens=tokens.cached,
        usd=cost(ref, tokens),
        seconds=seconds,
    )
    return Message(role="assistant", parts=parts, usage=usage, model=str(ref))


async def sleep(seconds: float) -> None:
    """The pause between two requests outside tests."""
    await asyncio.sleep(seconds)

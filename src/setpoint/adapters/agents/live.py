"""The real model of one session: repeats failed requests, falls back to the next model, holds and counts the money."""

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

import httpx2

from ...accounts import Circuits, SessionLog
from ...errors import ConfigError, TransientError, UnpricedError
from ...model.session import Message, ModelRef, Opaque, Task, ToolCall, ToolReturn
from .conversation import ModelReply
from .endpoint import Endpoint
from .faults import LONGEST_WAIT, RateLimitedError, SilentError, UnreachableError, UnsupportedError, rate_wait, wait
from .http import Sent, ask
from .metering import LONGEST_REQUEST, quote_of, usage_of
from .wire.answer import Answer, Offer, ToolSpec, encoded, whole_request

Pause = Callable[[float], Awaitable[None]]

OPTIONAL = frozenset(
    ("include", "cache_control", "prompt_cache_key", "stream_options", "max_completion_tokens", "reasoning")
)
"""Fields of requests that are left out for a model that does not take them."""


class Reach:
    """What the sessions of one agent share: endpoints, connections, and whom to leave alone."""

    def __init__(
        self, endpoints: Mapping[str, Endpoint], pause: Pause, client: httpx2.AsyncClient, circuits: Circuits
    ) -> None:
        self.endpoints = endpoints
        self.pause = pause
        self.client = client
        self.circuits = circuits

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


class LiveModel:
    """Answers the conversation of one task."""

    def __init__(self, task: Task, tools: Sequence[ToolSpec], reach: Reach, log: SessionLog) -> None:
        self._task = task
        self._tools = tuple(tools)
        self._reach = reach
        self._log = log
        self._heads: dict[ModelRef, str] = {}
        self._items: dict[ModelRef, list[bytes]] = {}
        """Messages as encoded for each model; never encoded again, so a prefix stays the same bytes."""
        self._encoded: dict[ModelRef, int] = {}
        self._refused: dict[ModelRef, set[str]] = {}
        """Optional fields that a model turned out not to take."""

    async def reply(self, messages: Sequence[Message]) -> ModelReply:
        """The reply to `messages`, by the first model that gives one. Raises TransientError when none did."""
        models = self._task.models
        if not models:
            raise ConfigError("no model for this phase", fix="set `models` in setpoint.toml, or a provider's key")
        trouble: TransientError | UnpricedError | None = None
        for ref in models:
            rest = self._reach.circuits.rest(_names(ref))
            if rest > 0:
                trouble = _soonest(trouble, _left_alone(ref, rest))
                continue
            try:
                reply = await self._persist(ref, messages, alone=len(models) == 1)
            except TransientError as error:
                trouble = _soonest(trouble, error)
            except UnpricedError as error:
                trouble = trouble or error
            else:
                self._reach.circuits.answered(_names(ref))
                self._say_who_answers(ref, messages, trouble)
                return reply
        assert trouble is not None
        raise trouble

    def _say_who_answers(self, ref: ModelRef, messages: Sequence[Message], trouble: Exception | None) -> None:
        """Note a change of models in the journal: the conversation goes on as it is, in the other's format."""
        ours = [str(model) for model in self._task.models]
        spoke = [message.model for message in messages if message.role == "assistant" and message.model in ours]
        # A session that goes on with a stronger model, or with others that were set since, was not let down by any.
        before = spoke[-1] if spoke else ours[0]
        if before != str(ref):
            why = str(trouble).replace("\n", "; ")[:500] if trouble else f"{ref} answers again"
            self._log.append(notes=[("switched", {"from": before, "to": str(ref), "why": why})])

    def saw(self, call: ToolCall, result: ToolReturn) -> None:
        """A real model hears of results with its next request."""

    async def _persist(self, ref: ModelRef, messages: Sequence[Message], *, alone: bool) -> ModelReply:
        """The reply of one model, which is asked again for as long as that makes sense. `alone`: there is no other."""
        failures = silent = limits = 0
        waited = 0.0
        while True:
            try:
                return await self._once(ref, messages)
            except UnsupportedError as error:
                if not self._leave_out(ref, error.field):
                    raise
            except RateLimitedError as error:
                limits += 1
                delay = rate_wait(limits, waited, error)
                self._note_limit(ref, error, delay)
                if delay is None:
                    self._reach.circuits.rests(str(ref), error.retry_after or LONGEST_WAIT, error.why or error.what)
                    raise
                waited += delay
                await self._reach.pause(delay)
            except TransientError as error:
                failures += 1
                silent += isinstance(error, SilentError)
                opened = self._failed(ref, error)
                if isinstance(error, SilentError) and silent == 1 and alone and not opened:
                    continue
                delay = None if opened else wait(failures, error)
                if delay is None:
                    if not alone and not opened:
                        self._reach.circuits.rests(str(ref), LONGEST_WAIT, error.why or error.what)
                    raise
                await self._reach.pause(delay)

    def _failed(self, ref: ModelRef, error: TransientError) -> bool:
        """Count an outage; whether the provider or the model is left alone from now on."""
        name = ref.provider if isinstance(error, UnreachableError) else str(ref)
        seconds = self._reach.circuits.failed(name, error.why or error.what)
        if seconds > 0:
            data = {"name": name, "seconds": round(seconds, 1), "why": (error.why or error.what)[:500]}
            self._log.append(notes=[("circuit", data)])
        return seconds > 0

    def _note_limit(self, ref: ModelRef, error: RateLimitedError, delay: float | None) -> None:
        waits = None if delay is None else round(delay, 2)
        self._log.append(notes=[("rate-limit", {"model": str(ref), "asked": error.retry_after, "waits": waits})])

    def _leave_out(self, ref: ModelRef, field: str) -> bool:
        """Note that `ref` does not take an optional field; False when it is not optional or was left out already."""
        name = field.partition("[")[0].partition(".")[0]
        refused = self._refused.setdefault(ref, set())
        if name not in OPTIONAL or name in refused:
            return False
        refused.add(name)
        for kept in (self._heads, self._items, self._encoded):
            kept.pop(ref, None)
        return True

    async def _once(self, ref: ModelRef, messages: Sequence[Message]) -> ModelReply:
        endpoint = self._reach.endpoint(ref)
        headers = endpoint.signed(ref.provider)
        body = self._body(ref, endpoint, messages)
        await self._log.reserve(quote_of(ref, len(body), endpoint))
        started = time.monotonic()
        answer = await self._asked(ref, endpoint, headers, body)
        seconds = time.monotonic() - started
        message = _message(ref, answer, seconds, endpoint)
        return ModelReply(message, answer.stop, hashlib.sha256(body).hexdigest(), seconds)

    async def _asked(self, ref: ModelRef, endpoint: Endpoint, headers: dict[str, str], body: bytes) -> Answer:
        """The answer to one request that was reserved; without one, what was reserved is let go."""
        sent, idle = Sent(), self._task.limits.idle_seconds
        answer = None
        try:
            async with asyncio.timeout(LONGEST_REQUEST) as limit:
                url, who = endpoint.url(ref.model), f"model `{ref}`"
                answer = await ask(self._reach.client, endpoint, url, headers, body, sent, who=who, idle=idle)
        except TimeoutError as error:
            if not limit.expired():
                raise
            why = f"its reply was not whole after {LONGEST_REQUEST:g} s"
            raise TransientError(f"model `{ref}` took too long", why=why) from error
        finally:
            if answer is None:
                self._log.let_go(paid=sent.paid)
        return answer

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
            items += encoded(endpoint.wire, message, owner)
        self._encoded[ref] = len(messages)
        return whole_request(self._heads[ref], items)


def _names(ref: ModelRef) -> tuple[str, str]:
    """What a model is left alone by: its provider's name, and its own."""
    return (ref.provider, str(ref))


def _left_alone(ref: ModelRef, rest: float) -> TransientError:
    return TransientError(
        f"model `{ref}` is left alone",
        why=f"it did not answer before, or asked for it; it is tried again in {rest:.0f} s",
        fix="`setpoint doctor` shows who does not answer; add a model of another provider as a fallback",
        retry_after=rest,
    )


def _soonest(known: Exception | None, found: TransientError) -> TransientError:
    """Of two troubles the one that is over first; one that does not say when counts as the later news."""
    if not isinstance(known, TransientError) or found.retry_after is None:
        return found
    return known if known.retry_after is not None and known.retry_after <= found.retry_after else found


def _begins(task: Task) -> str:
    """The same for all sessions whose requests begin alike."""
    return hashlib.sha256("\0".join((task.instructions, *task.turns[:1])).encode("utf-8", "replace")).hexdigest()[:32]


def _message(ref: ModelRef, answer: Answer, seconds: float, endpoint: Endpoint) -> Message:
    """Opaque parts are the model's own: only it gets them back."""
    parts = tuple(
        part.model_copy(update={"provider": str(ref)}) if isinstance(part, Opaque) else part for part in answer.parts
    )
    return Message(role="assistant", parts=parts, usage=usage_of(ref, answer.tokens, seconds, endpoint), model=str(ref))


async def sleep(seconds: float) -> None:
    """The pause between two requests outside tests."""
    await asyncio.sleep(seconds)

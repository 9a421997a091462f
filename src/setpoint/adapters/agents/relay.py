"""A metering relay to models: what runs in a sandbox asks it without a key, and each request is held and counted here.

It takes the providers' own wire formats on a unix socket that is shown inside, asks for the models it was told and no
others, and passes replies on as they come. The key is added on this side and never crosses.
"""

import asyncio
import json
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import h11
import httpx2

from ...errors import SetpointError, TransientError
from ...model.command import Command, Completed, Layer
from ...model.money import Quote
from ...model.session import ModelRef
from ...ports import Sandbox
from ..loopback import forwarded
from .addressed import Address, addressed, variables
from .asked import judged, parsed
from .asked_google import judged as judged_google
from .endpoint import Endpoint
from .fallback import Fallbacks, OutageError, Tried, pieces, refusal
from .faults import UnreachableError
from .http import CONNECT_SECONDS
from .metering import LONGEST_REQUEST, Meter, quote_of, usage_of
from .reading import Reading

SOCKET = "models"
PLACE = "/run/setpoint/models"
"""Where the socket's folder is shown."""
KEY = "held-outside"
"""What stands for the key inside: agents want one set."""
LARGEST_REQUEST = 32 * 1024 * 1024
AT_ONCE = 16
"""Requests of one command under way; more are refused."""
MOST_COUNTED = 100
"""Requests that only have tokens counted, between two for a reply: they cost nothing, and nobody makes them wait."""
IDLE_SECONDS = 300.0
"""How long a provider, or whoever asks, may say nothing."""
_PASSED_ON = (
    *("accept", "anthropic-version", "anthropic-beta", "openai-beta", "user-agent", "x-stainless-helper-method"),
    *("x-app", "originator", "session-id", "x-openai-internal-codex-responses-lite"),
)
"""Headers of a request that a provider is sent; the last four tell an agent's own maker who asks, and in which form."""
_BETA = "anthropic-beta"
_TOLD_ANYBODY = frozenset((_BETA, "anthropic-version", "content-type", "accept-encoding"))
"""Headers of ours that hold no secret."""
_SHORTEST_SECRET = 8
_PASSED_BACK = ("content-type", "request-id", "x-request-id", "retry-after")


class _RefusedError(Exception):
    """Answer with this status and these words."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


@dataclass(frozen=True)
class _Asked:
    ref: ModelRef
    endpoint: Endpoint
    address: Address
    """How it was asked for."""
    body: bytes
    headers: Mapping[str, str]
    """Those of whoever asks that are passed on."""
    quote: Quote
    metered: bool
    last: bool = True
    """Whether nobody else can be asked: then whoever asks is told what it says."""

    def sent(self) -> tuple[str, dict[str, str]]:
        """Where to, and with which headers: ours over those that were told. Raises NotSignedInError, ConfigError."""
        endpoint = self.endpoint.now()
        signed = {name.lower(): value for name, value in endpoint.signed(self.ref.provider).items()}
        named = [*self.headers.get(_BETA, "").split(","), *signed.get(_BETA, "").split(",")]
        betas = ",".join(dict.fromkeys(part.strip() for part in named if part.strip()))
        together = {_BETA: betas} if betas else {}
        return self.address.url(self.ref, endpoint), {
            **self.headers,
            **signed,
            **together,
            "accept-encoding": "identity",
        }


class Relay:
    """The way of one command to its models."""

    def __init__(
        self,
        models: Mapping[ModelRef, Endpoint],
        meter: Meter,
        client: httpx2.AsyncClient,
        folder: Path,
        fallbacks: Fallbacks | None = None,
    ) -> None:
        """`fallbacks`: who is asked where one does not answer; none: each request goes where it was meant to."""
        self.folder = folder
        """Holds the socket; shown inside."""
        self.refused: dict[str, int] = {}
        """What was asked for and not given, with how often."""
        self._models = models
        self._meter = meter
        self._client = client
        self._fallbacks = fallbacks
        self._tasks: set[asyncio.Task[None]] = set()
        self._counted = 0

    def env(self) -> dict[str, str]:
        """What commands are told: where each kind of provider is, and a key that is none."""
        return variables(self._models.values(), KEY)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, request by request, to its end."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            # Each holds a descriptor of the worker, which carries other runs too: who says nothing is not waited for.
            if len(self._tasks) <= 4 * AT_ONCE:
                await self._talk(reader, writer)
        except (OSError, TimeoutError, h11.ProtocolError, asyncio.CancelledError):
            return  # whoever asked is gone, or speaks no HTTP, or it is all over: the task is this connection's alone
        finally:
            self._tasks.discard(task)
            writer.close()

    async def close(self) -> None:
        """End what is under way."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = h11.Connection(h11.SERVER)
        while talk.states == {h11.CLIENT: h11.IDLE, h11.SERVER: h11.IDLE}:
            try:
                found = await self._request(talk, reader, writer)
                if found is None:
                    return
                await self._answer(*found, talk, writer)
            except _RefusedError as refusal:
                self._note(str(refusal))
                await _say(talk, writer, refusal.status, str(refusal))
            if h11.MUST_CLOSE in talk.states.values():
                return
            talk.start_next_cycle()

    async def _request(
        self, talk: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> tuple[h11.Request, bytes] | None:
        """The next request, whole; None at the end. Raises _RefusedError before more is read than can be held."""
        request, body = None, b""
        while True:
            event = talk.next_event()
            if event is h11.NEED_DATA:
                if talk.they_are_waiting_for_100_continue:
                    await _send(talk, writer, h11.InformationalResponse(status_code=100, headers=[]))
                async with asyncio.timeout(IDLE_SECONDS):
                    talk.receive_data(await reader.read(65_536))
            elif isinstance(event, h11.Request):
                if len(self._tasks) > AT_ONCE:
                    raise _RefusedError(429, f"more than {AT_ONCE} requests at once")
                request = event
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
                if len(body) > LARGEST_REQUEST:
                    await _say(talk, writer, 413, f"a request is at most {LARGEST_REQUEST} bytes")
                    return None
            elif isinstance(event, h11.EndOfMessage) and request is not None:
                return request, body
            else:
                return None

    def _note(self, words: str) -> None:
        told = words if words in self.refused or len(self.refused) < AT_ONCE else "other requests"
        self.refused[told] = self.refused.get(told, 0) + 1

    async def _answer(
        self, request: h11.Request, body: bytes, talk: h11.Connection, writer: asyncio.StreamWriter
    ) -> None:
        ref, told, address = self._read(request, body)
        if self._fallbacks is None or address.counting:
            # Nobody else counts as this one does, and who only counts says nothing of who is well.
            await self._once(self._made(request, ref, told, address), talk, writer)
            return
        for one, last in self._fallbacks.candidates(ref):
            asked = replace(self._made(request, one, self._fallbacks.asked_as(told, ref, one), address), last=last)
            if await self._persist(self._fallbacks, asked, talk, writer):
                return

    async def _persist(
        self, fallbacks: Fallbacks, asked: _Asked, talk: h11.Connection, writer: asyncio.StreamWriter
    ) -> bool:
        """Ask one model for as long as that makes sense; False where another one is to be asked."""
        tried = Tried()
        while True:
            try:
                if await self._once(asked, talk, writer):
                    fallbacks.answered(asked.ref)
                return True
            except OutageError as outage:
                if not await fallbacks.failed(asked.ref, outage.error, tried):
                    return False

    async def _once(self, asked: _Asked, talk: h11.Connection, writer: asyncio.StreamWriter) -> bool:
        """One request; whether it was answered. Raises OutageError where another model can be asked instead."""
        self._counted = 0 if asked.metered else self._counted + 1
        if self._counted > MOST_COUNTED:
            raise _RefusedError(429, f"tokens were counted {MOST_COUNTED} times since a model was last asked")
        if asked.metered:
            try:
                await self._meter.reserve(asked.quote)
            except SetpointError as error:
                raise _RefusedError(403, f"{error.what}: {error.why}; {error.fix}") from error
        try:
            url, headers = asked.sent()
        except SetpointError as error:
            # Where a sign-in lies is none of the asker's business.
            self._turned_away(asked, error)
            raise _RefusedError(401, error.what) from error
        return await self._forward(asked, url, headers, talk, writer)

    def _turned_away(self, asked: _Asked, error: SetpointError) -> None:
        if asked.metered:
            self._meter.turned_away(error)
            self._meter.let_go(asked.quote, paid=False)

    def _read(self, request: h11.Request, body: bytes) -> tuple[ModelRef, dict[str, Any], Address]:
        """Which model is asked, and what, where it may be. Raises _RefusedError."""
        target = request.target.decode("latin-1")
        address = addressed(target, self._models) if request.method == b"POST" else None
        if address is None:
            path = target.partition("?")[0]
            raise _RefusedError(404, f"{request.method.decode('latin-1')} {path[:200]} is not asked through here")
        try:
            told = parsed(body)
        except ValueError as error:
            raise _RefusedError(400, f"the request is no JSON object that can be read in one way: {error}") from error
        name = told.get("model") if address.model is None else address.model
        if not isinstance(name, str):
            raise _RefusedError(400, "the request is no JSON object with a `model`")
        ref = next((ref for ref in address.known if ref.model == name), None)
        if ref is None:
            allowed = ", ".join(sorted(ref.model for ref in address.known))
            raise _RefusedError(403, f"model `{name[:100]}` is not one of this session's: {allowed}")
        return ref, told, address

    def _made(self, request: h11.Request, ref: ModelRef, told: dict[str, Any], address: Address) -> _Asked:
        """The request `told` as it is sent to `ref`. Raises _RefusedError."""
        endpoint = self._models[ref]
        judge = judged_google if endpoint.api == "google" else judged
        try:
            sent = judge(told, endpoint, counting=address.counting)
        except ValueError as error:
            raise _RefusedError(400, str(error)) from error
        for name in sent.left_out:
            self._note(f"left out: {name}")
        told_headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in request.headers}
        passed = {name: value for name in _PASSED_ON if (value := told_headers.get(name, "")) and value.isascii()}
        quote = quote_of(ref, len(sent.body) + sent.weight, endpoint, sent.longest)
        return _Asked(ref, endpoint, address, sent.body, passed, quote, metered=not address.counting)

    async def _forward(
        self, asked: _Asked, url: str, headers: dict[str, str], talk: h11.Connection, writer: asyncio.StreamWriter
    ) -> bool:
        started, paid, settled = time.monotonic(), True, False
        timeout = httpx2.Timeout(IDLE_SECONDS, connect=CONNECT_SECONDS, pool=None)
        reading = Reading(asked.endpoint)
        try:
            async with (
                asyncio.timeout(LONGEST_REQUEST),
                self._client.stream("POST", url, content=asked.body, headers=headers, timeout=timeout) as response,
            ):
                paid = response.status_code == 200
                if asked.metered and response.status_code in (401, 403):
                    self._meter.turned_away(asked.endpoint.turned_away(asked.ref.provider, response.status_code))
                words = None if paid else await refusal(asked.ref, response, _secrets(headers, asked), last=asked.last)
                await _head(talk, writer, response)
                async for chunk in pieces(response, words):
                    reading.feed(chunk, streamed="json" not in response.headers.get("content-type", ""))
                    await _send(talk, writer, h11.Data(data=chunk))
                if asked.metered and paid and (answer := reading.answer()) is not None:
                    usage = usage_of(asked.ref, answer.tokens, time.monotonic() - started, asked.endpoint)
                    self._meter.heard(answer.parts)
                    self._meter.settle(asked.quote, usage)
                    settled = True
            await _send(talk, writer, h11.EndOfMessage())
            return paid
        except (httpx2.TransportError, httpx2.DecodingError) as error:
            away = isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout)
            paid = paid and not away
            if talk.our_state is not h11.SEND_RESPONSE and talk.our_state is not h11.IDLE:
                raise OSError("the reply was cut off") from error
            if not asked.last:
                kind = UnreachableError if away else TransientError
                why = str(error) or type(error).__name__
                raise OutageError(kind(f"model `{asked.ref}` was out of reach", why=why)) from error
            raise _RefusedError(502, f"model `{asked.ref}` was out of reach") from error
        finally:
            if asked.metered and not settled:
                self._meter.let_go(asked.quote, paid=paid)


def _secrets(headers: Mapping[str, str], asked: _Asked) -> list[str]:
    """What is in `headers` that whoever asks is not told, though the provider should say it."""
    ours = (value for name, value in headers.items() if name not in asked.headers and name not in _TOLD_ANYBODY)
    return [value.removeprefix("Bearer ") for value in ours if len(value) >= _SHORTEST_SECRET]


async def _head(talk: h11.Connection, writer: asyncio.StreamWriter, response: httpx2.Response) -> None:
    passed = [(name, value) for name in _PASSED_BACK if (value := response.headers.get(name))]
    head = h11.Response(status_code=response.status_code, headers=[*passed, ("transfer-encoding", "chunked")])
    await _send(talk, writer, head)


async def _say(talk: h11.Connection, writer: asyncio.StreamWriter, status: int, words: str) -> None:
    """An error in the form that all formats know."""
    told = {"type": "error", "error": {"type": "setpoint", "code": "setpoint", "message": f"setpoint: {words}"}}
    body = json.dumps(told).encode()
    headers = [("content-type", "application/json"), ("content-length", str(len(body)))]
    await _send(talk, writer, h11.Response(status_code=status, headers=headers))
    await _send(talk, writer, h11.Data(data=body))
    await _send(talk, writer, h11.EndOfMessage())


async def _send(talk: h11.Connection, writer: asyncio.StreamWriter, event: Any) -> None:
    sent = talk.send(event)
    if sent:
        writer.write(sent)
        async with asyncio.timeout(IDLE_SECONDS):
            await writer.drain()


@asynccontextmanager
async def relay(models: Mapping[ModelRef, Endpoint], meter: Meter, client: httpx2.AsyncClient) -> AsyncIterator[Relay]:
    """A way to `models` and no others, as long as it is held."""
    folder = Path(tempfile.mkdtemp(prefix="setpoint-models-"))
    try:
        way = Relay(models, meter, client, folder)
        server = await asyncio.start_unix_server(way.serve, folder / SOCKET)
        try:
            yield way
        finally:
            server.close()
            await way.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class WithModels:
    """A sandbox whose commands find their models behind a relay; all else is as in `sandbox`."""

    def __init__(self, sandbox: Sandbox, way: Relay) -> None:
        self._sandbox = sandbox
        self._way = way
        self.level = sandbox.level

    def layers(self) -> Sequence[Layer]:
        """As the sandbox's."""
        return self._sandbox.layers()

    async def run(self, command: Command) -> Completed:
        """Run `command` with the relay on its loopback."""
        return await self._sandbox.run(forwarded(command, self._way.folder, SOCKET, PLACE, self._way.env()))

"""One model request over HTTP: the only place that touches the network."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx2

from ...errors import ConfigError, SetpointError, TransientError
from .endpoint import Endpoint
from .faults import SilentError, UnreachableError, judged, parsed
from .wire.answer import Answer, ProviderFault
from .wire.stream import EventStream

LARGEST_REPLY = 32 * 1024 * 1024
LARGEST_ERROR = 64 * 1024
CONNECT_SECONDS = 10.0
CLOSING_SECONDS = 1.0
"""How long the end of a body is waited for once all of the reply is here; then the connection is not kept."""


def new_client(*, plain: bool = False) -> httpx2.AsyncClient:
    """A client whose connections are shared by all sessions of a process and kept alive. A `plain` one has read no
    certificates, which takes a fiftieth of a second: it is for `http://` alone, and trusts nobody else."""
    return httpx2.AsyncClient(
        verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if plain else True,
        limits=httpx2.Limits(max_connections=256, max_keepalive_connections=64, keepalive_expiry=60.0),
        follow_redirects=False,
    )


@dataclass(slots=True)
class Sent:
    """What became of one request."""

    paid: bool = False
    """Whether it may have been charged for, reply or not."""


async def ask(
    client: httpx2.AsyncClient,
    endpoint: Endpoint,
    url: str,
    headers: dict[str, str],
    body: bytes,
    sent: Sent,
    *,
    who: str,
    idle: float,
) -> Answer:
    """The whole reply to `body`, sent to `url` of `endpoint`. Raises TransientError when there was none or it was cut
    off, SilentError when nothing came for `idle` seconds, UnreachableError without a connection, else what the
    provider's refusal means."""
    timeout = httpx2.Timeout(idle, connect=min(idle, CONNECT_SECONDS), pool=None)
    sent.paid = True
    try:
        async with client.stream("POST", url, content=body, headers=headers, timeout=timeout) as response:
            sent.paid = response.status_code == 200
            if response.status_code != 200:
                told = await bounded(response, LARGEST_ERROR)
                raise judged(who, parsed(told), status=response.status_code, headers=response.headers)
            return await _read(response, endpoint, who)
    except httpx2.ReadTimeout as error:
        raise SilentError(f"{who} was silent", why=f"no byte came for {idle:g} s") from error
    except ProviderFault as fault:
        raise judged(who, fault.body) from fault
    except (httpx2.InvalidURL, httpx2.UnsupportedProtocol) as error:
        sent.paid = False
        raise ConfigError(f"{who}: {url} is not a URL", why=str(error), fix="mend `base_url`") from error
    except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
        sent.paid = False
        raise UnreachableError(f"{who} was out of reach", why=str(error) or type(error).__name__) from error
    except (httpx2.TransportError, httpx2.DecodingError) as error:
        raise TransientError(f"{who} was out of reach", why=str(error) or type(error).__name__) from error


async def _read(response: httpx2.Response, endpoint: Endpoint, who: str) -> Answer:
    try:
        if "json" in response.headers.get("content-type", ""):
            body = parsed(await bounded(response, LARGEST_REPLY))
            if not isinstance(body, dict):
                raise ValueError("the reply is not a JSON object")
            if body.get("error"):
                raise ProviderFault(body)
            return endpoint.wire.whole(body)
        return await _streamed(response, endpoint, who)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise TransientError(f"{who} sent what is not its format", why=f"{type(error).__name__}: {error}") from error


async def _streamed(response: httpx2.Response, endpoint: Endpoint, who: str) -> Answer:
    reader, events, size = endpoint.wire.reader(), EventStream(), 0
    chunks = response.aiter_bytes()
    async for chunk in chunks:
        size += len(chunk)
        if size > LARGEST_REPLY:
            raise SetpointError(f"{who} sent more than {LARGEST_REPLY} bytes", fix="choose another model")
        for event in events.feed(chunk):
            reader.feed(event)
        if reader.closed:
            await _closing(chunks)
            break
    if not reader.complete:
        raise TransientError(f"{who} was cut off", why="the stream ended before the reply did")
    return reader.answer()


async def _closing(chunks: AsyncIterator[bytes]) -> None:
    """Read to the body's end, so that the connection can be used again."""
    try:
        async with asyncio.timeout(CLOSING_SECONDS):
            async for _ in chunks:
                pass
    except (TimeoutError, httpx2.TransportError):
        return  # the reply is whole; only the connection is lost


async def bounded(response: httpx2.Response, limit: int) -> bytes:
    """The body, or a little more than its first `limit` bytes."""
    body = b""
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > limit:
            break
    return body

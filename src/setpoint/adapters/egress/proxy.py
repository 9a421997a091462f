"""A forward proxy for one command: `CONNECT` and plain HTTP to named hosts, everything else refused and told.

It listens on a unix socket that is shown in the sandbox. TLS is not broken: what goes through is not seen, how much is.
"""

import asyncio
import contextlib
import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from ...model.network import Connection, Destination, destination, is_address, plain_name
from .addresses import RefusedHostError, addresses

SOCKET = "proxy"
_HEAD = 16_384
_HEAD_SECONDS, _CONNECT_SECONDS, _IDLE_SECONDS = 15.0, 15.0, 120.0
AT_ONCE = 64
"""Connections of one command; more are refused."""
_BYTES = 8 * 1024**3
"""Bytes of one command, both ways together."""
_NAMES = 200
"""Hosts that are told of one by one; the rest is told together."""
_CHUNK = 65_536
_NAME = 253
"""Characters of a host's name."""
_HIDDEN = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_OURS = ("connection", "proxy-connection", "proxy-authorization", "keep-alive", "host", "upgrade", "te")


class _StopError(Exception):
    """Answer with this status and these words, and close."""

    def __init__(self, status: str, words: str) -> None:
        super().__init__(words)
        self.status = status


@dataclass
class _Count:
    times: int = 0
    sent: int = 0
    received: int = 0
    why: str = ""


@dataclass(frozen=True)
class _Request:
    name: str
    port: int
    first: bytes
    """What the host is sent before all else; empty for CONNECT."""


class Egress:
    """The way out of one command."""

    def __init__(self, allowed: Sequence[Destination], folder: Path) -> None:
        self.folder = folder
        """Holds the socket; shown inside."""
        self._allowed = {(one.name, one.port): one for one in allowed}
        self._counts: dict[tuple[bool, str], _Count] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._bytes = 0
        self._over = False

    def connections(self) -> tuple[Connection, ...]:
        """What was tried so far, refusals first."""
        return tuple(
            Connection(host=host, allowed=ok, times=c.times, sent=c.sent, received=c.received, why=c.why[:300])
            for (ok, host), c in sorted(self._counts.items())
        )

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection of the command, to its end."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            if not self._over and len(self._tasks) <= 4 * AT_ONCE:
                await self._answer(reader, writer)
        except _StopError as stop:
            await _say(writer, stop)
        except asyncio.CancelledError:
            # The server's own callback would log a cancelled connection as trouble.
            if not self._over:
                raise
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return  # one side left, or said nothing for long
        finally:
            self._tasks.discard(task)
            writer.close()

    async def close(self) -> None:
        """End what still runs, and whatever still comes."""
        self._over = True
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(_HEAD_SECONDS):
            head = await reader.readuntil(b"\r\n\r\n")
        if len(self._tasks) > AT_ONCE:
            raise _StopError("503 Service Unavailable", f"more than {AT_ONCE} connections at once")
        asked = _request(head)
        host = f"{asked.name}:{asked.port}"
        try:
            far = await self._connected(asked)
        except RefusedHostError as error:
            self._count(host, False).why = str(error)
            raise _StopError("403 Forbidden", f"{host} was refused: {error}") from error
        except (OSError, TimeoutError) as error:
            self._count(host, True).why = f"it does not answer: {error or 'no answer in time'}"
            raise _StopError("502 Bad Gateway", f"{host} does not answer: {error or 'no answer in time'}") from error
        await self._relay(asked, (reader, writer), far, self._count(host, True))

    def _count(self, host: str, ok: bool) -> _Count:
        full = len(self._counts) >= _NAMES and (ok, host) not in self._counts
        count = self._counts.setdefault((ok, "other hosts" if full else host), _Count())
        count.times += 1
        return count

    async def _connected(self, asked: _Request) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        wanted = self._allowed.get((asked.name, asked.port))
        if wanted is None:
            named = ", ".join(f"{name}:{port}" for name, port in self._allowed)
            what = "it is an address, not a name" if is_address(asked.name) else "it is not named"
            raise RefusedHostError(f"{what}; named are {named}")
        trouble: Exception = OSError("no address")
        for address in (await addresses(wanted))[:4]:
            try:
                async with asyncio.timeout(_CONNECT_SECONDS):
                    return await asyncio.open_connection(address, wanted.port)
            except (OSError, TimeoutError) as error:
                trouble = error
        raise trouble

    async def _relay(
        self,
        asked: _Request,
        near: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        far: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        count: _Count,
    ) -> None:
        try:
            if asked.first:
                far[1].write(asked.first)
                count.sent += len(asked.first)
            else:
                near[1].write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            ways = [self._copy(near[0], far[1], count, "sent"), self._copy(far[0], near[1], count, "received")]
            tasks = [asyncio.ensure_future(way) for way in ways]
            try:
                await asyncio.gather(*tasks)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            far[1].close()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, count: _Count, way: str) -> None:
        while True:
            async with asyncio.timeout(_IDLE_SECONDS):
                piece = await reader.read(_CHUNK)
            if not piece:
                break
            self._bytes += len(piece)
            setattr(count, way, getattr(count, way) + len(piece))
            if self._bytes > _BYTES:
                count.why = f"more than {_BYTES // 1024**3} GiB went through"
                raise OSError(count.why)
            writer.write(piece)
            async with asyncio.timeout(_IDLE_SECONDS):
                await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


def _request(head: bytes) -> _Request:
    """What is asked for. Raises _StopError."""
    lines = head.decode("latin-1").split("\r\n")
    parts = lines[0].split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        raise _StopError("400 Bad Request", "this is no HTTP/1.1")
    if _HIDDEN.search(head.removesuffix(b"\r\n\r\n").replace(b"\r\n", b"")):
        raise _StopError("400 Bad Request", "a line of the head holds control characters")
    method, target, version = parts
    if method == "CONNECT":
        name, _, port = target.rpartition(":")
        return _Request(_host(name), _port(port), b"")
    try:
        url = urlsplit(target)
        name, port = url.hostname or "", str(url.port or 80)
    except ValueError as error:
        raise _StopError("400 Bad Request", "no such URL") from error
    if url.scheme != "http" or not name:
        raise _StopError("400 Bad Request", "ask for http:// URLs, or CONNECT")
    path = (url.path or "/") + (f"?{url.query}" if url.query else "")
    # One request a connection, to the host that was asked for: whatever the client says of either is left out.
    kept = [line for line in lines[1:] if line and line.partition(":")[0].strip().lower() not in _OURS]
    host = f"Host: {name}" if port == "80" else f"Host: {name}:{port}"
    told = "\r\n".join((f"{method} {path} {version}", host, *kept, "Connection: close", "", ""))
    return _Request(_host(name), _port(port), told.encode("latin-1"))


def _host(text: str) -> str:
    """A name as names are compared; whether it may be reached is asked later. Raises _StopError for what is none."""
    name = plain_name(text)
    if not name or len(name) > _NAME or not name.isascii() or not name.isprintable():
        raise _StopError("400 Bad Request", "no such name; names beyond ASCII are asked for in their xn-- form")
    return name


def _port(text: str) -> int:
    if not re.fullmatch("[0-9]{1,5}", text) or not 0 < int(text) < 65_536:
        raise _StopError("400 Bad Request", "no such port")
    return int(text)


async def _say(writer: asyncio.StreamWriter, stop: _StopError) -> None:
    words = f"setpoint: {stop}\n".encode()
    told = (f"HTTP/1.1 {stop.status}", "Content-Type: text/plain", f"Content-Length: {len(words)}", "Connection: close")
    head = "".join(f"{line}\r\n" for line in (*told, ""))
    with contextlib.suppress(OSError):
        writer.write(head.encode("latin-1", "replace") + words)
        await writer.drain()


@asynccontextmanager
async def egress(hosts: Sequence[str]) -> AsyncIterator[Egress]:
    """A way out to `hosts` and nowhere else, as long as it is held. Raises ValueError for what names no host."""
    folder = Path(tempfile.mkdtemp(prefix="setpoint-egress-"))
    try:
        way = Egress([destination(host) for host in hosts], folder)
        server = await asyncio.start_unix_server(way.serve, folder / SOCKET, limit=_HEAD)
        try:
            yield way
        finally:
            server.close()
            await way.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)

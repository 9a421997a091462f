"""Services of the host that no command may reach: each answers whoever comes with a secret, and notes it."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex

_NOWHERE = ("192.0.2.1", 9)
"""An address of documents: asking for a way there sends nothing, and tells this machine's own address."""


@dataclass
class Services:
    """What listens, and who came."""

    secret: str
    came: list[str] = field(default_factory=list)
    """Names of the services that somebody reached."""
    port: int = 0
    """TCP and UDP on 127.0.0.1, and on this machine's own address."""
    address: str = "127.0.0.1"
    """This machine's own address; loopback where it has no other."""
    port6: int = 0
    """TCP on ::1; that of 127.0.0.1 where there is no IPv6."""
    socket: Path = Path()
    abstract: str = ""


@asynccontextmanager
async def listening(folder: Path, secret: str) -> AsyncIterator[Services]:
    """Services in `folder` and on loopback, until the end of the context."""
    services = Services(secret, socket=folder / "agent.sock", abstract=f"setpoint-{token_hex(8)}")
    async with AsyncExitStack() as stack:
        services.port = await _tcp(stack, services, "loopback", "127.0.0.1", 0)
        await _udp(stack, services, "loopback (UDP)", "127.0.0.1", services.port)
        services.port6 = services.port
        with suppress(OSError):
            services.port6 = await _tcp(stack, services, "IPv6 loopback", "::1", 0)
        own = _own_address()
        with suppress(OSError):
            await _tcp(stack, services, "this machine's address", own, services.port)
            await _udp(stack, services, "this machine's address (UDP)", own, services.port)
            services.address = own
        answer = _answering(services, "socket file")
        await _until_end(stack, await asyncio.start_unix_server(answer, str(services.socket)))
        abstract = socket.socket(socket.AF_UNIX)
        abstract.bind(f"\0{services.abstract}")
        answer = _answering(services, "abstract socket")
        await _until_end(stack, await asyncio.start_unix_server(answer, sock=abstract))
        yield services


def _own_address() -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking, suppress(OSError):
        asking.connect(_NOWHERE)
        return str(asking.getsockname()[0])
    return "127.0.0.1"


async def _tcp(stack: AsyncExitStack, services: Services, name: str, address: str, port: int) -> int:
    server = await asyncio.start_server(_answering(services, name), address, port)
    await _until_end(stack, server)
    return int(server.sockets[0].getsockname()[1])


async def _udp(stack: AsyncExitStack, services: Services, name: str, address: str, port: int) -> None:
    class Heard(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: object) -> None:
            services.came.append(name)

    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Heard, (address, port))
    stack.callback(transport.close)


async def _until_end(stack: AsyncExitStack, server: asyncio.Server) -> None:
    stack.callback(server.close)


def _answering(services: Services, name: str) -> "asyncio.streams._ClientConnectedCallback":
    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        services.came.append(name)
        with suppress(OSError):
            writer.write(f"HTTP/1.0 200 OK\r\n\r\n{services.secret}\n".encode())
            await writer.drain()
        writer.close()

    return answer

"""A program in a room's sandbox that is talked to while it runs: its standard input and output are two ends of ours.

It is an ordinary command of the room, so all that holds a command holds it, at every level that can show a socket of
the host. A small program inside joins its input and output to that socket and then becomes the command.
"""

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from ..errors import SandboxError
from ..model.command import CommandLimits, Completed
from ..ports import Room

LONGEST_LINE = 4 * 1024 * 1024
"""Bytes of one line that is read; a longer one is an error."""
_SOCKET = "talk"
_GRACE = 1.0
"""Seconds a program has to end once its input has."""
# It runs under whatever Python 3 is inside. A tunnel is a port of the sandbox's own loopback that leads to a host by
# the proxy, for programs that speak another protocol than HTTP.
_JOIN = r"""
import _socket, os, socket, sys

def copy(source, target):
    try:
        while True:
            piece = source.recv(65536)
            if not piece:
                break
            target.sendall(piece)
    except OSError:
        pass
    try:
        target.shutdown(_socket.SHUT_WR)
    except OSError:
        pass

count = int(sys.argv[1])
tunnels, argv = sys.argv[2:2 + count], sys.argv[2 + count:]
place = os.environ.pop("SETPOINT_REPORTS")
talk = socket.socket(socket.AF_UNIX)
try:
    talk.connect(place + "/talk")
except OSError as error:
    sys.exit("no way to talk to the worker from this sandbox: %s" % error)

def lead(listener, host):
    import threading
    from urllib.parse import urlsplit
    proxy = urlsplit(os.environ["http_proxy"])

    def serve(near):
        try:
            far = socket.create_connection((proxy.hostname, proxy.port), 30)
        except OSError:
            return near.close()
        with near, far:
            far.settimeout(None)
            far.sendall(("CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n" % (host, host)).encode())
            head = b""
            while not head.endswith(b"\r\n\r\n") and len(head) < 4096:
                piece = far.recv(1)
                if not piece:
                    return
                head += piece
            if b" 200 " not in head.split(b"\r\n")[0]:
                return
            back = threading.Thread(target=copy, args=(far, near))
            back.start()
            copy(near, far)
            back.join()

    while True:
        threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

for told in tunnels:
    port, _, host = told.partition("=")
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(port)))
    listener.listen(16)
    if os.fork() == 0:
        talk.close()
        nowhere = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(nowhere, number)
        lead(listener, host)
    listener.close()
os.dup2(talk.fileno(), 0)
os.dup2(talk.fileno(), 1)
talk.close()
try:
    os.execvp(argv[0], argv)
except OSError as error:
    sys.exit("%s cannot be run: %s" % (argv[0], error.strerror))
"""


class Talk:
    """Both ends of a program that runs."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, run: asyncio.Task[Completed]
    ) -> None:
        self.reader = reader
        """What it says on standard output."""
        self.writer = writer
        """What it is told on standard input."""
        self._run = run

    async def settled(self, seconds: float) -> None:
        """Return once it has ended, at most after so long."""
        await asyncio.wait([self._run], timeout=seconds)

    @property
    def ending(self) -> Completed | None:
        """How it ended by itself, with what it wrote on standard error; None while it runs, or when it was ended."""
        run = self._run
        return run.result() if run.done() and not run.cancelled() and run.exception() is None else None


@asynccontextmanager
async def talking(
    room: Room,
    argv: Sequence[str],
    *,
    limits: CommandLimits,
    env: Mapping[str, str] | None = None,
    network: Sequence[str] = (),
    tunnels: Mapping[int, str] | None = None,
) -> AsyncIterator[Talk]:
    """Start `argv` in `room` and talk to it. `tunnels`: ports of its own loopback, each with the host (`name:port`
    of `network`) that it leads to. At the end its input is closed, and shortly after nothing of it is left; when this
    is cancelled, at once. Raises SandboxError when it could not be started."""
    folder = Path(tempfile.mkdtemp(prefix="setpoint-talk-"))
    joined: asyncio.Future[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Future()

    def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if joined.done():
            writer.close()  # whoever comes second is not the program
        else:
            joined.set_result((reader, writer))

    try:
        server = await asyncio.start_unix_server(join, folder / _SOCKET, limit=LONGEST_LINE)
        leads = [f"{port}={host}" for port, host in (tunnels or {}).items()]
        command = ("python3", "-I", "-S", "-c", _JOIN, str(len(leads)), *leads, *argv)
        started = room.run(command, limits=limits, env=dict(env or {}), network=network, reports=folder)
        run = asyncio.ensure_future(started)
        try:
            waiting: list[asyncio.Future[Any]] = [run, joined]
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            server.close()
            if not joined.done():
                raise _not_started(argv, await run)
            yield Talk(*joined.result(), run)
            await _close(joined.result()[1], run)
        finally:
            server.close()
            if joined.done():
                joined.result()[1].close()
            run.cancel()
            await asyncio.gather(run, return_exceptions=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _close(writer: asyncio.StreamWriter, run: "asyncio.Task[Completed]") -> None:
    with contextlib.suppress(OSError):
        writer.write_eof()
    await asyncio.wait([run], timeout=_GRACE)


def _not_started(argv: Sequence[str], done: Completed) -> SandboxError:
    return SandboxError(
        f"`{argv[0]}` did not start in the sandbox",
        why=done.stderr.strip()[-500:] or f"exit code {done.exit_code}",
        fix="it needs a python3 in the sandbox, and a level that shows a socket of the host (not microvm)",
    )

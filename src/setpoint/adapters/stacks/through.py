"""Bytes through a door: from a command to the service behind it, and back."""

import asyncio
import os
import socket
import stat
from pathlib import Path

_CHUNK = 65_536


async def through(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, place: Path) -> None:
    """Carry all that comes to the socket at `place`, and its answers back, until both sides end. Raises OSError."""
    far_reader, far_writer = await asyncio.open_unix_connection(sock=_connected(place))
    ways = [
        asyncio.ensure_future(_copied(reader, far_writer)),
        asyncio.ensure_future(_copied(far_reader, writer)),
    ]
    try:
        await asyncio.gather(*ways, return_exceptions=True)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        far_writer.close()


def _connected(place: Path) -> socket.socket:
    """A connection to the socket that lies at `place` itself: the folder is writable from inside a sandbox, and a link
    there could lead to a socket of the host. Raises OSError; never waits."""
    handle = os.open(place, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if not stat.S_ISSOCK(os.fstat(handle).st_mode):
            raise ConnectionRefusedError(f"{place} is no socket")
        far = socket.socket(socket.AF_UNIX)
        far.setblocking(False)
        try:
            far.connect(f"/proc/self/fd/{handle}")
        except OSError:
            far.close()
            raise
        return far
    finally:
        os.close(handle)


async def _copied(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while piece := await reader.read(_CHUNK):
            writer.write(piece)
            await writer.drain()
    finally:
        writer.write_eof()

"""A command on the host, as a CI deploy step runs it: cleared environment, own session, time limit, capped output."""

import asyncio
import contextlib
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..model.command import Completed
from .children import ended, started

_GRACE = 0.5
"""Seconds in which a finished command's background children may still hold its output open."""


class _Capped:
    """Keeps the first and the last half of what it is fed."""

    def __init__(self, most: int) -> None:
        self._half = most // 2
        self._first = b""
        self._last = b""
        self.dropped = 0
        self.ended = asyncio.Event()

    def feed(self, piece: bytes) -> None:
        room = self._half - len(self._first)
        self._first += piece[:room]
        rest = self._last + piece[room:]
        self._last = rest[-self._half :]
        self.dropped += len(rest) - len(self._last)

    def text(self) -> str:
        note = f"\n[... {self.dropped} bytes left out ...]\n".encode() if self.dropped else b""
        return (self._first + note + self._last).decode("utf-8", "replace")


class _Feed(asyncio.Protocol):
    def __init__(self, kept: _Capped) -> None:
        self._kept = kept

    def data_received(self, data: bytes) -> None:
        self._kept.feed(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._kept.ended.set()


async def run_on_host(
    argv: Sequence[str], cwd: Path, env: Mapping[str, str], *, seconds: float, output_bytes: int
) -> Completed:
    """Run `argv` to its end or its limit; at the limit, or when cancelled, its whole process group is killed."""
    begun = time.monotonic()
    # A pipe of our own: asyncio would take a process for running as long as anybody holds its output open.
    reading, writing = os.pipe()
    kept = _Capped(output_bytes)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: _Feed(kept), os.fdopen(reading, "rb"))
    try:
        process = await started(
            argv,
            cwd=cwd,
            env=dict(env),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=writing,
            stderr=asyncio.subprocess.STDOUT,
        )
    except asyncio.CancelledError:
        transport.close()
        raise
    except OSError as error:
        transport.close()
        return Completed(exit_code=127, stdout=f"{argv[0]}: {error.strerror}\n", stderr="", seconds=0.0, level="host")
    finally:
        os.close(writing)
    timed_out = False
    try:
        async with asyncio.timeout(seconds):
            await process.wait()
    except TimeoutError:
        timed_out = True
    finally:
        await ended(process)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(kept.ended.wait(), _GRACE)
        transport.close()
    return Completed(
        exit_code=124 if timed_out else process.returncode or 0,
        stdout=kept.text(),
        stderr="",
        seconds=time.monotonic() - begun,
        truncated=kept.dropped > 0,
        timed_out=timed_out,
        killed="time" if timed_out else "",
        level="host",
    )

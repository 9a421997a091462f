"""Processes of the host, started so that a cancellation at any moment leaves none behind."""

import asyncio
import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from typing import Any


async def started(argv: Sequence[str], **options: Any) -> asyncio.subprocess.Process:
    """Start `argv` as the leader of a session of its own. Cancelled meanwhile, it is ended first. Raises OSError and
    ValueError when it cannot be started."""
    # asyncio itself waits for ever when its own start of a process is cancelled at the wrong moment (Python 3.11).
    starting = asyncio.ensure_future(asyncio.create_subprocess_exec(*argv, start_new_session=True, **options))
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        while not starting.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([starting])
        if not starting.cancelled() and starting.exception() is None:
            await ended(starting.result())
        raise


async def ended(process: asyncio.subprocess.Process) -> None:
    """End the process with its whole group, where it has not ended yet."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()

"""Small JSON records in a folder: each written whole or not at all, guarded between processes by file locks."""

import asyncio
import errno
import fcntl
import os
import secrets
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from ...errors import DiskFullError, TransientError


def write_whole(path: Path, content: bytes) -> None:
    """Put `content` at `path`: aside, synced, then moved into place. Raises DiskFullError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".new-{os.getpid()}-{secrets.token_hex(4)}")
    try:
        with aside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except OSError as error:
        aside.unlink(missing_ok=True)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            fix = "free some space, then `setpoint resume`"
            raise DiskFullError(f"no room left to write {path.name}", fix=fix) from error
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def taken(path: Path) -> Iterator[bool]:
    """Hold the lock `path` if it is free now; says whether. The system frees it when the holder dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
    finally:
        os.close(handle)


@asynccontextmanager
async def held(path: Path, *, seconds: float = 60.0) -> AsyncIterator[None]:
    """Hold the lock `path`, waiting for it. Raises TransientError after `seconds`."""
    until = time.monotonic() + seconds
    while True:
        with taken(path) as ours:
            if ours:
                yield
                return
        if time.monotonic() > until:
            raise TransientError(f"{path.name} has been held by another process for {seconds:.0f} s")
        await asyncio.sleep(0.01)

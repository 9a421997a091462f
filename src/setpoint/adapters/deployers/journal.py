"""What was done to one environment: an append-only file of steps, read back after a crash."""

import asyncio
import errno
import fcntl
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic import ValidationError

from ...errors import DiskFullError, TransientError
from ...model.record import Record
from ...model.release import Release, StepResult


class Entry(Record):
    """A step that begins (no result) or has ended."""

    step: str
    release: Release | None
    """What the step is about; None: back to nothing."""
    result: StepResult | None = None


class StepJournal:
    """The steps of one environment, oldest first."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "steps.jsonl"
        self._lock = folder / "lock"

    def entries(self) -> tuple[Entry, ...]:
        """All whole entries; a line torn by a crash never happened."""
        try:
            lines = self._path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return ()
        return tuple(entry for line in lines if (entry := _entry(line)))

    def finished(self, step: str, release: Release | None, among: tuple[str, ...]) -> StepResult | None:
        """The result of `step` for `release`, if that is the last that was done of the steps `among`."""
        last = next((entry for entry in reversed(self.entries()) if entry.step in among), None)
        sha = release.sha if release else ""
        if last is None or last.step != step or (last.release.sha if last.release else "") != sha:
            return None
        return last.result

    def current(self) -> Release | None:
        """The release whose smoke passed last, or that was last gone back to."""
        for entry in reversed(self.entries()):
            if entry.result and entry.result.ok and entry.step in ("smoke", "rollback"):
                return entry.release
        return None

    def deployed(self) -> Release | None:
        """The release whose deploy was begun last."""
        return next((entry.release for entry in reversed(self.entries()) if entry.step == "deploy"), None)

    def add(self, entry: Entry) -> None:
        """Append `entry`, on disk when this returns. Raises DiskFullError."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            size = os.fstat(handle).st_size
            torn = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
            line = entry.model_dump_json().encode("utf-8", "surrogatepass") + b"\n"
            os.write(handle, b"\n" + line if torn else line)
            os.fsync(handle)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                fix = "free some space, then `setpoint resume`"
                raise DiskFullError("no room left for the deploy journal", fix=fix) from error
            raise
        finally:
            os.close(handle)

    @asynccontextmanager
    async def alone(self, seconds: float) -> AsyncIterator[None]:
        """Nobody else touches the environment meanwhile. Raises TransientError after waiting `seconds`."""
        self._lock.parent.mkdir(parents=True, exist_ok=True)
        until = time.monotonic() + seconds
        handle = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            while not _locked(handle):
                if time.monotonic() > until:
                    raise TransientError("another process has been deploying to this environment for too long")
                await asyncio.sleep(0.02)
            yield
        finally:
            os.close(handle)


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _entry(line: bytes) -> Entry | None:
    try:
        return Entry.model_validate_json(line) if line else None
    except ValidationError:
        return None

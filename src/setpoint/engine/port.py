"""The port: three methods that the rest of the house knows of jobs."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

from sqlalchemy import Connection

SHARED = "phases"
"""The queue that `setpoint worker` listens to."""

Job = Callable[[str, dict[str, Any]], Awaitable[None]]
"""What a job does, given its key and its arguments. It may run again after a crash, from its start."""


class JobState(StrEnum):
    """Where a job is. `failed` ended by an unexpected error that was reported; `cancelled` will not run."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class JobStatus(NamedTuple):
    """A job as the engine sees it."""

    key: str
    job: str
    state: JobState
    queue: str
    worker: str
    """Executor that ran it last; empty when none did."""
    created: datetime


class Engine(Protocol):
    """Short durable jobs: each runs at least once, and its key at most once to the end."""

    def enqueue(self, connection: Connection, job: str, key: str, args: dict[str, Any], *, queue: str = "") -> None:
        """Add a job inside the caller's transaction; it exists when that commits. A repeated `key` changes nothing."""
        ...

    def cancel(self, key: str) -> None:
        """Take a job out of the queue, or stop it where it runs within a second. Finished or unknown: nothing."""
        ...

    def list(self, prefix: str = "", states: Sequence[JobState] = (), limit: int = 1000) -> Sequence[JobStatus]:
        """Jobs whose key starts with `prefix`, newest first."""
        ...

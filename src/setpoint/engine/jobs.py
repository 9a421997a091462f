"""Jobs on DBOS: put in with the caller's transaction, listed, cancelled, cleared away. Runs none of them."""

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import sqlalchemy as sa
from dbos import DBOS, DBOSClient, DBOSPortableJSONSerializer, WorkflowStatus
from dbos import error as dbos_errors
from sqlalchemy.exc import DBAPIError

from ..errors import ConfigError
from .database import is_sqlite, old_sqlite, open_database, setting_up, sqlite_is_too_old, translated
from .lease import WorkerLease, all_workers, forget, forget_adoptions, made_for, metadata
from .port import SHARED, JobState, JobStatus

APPLICATION = "setpoint"
VERSION = "jobs-1"
"""Kept by hand: what one version of setpoint enqueued, the next carries. A job is one step, so this need not change."""

_STATES = {
    "ENQUEUED": JobState.QUEUED,
    "DELAYED": JobState.QUEUED,
    "PENDING": JobState.RUNNING,
    "SUCCESS": JobState.DONE,
    "ERROR": JobState.FAILED,
    "MAX_RECOVERY_ATTEMPTS_EXCEEDED": JobState.FAILED,
    "CANCELLED": JobState.CANCELLED,
}

_quiet = logging.getLogger("dbos")
_quiet.addHandler(logging.NullHandler())
_quiet.setLevel(logging.CRITICAL)


class Jobs:
    """The three methods of the engine's port, for any process: no worker is needed to enqueue."""

    def __init__(self, database_url: str) -> None:
        if database_url.startswith("sqlite") and sqlite_is_too_old():
            what, fix = old_sqlite()
            raise ConfigError(what, fix=fix)
        self.queue = SHARED
        """Where jobs go unless told otherwise; a foreground worker puts its own queue here."""
        self.database = open_database(database_url)
        self.plain_url = _plain(self.database.url)
        """The URL as the job engine underneath wants it."""
        self.fence: Callable[[sa.Connection], None] = unfenced
        """Raises LostLeaseError inside a transaction of a worker that was declared dead. Nothing in other processes."""
        self.on_cancel: Callable[[str], None] = ignored
        """Told of a cancelled key; a worker in this process stops it at once."""
        self.client = DBOSClient(
            system_database_engine=self.database,
            serializer=DBOSPortableJSONSerializer(),
            application_name=APPLICATION,
            lazy=True,
            retry_connection_errors=False,
        )
        with translated():
            _prepare(self.database, self.plain_url)

    def enqueue(self, connection: sa.Connection, job: str, key: str, args: dict[str, Any], *, queue: str = "") -> None:
        """Add a job inside the caller's transaction; it exists when that commits. A repeated `key` changes nothing."""
        self.client.enqueue_in_transaction(
            connection, {"workflow_name": job, "queue_name": queue or self.queue, "workflow_id": key}, key, args
        )

    def cancel(self, key: str) -> None:
        """Take a job out of the queue, or stop it where it runs within a second. Finished or unknown: nothing."""
        with translated():
            self.client.cancel_workflows([key])
        self.on_cancel(key)

    def list(self, prefix: str = "", states: Sequence[JobState] = (), limit: int = 1000) -> Sequence[JobStatus]:
        """Jobs whose key starts with `prefix`, newest first."""
        wanted = [name for name, state in _STATES.items() if state in states] or None
        return [_info(row) for row in self.rows(workflow_id_prefix=prefix or None, status=wanted, limit=limit)]

    def rows(self, **filters: Any) -> Sequence[WorkflowStatus]:
        """The engine's own rows, without inputs and outputs, newest first."""
        with translated():
            return self.client.list_workflows(load_input=False, load_output=False, sort_desc=True, **filters)

    def requeue(self, keys: Sequence[str], queue: str) -> None:
        """Put unfinished jobs back into `queue`, whoever had them."""
        with translated(), suppress(dbos_errors.DBOSNonExistentWorkflowError):
            self.client.resume_workflows(list(keys), queue_name=queue)

    def arguments(self, key: str) -> dict[str, Any]:
        """What a job was enqueued with; empty when it is not known."""
        with translated():
            found = self.client.list_workflows(workflow_ids=[key], load_output=False)
        given = found[0].input if found else None
        return dict(given["args"][1]) if given else {}

    def workers(self) -> Sequence[WorkerLease]:
        """Who carries jobs, living or dead."""
        return all_workers(self.database)

    def left_by(self, worker: WorkerLease) -> Sequence[str]:
        """Keys of the unfinished jobs of a dead worker: what it was running, and what waited in its own queue."""
        left = [row.workflow_id for row in self.rows(status="PENDING", executor_id=worker.id)]
        if worker.queue != SHARED:
            left += [row.workflow_id for row in self.rows(status="ENQUEUED", queue_name=worker.queue)]
        return sorted(set(left))

    def bury(self, worker: WorkerLease) -> None:
        """Forget a dead worker that left nothing."""
        if worker.queue != SHARED:
            with translated():
                self.client.delete_queue(worker.queue)
        forget(self.database, worker.id)

    def clear(self, finished_before: datetime, limit: int = 10_000) -> int:
        """Delete finished jobs that ended before `finished_before`; how many."""
        ended = [name for name, state in _STATES.items() if state not in (JobState.QUEUED, JobState.RUNNING)]
        before = finished_before.astimezone(UTC).isoformat()
        keys = [row.workflow_id for row in self.rows(status=ended, completed_before=before, limit=limit)]
        if keys:
            with translated():
                self.client.delete_workflows(keys)
            forget_adoptions(self.database, keys)
        return len(keys)

    def close(self) -> None:
        """Let go of the database."""
        self.client.destroy()
        self.database.dispose()


def unfenced(_connection: sa.Connection) -> None:
    """A process without a lease has none to lose."""


def ignored(_key: str) -> None:
    """No worker here."""


def _info(row: WorkflowStatus) -> JobStatus:
    created = datetime.fromtimestamp((row.created_at or 0) / 1000, UTC)
    return JobStatus(
        row.workflow_id, row.name, _STATES[row.status], row.queue_name or "", row.executor_id or "", created
    )


_preparing = threading.Lock()


def _prepare(database: sa.Engine, plain_url: str) -> None:
    """Make or bring up to date the engine's tables, once for each version of the engine underneath."""
    present = version("dbos")
    if _is_made_for(database, present):
        return
    with _preparing:
        DBOS.migrate(plain_url)
        with setting_up(database) as connection:
            metadata.create_all(connection)
            connection.execute(made_for.delete())
            connection.execute(made_for.insert().values(version=present))


def _is_made_for(database: sa.Engine, present: str) -> bool:
    try:
        with database.connect().execution_options(reading=True) as connection:
            return present in connection.execute(sa.select(made_for.c.version)).scalars().all()
    except DBAPIError as error:
        if "engine_schema" in str(error.orig):
            return False
        raise


def _plain(url: sa.URL) -> str:
    plain = url if is_sqlite(url) else url.set(drivername="postgresql")
    return plain.render_as_string(hide_password=False)

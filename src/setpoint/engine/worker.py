"""The worker: runs jobs on the caller's event loop, keeps the lease, adopts what the dead left. One in a process."""

import asyncio
import contextlib
import gc
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer
from sqlalchemy.exc import SQLAlchemyError

from ..errors import BugError, LostLeaseError, ParkedError, PoisonedError, SetpointError
from .database import translated
from .jobs import APPLICATION, VERSION, Jobs, ignored, unfenced
from .lease import Lease
from .port import SHARED, Job

log = logging.getLogger(__name__)

ADOPTIONS = 5
"""How often one job may be adopted before it counts as the killer of its workers."""
WATCH_SECONDS = 0.5
"""How soon a job cancelled from another process is stopped."""
POLLING_SECONDS = 0.03, 0.1
"""How often a private and a shared queue are looked at. A look of a worker that has room for another job costs four
milliseconds of processor time, which its sessions wait for; a full one hardly looks."""
REST_AFTER, REST_SECONDS = 30.0, 0.25
"""A worker without work for so long looks only so often, until the next job."""
THREADS = 64
"""Most threads of the loop's pool while the worker lives."""

Crash = Callable[[str, dict[str, Any], Exception], None]
"""Told of a job (key, arguments) that ended in an error nobody expected."""


def leave_the_process() -> None:
    """What a worker without a lease does: nothing more, not even tidying up."""
    log.critical("this worker stood still for longer than its lease; its jobs go on in another one")
    os._exit(3)


class Worker:
    """Carries jobs of the shared queue, or (`private`) only those enqueued in this process, and the dead's."""

    def __init__(
        self,
        jobs: Jobs,
        handlers: Mapping[str, Job],
        *,
        private: bool = False,
        concurrency: int = 3,
        polling_seconds: float | None = None,
        lease_seconds: float = 15.0,
        mine: Callable[[str], bool] | None = None,
        rest_after: float = REST_AFTER,
        on_crash: Crash | None = None,
        on_lost: Callable[[], None] = leave_the_process,
        halted: Callable[[], ParkedError | None] = lambda: None,
    ) -> None:
        self.jobs = jobs
        self.lease = Lease(jobs.database, private=private, seconds=lease_seconds)
        self._handlers = dict(handlers)
        self._concurrency = concurrency
        self._polling = polling_seconds or POLLING_SECONDS[0 if private else 1]
        self._rest_after = rest_after
        self._rests = False
        self._worked = time.monotonic()
        self._mine = mine or (lambda _key: True)
        self._on_crash = on_crash
        self._on_lost = on_lost
        self._halted = halted
        """Asked twice a second: an error means that all work here ends at once; its jobs are for who comes later."""
        self._running: dict[str, asyncio.Task[str]] = {}
        self._ended: deque[str] = deque(maxlen=256)
        self._again: set[str] = set()
        self._trouble: ParkedError | None = None
        self._changed = asyncio.Event()
        self._stopping = threading.Event()
        self._pulse: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    # -- life ---------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Take the lease and begin. Jobs run on the loop that calls this."""
        if not _alone.acquire(blocking=False):
            raise BugError("two workers in one process", fix="stop the first one")
        try:
            self._loop = asyncio.get_running_loop()
            await asyncio.to_thread(self._enter)
            self._launch()
        except BaseException:
            DBOS.destroy(destroy_registry=True)
            with contextlib.suppress(SetpointError):
                self.lease.release()
            _alone.release()
            raise
        gc.freeze()  # what is loaded by now stays; looking through it for garbage would cost every step a tenth
        self._pulse = threading.Thread(target=self._beat_on, name="setpoint-lease", daemon=True)
        self._pulse.start()

    def _enter(self) -> None:
        self.lease.take()
        self.jobs.queue, self.jobs.fence, self.jobs.on_cancel = self.lease.queue, self.lease.fence, self._cancelled
        self._look_every(self._polling)
        self._sweep()

    def _look_every(self, seconds: float) -> None:
        with translated():
            self.jobs.client.register_queue(
                self.lease.queue,
                worker_concurrency=self._concurrency,
                polling_interval_sec=seconds,
                on_conflict="always_update",
            )
        self._rests = seconds > self._polling

    def _launch(self) -> None:
        config = DBOSConfig(
            name=APPLICATION,
            system_database_url=self.jobs.plain_url,
            executor_id=self.lease.id,
            application_version=VERSION,
            serializer=DBOSPortableJSONSerializer(),
            log_level="CRITICAL",
            run_migrations=False,
            max_executor_threads=THREADS,
            # Nothing here listens for notifications; its sleep is what a stop waits for.
            notification_listener_polling_interval_sec=0.05,
        )
        DBOS(config=config)
        for name, job in self._handlers.items():
            DBOS.workflow(name=name)(self._carrier(job))
        DBOS.listen_queues([self.lease.queue])
        DBOS.launch()

    async def stop(self, grace_seconds: float = 10.0) -> None:
        """Stop carrying. Jobs still running are cancelled, not ended: the next worker runs them again."""
        if self._pulse is None:
            return
        self._stopping.set()
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=grace_seconds)
        await asyncio.to_thread(self._leave, all(task.done() for task in tasks))
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor())
        self._pulse = None
        _alone.release()

    def _leave(self, all_ended: bool) -> None:
        self._settle()
        DBOS.destroy(destroy_registry=True)
        assert self._pulse is not None
        self._pulse.join()
        self.jobs.queue, self.jobs.on_cancel = SHARED, ignored
        if all_ended:  # else what still runs here must write nothing more: its job may be adopted from now on
            self.jobs.fence = unfenced
        self.lease.release()
        self._bury_if_empty()

    def _settle(self, seconds: float = 2.0) -> None:
        # A job whose end is not on record yet would be adopted and run once more, for nothing.
        deadline = time.monotonic() + seconds
        while self._ended and time.monotonic() < deadline:
            unsettled = self.jobs.rows(workflow_ids=list(self._ended), status="PENDING", executor_id=self.lease.id)
            if not unsettled:
                return
            time.sleep(0.002)

    def _bury_if_empty(self) -> None:
        me = next(worker for worker in self.jobs.workers() if worker.id == self.lease.id)
        if not self.jobs.left_by(me):
            self.jobs.bury(me)

    async def __aenter__(self) -> "Worker":
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def run_until(self, condition: Callable[[], bool] | asyncio.Event, *, look_seconds: float = 0.5) -> None:
        """Carry jobs until the event is set, or the condition holds: looked at after each job's end, and every
        `look_seconds` for what other processes do. Raises ParkedError when the end of a job cannot be put down: the
        database is full or closed to us, and the job is for whoever comes when it is not."""
        if isinstance(condition, asyncio.Event):
            await condition.wait()
            return
        while not condition():
            if self._trouble is not None:
                raise self._trouble
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), look_seconds)
            self._changed.clear()

    # -- jobs ---------------------------------------------------------------------------------------------------------

    def _carrier(self, job: Job) -> Callable[[str, dict[str, Any]], Awaitable[None]]:
        async def carry(key: str, args: dict[str, Any]) -> None:
            await self._carry(job, key, args)

        return carry

    async def _carry(self, job: Job, key: str, args: dict[str, Any]) -> None:
        if key in self._running:
            self._again.add(key)
        if self._stopping.is_set() or self._halted() is not None or key in self._running:
            raise asyncio.CancelledError  # leaves the job as it is: pending, for who adopts it
        task = asyncio.ensure_future(self._guarded(job, key, args))
        self._running[key] = task
        try:
            failure = await task
            self._ended.append(key)
        finally:
            self._running.pop(key, None)
            self._worked = time.monotonic()
            self._changed.set()
        if failure:
            raise RuntimeError(failure)  # for the record only: the job is listed as failed

    async def _guarded(self, job: Job, key: str, args: dict[str, Any]) -> str:
        try:
            await job(key, args)
        except LostLeaseError:
            self._on_lost()
            raise asyncio.CancelledError from None
        except Exception as error:  # noqa: BLE001  # the worker loop: what nobody expected is reported, never lost
            self._report(key, args, error)
            return repr(error)
        return ""

    def _report(self, key: str, args: dict[str, Any], error: Exception) -> None:
        log.error("job %s ended in %r", key, error, exc_info=error)
        if self._on_crash is None:
            return
        try:
            self._on_crash(key, args, error)
        except LostLeaseError:
            self._on_lost()
            raise asyncio.CancelledError from None
        except ParkedError as trouble:
            # There is no room to write anything. Trying again would only wear the job out; it stays pending.
            self._trouble = trouble
            raise asyncio.CancelledError from None
        except SetpointError as trouble:
            log.error("the end of job %s could not be put down: %s; it will run again", key, trouble)
            self._again.add(key)
            raise asyncio.CancelledError from None

    def _cancelled(self, key: str) -> None:
        task = self._running.get(key)
        if task is not None and self._loop is not None:
            self._loop.call_soon_threadsafe(task.cancel)

    # -- lease --------------------------------------------------------------------------------------------------------

    def _beat_on(self) -> None:
        every = self.lease.seconds / 3
        next_beat = time.monotonic() + every
        while not self._stopping.wait(min(WATCH_SECONDS, every)):
            if halted := self._halted():
                self._halt(halted)
            try:
                self._stop_cancelled()
                self._rest_or_wake()
                if time.monotonic() >= next_beat:
                    next_beat = time.monotonic() + every
                    if not self.lease.beat():
                        self._on_lost()
                        return
                    self._sweep()
            except (SetpointError, SQLAlchemyError) as trouble:
                # The database is away or full; jobs find out themselves, and the lease stands or falls with it.
                log.warning("lease of %s: %s", self.lease.id, trouble)

    def _halt(self, why: ParkedError) -> None:
        self._trouble = why
        for key in list(self._running):
            self._cancelled(key)
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._changed.set)

    def _rest_or_wake(self) -> None:
        idle = not self._running and time.monotonic() - self._worked > self._rest_after
        if idle != self._rests:
            self._look_every(REST_SECONDS if idle else self._polling)

    def _stop_cancelled(self) -> None:
        keys = list(self._running)
        if keys:
            for row in self.jobs.rows(workflow_ids=keys, status="CANCELLED"):
                self._cancelled(row.workflow_id)

    def _sweep(self) -> None:
        """Adopt what dead workers left and is ours to carry, and our own jobs whose end could not be put down."""
        for worker in self.lease.dead():
            for key in self.jobs.left_by(worker):
                if self._mine(key):
                    self._adopt(key, worker.id)
            if not self.jobs.left_by(worker):
                self.jobs.bury(worker)
        for key in self._again - self._running.keys():
            self._again.discard(key)
            self._adopt(key, self.lease.id)

    def _adopt(self, key: str, dead_worker: str) -> None:
        times = self.lease.adopt(key, dead_worker)
        if times > ADOPTIONS:
            self._poisoned(key)
        elif times:
            self.jobs.requeue([key], self.lease.queue)
            log.info("adopted %s from %s (%d)", key, dead_worker, times)

    def _poisoned(self, key: str) -> None:
        error = PoisonedError(
            f"job {key} was given up",
            why=f"{ADOPTIONS + 1} workers died while it ran",
            fix="`setpoint log` shows what it did last",
        )
        log.error("%s", error)
        args = self.jobs.arguments(key)
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._give_up, key, args, error)

    def _give_up(self, key: str, args: dict[str, Any], error: PoisonedError) -> None:
        try:
            if self._on_crash is not None:
                self._on_crash(key, args, error)
            self.jobs.cancel(key)
        except SetpointError as trouble:
            log.error("job %s could not be given up: %s; it is tried again", key, trouble)


_alone = threading.Lock()

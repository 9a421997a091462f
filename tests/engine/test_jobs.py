"""Jobs, on SQLite and on PostgreSQL."""

import asyncio
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection

from setpoint.engine.database import writing
from setpoint.engine.jobs import Jobs
from setpoint.engine.port import SHARED, Engine, JobState
from setpoint.engine.worker import Worker
from setpoint.errors import BugError, TransientError
from setpoint.testing.processes import until


@pytest.fixture
def jobs(ready_url: str) -> Iterator[Jobs]:
    opened = Jobs(ready_url)
    yield opened
    opened.close()


def put(jobs: Jobs, key: str, args: dict[str, Any] | None = None, *, job: str = "note", queue: str = "") -> None:
    with writing(jobs.database) as connection:
        jobs.enqueue(connection, job, key, args or {}, queue=queue)


class Notes:
    """A job that notes what it was given."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, dict[str, Any]]] = []
        self.threads: set[int] = set()

    async def __call__(self, key: str, args: dict[str, Any]) -> None:
        self.threads.add(threading.get_ident())
        self.taken.append((key, args))


def states(jobs: Jobs, prefix: str = "") -> dict[str, JobState]:
    return {job.key: job.state for job in jobs.list(prefix)}


async def test_a_job_runs_on_the_loop_of_its_caller_with_what_it_was_given(jobs: Jobs) -> None:
    engine: Engine = jobs
    note = Notes()
    async with Worker(jobs, {"note": note}) as worker:
        with writing(jobs.database) as connection:
            engine.enqueue(connection, "note", "a:1", {"n": 1, "deep": [None, {"ü": 1.5}]})
        await worker.run_until(lambda: len(note.taken) == 1)
    assert note.taken == [("a:1", {"n": 1, "deep": [None, {"ü": 1.5}]})]
    assert note.threads == {threading.get_ident()}
    assert states(jobs) == {"a:1": JobState.DONE}
    assert jobs.workers() == [], "an orderly stop leaves nothing"


async def test_a_job_of_a_transaction_that_failed_does_not_exist(jobs: Jobs) -> None:
    def half(connection: Connection) -> None:
        jobs.enqueue(connection, "note", "a:1", {})
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), writing(jobs.database) as connection:
        half(connection)
    assert jobs.list() == []


async def test_a_repeated_key_changes_nothing(jobs: Jobs) -> None:
    note = Notes()
    for n in range(3):
        put(jobs, "a:1", {"n": n})
    async with Worker(jobs, {"note": note}) as worker:
        await worker.run_until(lambda: len(note.taken) == 1)
        await asyncio.to_thread(worker._settle)
        put(jobs, "a:1", {"n": 4})
        put(jobs, "a:2")
        await worker.run_until(lambda: len(note.taken) == 2)
    assert note.taken == [("a:1", {"n": 0}), ("a:2", {})]


async def test_a_job_that_raises_ends_as_failed_and_is_reported(jobs: Jobs) -> None:
    async def fail(key: str, args: dict[str, Any]) -> None:
        raise ValueError(f"no {args['what']}")

    reported: list[tuple[str, dict[str, Any], Exception]] = []
    async with Worker(jobs, {"fail": fail}, on_crash=lambda *what: reported.append(what)) as worker:
        put(jobs, "a:1", {"what": "luck"}, job="fail")
        await worker.run_until(lambda: bool(reported))
    assert [(key, args, str(error)) for key, args, error in reported] == [("a:1", {"what": "luck"}, "no luck")]
    assert states(jobs) == {"a:1": JobState.FAILED}


async def test_a_job_whose_failure_could_not_be_put_down_runs_again(jobs: Jobs) -> None:
    tries: list[str] = []

    async def fail_once(key: str, args: dict[str, Any]) -> None:
        tries.append(key)
        if len(tries) == 1:
            raise ValueError

    def report(*_what: object) -> None:
        raise TransientError("the database is away")

    async with Worker(jobs, {"fail": fail_once}, on_crash=report, lease_seconds=0.3) as worker:
        put(jobs, "a:1", job="fail")
        await worker.run_until(lambda: len(tries) == 2, look_seconds=0.05)
    assert states(jobs) == {"a:1": JobState.DONE}


async def test_a_cancelled_job_never_starts(jobs: Jobs) -> None:
    note = Notes()
    put(jobs, "a:1")
    put(jobs, "a:2")
    jobs.cancel("a:1")
    jobs.cancel("unknown")
    async with Worker(jobs, {"note": note}) as worker:
        await worker.run_until(lambda: len(note.taken) == 1)
    assert states(jobs) == {"a:1": JobState.CANCELLED, "a:2": JobState.DONE}


class Patience:
    """A job that waits until it is stopped."""

    def __init__(self) -> None:
        self.began = asyncio.Event()
        self.stopped = 0

    async def __call__(self, key: str, args: dict[str, Any]) -> None:
        self.began.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.stopped += 1
            raise


@pytest.mark.parametrize("elsewhere", [False, True])
async def test_a_running_job_that_is_cancelled_is_stopped(jobs: Jobs, ready_url: str, elsewhere: bool) -> None:
    wait = Patience()
    other = Jobs(ready_url)
    async with Worker(jobs, {"wait": wait}) as worker:
        put(jobs, "a:1", job="wait")
        await worker.run_until(wait.began)
        (other if elsewhere else jobs).cancel("a:1")
        await until(lambda: wait.stopped == 1)
    assert states(jobs) == {"a:1": JobState.CANCELLED}
    other.close()


async def test_a_job_running_at_a_stop_runs_again_at_the_next_start(jobs: Jobs) -> None:
    wait, note = Patience(), Notes()
    async with Worker(jobs, {"job": wait}, private=True) as worker:
        put(jobs, "a:1", job="job")
        put(jobs, "a:2", job="job")
        await worker.run_until(wait.began)
    assert wait.stopped >= 1
    async with Worker(jobs, {"job": note}, private=True, lease_seconds=600.0) as worker:
        await worker.run_until(lambda: len(note.taken) == 2)
    assert states(jobs) == {"a:1": JobState.DONE, "a:2": JobState.DONE}
    assert jobs.workers() == []


async def test_a_foreground_leaves_alone_what_is_not_its_own(jobs: Jobs) -> None:
    wait, note = Patience(), Notes()
    put(jobs, "shared:1")
    async with Worker(jobs, {"note": wait}, private=True) as worker:
        put(jobs, "a:1")
        put(jobs, "b:1")
        await worker.run_until(wait.began)
    async with Worker(jobs, {"note": note}, private=True, mine=lambda key: key.startswith("b")) as worker:
        put(jobs, "b:2")
        await worker.run_until(lambda: len(note.taken) == 2)
    assert {key for key, _ in note.taken} == {"b:1", "b:2"}
    async with Worker(jobs, {"note": note}) as worker:
        await worker.run_until(lambda: len(note.taken) == 4)
    assert states(jobs) == dict.fromkeys(("a:1", "b:1", "b:2", "shared:1"), JobState.DONE)
    assert jobs.workers() == []


async def test_no_more_jobs_run_at_once_than_allowed(jobs: Jobs) -> None:
    now, most, done = 0, 0, 0

    async def step(key: str, args: dict[str, Any]) -> None:
        nonlocal now, most, done
        now, most = now + 1, max(most, now + 1)
        await asyncio.sleep(0.02)
        now, done = now - 1, done + 1

    with writing(jobs.database) as connection:
        for n in range(6):
            jobs.enqueue(connection, "step", f"a:{n}", {})
    async with Worker(jobs, {"step": step}, concurrency=2) as worker:
        await worker.run_until(lambda: done == 6)
    assert most <= 2


async def test_two_workers_in_one_process_are_a_bug(jobs: Jobs) -> None:
    async with Worker(jobs, {}):
        with pytest.raises(BugError):
            await Worker(jobs, {}).start()
    async with Worker(jobs, {}):
        pass


async def test_jobs_are_listed_by_prefix_and_state_and_cleared_when_old(jobs: Jobs) -> None:
    note = Notes()
    async with Worker(jobs, {"note": note}) as worker:
        put(jobs, "a:1")
        await worker.run_until(lambda: len(note.taken) == 1)
    put(jobs, "a:2")
    put(jobs, "b:1", queue="elsewhere")
    assert set(states(jobs, "a:")) == {"a:1", "a:2"}
    assert [job.key for job in jobs.list(states=[JobState.DONE])] == ["a:1"]
    assert {job.key: job.queue for job in jobs.list(states=[JobState.QUEUED])} == {"a:2": SHARED, "b:1": "elsewhere"}
    assert jobs.clear(datetime.now(UTC) - timedelta(hours=1)) == 0
    assert jobs.clear(datetime.now(UTC) + timedelta(hours=1)) == 1
    assert set(states(jobs)) == {"a:2", "b:1"}


async def test_the_loop_is_as_it_was_after_a_stop(jobs: Jobs) -> None:
    async with Worker(jobs, {}):
        pass
    assert await asyncio.to_thread(lambda: 1) == 1
    assert not [thread for thread in threading.enumerate() if thread.name.startswith(("queue-worker", "setpoint"))]

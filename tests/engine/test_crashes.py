"""Workers die at every boundary; the run comes out the same."""

import os
import signal
import sqlite3
from contextlib import closing

import chain
import psutil
import pytest
import sqlalchemy as sa

from setpoint.engine.worker import ADOPTIONS, Worker
from setpoint.errors import LostLeaseError, PoisonedError
from setpoint.testing.databases import VERSIONS
from setpoint.testing.postgres import PostgresServer
from setpoint.testing.processes import Child, until

EVERY = [(step, point) for step in range(chain.STEPS) for point in chain.POINTS]
SAMPLE = [(0, chain.POINTS[2]), (1, chain.POINTS[1]), (2, chain.POINTS[0])]


async def kill_and_carry_on(url: str, step: int, point: str) -> None:
    async with Child(chain.carry_and_die, url, step, point) as child:
        assert await child.end() == -signal.SIGKILL
    again = chain.Chain(url)
    await again.carry()
    assert again.committed() == list(range(chain.STEPS))
    assert again.store.run(chain.RUN).position.serial == chain.STEPS
    assert again.jobs.workers() == []
    again.close()


@pytest.mark.parametrize(("step", "point"), EVERY)
async def test_a_run_killed_at_any_boundary_comes_out_the_same(sqlite_url: str, step: int, point: str) -> None:
    await kill_and_carry_on(sqlite_url, step, point)


@pytest.mark.parametrize(("step", "point"), SAMPLE)
async def test_a_run_killed_on_postgresql_comes_out_the_same(
    postgres_server: PostgresServer, ready_database: str, step: int, point: str
) -> None:
    await kill_and_carry_on(postgres_server.emptied(ready_database, VERSIONS), step, point)


@pytest.mark.slow
async def test_a_run_killed_again_and_again_comes_out_the_same(sqlite_url: str) -> None:
    for step, point in EVERY:
        async with Child(chain.carry_and_die, sqlite_url, step, point) as child:
            assert await child.end() == -signal.SIGKILL
    again = chain.Chain(sqlite_url)
    await again.carry()
    assert again.committed() == list(range(chain.STEPS))
    again.close()


async def freeze(process: int, url: str) -> None:
    """Stop a process where it holds no lock: in the middle of a write it would hold up everybody, as long as it sleeps,
    and no lease could help."""
    while True:
        os.kill(process, signal.SIGSTOP)
        await until(lambda: psutil.Process(process).status() == psutil.STATUS_STOPPED)
        if not writes(url):
            return
        os.kill(process, signal.SIGCONT)


def writes(url: str) -> bool:
    """Whether somebody is in the middle of a write there."""
    address = sa.make_url(url)
    if address.get_backend_name() == "sqlite":
        with closing(sqlite3.connect(address.database or "", timeout=0, isolation_level=None)) as file:
            try:
                file.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                return True
            return False
    under_way = sa.text(
        "SELECT count(backend_xid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    database = sa.create_engine(address)
    try:
        with database.connect() as connection:
            return bool(connection.execute(under_way).scalar_one())
    finally:
        database.dispose()


async def test_a_frozen_worker_that_wakes_after_its_lease_writes_nothing_and_leaves(ready_url: str) -> None:
    here = chain.Chain(ready_url)
    here.begin()
    async with Child(chain.work_until_told, ready_url, 0.5) as frozen:
        await until(lambda: any(event.kind == "waiting" for event in here.store.events(chain.RUN)))
        assert frozen.process.pid is not None
        await freeze(frozen.process.pid, ready_url)
        async with Worker(here.jobs, {"step": here.step}, lease_seconds=0.5) as worker:
            await worker.run_until(here.done, look_seconds=0.05)
            with here.store.transaction() as transaction:
                transaction.event(chain.RUN, "go", "", {})
            os.kill(frozen.process.pid, signal.SIGCONT)
            assert await frozen.end() == 3
    assert here.committed() == list(range(chain.STEPS))
    assert {e.data["pid"] for e in here.store.events(chain.RUN) if e.kind == "committed"} == {os.getpid()}
    here.close()


async def test_what_waits_in_the_queue_of_a_dead_foreground_is_adopted_at_once(sqlite_url: str) -> None:
    here = chain.Chain(sqlite_url)
    async with Child(chain.hold_a_lease, sqlite_url) as child:
        await until(lambda: bool(here.jobs.list()))
        child.process.kill()
        await child.end()
        async with Worker(here.jobs, {"step": here.step}, lease_seconds=600.0) as worker:
            await worker.run_until(here.done)
    assert here.committed() == list(range(chain.STEPS))
    here.close()


async def test_what_a_client_without_a_worker_enqueued_waits_for_one(sqlite_url: str) -> None:
    async with Child(chain.enqueue_only, sqlite_url) as child:
        assert await child.end() == 0
    here = chain.Chain(sqlite_url)
    async with Worker(here.jobs, {"step": here.step}) as worker:
        await worker.run_until(here.done)
    assert here.committed() == list(range(chain.STEPS))
    here.close()


@pytest.mark.slow
async def test_a_job_that_kills_its_workers_is_given_up_and_reported(sqlite_url: str) -> None:
    for _ in range(ADOPTIONS + 1):
        async with Child(chain.carry_and_die, sqlite_url, 0, chain.POINTS[0]) as child:
            assert await child.end() == -signal.SIGKILL
    here = chain.Chain(sqlite_url)
    reported: list[tuple[str, object, Exception]] = []
    async with Worker(here.jobs, {"step": here.step}, on_crash=lambda *what: reported.append(what)) as worker:
        await worker.run_until(lambda: bool(reported))
    ((key, args, error),) = reported
    assert (key, args) == (f"{chain.RUN}:0", {"serial": 0})
    assert isinstance(error, PoisonedError)
    assert here.committed() == []
    here.close()


async def test_a_worker_declared_dead_cannot_commit(ready_url: str) -> None:
    here, other = chain.Chain(ready_url), chain.Chain(ready_url)
    lost: list[bool] = []
    async with Worker(here.jobs, {}, on_lost=lambda: lost.append(True)) as worker:
        with other.store.transaction() as transaction:
            transaction.event(chain.RUN, "others still may", "", {})
        worker.lease.release()  # what an observer of a silent worker does to its row
        with pytest.raises(LostLeaseError), here.store.transaction() as transaction:
            transaction.event(chain.RUN, "too late", "", {})
    assert [event.kind for event in other.store.events(chain.RUN)] == ["others still may"]
    here.close()
    other.close()

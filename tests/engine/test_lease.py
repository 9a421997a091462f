"""Who lives, who is dead, who adopts."""

import asyncio
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from setpoint.engine.database import writing
from setpoint.engine.jobs import Jobs
from setpoint.engine.lease import Lease, WorkerLease, workers
from setpoint.engine.liveness import machine, process_started
from setpoint.engine.worker import Worker
from setpoint.errors import LostLeaseError
from setpoint.testing.processes import Child, until


@pytest.fixture
def jobs(ready_url: str) -> Iterator[Jobs]:
    opened = Jobs(ready_url)
    yield opened
    opened.close()


def a_lease(jobs: Jobs, *, elsewhere: bool = False, seconds: float = 0.0) -> Lease:
    """A taken lease; `elsewhere`: of a process on another machine."""
    lease = Lease(jobs.database, private=False, seconds=seconds)
    lease.take()
    if elsewhere:
        with writing(jobs.database) as connection:
            connection.execute(workers.update().where(workers.c.id == lease.id).values(machine="another/machine"))
    return lease


def ids(found: Sequence[WorkerLease]) -> list[str]:
    return [worker.id for worker in found]


def test_a_worker_elsewhere_is_dead_when_its_beat_stands_still_for_the_length_of_the_lease(jobs: Jobs) -> None:
    observer, other = a_lease(jobs), a_lease(jobs, elsewhere=True)
    assert observer.dead() == [], "one look tells nothing about a beat"
    assert other.beat()
    assert observer.dead() == [], "it beat meanwhile"
    assert ids(observer.dead()) == [other.id]
    assert not other.beat(), "and it hears of it"


def test_a_living_process_is_not_dead_before_its_lease_is_over(jobs: Jobs) -> None:
    observer, other = a_lease(jobs, seconds=600.0), a_lease(jobs)
    for _ in range(3):
        assert observer.dead() == []
    assert other.beat()


@pytest.mark.parametrize("changed", [{"started": "never"}, {"pid": 2**22 + 1}])
def test_a_process_that_is_gone_from_this_machine_is_dead_at_once(jobs: Jobs, changed: dict[str, object]) -> None:
    observer, other = a_lease(jobs, seconds=600.0), a_lease(jobs)
    with writing(jobs.database) as connection:
        connection.execute(workers.update().where(workers.c.id == other.id).values(**changed))
    assert ids(observer.dead()) == [other.id]


def test_nobody_declares_itself_dead(jobs: Jobs) -> None:
    observer = a_lease(jobs)
    for _ in range(3):
        assert observer.dead() == []


def test_the_fence_lets_the_living_pass_and_stops_the_dead(jobs: Jobs) -> None:
    lease = a_lease(jobs)
    with writing(jobs.database) as connection:
        lease.fence(connection)
    lease.release()
    with pytest.raises(LostLeaseError), writing(jobs.database) as connection:
        lease.fence(connection)


def test_a_worker_cannot_be_declared_dead_while_a_fenced_transaction_is_open(jobs: Jobs) -> None:
    lease, observer = a_lease(jobs, elsewhere=True), a_lease(jobs)
    observer.dead()
    order: list[str] = []
    with ThreadPoolExecutor(1) as pool:
        with writing(jobs.database) as connection:
            lease.fence(connection)
            declared = pool.submit(observer.dead)
            declared.add_done_callback(lambda _: order.append("declared dead"))
            connection.execute(sa.select(workers.c.id)).all()
            order.append("committed")
        declared.result()
    assert order == ["committed", "declared dead"]


def test_of_many_who_would_adopt_a_job_one_does(jobs: Jobs) -> None:
    leases = [a_lease(jobs) for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        won = list(pool.map(lambda lease: lease.adopt("a:1", "the dead"), leases))
    assert sorted(won) == [0, 0, 0, 0, 0, 1]


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 2), st.booleans()), max_size=10))
def test_an_adoption_passes_on_only_when_its_adopter_is_dead(jobs: Jobs, steps: list[tuple[int, bool]]) -> None:
    leases = [a_lease(jobs) for _ in range(3)]
    living, holder, times, key = {0, 1, 2}, -1, 0, os.urandom(8).hex()
    for actor, dies in steps:
        if actor not in living:
            continue
        if dies:
            leases[actor].release()
            living.discard(actor)
            continue
        won = leases[actor].adopt(key, "the dead")
        expected = holder not in living or holder == actor
        times += expected
        assert won == (times if expected else 0)
        holder = actor if expected else holder


def test_this_process_is_alive_and_its_start_is_known() -> None:
    assert process_started(os.getpid())
    assert process_started(os.getpid()) == process_started(os.getpid())
    assert process_started(2**22 + 1) == ""
    assert machine() == machine()


def sleep_for_ever() -> None:
    """In a child."""
    asyncio.run(asyncio.Event().wait())


async def test_a_killed_process_has_no_start_even_before_its_parent_looks() -> None:
    async with Child(sleep_for_ever) as child:
        pid = child.process.pid
        assert pid is not None
        assert process_started(pid)
        child.process.kill()
        await until(lambda: process_started(pid) == "")


async def test_a_worker_without_work_looks_less_often_and_wakes_for_a_job(jobs: Jobs) -> None:
    done: list[str] = []

    async def note(key: str, args: dict[str, object]) -> None:
        done.append(key)

    def interval() -> float:
        queue = jobs.client.retrieve_queue(worker.lease.queue)
        return queue.polling_interval_sec if queue else 0.0

    async with Worker(jobs, {"note": note}, private=True, lease_seconds=0.3, rest_after=0.05) as worker:
        quick = interval()
        await until(lambda: interval() > quick)
        with writing(jobs.database) as connection:
            jobs.enqueue(connection, "note", "a:1", {})
        await worker.run_until(lambda: done == ["a:1"])

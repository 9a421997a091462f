"""A small run for crash tests: a chain of jobs, each moving the run and putting in the next job in one transaction."""

import asyncio
import os
import signal
from collections.abc import Callable, Sequence
from typing import Any

from setpoint.adapters.store import SqlStore
from setpoint.engine.jobs import Jobs
from setpoint.engine.port import JobState, JobStatus
from setpoint.engine.worker import Worker
from setpoint.model.run import State
from setpoint.testing.stores import sample_run

RUN = "3c91aa"
STEPS = 3
POINTS = ("before the transaction", "before its commit", "after its commit")


class Chain:
    """The jobs of one run; `at(step, point)` is called at each boundary."""

    def __init__(self, url: str, at: Callable[[int, str], None] = lambda _step, _point: None) -> None:
        self.jobs = Jobs(url)
        self.store = SqlStore(url, fence=lambda connection: self.jobs.fence(connection))
        self._at = at

    def begin(self) -> None:
        """Create the run with its first job."""
        with self.store.transaction() as transaction:
            transaction.create(sample_run(RUN))
            self.jobs.enqueue(transaction.connection, "step", f"{RUN}:0", {"serial": 0})

    async def step(self, key: str, args: dict[str, Any]) -> None:
        """One job: note the effect, then commit it with the next job."""
        run = self.store.run(RUN)
        serial = run.position.serial
        if serial != args["serial"]:
            return  # somebody was here already
        await asyncio.sleep(0)
        self._at(serial, POINTS[0])
        last = serial + 1 == STEPS
        with self.store.transaction() as transaction:
            to = run.position.model_copy(
                update={"stage": f"step {serial}", "state": State.DONE if last else State.RUNNING}
            )
            if transaction.move(run, to) is not None:
                transaction.event(RUN, "committed", "", {"serial": serial, "pid": os.getpid()})
                if not last:
                    self.jobs.enqueue(transaction.connection, "step", f"{RUN}:{serial + 1}", {"serial": serial + 1})
            self._at(serial, POINTS[1])
        self._at(serial, POINTS[2])

    def done(self) -> bool:
        """Whether the run is over."""
        return self.store.run(RUN).position.state.final

    def committed(self) -> list[int]:
        """Serials whose commit landed, in order."""
        return [event.data["serial"] for event in self.store.events(RUN) if event.kind == "committed"]

    async def carry(self, **options: Any) -> None:
        """Carry the run to its end, as `setpoint run` does."""
        worker = Worker(self.jobs, {"step": self.step}, private=True, mine=lambda key: key.startswith(RUN), **options)
        async with worker:
            if not self.store.runs():
                self.begin()
            await worker.run_until(lambda: self.done() and not self.unfinished(), look_seconds=0.02)

    def unfinished(self) -> Sequence[JobStatus]:
        """Jobs that wait or run."""
        return self.jobs.list(states=[JobState.QUEUED, JobState.RUNNING])

    def close(self) -> None:
        """Let go of the database."""
        self.store.close()
        self.jobs.close()


def die(number: int = signal.SIGKILL) -> None:
    """As a power cut would have it."""
    os.kill(os.getpid(), number)


def carry_and_die(url: str, step: int, point: str) -> None:
    """In a child: carry the run and die at one boundary."""

    def at(here: int, boundary: str) -> None:
        if (here, boundary) == (step, point):
            die()

    asyncio.run(Chain(url, at).carry())


def work_until_told(url: str, lease_seconds: float) -> None:
    """In a child: a worker whose job waits at its first boundary until the run has an event `go`."""

    async def slow(key: str, args: dict[str, Any]) -> None:
        with chain.store.transaction() as transaction:
            transaction.event(RUN, "waiting", "", {"pid": os.getpid()})
        while not any(event.kind == "go" for event in chain.store.events(RUN)):
            await asyncio.sleep(0.01)
        await chain.step(key, args)

    async def work() -> None:
        async with Worker(chain.jobs, {"step": slow}, lease_seconds=lease_seconds) as worker:
            await worker.run_until(asyncio.Event())

    chain = Chain(url)
    asyncio.run(work())


def enqueue_only(url: str) -> None:
    """In a child: what `setpoint run --detach` does."""
    Chain(url).begin()


def hold_a_lease(url: str) -> None:
    """In a child: a foreground that has a job in its own queue and never gets to run it."""

    async def hold() -> None:
        chain = Chain(url)
        worker = Worker(chain.jobs, {"step": chain.step}, private=True, concurrency=1, polling_seconds=60.0)
        async with worker:
            chain.begin()
            await worker.run_until(asyncio.Event())

    asyncio.run(hold())

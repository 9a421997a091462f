"""setpoint's side: the task as a durable job in a worker, its session journaled, its workspace saved at every step.

A program: `python -m bench.carried once FOLDER URL` does one task as a whole process; `serve` is the warm worker.
"""

import asyncio
import json
import os
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from setpoint.adapters.repository import UserRepository
from setpoint.app import House
from setpoint.engine.worker import Worker
from setpoint.model.boundary import Boundaries
from setpoint.model.change import Change
from setpoint.model.run import Position, Run, State
from setpoint.model.session import SessionId
from setpoint.model.settings import Config, Provider
from setpoint.model.ticket import Kind, Ticket
from setpoint.pipeline.bench import Ground
from setpoint.pipeline.desk import Handing, Sitting, sit
from setpoint.pipeline.prompts import Prompt
from setpoint.policy.guard import GuardedWorkspace
from setpoint.startup import import_ahead

from .memory import peak_rss, rss_now
from .process import answer
from .task import SYSTEM

JOB = "task"
PROMPT = Prompt(name="bench", version=1, text=SYSTEM, sha256="0" * 64)
AT_ONCE = 16


class Carried:
    """One house with a worker, and the tasks it carried."""

    def __init__(self, house: House, foreground: bool = False) -> None:
        """`foreground`: as `setpoint run` carries one run, else as `setpoint worker` carries many."""
        self.house = house
        self.commits = 0
        self._base = ""
        self._number = 0
        self._ended: dict[str, asyncio.Future[dict[str, Any]]] = {}
        most = 1 if foreground else AT_ONCE
        self._worker = Worker(
            house.jobs, {JOB: self._job}, private=foreground, concurrency=most, on_crash=self._crashed
        )
        sa.event.listen(house.store.database, "commit", self._counted)

    @classmethod
    async def open(cls, repository: Path, url: str, foreground: bool) -> "Carried":
        """A house on `repository` whose every model is the scripted one."""
        provider = Provider(api="anthropic", base_url=url)
        models = dict.fromkeys(("large", "medium", "small", "tiny"), ("scripted/scripted",))
        config = Config.model_validate({"providers": {"scripted": provider}, "models": models})
        carried = cls(House(UserRepository(repository), config), foreground)
        _, carried._base = await carried.house.repository.base("")
        await carried._worker.start()
        return carried

    async def close(self) -> None:
        """Stop the worker."""
        await self._worker.stop()
        await self.house.close()

    def _counted(self, connection: sa.Connection) -> None:
        # What is held before a request waits for no disk.
        self.commits += not connection.get_execution_options().get("late", False)

    async def task(self) -> dict[str, Any]:
        """Enqueue one task and wait for its end."""
        self._number += 1
        started = time.monotonic()
        run = self._run(f"b{os.getpid():x}{self._number:04x}")
        self._ended[run.id] = asyncio.get_running_loop().create_future()
        store = self.house.store
        with store.transaction() as tx:
            tx.create(run)
            moved = tx.move(run, run.position, "started")
            assert moved is not None
            self.house.jobs.enqueue(tx.connection, JOB, f"{run.id}:task", {"run": run.id})
        told = await self._ended[run.id]
        return {**told, "seconds": time.monotonic() - started, "waited": told["begun"] - started}

    def _run(self, name: str) -> Run:
        now = datetime.now(UTC)
        ticket = Ticket(id=name, title="add() adds", kind=Kind.HOTFIX, text="The failing test passes.")
        return Run(
            id=name,
            ticket=ticket,
            repository=self.house.repository.root,
            base_branch="main",
            base=self._base,
            branch=f"setpoint/{name}",
            route_because="the benchmark",
            position=Position(route=Kind.HOTFIX, stage="implementation"),
            owner="Bench",
            created=now,
            updated=now,
        )

    async def _job(self, _key: str, args: dict[str, Any]) -> None:
        begun = time.monotonic()
        import_ahead()
        house = self.house
        run = house.store.run(args["run"])
        ground = Ground(house.bench(house.config), run)
        workspace = await ground.workspace()
        opened = time.monotonic()
        boundaries = Boundaries(paths=("*.py",))
        session = SessionId(run=run.id, phase="implementation")
        first = f"setpoint {run.id}: make the failing test pass."
        sitting = Sitting(
            session=session,
            prompt=PROMPT,
            deliverable="change",
            record=Change,
            brief=first,
            writes=True,
            boundaries=boundaries,
        )
        before = self.commits
        handing = await sit(ground, sitting, GuardedWorkspace(workspace, boundaries, writes=True))
        session_commits = self.commits - before
        handed = time.monotonic()
        head = await workspace.commit("add() adds")
        with house.store.transaction() as tx:
            tx.move(run, run.position.model_copy(update={"state": State.DONE}), "done")
        shown = await workspace.show(head, "calculator.py") or b""
        told = {
            "begun": begun,
            "opened": opened - begun,
            "session": handed - opened,
            "committed": time.monotonic() - handed,
            "first": first,
            "commits": session_commits,
            "done": isinstance(handing, Handing) and handing.record is not None and b"a + b" in shown,
        }
        self._ended[run.id].set_result(told)

    def _crashed(self, _key: str, args: dict[str, Any], error: Exception) -> None:
        self._ended[args["run"]].set_exception(error)

    def tools(self, first: str) -> list[float]:
        """Seconds of each tool call of the session that began with `first`, as journaled."""
        run_id = first.split()[1].rstrip(":")
        noted = [event.data for event in self.house.store.events(run_id) if event.kind == "tool"]
        return [note["ms"] / 1000 for note in noted if not note["name"].startswith("submit_")]


async def served(carried: Carried) -> None:
    """Answer the parent until it closes the pipe."""
    while line := await asyncio.to_thread(sys.stdin.readline):
        asked = json.loads(line)
        if asked["do"] == "memory":
            answer({"rss": rss_now(), "peak": peak_rss()})
            continue
        started, busy = time.monotonic(), time.process_time()
        with Sampled() as sampled:
            tasks = await asyncio.gather(*(carried.task() for _ in range(asked["count"])))
        seconds, busy = time.monotonic() - started, time.process_time() - busy
        for task in tasks:
            task["tools"] = carried.tools(task["first"])
        answer({"seconds": seconds, "tasks": tasks, "rss": sampled.most, "cpu": busy})


class Sampled:
    """The most memory this process held while the context was open."""

    def __init__(self) -> None:
        self.most = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def _look(self) -> None:
        while not self._over.wait(0.02):
            self.most = max(self.most, rss_now())

    def __enter__(self) -> "Sampled":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self.most = max(self.most, rss_now())


async def main() -> int:
    """One task, or as many as the parent asks for."""
    carried = await Carried.open(Path(sys.argv[2]), sys.argv[3], sys.argv[1] == "once")
    try:
        if sys.argv[1] == "once":
            return 0 if (await carried.task())["done"] else 1
        await served(carried)
        return 0
    finally:
        await carried.close()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))

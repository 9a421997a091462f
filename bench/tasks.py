"""The six-step task on both sides: warm, cold, a step's own time, memory, sixteen at once."""

import itertools
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .carried import AT_ONCE
from .figure import Figure, middle
from .memory import pss
from .process import Process, environment
from .task import STEPS


def figures(repository: Path, rounds: int) -> Iterator[Figure]:
    """All figures of the task, both sides in turn."""
    with Process("bench.model") as model:
        url = model.ask("where")["url"]
        with (
            Process("bench.bare", "serve", str(repository), url) as bare,
            Process("bench.carried", "serve", str(repository), url) as carried,
        ):
            yield from _warm(model, bare, carried, rounds)
            yield from _at_once(bare, carried, max(1, rounds // 4))
            yield Figure("memory of the worker, its share", pss(carried.pid), "MiB", most=150)
        yield from _cold(repository, url, max(3, rounds // 3))


def _warm(model: Process, bare: Process, carried: Process, rounds: int) -> Iterator[Figure]:
    for _ in range(2):
        _one(bare)
        _one(carried)
    model.ask("times")
    floor: list[dict[str, Any]] = []
    ours: list[dict[str, Any]] = []
    for _ in range(rounds):
        floor.append(_one(bare))
        ours.append(_one(carried))
    times = model.ask("times")["times"]
    seconds = [task["seconds"] * 1000 for task in ours]
    base = middle([task["seconds"] * 1000 for task in floor])
    yield Figure(
        "one task, warm worker",
        middle(seconds),
        "ms",
        floor=base,
        most_ratio=3,
        note="queue to commit",
        best=min(seconds),
    )
    session = [task["session"] * 1000 for task in ours]
    yield Figure("its session alone", middle(session), "ms", floor=middle([t["session"] * 1000 for t in floor]))
    yield Figure("its wait in the queue", middle([task["waited"] * 1000 for task in ours]), "ms")
    around = middle([_own(times, task) for task in floor])
    own = [_own(times, task) - around for task in ours]
    yield Figure("own time a step, journaled", middle(own), "ms", most=5, note="tools' time taken off", best=min(own))
    cpu = middle([task["cpu"] * 1000 / len(STEPS) for task in ours])
    yield Figure("the worker's processor time a step", cpu, "ms", note="all its threads, queue and commit included")
    tools = middle([sum(task["tools"]) * 1000 / len(task["tools"]) for task in ours])
    bare_tools = middle([sum(task["tools"]) * 1000 / len(task["tools"]) for task in floor])
    yield Figure("a step's tool, in the sandbox", tools, "ms", floor=bare_tools)
    # Four are the session's own: the turn, where it began, what it was given, and its first message.
    synced = middle([(task["commits"] - 4) / len(STEPS) for task in ours])
    yield Figure("database syncs a step", synced, "syncs", most=1)


def _one(process: Process) -> dict[str, Any]:
    answer = process.ask("tasks", count=1)
    task: dict[str, Any] = {**answer["tasks"][0], "cpu": answer.get("cpu", 0.0)}
    assert task["done"], "the task was not done"
    return task


def _own(times: dict[str, list[float]], task: dict[str, Any]) -> float:
    """Milliseconds a step from one request to the next, without the tool's."""
    seen = times[task["first"]]
    tools: list[float] = task["tools"]
    gaps = [after - before for before, after in itertools.pairwise(seen)]
    return sum(gap - tool for gap, tool in zip(gaps, tools, strict=True)) * 1000 / len(gaps)


def _at_once(bare: Process, carried: Process, rounds: int) -> Iterator[Figure]:
    alone = max(carried.ask("tasks", count=1)["rss"] for _ in range(3))
    floor: list[float] = []
    ours: list[float] = []
    most = alone
    for _ in range(rounds):
        floor.append(bare.ask("tasks", count=AT_ONCE)["seconds"])
        answer = carried.ask("tasks", count=AT_ONCE)
        assert all(task["done"] for task in answer["tasks"]), "a task was not done"
        ours.append(answer["seconds"])
        most = max(most, answer["rss"])
    yield Figure(f"{AT_ONCE} tasks at once", middle(ours), "s", floor=middle(floor), most_ratio=2.5, best=min(ours))
    yield Figure("memory of the worker, one task", alone, "MiB", most=150, note="resident, all loaded")
    yield Figure("memory, each further task", (most - alone) / (AT_ONCE - 1), "MiB", most=3)


def _cold(repository: Path, url: str, rounds: int) -> Iterator[Figure]:
    floor: list[float] = []
    ours: list[float] = []
    for _ in range(rounds):
        floor.append(_whole("bench.bare", repository, url))
        ours.append(_whole("bench.carried", repository, url))
    yield Figure(
        "one task, cold process",
        middle(ours),
        "s",
        floor=middle(floor),
        most=1,
        note="with engine and store",
        best=min(ours),
    )


def _whole(module: str, repository: Path, url: str) -> float:
    started = time.monotonic()
    command = [sys.executable, "-m", module, "once", str(repository), url]
    subprocess.run(command, env=environment(), check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - started

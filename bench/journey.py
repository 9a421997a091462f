"""The demo's whole ticket: how long, how much of it outside gates and tools, and how soon a killed one goes on."""

import os
import signal
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from setpoint.adapters.repository import UserRepository
from setpoint.app import House
from setpoint.config import load
from setpoint.model.evidence import GateResult
from setpoint.model.run import Event, Run
from setpoint.parts import BASELINE

from .context import by_phase, sent
from .figure import Figure
from .starts import SETPOINT

Interval = tuple[float, float]
PATIENCE = 300.0


def figures() -> Iterator[Figure]:
    """The whole route, then a killed one."""
    with tempfile.TemporaryDirectory(prefix="setpoint-bench-") as folder:
        yield from _whole(Path(folder) / "demo")
        yield _resumed(Path(folder) / "killed")


def _whole(folder: Path) -> Iterator[Figure]:
    command = [SETPOINT, "demo", "--folder", str(folder)]
    subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE)
    house = House(UserRepository(folder), load(folder))
    run = house.store.runs()[0]
    events = _all_events(house, run)
    wall = _stamp(events[-1]) - _stamp(events[0])
    yield Figure("the demo's ticket, to its end", wall, "s", most=180, note="the model's turns replayed at once")
    gates = [(r.evidence.at.timestamp() - r.evidence.seconds, r.evidence.at.timestamp()) for r in _results(house, run)]
    tools = [(_stamp(e) - e.data["ms"] / 1000, _stamp(e)) for e in events if e.kind == "tool"]
    inside = _covered(gates, _stamp(events[0]), _stamp(events[-1]))
    both = _covered([*gates, *tools], _stamp(events[0]), _stamp(events[-1]))
    yield Figure("of it outside gates", (wall - inside) * 100 / wall, "%")
    yield Figure(
        "of it outside gates and tools", (wall - both) * 100 / wall, "%", note="red proofs, CI and deploys included"
    )
    tokens, requests, reused = sent(house, run, events)
    yield Figure("tokens the ticket would send", tokens / 1000, "k", note=f"{requests} requests, characters / 4")
    yield Figure("of them a prefix sent before", reused * 100, "%")
    yield from by_phase(house, run, events)
    house.store.close()


def _all_events(house: House, run: Run) -> list[Event]:
    found: list[Event] = []
    while more := house.store.events(run.id, found[-1].seq if found else 0):
        found += more
    return found


def _results(house: House, run: Run) -> Iterator[GateResult]:
    for name in (run.id, BASELINE):
        yield from (result for _, result in house.store.results(name))


def _stamp(event: Event) -> float:
    return event.at.timestamp()


def _covered(intervals: Iterable[Interval], start: float, end: float) -> float:
    """Seconds between `start` and `end` that at least one interval covers."""
    total, reached = 0.0, start
    for begun, ended in sorted(intervals):
        begun, ended = max(begun, reached), min(ended, end)
        if ended > begun:
            total, reached = total + ended - begun, ended
    return total


def _resumed(folder: Path) -> Figure:
    """Kill the demo in the middle of a session, carry it on, and see when the journal grows."""
    first = _started([SETPOINT, "demo", "--folder", str(folder)], folder.parent)
    journal = folder / ".setpoint" / "setpoint.db"
    _until(lambda: _written(journal, 0, "tool") >= 3, first)
    _kill(first)
    before, run = _last(journal)
    started = time.monotonic()
    second = _started([SETPOINT, "resume", run], folder)
    try:
        _until(lambda: _written(journal, before, "step") + _written(journal, before, "model") > 0, second)
        return Figure(
            "from `resume` after kill -9 to progress", time.monotonic() - started, "s", note="process start included"
        )
    finally:
        _kill(second)


def _started(command: list[str], folder: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _kill(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _until(condition: Callable[[], bool], process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{process.args!r} ended or stood still before it was measured")
        time.sleep(0.005)


def _written(journal: Path, after: int, kind: str) -> int:
    query = "select count(*) from events where seq > ? and kind = ?"
    return int(_asked(journal, query, after, kind)[0] or 0)


def _last(journal: Path) -> tuple[int, str]:
    seq, run = _asked(journal, "select max(seq), max(run) from events where run in (select id from runs)")
    return int(seq), str(run)


def _asked(journal: Path, query: str, *values: object) -> tuple[Any, ...]:
    if not journal.exists():
        return (0,)
    try:
        with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as connection:
            row: tuple[Any, ...] = connection.execute(query, values).fetchone()
            return row
    except sqlite3.OperationalError:  # not laid out yet
        return (0,)

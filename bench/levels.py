"""What each sandbox level of this machine costs: a command, its way out, work with many files, its end."""

import asyncio
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from statistics import quantiles

from setpoint.escapes.levels import BARE, containing, here
from setpoint.model.command import Command, CommandLimits, Mount
from setpoint.ports import Sandbox

from .figure import Figure, middle

AIMS = {"bubblewrap": (10.0, 25.0, 30.0)}
"""Milliseconds of a command: median, the 95th of 100, median with the proxy. Of other levels nothing is promised."""
FILES_RATIO = 1.05
"""Times the bare time for work with many files, at most."""
GONE_MS = 1000.0
"""From a stop until no process is left, at most."""
FILES = 500
FILE_WORK = f"""
import os
for n in range({FILES}):
    with open(f"f{{n}}", "w") as file:
        file.write("x" * 200)
for n in range({FILES}):
    os.stat(f"f{{n}}")
for n in range({FILES}):
    os.unlink(f"f{{n}}")
"""
PYTHON = "/usr/bin/python3"
"""The same program inside and outside, with nothing of an environment to look for."""
STOPPED_AFTER = 0.2


def figures(folder: Path, rounds: int, levels: Sequence[str] = ()) -> Iterator[Figure]:
    """The `levels`, or every one of this machine and none, each beside a bare subprocess in turn."""
    for level in levels or (*containing(), BARE):
        place = folder / level
        place.mkdir()
        yield from asyncio.run(_level(level, here(level), place, rounds))


async def _level(level: str, sandbox: Sandbox, folder: Path, rounds: int) -> list[Figure]:
    most, late, proxied = AIMS.get(level, (None, None, None))
    await _times(1, lambda: sandbox.run(_command(folder, "true")))
    bare, ours = await _in_turn(rounds, lambda: _bare(folder, "true"), lambda: sandbox.run(_command(folder, "true")))
    found = [
        Figure(f"{level}: a command", middle(ours), "ms", floor=middle(bare), most=most, best=min(ours), note="`true`"),
        Figure(f"{level}: a command, 95 of 100", quantiles(ours, n=20)[-1], "ms", most=late),
    ]
    if level != BARE:
        out = ("example.invalid:443",)
        ways = await _times(rounds, lambda: sandbox.run(_command(folder, "true", network=out)))
        found.append(
            Figure(
                f"{level}: a command with a way out",
                middle(ways),
                "ms",
                floor=middle(bare),
                most=proxied,
                best=min(ways),
            )
        )
    found.append(await _files(level, sandbox, folder, max(1, rounds // 4)))
    found.append(await _end(level, sandbox, folder, max(1, rounds // 8)))
    return found


async def _files(level: str, sandbox: Sandbox, folder: Path, rounds: int) -> Figure:
    """Work with many small files; what a command costs by itself is taken off on both sides."""
    words = (PYTHON, "-I", "-c", FILE_WORK)
    nothing = (PYTHON, "-I", "-c", "pass")
    bare, ours = await _in_turn(rounds, lambda: _bare(folder, *words), lambda: sandbox.run(_command(folder, *words)))
    less, ours_less = await _in_turn(
        rounds, lambda: _bare(folder, *nothing), lambda: sandbox.run(_command(folder, *nothing))
    )
    return Figure(
        f"{level}: {3 * FILES:,} file operations",
        middle(ours) - middle(ours_less),
        "ms",
        floor=middle(bare) - middle(less),
        most_ratio=FILES_RATIO if level in AIMS else None,
        note="the command's own cost taken off",
    )


async def _end(level: str, sandbox: Sandbox, folder: Path, rounds: int) -> Figure:
    """From the moment a command is to be stopped until it and what it started are gone."""
    limits = CommandLimits(seconds=STOPPED_AFTER)
    script = "trap '' TERM; (setsid sleep 60 &); sleep 60"
    times = await _times(rounds, lambda: sandbox.run(_command(folder, "sh", "-c", script, limits=limits)))
    after = [time - STOPPED_AFTER * 1000 for time in times]
    return Figure(f"{level}: stopped until no process is left", middle(after), "ms", most=GONE_MS, best=min(after))


def _command(folder: Path, *argv: str, network: tuple[str, ...] = (), limits: CommandLimits | None = None) -> Command:
    mount = Mount(host=str(folder), inside=str(folder), writable=True)
    limits = limits or CommandLimits()
    return Command(argv=argv, mounts=(mount,), cwd=str(folder), network=network, limits=limits)


async def _bare(folder: Path, *argv: str) -> None:
    def run() -> None:
        subprocess.run(argv, cwd=folder, capture_output=True, check=True, stdin=subprocess.DEVNULL)

    await asyncio.to_thread(run)


async def _in_turn(
    rounds: int, one: Callable[[], Awaitable[object]], other: Callable[[], Awaitable[object]]
) -> tuple[list[float], list[float]]:
    """Milliseconds of both, each round one after the other."""
    ones, others = [], []
    for _ in range(rounds):
        ones += await _times(1, one)
        others += await _times(1, other)
    return ones, others


async def _times(rounds: int, act: Callable[[], Awaitable[object]]) -> list[float]:
    found = []
    for _ in range(rounds):
        started = time.monotonic()
        await act()
        found.append((time.monotonic() - started) * 1000)
    return found

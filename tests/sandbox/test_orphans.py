"""What the commands of a killed worker leave behind is ended, at the latest when the next worker runs a command."""

import asyncio
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from setpoint.testing.sandbox_contract import nap, running

WORKER = """
import asyncio, pathlib
from setpoint.adapters.sandboxes.{module} import {name}
from setpoint.testing.sandbox_contract import shell
asyncio.run({name}().run(shell(pathlib.Path({folder!r}), {script!r})))
"""
LEVELS = [("bubblewrap", "Bubblewrap"), ("bare", "Bare")]


async def a_worker(folder: Path, level: tuple[str, str], script: str) -> asyncio.subprocess.Process:
    program = WORKER.format(module=level[0], name=level[1], folder=str(folder), script=script)
    return await asyncio.create_subprocess_exec(sys.executable, "-c", program)


@pytest.mark.parametrize("level", LEVELS, ids=lambda level: level[0])
async def test_no_stray_process_of_a_killed_worker_is_there_for_the_next(
    tmp_path: Path, level: tuple[str, str]
) -> None:
    rest = nap()
    worker = await a_worker(tmp_path, level, f"touch begun; (setsid {rest} &); {rest}")
    try:
        await _until((tmp_path / "begun").exists)
        await _until(lambda: len(running(rest)) == 2)
    finally:
        worker.kill()
        await worker.wait()
    following = await a_worker(tmp_path, level, "echo next > next")
    assert await following.wait() == 0
    assert running(rest) == []
    assert (tmp_path / "next").exists()


async def test_the_commands_of_a_living_worker_are_left_alone(tmp_path: Path) -> None:
    rest = nap()
    (tmp_path / "one").mkdir()
    worker = await a_worker(tmp_path / "one", LEVELS[1], f"touch begun; {rest}")
    try:
        await _until((tmp_path / "one" / "begun").exists)
        await _until(lambda: len(running(rest)) == 1)
        following = await a_worker(tmp_path, LEVELS[1], "true")
        assert await following.wait() == 0
        assert len(running(rest)) == 1
    finally:
        worker.terminate()
        worker.kill()
        await worker.wait()
        last = await a_worker(tmp_path, LEVELS[1], "true")
        await last.wait()
    assert running(rest) == []


async def _until(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < until, "not within 15 s"
        await asyncio.sleep(0.01)

"""A program in the sandbox that is talked to while it runs, at every level that can show a socket."""

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest
from levels_here import HERE, MADE

from setpoint.adapters.rooms import SandboxRoom, surroundings
from setpoint.adapters.talking import Talk, talking
from setpoint.errors import SandboxError
from setpoint.model.command import CommandLimits
from setpoint.model.sandbox_settings import SandboxSettings

LIMITS = CommandLimits(seconds=60)
ECHO = 'for line in __import__("sys").stdin: print("heard", line.strip(), flush=True)'
DEAF = 'print("begun", flush=True); __import__("time").sleep(600)'
WORDS = "a-word-in-the-command-line-of-this-test"
LEVELS = [level for level in HERE if level not in ("microvm", "seatbelt")]


@pytest.fixture(params=LEVELS)
def room(request: pytest.FixtureRequest, tmp_path: Path) -> SandboxRoom:
    folder = tmp_path / "work"
    folder.mkdir()
    return SandboxRoom(folder, surroundings(MADE[request.param](), folder, tmp_path / "masks", SandboxSettings()))


def running() -> list[str]:
    """Command lines of the test's programs."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            found.append(place.read_bytes().decode("utf-8", "replace"))
    return [line for line in found if WORDS in line]


async def test_it_is_told_and_heard_while_it_runs_and_is_gone_after(room: SandboxRoom) -> None:
    async with talking(room, ("python3", "-c", ECHO, WORDS), limits=LIMITS) as talk:
        for word in ("one", "two"):
            talk.writer.write(f"{word}\n".encode())
            assert await asyncio.wait_for(talk.reader.readline(), 30) == f"heard {word}\n".encode()
    assert talk.ending is not None
    assert (talk.ending.exit_code, talk.ending.stdout) == (0, "")
    assert running() == []


async def test_when_its_holder_is_cancelled_nothing_of_it_is_left_and_it_is_not_waited_for(room: SandboxRoom) -> None:
    begun, held = asyncio.Event(), list[Talk]()

    async def hold() -> None:
        limits = CommandLimits(seconds=20)
        async with talking(room, ("python3", "-c", DEAF, WORDS), limits=limits) as talk:
            held.append(talk)
            await talk.reader.readline()
            begun.set()
            await asyncio.Event().wait()

    holder = asyncio.ensure_future(hold())
    await asyncio.wait_for(begun.wait(), 30)
    holder.cancel()
    await asyncio.gather(holder, return_exceptions=True)
    assert holder.cancelled()
    assert held[0].ending is None, "it was ended, it did not end by itself or by its limit"
    assert running() == []


async def test_what_cannot_reach_the_worker_is_an_error_that_says_so(tmp_path: Path) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    settings = SandboxSettings(env={"PATH": str(tmp_path / "empty")})
    room = SandboxRoom(folder, surroundings(MADE["none"](), folder, tmp_path / "masks", settings))
    with pytest.raises(SandboxError, match="did not start") as caught:
        async with talking(room, ("true",), limits=LIMITS):
            pass
    assert "microvm" in caught.value.fix

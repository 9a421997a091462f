"""The command line as processes of their own, in the small repository."""

import asyncio
import json
import signal
import sys
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from types import TracebackType
from typing import Any

from lives import Place
from small import GO, HERE

from setpoint.testing.processes import until

SECONDS = 120.0
SIG_DFL, SIG_IGN = int(signal.SIG_DFL), int(signal.SIG_IGN)
BEGUN = (
    "import os, signal, sys; signal.signal(signal.SIGINT, signal.Handlers(int(sys.argv[1]))); "
    "os.execv(sys.argv[2], sys.argv[2:])"
)
"""Begins a program that minds Ctrl-C or ignores it, however these tests were begun."""


class Setpoint(AbstractAsyncContextManager["Setpoint"]):
    """`setpoint` with arguments; killed at the latest when the block ends."""

    def __init__(self, place: Place, *arguments: str, background: bool = False) -> None:
        """`background`: begun by a script with `&`, which makes a process ignore Ctrl-C."""
        self._folder = place.folder
        self._arguments = arguments
        self._how = SIG_IGN if background else SIG_DFL
        self.said = ""

    async def __aenter__(self) -> "Setpoint":
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", BEGUN, str(self._how), sys.executable, "-m", "setpoint.cli", *self._arguments,
            cwd=self._folder, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        self._listening = asyncio.create_task(self._listen())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.returncode is None:
            self._process.kill()
        await self._listening

    async def _listen(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self.said += line.decode()
        await self._process.wait()

    @property
    def ended(self) -> bool:
        """Whether the process is gone."""
        return self._process.returncode is not None

    def signal(self, number: signal.Signals) -> None:
        """As from outside."""
        self._process.send_signal(number)

    async def hears(self, words: str) -> None:
        """Return once the process has told something with these words."""
        await until(lambda: words in self.said, SECONDS)

    async def end(self) -> int:
        """The exit code."""
        await asyncio.wait_for(asyncio.shield(self._listening), SECONDS)
        assert self._process.returncode is not None
        return self._process.returncode


async def setpoint(place: Place, *arguments: str) -> int:
    """Run one command to its end."""
    async with Setpoint(place, *arguments) as command:
        return await command.end()


async def told_as_json(place: Place, *arguments: str) -> Any:
    """The document a command prints."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "setpoint.cli", *arguments, "--json", cwd=place.folder, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    out, _ = await process.communicate()
    return json.loads(out)


def worktree(place: Place) -> Path:
    """The only worktree there."""
    (found,) = (place.folder / ".setpoint" / "worktrees").iterdir()
    return found


async def held(place: Place) -> Path:
    """The worktree, once the held call of the implementation runs in it."""
    folder = place.folder / ".setpoint" / "worktrees"
    await until(lambda: any(folder.glob(f"*/{HERE}")), SECONDS)
    return worktree(place)


def let_go(place: Place) -> None:
    """Let the held call end."""
    (worktree(place) / GO).touch()


def run_id(place: Place) -> str:
    """The only run's id."""
    return worktree(place).name

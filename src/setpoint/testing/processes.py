"""Real child processes for crash tests: forked from a server that has imported the heavy parts once."""

import asyncio
import multiprocessing
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from multiprocessing.context import ForkServerContext
from types import TracebackType
from typing import Any

PRELOADED = [
    "setpoint.adapters.agents.replay",
    "setpoint.adapters.deployers.command",
    "setpoint.adapters.forges.local",
    "setpoint.adapters.notifiers.terminal",
    "setpoint.adapters.sandboxes.bubblewrap",
    "setpoint.adapters.store",
    "setpoint.adapters.worktrees",
    "setpoint.engine.worker",
    "setpoint.gates.baseline",
    "setpoint.gates.junit",
    "setpoint.pipeline.carry",
    "setpoint.service.commands",
    "setpoint.testing.crashes",
]


def children() -> ForkServerContext:
    """Where child processes come from: quick to start, and never a copy of the test's own threads."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    return context


class Child(AbstractAsyncContextManager["Child"]):
    """A child process that runs `target(*args)`; killed at the latest when the block ends."""

    def __init__(self, target: Callable[..., None], *args: Any) -> None:
        self.process = children().Process(target=target, args=args, daemon=True)

    async def __aenter__(self) -> "Child":
        self.process.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        await asyncio.to_thread(self.process.join)

    async def end(self, seconds: float = 60.0) -> int | None:
        """The exit code, negative for a signal; None when it does not end."""
        await asyncio.to_thread(self.process.join, seconds)
        return self.process.exitcode


async def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Return as soon as `condition` holds; AssertionError when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not in {seconds} s: {condition}"
        await asyncio.sleep(0.01)

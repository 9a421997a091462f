"""The built-in agent: models over HTTP, tools in the room's sandbox."""

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from typing import Any

import httpx2

from ...accounts import Circuits, SessionLog
from ...model.command import CommandLimits
from ...model.session import Reply, Task
from ...ports import Room
from ..tool_servers.hands import Hands
from ..tool_servers.pins import Pins, Unpinned
from .conversation import Conversation
from .endpoint import Endpoint
from .http import new_client
from .live import LiveModel, Pause, Reach, sleep
from .tools import Toolbox, as_it_is, shortened

_LINGER = 60.0
"""Seconds that a server of tools may outlast the session's own time."""


def nothing(_name: str) -> None:
    """An environment that holds nothing."""


def by_content(content: bytes) -> str:
    """Keeps nothing, and names it as what keeps it would."""
    return hashlib.sha256(content).hexdigest()


class NativeAgent:
    """Keeps the promises of `ports.Agent`. One per process: its sessions share connections."""

    name = "native"

    def __init__(
        self,
        endpoints: Mapping[str, Endpoint],
        circuits: Circuits,
        *,
        command_limits: CommandLimits | None = None,
        pause: Pause = sleep,
        redact: Callable[[Any], Any] = as_it_is,
        secret: Callable[[str], str | None] = nothing,
        keep: Callable[[bytes], str] = by_content,
        pins: Pins | None = None,
    ) -> None:
        """`redact` takes secrets out of what tools give back, before a model sees it; `secret` gives a server of tools
        what it was promised of the environment; `keep` takes the pictures that tools make; `pins` knows what servers
        offered before."""
        self._endpoints = dict(endpoints)
        self._circuits = circuits
        self._limits = command_limits or CommandLimits()
        self._pause = pause
        self._redact = redact
        self._secret = secret
        self._keep = keep
        self._pins = pins or Unpinned()
        self._reach: Reach | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def work(self, task: Task, room: Room, log: SessionLog) -> Reply:
        """Hold the session of `task` to its end; goes on from `log`."""
        async with AsyncExitStack() as stack:
            more = None
            if task.servers:
                from .further import further_tools

                limits = self._limits.model_copy(update={"seconds": task.limits.seconds + _LINGER})
                hands = Hands(self._secret, self._keep, self._redact, shortened, limits, pins=self._pins)
                more = await stack.enter_async_context(further_tools(task, room, log, hands))
            tools = Toolbox(task, room, self._limits, self._redact, more)
            model = LiveModel(task, tools.specs, self._shared(), log)
            return await Conversation(task, room, log, model, tools).hold()

    async def close(self) -> None:
        """Close the connections; a later session opens new ones."""
        if self._reach is not None and self._loop is asyncio.get_running_loop():
            await self._reach.client.aclose()
        self._reach = self._loop = None

    def _shared(self) -> Reach:
        """Connections belong to one event loop; another loop gets its own."""
        loop = asyncio.get_running_loop()
        if self._reach is None or self._loop is not loop:
            plain = all(endpoint.base_url.startswith("http://") for endpoint in self._endpoints.values())
            client: httpx2.AsyncClient = new_client(plain=plain)
            self._reach, self._loop = Reach(self._endpoints, self._pause, client, self._circuits), loop
        return self._reach

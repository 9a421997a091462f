"""The stack of one room: its services run in a sandbox of their own, and stand at the loopback of each command there.

Nothing is started before a command connects to a service, and nothing outlives the room. Each has its own ports, names
and data; what is in it reaches no other room's, and no room's commands reach it but through its doors.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from ...errors import SetpointError, StackError
from ...model.command import Command
from ...model.stack import Service, StackSettings
from ...ports import Sandbox
from ..loopback import at_ports
from .containers import Contain, Containers
from .life import DOORS, HOST, Life

REACHED = ("bubblewrap", "container")
"""Levels whose commands have a loopback of their own, which doors stand at."""


class Stack:
    """Services for the commands of one room. Belongs to the event loop that it was first used in, until `close`."""

    def __init__(
        self,
        sandbox: Sandbox,
        settings: StackSettings,
        state: Path,
        wish: str,
        *,
        app: bool = False,
        on_host: bool = False,
        contain: Contain | None = None,
    ) -> None:
        """`wish`: the same one gets the same ports, where they are free. With `app` the application is among the
        services; with it or `on_host` all stand at the host's loopback as well. `contain` makes the
        containers of a compose file."""
        if settings.serves and sandbox.level not in (*REACHED, HOST):
            raise StackError(
                f"services cannot be reached at sandbox level {sandbox.level}", fix='level = "bubblewrap" in [sandbox]'
            )
        self._sandbox, self._settings, self._state, self._wish = sandbox, settings, state, wish
        self._services: tuple[Service, ...] = settings.service
        self._on_host = app or on_host or sandbox.level == HOST
        self._contain = contain or no_containers
        if app and settings.app is not None:
            self._services = (*settings.service, settings.app)
        self._life: Life | None = None
        self._users = 0
        self._turn = asyncio.Lock()

    async def trouble(self) -> str:
        """What is wrong with the services as they are now, where they were asked for; empty: nothing."""
        return await self._life.settled() if self._life else ""

    @asynccontextmanager
    async def beside(self, command: Command) -> AsyncIterator[Command]:
        """`command` as it finds the services, as long as it runs. Raises StackError when there are no ports for it."""
        if self._life is not None and self._life.trouble and not self._users:
            # What it was started from may be mended by now.
            await self.close()
        life = await self._opened(command)
        self._users += 1
        try:
            joined = command.model_copy(update={"env": {**command.env, **life.names()}})
            doors = [] if self._sandbox.level == HOST else life.fronts()
            yield at_ports(joined, life.doors / "front", DOORS, doors) if doors else joined
        finally:
            self._users -= 1

    async def up(self, command: Command) -> Mapping[str, str]:
        """Start all services now, as they would be beside `command`: what commands there are told. Raises StackError
        when they do not come up."""
        life = await self._opened(command)
        if not await life.ready():
            raise StackError(life.trouble, why=life.said, fix="mend [stack] in setpoint.toml, or what it starts")
        return life.names()

    async def ended(self) -> tuple[str, str]:
        """Wait until a service ends by itself: what happened then, and its last words."""
        assert self._life is not None
        await self._life.troubled.wait()
        return self._life.trouble, self._life.said

    async def close(self) -> None:
        """End all services, after their teardown; none is left. A repeat changes nothing."""
        life, self._life, self._turn = self._life, None, asyncio.Lock()
        if life is not None:
            await life.close()

    async def _opened(self, command: Command) -> Life:
        async with self._turn:
            if self._life is None:
                life = Life(self._sandbox, self._settings, self._services, self._on_host, command, self._contain)
                try:
                    await life.open(self._state, self._wish)
                except (OSError, SetpointError):
                    await life.close()
                    raise
                self._life = life
            self._life.like(command)
            return self._life


def no_containers(settings: StackSettings, names: Sequence[str]) -> Containers:
    """Where nothing makes containers. Raises StackError."""
    fix = "write the services as commands: [[stack.service]]"
    raise StackError(f"the services of {settings.compose} cannot be run here: {', '.join(names)}", fix=fix)

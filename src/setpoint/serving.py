"""The application of a run or of the user's own folder, served to a person."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import UsageError
from .parts import contain, sandbox_of

if TYPE_CHECKING:
    from .app import House
    from .model.run import Run
    from .ports import Room


@dataclass
class Served:
    """An application that can be opened."""

    url: str
    env: Mapping[str, str]
    folder: Path
    _stack: Any
    said: str = ""
    """Its last words, once it ended by itself."""

    async def until(self, told: asyncio.Event) -> str:
        """Wait until `told`, or until a service ends by itself: why, else empty."""
        waits = [asyncio.ensure_future(told.wait()), asyncio.ensure_future(self._stack.ended())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        ended = not told.is_set() and waits[1].done()
        what, self.said = await waits[1] if ended else ("", "")
        return what


@asynccontextmanager
async def up(house: "House", prefix: str) -> AsyncIterator[Served]:
    """What the run whose id begins with `prefix` built, or the folder itself. Raises UsageError, StackError."""
    from .adapters.serving import own_room, serving

    config = house.config
    room: Room = own_room(sandbox_of(config), Path(house.root), house.state, config, contain)
    if prefix:
        run = house.store.run(prefix)
        config = house.pinned(run)
        if not (house.state / "worktrees" / run.id).is_dir():
            raise UsageError(f"run {run.id} has no worktree yet", fix=f"`setpoint show {run.id}`")
        room = await house.bench(config).workspaces.open(run)
    async with serving(room, config) as (stack, env):
        app = config.stack.app
        assert app is not None
        yield Served(f"http://127.0.0.1:{env[f'SETPOINT_PORT_{app.port}']}{app.path}", env, room.path, stack)


@asynccontextmanager
async def beside(house: "House", run: "Run") -> AsyncIterator[tuple[Mapping[str, str], str]]:
    """What a person who works in the run's worktree is told of its services, which are up as long as they do; and why
    they are not, empty where nothing went wrong."""
    from .adapters import serving

    room: Room = await house.bench(house.pinned(run)).workspaces.open(run)
    async with serving.beside(room) as told:
        yield told

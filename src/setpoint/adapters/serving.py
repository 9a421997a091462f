"""A folder's application, served to a person."""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from ..errors import ConfigError, SandboxError, UsageError
from ..model.settings import Config
from ..ports import Room, Sandbox
from .rooms import SandboxRoom, surroundings
from .stacks.containers import Contain
from .stacks.stack import Stack


def own_room(
    sandbox: Sandbox, repository: Path, state: Path, config: Config, contain: Contain | None = None
) -> SandboxRoom:
    """The user's own folder as a room."""
    share, stack = config.worktree.share, config.stack
    around = surroundings(sandbox, repository, state / "masks", config.sandbox, share, stack, contain)
    return SandboxRoom(repository, around, others=True)


@asynccontextmanager
async def serving(room: Room, config: Config) -> AsyncIterator[tuple[Stack, Mapping[str, str]]]:
    """The stack of a room of ours, with the application among its services, all of them at the host's loopback; and
    what commands there are told. Raises UsageError without an application, StackError."""
    assert isinstance(room, SandboxRoom)
    stack = room.for_a_person(app=True)
    if config.stack.app is None or stack is None:
        raise UsageError(
            "nothing says how the application is served",
            fix='in setpoint.toml: [stack.app] run = ["python", "-m", "shop", "--port", "{port_1}"], port = 1',
        )
    try:
        yield stack, await stack.up(await room.command(("true",)))
    finally:
        await stack.close()


@asynccontextmanager
async def beside(room: Room) -> AsyncIterator[tuple[Mapping[str, str], str]]:
    """What whoever works in a room of ours by hand is told of its services, all of them at the host's loopback, as long
    as they do; and why there are none, empty where nothing went wrong."""
    assert isinstance(room, SandboxRoom)
    stack, told, trouble = None, dict[str, str](), ""
    try:
        try:
            stack = room.for_a_person(app=False)
            told = dict(await stack.up(await room.command(("true",)))) if stack else {}
        except (SandboxError, ConfigError) as error:
            trouble = "; ".join(filter(None, (error.what, error.why[-300:], error.fix)))
        yield told, trouble
    finally:
        if stack is not None:
            await stack.close()


async def comes_up(room: Room) -> tuple[float, str]:
    """Bring up the services of a room of ours: the seconds that took, and why they did not come up."""
    assert isinstance(room, SandboxRoom)
    started = time.monotonic()
    try:
        await room.up()
    except (SandboxError, ConfigError) as error:
        return time.monotonic() - started, "; ".join(filter(None, (error.what, error.fix)))
    return time.monotonic() - started, ""

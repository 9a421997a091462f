"""Tools of servers beside the built-in agent's own. Loaded where a session has servers alone: the library is heavy."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from ...accounts import SessionLog
from ...errors import ConfigError
from ...model.command import CommandLimits
from ...model.session import Task, ToolCall
from ...ports import Room
from .tools import Used, shortened
from .wire.answer import ToolSpec, clean


class Further:
    """The tools of all servers of a session."""

    def __init__(self, up: Any, workspaces: frozenset[str]) -> None:
        self.specs = tuple(ToolSpec(tool.name, tool.description, tool.schema) for tool in up.tools.values())
        self._up = up
        self._workspaces = workspaces

    async def use(self, call: ToolCall, seconds: float) -> Used:
        """Carry out one call. Raises DeniedError when the policy forbids it."""
        told = await self._up.call(call, seconds)
        touched = self._up.tools[call.name].server.offered.name in self._workspaces
        return Used(clean(told.text), failed=told.failed, touched=touched, pictures=told.pictures)


@asynccontextmanager
async def further_tools(
    task: Task,
    room: Room,
    log: SessionLog,
    secret: Callable[[str], str | None],
    keep: Callable[[bytes], str],
    redact: Callable[[Any], Any],
    limits: CommandLimits,
) -> AsyncIterator[Further]:
    """The servers of `task` as long as it is held; what each is, or why it is of no use, goes to the journal."""
    try:
        from ..tool_servers.session import Hands, servers_up
    except ImportError as error:
        raise ConfigError(
            "[mcp] names servers of tools, and the library for them is not installed",
            why=str(error),
            fix="pip install 'setpoint[mcp]'",
        ) from error
    hands = Hands(secret=secret, keep=keep, redact=redact, shorten=shortened, limits=limits)
    async with servers_up(task.servers, room, hands) as up:
        log.append(notes=[("server", note) for note in up.notes])
        yield Further(up, frozenset(server.name for server in task.servers if server.workspace))

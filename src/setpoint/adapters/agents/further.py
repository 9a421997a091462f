"""Tools beside the built-in agent's own: of servers, and the look at a page. Loaded where a session has some alone."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Protocol, runtime_checkable

from ...accounts import SessionLog
from ...errors import ConfigError, ParkedError
from ...model.session import Task, ToolCall
from ...model.tool_servers import OWN, Offered
from ...policy.action import Action
from ...ports import Room
from ..tool_servers.hands import Hands
from .tools import More, Used
from .wire.answer import ToolSpec, clean


@runtime_checkable
class Broker(Protocol):
    """A room whose broker decides what a server may reach, and each call of it."""

    def serving(self, server: str, hosts: Sequence[str], *, workspace: bool) -> Any: ...

    def permit(self, action: Action) -> None: ...


class OfServers:
    """The tools of all servers of a session."""

    def __init__(self, up: Any) -> None:
        self.specs = tuple(ToolSpec(tool.name, tool.description, tool.schema) for tool in up.tools.values())
        self._up = up

    async def use(self, call: ToolCall, seconds: float) -> Used:
        """Carry out one call. Raises DeniedError when the policy forbids it."""
        told = await self._up.call(call, seconds)
        touched = self._up.tools[call.name].server.offered.workspace
        return Used(clean(told.text), failed=told.failed, touched=touched, pictures=told.pictures)


class Further:
    """All of them, each by its name."""

    def __init__(self, several: Sequence[More]) -> None:
        self.specs = tuple(spec for one in several for spec in one.specs)
        self._by_name = {spec.name: one for one in several for spec in one.specs}

    async def use(self, call: ToolCall, seconds: float) -> Used:
        """Carry out one call by whose tool it is."""
        return await self._by_name[call.name].use(call, seconds)


@asynccontextmanager
async def further_tools(task: Task, room: Room, log: SessionLog, hands: Hands) -> AsyncIterator[Further]:
    """The further tools of `task` as long as it is held; what each server is, or why it is of no use, goes to the
    journal. Raises ConfigError where the library is missing."""
    if not isinstance(room, Broker):
        raise ConfigError("nobody decides about tools in this room", fix="sessions work behind the broker")
    async with AsyncExitStack() as stack:
        several: list[More] = []
        if any(one.name == OWN for one in task.servers):
            from .looking import Looking, looks

            several += [Looking(room, hands.keep)] if looks(task.servers) else []
        if servers := [one for one in task.servers if one.name != OWN]:
            several.append(await _of_servers(stack, servers, room, log, hands))
        yield Further(several)


async def _of_servers(
    stack: AsyncExitStack, offered: Sequence[Offered], room: Broker, log: SessionLog, hands: Hands
) -> OfServers:
    try:
        from ..tool_servers.session import servers_up
    except ImportError as error:
        raise ConfigError(
            "[mcp] names servers of tools, and the library for them is not installed",
            why=str(error),
            fix="pip install 'setpoint[mcp]'",
        ) from error
    up = await stack.enter_async_context(servers_up(offered, room, hands))
    log.append(notes=[("server", note) for note in up.notes])
    if up.waits:
        names, why = " ".join(up.waits), "; ".join(n["trouble"] for n in up.notes if n["server"] in up.waits)
        raise ParkedError(
            f"what the server {names} offers is not what a person looked at",
            why=why,
            fix=f"`setpoint tools` shows it; `setpoint tools --accept {names}`, then `setpoint resume`",
        )
    return OfServers(up)

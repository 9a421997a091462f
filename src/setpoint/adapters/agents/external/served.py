"""The further tools of a session, for an agent of another maker: the server that it hands in by offers them, and each
call of one arrives here.

It is told names, words and schemas, never how a server is started: that runs where it runs for the built-in agent.
"""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from ....accounts import SessionLog
from ....errors import DeniedError, SetpointError
from ....model.agent_settings import AgentProgram
from ....model.session import Task, ToolCall
from ....ports import Room
from ...tool_servers.hands import Hands
from ...tool_servers.names import LONGEST
from ..tools import More, Used
from ..wire.answer import clean
from .handing import SERVER

MOST_CALLS = 100
"""Calls between two requests to the model that are carried out: a script inside could make them without end."""
_LONGEST_NAME = LONGEST - len(f"mcp__{SERVER}__")
"""Agents put so much before a server's tool, and providers take names of one length."""
_LINGER = 60.0
"""Seconds that a server may outlast the session's own time."""


def nobody_waits() -> None:
    """Before there is a session to tell."""


class Served:
    """Carries calls out and keeps them until the step they belong to is written down."""

    def __init__(self, more: More | None, hands: Hands, seconds: float) -> None:
        """`seconds`: longest that one call may take."""
        self.specs = more.specs if more else ()
        self.names = tuple(spec.name for spec in self.specs)
        self.moved: Callable[[], None] = nobody_waits
        """Told when a call begins and when it ends."""
        self.under_way = 0
        self.trouble: SetpointError | None = None
        """What ends the session, where a call met it."""
        self._more, self._hands, self._seconds = more, hands, seconds
        self._began = 0
        self.done: list[tuple[ToolCall, Used]] = []
        """What was carried out and is not taken yet."""

    async def use(self, name: str, arguments: dict[str, Any]) -> tuple[str, bool]:
        """Carry out one call; what the agent is told, and whether it failed."""
        if self._began >= MOST_CALLS:
            return f"error: {MOST_CALLS} calls were made since the model was last asked; no more before it is", True
        self._began += 1
        call, since = ToolCall(id=f"{name}-{time.monotonic_ns()}", name=name, arguments=arguments), time.monotonic()
        self.under_way += 1
        self.moved()
        try:
            used = await self._carried_out(call)
        finally:
            self.under_way -= 1
            self.moved()
        redact = self._hands.redact
        used = replace(used, content=redact(used.content), denied=redact(used.denied), seconds=time.monotonic() - since)
        self.done.append((call, used))
        return used.content, used.failed

    async def _carried_out(self, call: ToolCall) -> Used:
        assert self._more is not None
        try:
            return await self._more.use(call, self._seconds)
        except DeniedError as denied:
            return Used(clean(f"error: {denied}"), failed=True, denied=clean(str(denied)))
        except SetpointError as error:
            self.trouble = error
            return Used(clean(f"error: {error}"), failed=True)

    def take(self) -> list[tuple[ToolCall, Used]]:
        """What was carried out since the last time."""
        done, self.done, self._began = self.done, [], 0
        return done


@asynccontextmanager
async def serving(
    task: Task, room: Room, log: SessionLog, program: AgentProgram, hands: Hands
) -> AsyncIterator[Served]:
    """The further tools of `task` as long as it is held. Raises ConfigError where they cannot be had at all."""
    limits = hands.limits.model_copy(update={"seconds": task.limits.seconds + _LINGER})
    hands = replace(hands, limits=limits, longest_name=_LONGEST_NAME)
    if not task.servers or program.hand_in == "file":
        why = 'this agent takes no servers (`hand_in = "file"`), so it is offered none'
        log_notes = [("server", {"server": one.name, "trouble": why}) for one in task.servers]
        if log_notes:
            log.append(notes=log_notes)
        yield Served(None, hands, 0.0)
        return
    from ..further import further_tools

    async with further_tools(task, room, log, hands) as more:
        yield Served(more, hands, task.limits.seconds)

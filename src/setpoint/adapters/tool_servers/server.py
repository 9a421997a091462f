"""One server of a session, from its start to its end, in a task of its own: what becomes of it ends no session.

What a server says of itself and of its tools is a stranger's word. Its first list of tools is the one that holds.
"""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import mcp.types as spoken
from mcp.client import Client, ClientSession
from mcp.shared.exceptions import MCPError
from pydantic import ValidationError

from ...errors import SetpointError
from ...model.command import CommandLimits
from ...model.tool_servers import Offered
from ...ports import Room
from ..talking import Talk, talking
from .line import messages

MOST_TOOLS = 200
_MOST_PAGES = 20
_ENDING = 5.0
_LAST_WORDS = 1.0
"""Seconds that a program which closed its output has to end by itself."""
_WORDS = 400
_TROUBLE = re.compile(r"(?i)error|cannot|can't|fail|not found|denied|missing")


@dataclass(frozen=True, slots=True)
class Way:
    """How a server is started."""

    room: Room
    env: Mapping[str, str]
    network: Sequence[str]
    limits: CommandLimits


class ServerGoneError(Exception):
    """The server does not answer any more, or never did; the message says why."""


class Server:
    """A running server."""

    def __init__(self, offered: Offered, way: Way) -> None:
        self.offered = offered
        self.tools: tuple[spoken.Tool, ...] = ()
        """As it listed them first."""
        self._way = way
        self._session: ClientSession | None = None
        self._why = ""
        self._ready, self._over = asyncio.Event(), asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._talk: Talk | None = None

    async def start(self) -> None:
        """Start it and hear what it offers. Raises ServerGoneError."""
        self._task = asyncio.create_task(self._serve())
        await self._while_serving(self._ready.wait(), "it did not start")

    async def call(self, tool: str, arguments: Mapping[str, Any], seconds: float) -> spoken.CallToolResult:
        """Call one of its tools. Raises ServerGoneError when no answer comes in time, MCPError for a refusal."""
        assert self._session is not None
        params = spoken.CallToolRequestParams(name=tool, arguments=dict(arguments))
        # Not by the library's own call: it would check what came against the server's own schema, patterns and all.
        asked = self._session.send_request(spoken.CallToolRequest(params=params), spoken.CallToolResult)
        told: spoken.CallToolResult = await self._while_serving(asked, "it did not answer", seconds)
        return told

    async def stop(self) -> None:
        """End it. When this returns or is cancelled nothing of it is left."""
        if self._task is None:
            return
        self._over.set()
        try:
            await asyncio.wait([self._task], timeout=_ENDING if self._ready.is_set() else 0)
        finally:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _serve(self) -> None:
        way, offered = self._way, self.offered
        program = talking(
            way.room, offered.command, limits=way.limits, env=way.env, network=way.network, tunnels=offered.tunnels
        )
        async with program as self._talk:
            try:
                async with Client(messages(self._talk, self._lost), cache=None) as client:
                    self._session = client.session
                    self.tools = await self._listed(client.session)
                    self._ready.set()
                    await self._over.wait()
            finally:
                if self._why:
                    await self._talk.settled(_LAST_WORDS)

    async def _listed(self, session: ClientSession) -> tuple[spoken.Tool, ...]:
        found: list[spoken.Tool] = []
        cursor: str | None = None
        for _ in range(_MOST_PAGES):
            params = spoken.PaginatedRequestParams(cursor=cursor)
            page = await session.send_request(spoken.ListToolsRequest(params=params), spoken.ListToolsResult)
            found += page.tools
            cursor = page.next_cursor
            if not cursor or len(found) >= MOST_TOOLS:
                break
        return tuple(found[:MOST_TOOLS])

    def _lost(self, why: str) -> None:
        self._why = self._why or why

    async def _while_serving(self, awaited: Any, what: str, seconds: float = 0.0) -> Any:
        assert self._task is not None
        limit = seconds or self.offered.seconds
        asked = asyncio.ensure_future(awaited)
        try:
            await asyncio.wait([asked, self._task], timeout=limit, return_when=asyncio.FIRST_COMPLETED)
            if asked.done() and not self._broken(asked):
                return asked.result()
            late = not asked.done() and not self._task.done()
            error = asked.exception() if asked.done() else None
            raise ServerGoneError(await self._cause(f"{what} within {limit:g} s" if late else what, error))
        finally:
            asked.cancel()
            await asyncio.gather(asked, return_exceptions=True)

    def _broken(self, asked: "asyncio.Future[Any]") -> bool:
        """Whether the line broke, rather than the server refusing."""
        error = asked.exception()
        return error is not None and (bool(self._why) or not isinstance(error, MCPError))

    async def _cause(self, what: str, error: BaseException | None) -> str:
        """Why it does not answer: the line's end, its own last words, or what kept it from starting."""
        assert self._task is not None
        if self._why:
            self._over.set()
            await asyncio.wait([self._task], timeout=_ENDING)
        said = [self._why]
        done = self._talk.ending if self._talk is not None else None
        if done is not None:
            limit = f", over its limit of {done.killed}" if done.killed else ""
            said += [f"it ended with code {done.exit_code}{limit}", _last_words(done.stderr)]
        if self._task.done() and not self._task.cancelled():
            error = self._task.exception() or error
        if not self._why:
            said += [part[:_WORDS] for part in _words(error)]
        return "; ".join(dict.fromkeys(part for part in said if part)) or what


def _last_words(stderr: str) -> str:
    """The last line that names trouble, else the last line."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    telling = [line for line in lines if _TROUBLE.search(line)]
    return (telling or lines or [""])[-1][:_WORDS]


def _words(error: BaseException | None) -> list[str]:
    if isinstance(error, BaseExceptionGroup):
        return [part for one in error.exceptions for part in _words(one)]
    if isinstance(error, SetpointError):
        return [part for part in (error.what, error.why) if part]
    if isinstance(error, ValidationError):
        return [f"it answered otherwise than the protocol says: {error.errors()[0]['msg']}"]
    return [f"{type(error).__name__}: {error}"] if error is not None else []

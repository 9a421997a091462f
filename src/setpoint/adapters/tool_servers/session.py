"""The servers of one session together: what it is offered of them, and each call decided, bounded and cleaned."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Protocol

import mcp.types as spoken
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from mcp.shared.exceptions import MCPError

from ...errors import DeniedError
from ...model.record import digest_of
from ...model.session import ToolCall
from ...model.tool_servers import BY_REFERENCE, Offered
from ...policy.action import Action, ActionKind
from .hands import Hands
from .names import in_session
from .pins import Pin, differences, in_words, pinned
from .result import Given, fenced, given, structured
from .server import Server, ServerGoneError, Way

LONGEST_DESCRIPTION = 1_000
LARGEST_SCHEMA = 8_000
"""Characters of one tool's schema."""
_STDERR = 65_536


class Broker(Protocol):
    """Decides what a server may reach, and each call of it."""

    def serving(self, server: str, hosts: Sequence[str], *, workspace: bool) -> Any: ...

    def permit(self, action: Action) -> None: ...


@dataclass(frozen=True)
class Tool:
    """A tool as the session is offered it."""

    name: str
    description: str
    schema: dict[str, Any]
    server: Server = field(repr=False)
    own: str = ""
    """Its name at the server."""


class ServersUp:
    """The servers that run for one session."""

    def __init__(self, room: Broker, hands: Hands) -> None:
        self.tools: dict[str, Tool] = {}
        self.notes: list[dict[str, Any]] = []
        """What the journal is told of each server."""
        self.lists: dict[str, dict[str, Pin]] = {}
        """All that each server lists, as it is remembered."""
        self.waits: list[str] = []
        """Servers whose tools a person must look at before anybody uses them."""
        self._room = room
        self._hands = hands

    async def call(self, call: ToolCall, seconds: float) -> Given:
        """Carry out one call. Raises DeniedError when the policy forbids it."""
        tool = self.tools[call.name]
        self._room.permit(Action(kind=ActionKind.TOOL, subject=call.name, detail=digest_of(call.arguments)))
        name = tool.server.offered.name
        try:
            told = await tool.server.call(tool.own, call.arguments, min(tool.server.offered.seconds, seconds))
        except ServerGoneError as gone:
            # Its last words are a stranger's, too.
            why = fenced(self._hands.redact(str(gone)))
            return Given(f"error: no answer from the server `{name}`:\n{why}", failed=True)
        except MCPError as error:
            return Given(f"error: `{name}` refused:\n{fenced(self._hands.redact(str(error))[:2000])}", failed=True)
        content: Sequence[Any] = told.content
        if not content and told.structured_content is not None:
            content = (spoken.TextContent(type="text", text=structured(told.structured_content)),)
        return given(content, bool(told.is_error), self._hands.keep, self._hands.shorten)

    async def open(self, stack: AsyncExitStack, offered: Sequence[Offered]) -> None:
        """Start the servers side by side; what keeps one from being of use is noted."""
        async with asyncio.TaskGroup() as group:
            started = [group.create_task(self._started(stack, one)) for one in offered]
        for one, task in zip(offered, started, strict=True):
            server, trouble = task.result()
            self.notes.append({"server": one.name, **({"trouble": trouble} if trouble else {})})
            if server is not None:
                self._offer(server, self.notes[-1])
                self._compare(server, self.notes[-1])

    async def _started(self, stack: AsyncExitStack, offered: Offered) -> tuple[Server | None, str]:
        try:
            server = Server(offered, await self._way(stack, offered))
            stack.push_async_callback(server.stop)
            await server.start()
        except (ServerGoneError, DeniedError) as error:
            return None, str(self._hands.redact(str(error)))[:1000]
        return server, ""

    async def _way(self, stack: AsyncExitStack, offered: Offered) -> Way:
        serving = self._room.serving(offered.name, offered.network, workspace=offered.workspace)
        room, network = await stack.enter_async_context(serving)
        env = {name: self._value(name, told) for name, told in offered.env.items()}
        bounds = {"memory_mib": offered.memory_mib, "output_bytes": _STDERR}
        return Way(room, env, network, self._hands.limits.model_copy(update=bounds))

    def _value(self, name: str, told: str) -> str:
        if not told.startswith(BY_REFERENCE):
            return told
        held = told.removeprefix(BY_REFERENCE)
        value = self._hands.secret(held)
        if value is None:
            raise ServerGoneError(f"{held} is not set where setpoint runs; its {name} is to be that")
        return value

    def _offer(self, server: Server, note: dict[str, Any]) -> None:
        offered, left_out = server.offered, []
        listed = sorted(server.tools, key=lambda tool: tool.name)
        for told in listed:
            if not all(any(fnmatchcase(told.name, glob) for glob in globs) for globs in offered.allowed):
                continue
            name, schema = in_session(offered.name, told.name, self._hands.longest_name), told.input_schema
            why = _unusable(name, schema) or ("two tools of one name" if name in self.tools else "")
            if why:
                left_out.append(f"{told.name[:80]}: {why}")
                continue
            said = f"(server {offered.name}) {' '.join((told.description or '').split())}"[:LONGEST_DESCRIPTION]
            self.tools[name] = Tool(name, str(self._hands.redact(said)), schema, server, told.name)
        mine = [tool for tool in self.tools.values() if tool.server is server]
        tokens = sum(len(json.dumps([tool.name, tool.description, tool.schema])) for tool in mine) // 4
        note |= {"tools": [tool.own for tool in mine], "tokens": tokens, "sha256": digest(listed)}
        note |= {"left_out": left_out[:20]} if left_out else {}
        if offered.heavy_tokens and tokens >= offered.heavy_tokens:
            note["warning"] = (
                f"its schemas are {tokens} tokens in each request of a session; name fewer of its tools in [mcp.phase]"
            )

    def _compare(self, server: Server, note: dict[str, Any]) -> None:
        """Hold what is offered of it against what was when a person last looked."""
        name, pins, redact = server.offered.name, self._hands.pins, self._hands.redact
        now: dict[str, Pin] = {
            tool: {**pin, "said": str(redact(pin["said"]))} for tool, pin in pinned(server.tools).items()
        }
        self.lists[name] = now
        mine = {tool.own: called for called, tool in self.tools.items() if tool.server is server}
        known = pins.known(name)
        if known is None:
            pins.keep(name, now)
            return
        changed = differences(known, now, mine)
        if not changed:
            return
        note["changed"] = {how: [one[:80] for one in names[:20]] for how, names in changed.items()}
        note["says"] = {one: now[one]["said"] for names in note["changed"].values() for one in names[:5] if one in now}
        note["said"] = {one: known[one]["said"] for one in note["says"] if one in known}
        if server.offered.changed == "say":
            return
        for called in mine.values():
            del self.tools[called]
        note["trouble"] = f"its tools changed since a person last looked ({in_words(changed)})"
        self.waits += [name] if server.offered.changed == "ask" else []


@asynccontextmanager
async def servers_up(offered: Sequence[Offered], room: Broker, hands: Hands) -> AsyncIterator[ServersUp]:
    """All servers of a session as long as it is held. One that is of no use is noted, and missing."""
    up = ServersUp(room, hands)
    async with AsyncExitStack() as stack:
        await up.open(stack, offered)
        yield up


def digest(tools: Sequence[spoken.Tool]) -> str:
    """Of all that a server says of its tools."""
    return digest_of([tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in tools])


def _unusable(name: str, schema: dict[str, Any]) -> str:
    """Why no provider would take the tool; each request of the session would fail with it."""
    if not name:
        return "its name is too long, or has other characters than letters, digits, `_` and `-`"
    if schema.get("type") != "object":
        return "its schema is not one of an object"
    if len(json.dumps(schema)) > LARGEST_SCHEMA:
        return f"its schema is larger than {LARGEST_SCHEMA} characters"
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        return f"its schema is none: {error.message[:120]}"
    return ""

"""The MCP server of one session: the submit tool and `ask`, spoken line by line on a socket that leads inside.

Three methods of the protocol are all it needs, so it stands on no library of its own.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from ..wire.answer import ToolSpec, scrubbed

SERVER = "setpoint"
"""The server's name, as agents show it beside its tools."""
PROTOCOL = "2025-06-18"
LONGEST_LINE = 16 * 1024 * 1024
AT_ONCE = 16
"""Connections of one session; an agent needs one, and each takes of what the worker has for all runs."""
_NO_METHOD, _NO_PARAMS = -32601, -32602

Take = Callable[[str, dict[str, Any]], Awaitable[tuple[str, bool]]]
"""Takes a call by name and arguments; what the agent is told, and whether it failed."""


class HandIn:
    """Answers whoever comes through the socket."""

    def __init__(self, tools: tuple[ToolSpec, ...], take: Take) -> None:
        self._tools = tools
        self._take = take
        self._open = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection to its end. What is no JSON-RPC is passed over."""
        self._open += 1
        room = self._open <= AT_ONCE
        try:
            while room and (line := await reader.readline()):
                answer = await self._answered(line)
                if answer is not None:
                    writer.write(json.dumps(answer).encode() + b"\n")
                    await writer.drain()
        except (OSError, ValueError):
            return  # it is gone, or its line has no end
        finally:
            self._open -= 1
            writer.close()

    async def _answered(self, line: bytes) -> dict[str, Any] | None:
        try:
            asked = json.loads(line)
        except (ValueError, RecursionError):
            return None
        if not isinstance(asked, dict) or asked.get("id") is None:
            return None
        told: dict[str, Any] = {"jsonrpc": "2.0", "id": asked["id"]}
        params = asked.get("params")
        return told | await self._done(str(asked.get("method")), params if isinstance(params, dict) else {})

    async def _done(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        match method:
            case "initialize":
                version = params.get("protocolVersion")
                told = {"protocolVersion": version if isinstance(version, str) else PROTOCOL}
                about = {"serverInfo": {"name": SERVER, "version": "1"}, "capabilities": {"tools": {}}}
                return {"result": told | about}
            case "ping":
                return {"result": {}}
            case "tools/list":
                return {"result": {"tools": [_described(tool) for tool in self._tools]}}
            case "tools/call":
                return await self._called(params)
        return {"error": {"code": _NO_METHOD, "message": f"there is no method {method[:100]!r}"}}

    async def _called(self, params: dict[str, Any]) -> dict[str, Any]:
        name, arguments = str(params.get("name")), params.get("arguments") or {}
        if name not in {tool.name for tool in self._tools} or not isinstance(arguments, dict):
            return {"error": {"code": _NO_PARAMS, "message": f"there is no tool {name[:100]!r}, or no arguments"}}
        try:
            arguments = scrubbed(arguments)
        except ValueError as error:
            return {"error": {"code": _NO_PARAMS, "message": str(error)}}
        words, failed = await self._take(name, arguments)
        return {"result": {"content": [{"type": "text", "text": words}], "isError": failed}}


def _described(tool: ToolSpec) -> dict[str, Any]:
    return {"name": tool.name, "description": tool.description, "inputSchema": tool.schema}

"""An agent's messages over a socket, one JSON object a line. What is none of that is kept for people, and passed
over."""

import asyncio
import json
from typing import Any

LONGEST_LINE = 32 * 1024 * 1024
_KEPT = 2000
"""Characters of rubbish that are kept."""


class Lines:
    """Keeps the SDK's `Transport`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, rpc: bool = True) -> None:
        """`rpc`: what is no JSON-RPC is no message."""
        self._rpc = rpc
        self._reader = reader
        self._writer = writer
        self.rubbish = ""
        """What was no message, its beginning."""
        self.over = asyncio.Event()
        """Set when the agent says no more."""

    async def send(self, message: dict[str, Any]) -> None:
        """Raises ConnectionError when the agent is gone."""
        self._writer.write(json.dumps(message).encode() + b"\n")
        await self._writer.drain()

    async def receive(self) -> dict[str, Any] | None:
        """The next message; None at the end."""
        while True:
            try:
                line = await self._reader.readline()
            except (OSError, ValueError):
                line = b""  # the connection was cut, or a line has no end
            if not line:
                self.over.set()
                return None
            message = _message(line, self._rpc)
            if message is not None:
                return message
            self.rubbish = (self.rubbish + line.decode("utf-8", "replace"))[:_KEPT]

    async def close(self) -> None:
        """End the connection."""
        self._writer.close()


def _message(line: bytes, rpc: bool) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    whole = found.get("jsonrpc") == "2.0" and ("id" in found or "method" in found)
    return found if whole or not rpc else None

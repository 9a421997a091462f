"""The protocol's messages over a program's standard input and output, with what is not one left out."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
from mcp.shared.message import SessionMessage
from mcp.types import jsonrpc_message_adapter
from pydantic import ValidationError

from ..talking import Talk

MOST_NOISE = 200
"""Lines that are no message after which nobody listens any more."""
Streams = tuple[Any, Any]
"""What the library reads messages from, and writes them to."""


@asynccontextmanager
async def messages(talk: Talk, lost: Callable[[str], None]) -> AsyncIterator[Streams]:
    """Both streams of messages as long as it is held. `lost` hears why nobody listens any more."""
    heard, ours = anyio.create_memory_object_stream[SessionMessage | Exception](16)
    said, theirs = anyio.create_memory_object_stream[SessionMessage](16)

    async def listen() -> None:
        noise = 0
        async with heard:
            while noise <= MOST_NOISE:
                try:
                    line = await talk.reader.readline()
                except ValueError:
                    lost("it wrote a line longer than 4 MiB")
                    return
                except OSError:
                    line = b""
                if not line:
                    lost("it closed its output")
                    return
                try:
                    message = jsonrpc_message_adapter.validate_json(line, by_name=False)
                except ValidationError:
                    noise += 1
                    continue
                with contextlib.suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
                    await heard.send(SessionMessage(message))
            lost(f"it wrote more than {MOST_NOISE} lines that are no messages")

    async def speak() -> None:
        async for message in theirs:
            line = message.message.model_dump_json(by_alias=True, exclude_unset=True)
            talk.writer.write(line.encode() + b"\n")
            with contextlib.suppress(OSError):  # it is gone: who listens hears that
                await talk.writer.drain()

    tasks = [asyncio.ensure_future(listen()), asyncio.ensure_future(speak())]
    try:
        yield ours, said
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for stream in (heard, ours, said, theirs):
            stream.close()

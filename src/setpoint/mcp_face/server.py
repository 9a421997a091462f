"""The server over standard input and output, or over HTTP on this machine's loopback behind a token."""

import contextlib
import functools
import inspect
import os
import secrets
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import uvicorn
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from .. import __version__
from ..errors import SetpointError, UsageError
from .tools import OpenHouse, Tools

INSTRUCTIONS = (
    "setpoint carries tickets to reviewed, proven changes. File a ticket with submit_ticket, follow it with get_run "
    "and get_log. A person approves plans and changes with `setpoint approve`; no tool here does."
)
KEPT_AT = "mcp-token"
PATH = "/mcp"


def made(opened: OpenHouse) -> MCPServer[Any]:
    """The server with its tools."""
    server: MCPServer[Any] = MCPServer(
        "setpoint", instructions=INSTRUCTIONS, version=__version__, log_level="WARNING", subscriptions=False
    )
    for name, tool in inspect.getmembers(Tools(opened), inspect.iscoroutinefunction):
        server.add_tool(_in_words(tool), name=name)
    return server


def _in_words(tool: Callable[..., Awaitable[dict[str, Any]]]) -> Callable[..., Awaitable[dict[str, Any]]]:
    @functools.wraps(tool)
    async def told(*args: Any, **kwargs: Any) -> dict[str, Any]:
        try:
            return await tool(*args, **kwargs)
        except SetpointError as error:
            raise ToolError(str(error)) from error

    return told


async def over_http(opened: OpenHouse, port: int, token: str, tell: Callable[[str], None]) -> None:
    """Serve on loopback until interrupted; `tell` hears the address. Raises UsageError for a port that is taken."""
    app = Gate(made(opened).streamable_http_app(streamable_http_path=PATH), token)
    try:
        listener = socket.create_server(("127.0.0.1", port))
    except OSError as error:
        raise UsageError(
            f"port {port} cannot be listened on",
            why=str(error.strerror),
            fix="--port with another number, or 0 for any",
        ) from error
    with contextlib.closing(listener):
        tell(f"http://127.0.0.1:{listener.getsockname()[1]}{PATH}")
        await uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="on")).serve(sockets=[listener])


class Gate:
    """Lets nobody through to `app` who does not bear the token."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._wanted = f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "lifespan"):
            return
        if scope["type"] == "http":
            said = [value for name, value in scope["headers"] if name == b"authorization"]
            if len(said) != 1 or not secrets.compare_digest(said[0], self._wanted):
                words = (
                    f"no token, or another one\nnext: `Authorization: Bearer …` with what .setpoint/{KEPT_AT} holds\n"
                )
                refusal = PlainTextResponse(words, status_code=401, headers={"WWW-Authenticate": "Bearer"})
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)


def token_at(state: Path) -> str:
    """The token of the repository whose folder `.setpoint` is `state`; made once, readable to its owner alone."""
    place = state / KEPT_AT
    with contextlib.suppress(FileExistsError):
        descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(secrets.token_urlsafe(32))
    with os.fdopen(os.open(place, os.O_RDONLY | os.O_NOFOLLOW), encoding="utf-8") as file:
        told, mode = file.read().strip(), os.fstat(file.fileno()).st_mode
    if mode & 0o077 or len(told) < 32:
        raise UsageError(
            f"{place} is no token to trust", why="others can read it, or it is too short", fix=f"rm {place}, and again"
        )
    return told

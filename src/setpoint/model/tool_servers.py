"""Servers of further tools (MCP): which there are, and whose sessions are offered what of them."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from .network import destination
from .phases import PHASES
from .record import Line, Record
from .ticket import Kind

BY_REFERENCE = "env:"
"""Begins a value that stands in an environment variable of the worker: `env:GITHUB_TOKEN`."""
OWN = "setpoint"
"""The name by which a list offers what setpoint does itself: `setpoint:look`."""
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,22}[A-Za-z0-9])?")


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError("a server's name is 1 to 24 letters, digits and inner hyphens")
    return text


def _phase(text: str) -> str:
    if text not in PHASES:
        raise ValueError(f"there is no phase `{text}`; phases are {', '.join(PHASES)}")
    return text


def _host(text: str) -> str:
    destination(text)
    return text


ServerName = Annotated[str, AfterValidator(_name)]
Changed = Literal["say", "ask", "refuse"]
Tools = tuple[Line, ...]
"""`SERVER`, or `SERVER:GLOB` for some of its tools."""


class ToolServer(Record):
    """A program that offers tools over its standard input and output. It is trusted with nothing: it runs in the
    sandbox, in an empty folder, without a network, unless more is written here."""

    command: tuple[Line, ...] = ()
    """Argument list; empty: the one of `.mcp.json` on the base branch."""
    env: dict[str, str] = {}
    """Its environment. A secret is named, never written: `TOKEN = "env:GITHUB_TOKEN"` hands in a variable of ours."""
    network: tuple[Annotated[Line, AfterValidator(_host)], ...] = ()
    """Hosts it may reach (`name:port`), as far as policy lets sessions; through a proxy that it must honour."""
    tunnels: dict[Annotated[int, Field(ge=1, le=65535)], Line] = {}
    """For what does not speak HTTP: ports of its own loopback, each with the host of `network` that it leads to."""
    workspace: bool = False
    """Whether it sees the session's files, writable as its commands see them."""
    seconds: float = Field(default=60.0, gt=0, le=600)
    """Longest that one call may take, and its start."""
    memory_mib: int = Field(default=1024, ge=64)


def _not_ours(text: str) -> str:
    if text == OWN:
        raise ValueError(f"`{OWN}` is what setpoint offers itself; name the server otherwise")
    return text


class ToolSettings(Record):
    """Which tools of which servers a session is offered. Without a list for its phase: none."""

    servers: dict[Annotated[ServerName, AfterValidator(_not_ours)], ToolServer] = {}
    phase: dict[Annotated[str, AfterValidator(_phase)], Tools] = {}
    """By phase what its sessions are offered: `SERVER`, `SERVER:GLOB` for some of its tools, or `setpoint:look`, a look
    at the running app in a browser."""
    kind: dict[Kind, Tools] = {}
    """By kind of ticket what of that is left; a kind without a list is not narrowed."""
    label: dict[Line, Tools] = {}
    """By label of a ticket what only tickets with that label are offered: `frontend = ["browser"]`."""
    changed: Changed = "ask"
    """What becomes of a server that offers a session tools other than when a person last looked (`setpoint tools
    --accept`): `ask` parks the run until one has, `refuse` goes on without the server, `say` goes on with it."""
    heavy_tokens: int = Field(default=3_000, ge=0)
    """Tokens of one server's schemas from which on a warning is said; each request of a session carries them."""


class Offered(ToolServer):
    """A server for one session, with what the session may use of it."""

    name: ServerName
    allowed: tuple[tuple[Line, ...], ...] = ()
    """Globs of tools; of each list one must match."""
    heavy_tokens: int = 0
    changed: Changed = "ask"

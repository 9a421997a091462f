"""Which servers of tools a session is offered: what the configuration names for its phase, and nothing else.

Programs come from setpoint.toml, as it was pinned to the run, or from `.mcp.json` of the base branch; never from what
sessions wrote. What a server is given (hosts, secrets) stands in setpoint.toml alone.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from ..errors import ConfigError
from ..model.session import Role, SessionId
from ..model.ticket import Ticket
from ..model.tool_servers import OWN, Offered, Tools, ToolServer, ToolSettings
from .bench import Bench, Ground

FILE = ".mcp.json"
_VARIABLE = re.compile(r"\$\{?[A-Za-z_]")


async def offered_to(ground: Ground, session: SessionId) -> tuple[Offered, ...]:
    """The servers of a session, each with the tools that its lists leave. Raises ConfigError."""
    if session.role is Role.VALIDATOR:
        return ()
    return await _made(ground.bench, ground.run.base, named(ground.config.mcp, session.phase, ground.run.ticket))


async def everything(bench: Bench, base: str) -> tuple[Offered, ...]:
    """All servers that some phase is offered, each with all the tools that some phase is. Raises ConfigError."""
    lists = [pattern for tools in bench.config.mcp.phase.values() for pattern in tools]
    names = dict.fromkeys(pattern.partition(":")[0] for pattern in lists)
    return await _made(bench, base, {name: (globs(tuple(lists), name),) for name in names if name != OWN})


async def _made(bench: Bench, base: str, wanted: Mapping[str, tuple[Tools, ...]]) -> tuple[Offered, ...]:
    settings, listed = bench.config.mcp, dict[str, Any]()
    if any(name != OWN and not settings.servers.get(name, ToolServer()).command for name in wanted):
        listed = servers_in(await bench.workspaces.show(base, FILE) or b"{}")
    found = []
    for name, allowed in wanted.items():
        server = ToolServer() if name == OWN else resolved(name, settings.servers.get(name), listed)
        told = {"name": name, "allowed": allowed, "heavy_tokens": settings.heavy_tokens}
        told |= {"changed": settings.changed}
        found.append(Offered.model_validate({**server.model_dump(), **told}))
    return tuple(found)


def named(settings: ToolSettings, phase: str, ticket: Ticket) -> dict[str, tuple[tuple[str, ...], ...]]:
    """By server the lists of globs of which a tool must match each, for a phase and a ticket."""
    lists = [settings.phase.get(phase, ())]
    lists += [settings.kind[ticket.kind]] if ticket.kind in settings.kind else []
    found = {}
    for name in dict.fromkeys(pattern.partition(":")[0] for pattern in lists[0]):
        allowed = [globs(one, name) for one in lists]
        by_label = {label: globs(tools, name) for label, tools in settings.label.items() if globs(tools, name)}
        if by_label:
            mine = (glob for label, tools in by_label.items() if label in ticket.labels for glob in tools)
            allowed.append(tuple(dict.fromkeys(mine)))
        if all(allowed):
            found[name] = tuple(allowed)
    return found


def globs(tools: Tools, server: str) -> tuple[str, ...]:
    """What a list says of one server's tools."""
    said = (pattern.partition(":") for pattern in tools)
    return tuple(glob or "*" for name, _, glob in said if name == server)


def servers_in(text: bytes) -> dict[str, dict[str, Any]]:
    """The servers that a `.mcp.json` names. Raises ConfigError for what is no such file."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise ConfigError(f"{FILE}: not JSON: {error}", fix=f"mend {FILE} on the base branch") from error
    servers = found.get("mcpServers", {}) if isinstance(found, dict) else None
    if not isinstance(servers, dict) or not all(isinstance(server, dict) for server in servers.values()):
        raise ConfigError(f"{FILE}: `mcpServers` should be a table of servers", fix=f"mend {FILE} on the base branch")
    return servers


def resolved(name: str, own: ToolServer | None, listed: Mapping[str, dict[str, Any]]) -> ToolServer:
    """One server as it is started: its program from the configuration, else from `.mcp.json`. Raises ConfigError."""
    if own is not None and own.command:
        return own
    server = listed.get(name)
    if server is None:
        raise ConfigError(
            f"[mcp.phase] names the server `{name}`, and nothing says what it is",
            why=f"there is no [mcp.servers.{name}] command, and no `{name}` in {FILE} of the base branch",
            fix=f'write [mcp.servers.{name}] command = ["…"], or commit {FILE}',
        )
    command, args, env = server.get("command"), server.get("args", []), server.get("env", {})
    if not isinstance(command, str) or not isinstance(args, list) or not isinstance(env, dict):
        raise ConfigError(
            f"{FILE}: the server `{name}` is no program",
            why="setpoint starts programs in the sandbox; it attaches no server at a URL",
            fix=f"name a program that leads there in [mcp.servers.{name}] command, and its host in network",
        )
    own = own or ToolServer()
    left = {key: value for key, value in env.items() if key not in own.env}
    words = [command, *args]
    if loose := [word for word in (*words, *left.values()) if _VARIABLE.search(str(word))]:
        raise ConfigError(
            f"{FILE}: the server `{name}` wants `{loose[0]}` of the environment",
            why="what a server is given of it is said in setpoint.toml",
            fix=f'[mcp.servers.{name}] env = {{ NAME = "env:NAME" }}, and no variable among its arguments',
        )
    return ToolServer.model_validate({**own.model_dump(), "command": words, "env": {**left, **own.env}})

"""The proxy's end inside a sandbox, and how commands there are told of it."""

from collections.abc import Awaitable, Callable

from ...errors import SandboxError
from ...model.command import Command, Completed
from ..loopback import forwarded
from .proxy import SOCKET, Egress, egress

PLACE = "/run/setpoint/egress"
"""Where the socket's folder is shown."""
_NAMES = ("http_proxy", "https_proxy", "all_proxy")
_TOLD = {
    **dict.fromkeys((*_NAMES, *(name.upper() for name in _NAMES)), "{here}"),
    **dict.fromkeys(("npm_config_proxy", "npm_config_https_proxy"), "{here}"),
    **dict.fromkeys(("no_proxy", "NO_PROXY"), "localhost,127.0.0.1,::1"),
    "NODE_USE_ENV_PROXY": "1",
}


def with_way_out(command: Command, way: Egress) -> Command:
    """`command` with `way` as its proxy."""
    return forwarded(command, way.folder, SOCKET, PLACE, _TOLD)


async def with_hosts(command: Command, run: Callable[[Command], Awaitable[Completed]]) -> Completed:
    """`command` by `run`, with a proxy to the hosts that it names. Raises SandboxError for what names no host: nothing
    was run."""
    if not command.network:
        return await run(command)
    try:
        async with egress(command.network) as way:
            done = await run(with_way_out(command, way))
            return done.model_copy(update={"connections": way.connections()})
    except ValueError as error:
        raise SandboxError("the hosts cannot be used; nothing was run", why=str(error)) from error
    except OSError as error:
        raise SandboxError("there is no way out for the hosts; nothing was run", why=str(error)) from error

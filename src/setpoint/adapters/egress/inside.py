"""The proxy's end inside a sandbox, and how commands there are told of it."""

from ...model.command import Command
from ..loopback import forwarded
from .proxy import SOCKET, Egress

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

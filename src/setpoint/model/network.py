"""Hosts a command may reach: how they are written, and what came of each try."""

import ipaddress
import re

from .record import Line, Record

HTTPS = 443
_NAME = re.compile(
    r"(?=.{1,253}\Z)(?:[a-z0-9_](?:[a-z0-9_\-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_\-]{0,61}[a-z0-9_])?"
)
FORM = "`name`, `name:port`, or `name:port=10.0.0.0/8` for a host of a private network"


class Destination(Record):
    """One host and port, by name. A name that leads to a private address is refused unless that is written too."""

    name: Line
    port: int = HTTPS
    within: str = ""
    """The private address, or the network of it, that the name may lead to."""


class Connection(Record):
    """What a command did with one host: all tries together."""

    host: Line
    """`name:port`."""
    allowed: bool
    times: int
    sent: int = 0
    """Bytes to the host."""
    received: int = 0
    why: str = ""
    """Why it was refused, or what went wrong."""


def destination(text: str) -> Destination:
    """The destination written in `text`. Raises ValueError that says how it is written."""
    told, equals, within = text.strip().partition("=")
    name, port = _split(told)
    if not port.isdigit() or not 0 < int(port) < 65_536:
        raise ValueError(f"`{text}` has no port between 1 and 65535; {FORM}")
    name = plain_name(name)
    if not _NAME.fullmatch(name) or is_address(name):
        raise ValueError(f"`{text}` names no host; {FORM}")
    if equals:
        try:
            within = str(ipaddress.ip_network(within.strip()))
        except ValueError as error:
            raise ValueError(f"`{text}`: `{within}` is no address and no network; {FORM}") from error
    return Destination(name=name, port=int(port), within=within)


def _split(told: str) -> tuple[str, str]:
    name, colon, port = told.rpartition(":")
    return (name, port) if colon else (told, str(HTTPS))


def plain_name(name: str) -> str:
    """A host's name as names are compared."""
    return name.strip().lower().removesuffix(".")


def is_address(name: str) -> bool:
    """Whether a name is an IP address, in any form that a resolver takes: `10.1`, `0x7f.1`, `2130706433`, `::1`."""
    bare = name.strip("[]").partition("%")[0]
    return ":" in bare or bool(re.fullmatch(r"(?:0x[0-9a-f]*|\d+)(?:\.(?:0x[0-9a-f]*|\d+)){0,3}", bare))

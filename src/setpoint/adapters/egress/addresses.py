"""Names to addresses: resolved once, judged, and connected to as judged: no second answer can lead elsewhere."""

import asyncio
import ipaddress
import socket
from collections.abc import Sequence

from ...model.network import Destination

SECONDS = 10.0
_NAT64 = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("64:ff9b:1::/48"))

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class RefusedHostError(Exception):
    """The destination is not reached, for the reason said."""


async def addresses(wanted: Destination) -> Sequence[str]:
    """The addresses that may be connected to for `wanted`. Raises RefusedHostError."""
    pinned = _single(wanted.within)
    if pinned:
        return [pinned]
    try:
        async with asyncio.timeout(SECONDS):
            told = await asyncio.get_running_loop().getaddrinfo(wanted.name, wanted.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise RefusedHostError(f"the name cannot be resolved: {error}") from error
    except TimeoutError as error:
        raise RefusedHostError(f"the name was not resolved within {SECONDS:.0f} s") from error
    found = list(dict.fromkeys(str(one[4][0]).partition("%")[0] for one in told))
    kept = [one for one in found if allowed(ipaddress.ip_address(one), wanted.within)]
    if not kept:
        what = f"outside of {wanted.within}" if wanted.within else "private"
        raise RefusedHostError(f"its name leads to {', '.join(found[:3]) or 'nothing'}, which is {what}")
    return kept


def _single(within: str) -> str:
    network = ipaddress.ip_network(within) if within else None
    return str(network.network_address) if network is not None and network.num_addresses == 1 else ""


def allowed(address: Address, within: str = "") -> bool:
    """Whether `address` is public, or lies in the network that was named for it."""
    if within:
        network = ipaddress.ip_network(within)
        return address.version == network.version and address in network
    return all(_public(one) for one in (address, *_carried(address)))


def _public(address: Address) -> bool:
    return address.is_global and not address.is_multicast and not address.is_reserved


def _carried(address: Address) -> list[Address]:
    """IPv4 addresses that an IPv6 address stands for."""
    if not isinstance(address, ipaddress.IPv6Address):
        return []
    found: list[Address | None] = [address.ipv4_mapped, address.sixtofour]
    found += list(address.teredo or ())
    if any(address in network for network in _NAT64):
        found.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return [one for one in found if one is not None]

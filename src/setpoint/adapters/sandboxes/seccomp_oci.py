"""The same system calls refused, in the words of container engines (OCI, as libseccomp reads it).

Engines compare whole registers, the kernel looks at the low half of most: values are compared under a mask, or a
caller would set a high bit and pass.
"""

import errno
import json
import platform
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any

from .seccomp import (
    CREATES,
    DENIED,
    FAMILIES,
    MODE_CALLS,
    NETLINK,
    NETLINK_ROUTE,
    NEW_NAMESPACES,
    OPEN_CALLS,
    SET_ID,
    TERMINAL_INJECTION,
    UNKNOWN_CALLS,
)

_ARCHITECTURES = {"x86_64": "SCMP_ARCH_X86_64", "aarch64": "SCMP_ARCH_AARCH64"}
_LOW = 0xFFFFFFFF
_SMALL_FAMILY = 0x3F
"""Families up to here are judged one by one; there are 46."""

Rule = dict[str, Any]


@cache
def oci_filter(machine: str = "") -> str | None:
    """The filter for `machine` (default: this one) as JSON; None where its calls are not known."""
    architecture = _ARCHITECTURES.get(machine or platform.machine())
    if architecture is None:
        return None
    # Calls of another machine's kind (32 bit, x32) end the process: only this one is listed.
    whole = {"defaultAction": "SCMP_ACT_ALLOW", "architectures": [architecture], "syscalls": list(_rules())}
    return json.dumps(whole)


def _rules() -> Iterator[Rule]:
    yield _refused(DENIED)
    yield _refused(UNKNOWN_CALLS, code=errno.ENOSYS)
    for bit in _bits(NEW_NAMESPACES):
        yield _refused(["clone"], _set(0, bit))
    for bit in _bits(SET_ID):
        for name, position in MODE_CALLS:
            yield _refused([name], _set(position, bit))
        for name, flags in OPEN_CALLS:
            for creates in _bits(CREATES):
                yield _refused([name], _set(flags, creates), _set(flags + 1, bit))
    yield from _families()
    for code in TERMINAL_INJECTION:
        yield _refused(["ioctl"], _equal(1, code))


def _families() -> Iterator[Rule]:
    names = ["socket", "socketpair"]
    for family in range(_SMALL_FAMILY + 1):
        if family == NETLINK:
            yield _refused(names, _equal(0, family), _other(2, NETLINK_ROUTE), code=errno.EAFNOSUPPORT)
        elif family not in FAMILIES:
            yield _refused(names, _equal(0, family), code=errno.EAFNOSUPPORT)
    for bit in _bits(_LOW & ~_SMALL_FAMILY):
        yield _refused(names, _set(0, bit), code=errno.EAFNOSUPPORT)


def _refused(names: Sequence[str], *conditions: Rule, code: int = errno.EPERM) -> Rule:
    """All of the conditions together; without one, always."""
    return {"names": list(names), "action": "SCMP_ACT_ERRNO", "errnoRet": code, "args": list(conditions)}


def _bits(mask: int) -> Iterable[int]:
    return (1 << place for place in range(32) if mask >> place & 1)


def _set(position: int, bit: int) -> Rule:
    return {"index": position, "value": bit, "valueTwo": bit, "op": "SCMP_CMP_MASKED_EQ"}


def _equal(position: int, value: int) -> Rule:
    return {"index": position, "value": _LOW, "valueTwo": value, "op": "SCMP_CMP_MASKED_EQ"}


def _other(position: int, value: int) -> Rule:
    return {"index": position, "value": value, "op": "SCMP_CMP_NE"}

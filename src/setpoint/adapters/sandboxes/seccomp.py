"""The system calls a sandboxed command may not make, as raw BPF for bubblewrap's `--seccomp`; no library needed.

A deny list: what remains must still run compilers, test runners and language runtimes. Calls that hide their flags
behind a pointer (`clone3`, `openat2`) answer ENOSYS, and libc falls back to the ones that can be judged.
"""

import errno
import platform
import struct
from collections.abc import Iterable, Mapping
from functools import cache

_LOAD, _JEQ, _JSET, _AND, _RET = 0x20, 0x15, 0x45, 0x54, 0x06
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_NR, _ARCH, _ARGS = 0, 4, 16

DENIED = [
    "ptrace",
    "process_vm_readv",
    "process_vm_writev",
    "bpf",
    "io_uring_setup",
    "io_uring_enter",
    "io_uring_register",
    "add_key",
    "request_key",
    "keyctl",
    "mount",
    "umount2",
    "pivot_root",
    "chroot",
    "open_tree",
    "move_mount",
    "fsopen",
    "fsconfig",
    "fsmount",
    "fspick",
    "mount_setattr",
    "open_tree_attr",
    "unshare",
    "setns",
    "perf_event_open",
    "userfaultfd",
    "kexec_load",
    "kexec_file_load",
    "init_module",
    "finit_module",
    "delete_module",
    "quotactl",
    "quotactl_fd",
    "name_to_handle_at",
    "open_by_handle_at",
    "kcmp",
    "pidfd_getfd",
    "fanotify_init",
    "swapon",
    "swapoff",
    "reboot",
    "acct",
    "syslog",
    "lookup_dcookie",
    "iopl",
    "ioperm",
    "modify_ldt",
    "uselib",
    "settimeofday",
    "clock_settime",
    "clock_adjtime",
]

_X86_64 = {
    "ptrace": 101, "process_vm_readv": 310, "process_vm_writev": 311, "bpf": 321, "io_uring_setup": 425,
    "io_uring_enter": 426, "io_uring_register": 427, "add_key": 248, "request_key": 249, "keyctl": 250, "mount": 165,
    "umount2": 166, "pivot_root": 155, "chroot": 161, "open_tree": 428, "move_mount": 429, "fsopen": 430,
    "fsconfig": 431, "fsmount": 432, "fspick": 433, "mount_setattr": 442, "open_tree_attr": 467, "unshare": 272,
    "setns": 308, "perf_event_open": 298, "userfaultfd": 323, "kexec_load": 246, "kexec_file_load": 320,
    "init_module": 175, "finit_module": 313, "delete_module": 176, "quotactl": 179, "quotactl_fd": 443,
    "name_to_handle_at": 303, "open_by_handle_at": 304, "kcmp": 312, "pidfd_getfd": 438, "fanotify_init": 300,
    "swapon": 167, "swapoff": 168, "reboot": 169, "acct": 163, "syslog": 103, "lookup_dcookie": 212, "iopl": 172,
    "ioperm": 173, "modify_ldt": 154, "uselib": 134, "settimeofday": 164, "clock_settime": 227, "clock_adjtime": 305,
    "clone": 56, "clone3": 435, "open": 2, "openat": 257, "openat2": 437, "creat": 85, "chmod": 90, "fchmod": 91,
    "fchmodat": 268, "fchmodat2": 452, "mknod": 133, "mknodat": 259, "socket": 41, "socketpair": 53, "ioctl": 16,
}  # fmt: skip

_AARCH64 = {
    "ptrace": 117, "process_vm_readv": 270, "process_vm_writev": 271, "bpf": 280, "io_uring_setup": 425,
    "io_uring_enter": 426, "io_uring_register": 427, "add_key": 217, "request_key": 218, "keyctl": 219, "mount": 40,
    "umount2": 39, "pivot_root": 41, "chroot": 51, "open_tree": 428, "move_mount": 429, "fsopen": 430,
    "fsconfig": 431, "fsmount": 432, "fspick": 433, "mount_setattr": 442, "open_tree_attr": 467, "unshare": 97,
    "setns": 268, "perf_event_open": 241, "userfaultfd": 282, "kexec_load": 104, "kexec_file_load": 294,
    "init_module": 105, "finit_module": 273, "delete_module": 106, "quotactl": 60, "quotactl_fd": 443,
    "name_to_handle_at": 264, "open_by_handle_at": 265, "kcmp": 272, "pidfd_getfd": 438, "fanotify_init": 262,
    "swapon": 224, "swapoff": 225, "reboot": 142, "acct": 89, "syslog": 116, "lookup_dcookie": 18,
    "settimeofday": 170, "clock_settime": 112, "clock_adjtime": 266,
    "clone": 220, "clone3": 435, "openat": 56, "openat2": 437, "fchmod": 52, "fchmodat": 53, "fchmodat2": 452,
    "mknodat": 33, "socket": 198, "socketpair": 199, "ioctl": 29,
}  # fmt: skip

_ARCHITECTURES: Mapping[str, tuple[int, Mapping[str, int]]] = {
    "x86_64": (0xC000003E, _X86_64),
    "aarch64": (0xC00000B7, _AARCH64),
}

SET_ID = 0o6000
CREATES = 0o100 | 0o20000000  # O_CREAT, __O_TMPFILE
NEW_NAMESPACES = 0x7E020000
FAMILIES = (1, 2, 10)  # unix, inet, inet6; the namespace has no interface but its own loopback
NETLINK, NETLINK_ROUTE = 16, 0  # libc asks it for the list of interfaces
TERMINAL_INJECTION = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX
_X32 = 0x40000000
UNKNOWN_CALLS = ("clone3", "openat2")
"""Answered as if the kernel had none: libc falls back to calls whose flags can be judged."""
MODE_CALLS = (
    ("chmod", 1),
    ("fchmod", 1),
    ("fchmodat", 2),
    ("fchmodat2", 2),
    ("creat", 1),
    ("mknod", 1),
    ("mknodat", 2),
)
"""Calls that set a file's mode, and which argument it is."""
OPEN_CALLS = (("open", 1), ("openat", 2))
"""Calls that may create a file, and which argument their flags are; the mode is the next one."""

Instruction = tuple[int, int, int, int]


@cache
def seccomp_filter(machine: str = "") -> bytes | None:
    """The filter for `machine` (default: this one); None where its call numbers are not known."""
    known = _ARCHITECTURES.get(machine or platform.machine())
    if known is None:
        return None
    return b"".join(struct.pack("<HBBI", *instruction) for instruction in _program(*known))


def _program(architecture: int, numbers: Mapping[str, int]) -> list[Instruction]:
    program = [_load(_ARCH), (_JEQ, 1, 0, architecture), _refuse(errno.ENOSYS), _load(_NR)]
    if architecture == _ARCHITECTURES["x86_64"][0]:
        program += [(_JSET, 0, 1, _X32), _refuse(errno.ENOSYS)]
    for name, body in _rules():
        if name in numbers:
            program += [(_JEQ, 0, len(body), numbers[name]), *body]
    return [*program, _allow()]


def _rules() -> Iterable[tuple[str, list[Instruction]]]:
    for name in DENIED:
        yield name, [_refuse(errno.EPERM)]
    for name in UNKNOWN_CALLS:
        yield name, [_refuse(errno.ENOSYS)]
    yield "clone", _refuse_bits(0, NEW_NAMESPACES)
    for name, position in MODE_CALLS:
        yield name, _refuse_bits(position, SET_ID)
    for name, flags in OPEN_CALLS:
        # Without O_CREAT the mode register holds rubbish and must not be judged.
        yield name, [_argument(flags), (_JSET, 1, 0, CREATES), _allow(), *_refuse_bits(flags + 1, SET_ID)]
    for name in ("socket", "socketpair"):
        yield name, _only_known_families()
    yield (
        "ioctl",
        [
            _argument(1),
            *((_JEQ, len(TERMINAL_INJECTION) - index, 0, code) for index, code in enumerate(TERMINAL_INJECTION)),
            _allow(),
            _refuse(errno.EPERM),
        ],
    )


def _only_known_families() -> list[Instruction]:
    last = len(FAMILIES)
    jumps = [(_JEQ, last + 2 - index, 0, family) for index, family in enumerate(FAMILIES)]
    return [
        _argument(0),
        *jumps,
        (_JEQ, 0, 3, NETLINK),
        _argument(2),
        (_JEQ, 0, 1, NETLINK_ROUTE),
        _allow(),
        _refuse(errno.EAFNOSUPPORT),
    ]


def _refuse_bits(position: int, bits: int) -> list[Instruction]:
    return [_argument(position), (_JSET, 0, 1, bits), _refuse(errno.EPERM), _allow()]


def _load(offset: int) -> Instruction:
    return (_LOAD, 0, 0, offset)


def _argument(position: int) -> Instruction:
    """The low half of an argument: both machines are little-endian, and every judged flag fits in it."""
    return _load(_ARGS + 8 * position)


def _refuse(code: int) -> Instruction:
    return (_RET, 0, 0, _ERRNO | code)


def _allow() -> Instruction:
    return (_RET, 0, 0, _ALLOW)

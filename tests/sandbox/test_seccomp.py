"""The filter of both machines, run by a small interpreter of its instructions."""

import errno
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from setpoint.adapters.sandboxes.seccomp import seccomp_filter

ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
NUMBERS = {
    "x86_64": {"read": 0, "openat": 257, "ptrace": 101, "clone": 56, "socket": 41, "fchmodat": 268, "execve": 59},
    "aarch64": {"read": 63, "openat": 56, "ptrace": 117, "clone": 220, "socket": 198, "fchmodat": 53, "execve": 221},
}
ALLOW = 0x7FFF0000
MACHINES = pytest.mark.parametrize("machine", sorted(ARCHITECTURES))


def verdict(machine: str, number: int, *arguments: int, architecture: int = 0) -> int:
    """0 for allowed, else the error the call answers with."""
    program = seccomp_filter(machine)
    assert program is not None
    padded = [*arguments, *([0] * (6 - len(arguments)))]
    call = struct.pack("<IIQ6Q", number, architecture or ARCHITECTURES[machine], 0, *padded)
    code = list(struct.iter_unpack("<HBBI", program))
    place = accumulator = 0
    while True:
        operation, yes, no, operand = code[place]
        place += 1
        if operation == 0x20:
            accumulator = struct.unpack_from("<I", call, operand)[0]
        elif operation == 0x15:
            place += yes if accumulator == operand else no
        elif operation == 0x45:
            place += yes if accumulator & operand else no
        else:
            assert operation == 0x06
            return 0 if operand == ALLOW else operand & 0xFFFF


@MACHINES
def test_everyday_calls_pass(machine: str) -> None:
    numbers = NUMBERS[machine]
    assert verdict(machine, numbers["read"]) == 0
    assert verdict(machine, numbers["execve"]) == 0
    assert verdict(machine, numbers["clone"], 0x003D0F00) == 0  # a thread
    assert verdict(machine, numbers["clone"], 17) == 0  # a child
    assert verdict(machine, numbers["openat"], 0, 0, 0o101, 0o644) == 0


@MACHINES
def test_flags_behind_a_pointer_are_not_implemented(machine: str) -> None:
    assert verdict(machine, 435) == errno.ENOSYS
    assert verdict(machine, 437) == errno.ENOSYS


@MACHINES
def test_a_mode_is_judged_only_where_a_file_is_made(machine: str) -> None:
    openat = NUMBERS[machine]["openat"]
    assert verdict(machine, openat, 0, 0, 0o0, 0o6777) == 0
    assert verdict(machine, openat, 0, 0, 0o100, 0o4755) == errno.EPERM
    assert verdict(machine, openat, 0, 0, 0o20200002, 0o2600) == errno.EPERM


@MACHINES
@pytest.mark.parametrize("flag", [0x20000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000])
def test_no_new_namespace(machine: str, flag: int) -> None:
    assert verdict(machine, NUMBERS[machine]["clone"], flag | 17) == errno.EPERM


@MACHINES
@given(family=st.integers(0, 2**32 - 1), protocol=st.integers(0, 64))
def test_only_four_families_of_sockets(machine: str, family: int, protocol: int) -> None:
    known = family in (1, 2, 10) or (family == 16 and protocol == 0)
    assert verdict(machine, NUMBERS[machine]["socket"], family, 3, protocol) == (0 if known else errno.EAFNOSUPPORT)


@MACHINES
@given(mode=st.integers(0, 0o7777))
def test_no_mode_with_set_id_passes(machine: str, mode: int) -> None:
    assert verdict(machine, NUMBERS[machine]["fchmodat"], 0, 0, mode) == (errno.EPERM if mode & 0o6000 else 0)


@MACHINES
def test_calls_of_another_machine_are_not_implemented(machine: str) -> None:
    assert verdict(machine, 1, architecture=0x40000003) == errno.ENOSYS


def test_the_second_call_table_of_x86_is_closed() -> None:
    assert verdict("x86_64", 0x40000000 | 101) == errno.ENOSYS


def test_an_unknown_machine_has_no_filter() -> None:
    assert seccomp_filter("riscv64") is None

"""The filter of both machines, run by a small interpreter of its instructions."""

import errno
import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from setpoint.adapters.sandboxes.seccomp import seccomp_filter
from setpoint.adapters.sandboxes.seccomp_oci import oci_filter

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


def engines_verdict(machine: str, name: str, *arguments: int) -> int:
    """The same by the filter for container engines, as libseccomp reads it: whole registers."""
    told = oci_filter(machine)
    assert told is not None
    document = json.loads(told)
    assert document["defaultAction"] == "SCMP_ACT_ALLOW"
    padded = [*arguments, *([0] * (6 - len(arguments)))]
    for rule in document["syscalls"]:
        if name in rule["names"] and all(_holds(one, padded[one["index"]]) for one in rule["args"]):
            return int(rule["errnoRet"])
    return 0


def _holds(condition: dict[str, int | str], value: int) -> bool:
    wanted = int(condition["value"])
    if condition["op"] == "SCMP_CMP_NE":
        return value != wanted
    assert condition["op"] == "SCMP_CMP_MASKED_EQ"
    return value & wanted == int(condition["valueTwo"])


TELLING = st.sampled_from(
    [0, 1, 2, 10, 16, 17, 38, 40, 64, 64, 65, 420, 2541, 1517, 268435456, 131072, 21522, 21532, 4259840, 4259842]
)
REGISTERS = st.builds(lambda low, high: low | high << 32, TELLING | st.integers(0, 2**32 - 1), st.integers(0, 3))


@MACHINES
@given(
    name=st.sampled_from(["openat", "ptrace", "clone", "socket", "fchmodat", "read"]),
    registers=st.tuples(*[REGISTERS] * 4),
)
def test_container_engines_refuse_what_bubblewrap_refuses(
    machine: str, name: str, registers: tuple[int, int, int, int]
) -> None:
    """A netlink protocol with a high bit set is the one thing they take more strictly."""
    ours = verdict(machine, NUMBERS[machine][name], *registers)
    theirs = engines_verdict(machine, name, *registers)
    odd = name == "socket" and registers[0] & 0xFFFFFFFF == 16 and registers[2] >> 32
    assert theirs == ours or (odd and theirs == errno.EAFNOSUPPORT)


@MACHINES
def test_calls_that_hide_their_flags_do_not_exist_for_engines_either(machine: str) -> None:
    assert [engines_verdict(machine, name) for name in ("clone3", "openat2")] == [errno.ENOSYS] * 2
    assert engines_verdict(machine, "openat", 0, 0, 0o20200002, 0o4600) == errno.EPERM  # a file without a name


def test_a_machine_whose_calls_are_not_known_has_no_filter() -> None:
    assert oci_filter("riscv64") is None

"""What a hostile command tries from inside, and that nothing of it holds: at every level that contains in full."""

import asyncio
import os
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from levels_here import CONTAINED, MADE

from setpoint.adapters.sandboxes.bubblewrap import Bubblewrap
from setpoint.adapters.sandboxes.profile import SCRATCH_MIB
from setpoint.errors import SandboxError
from setpoint.model.command import CommandLimits, Mount
from setpoint.ports import Sandbox
from setpoint.testing.sandbox_contract import QUICK, command, nap, python, running, shell


@pytest.fixture(params=CONTAINED)
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    return MADE[request.param]()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "work"
    place.mkdir()
    return place


@pytest.fixture
def neighbour(tmp_path: Path) -> Path:
    """Another run's folder, beside this one."""
    place = tmp_path / "other"
    place.mkdir()
    (place / "secret").write_text("token-of-another-run")
    return place


WRITES = {
    "the system": "echo x > /usr/x",
    "the configuration": "echo x >> /etc/passwd",
    "the root": "mkdir /x",
    "the devices": "echo x > /dev/x",
    "the kernel's switches": "echo /tmp/x > /proc/sys/kernel/core_pattern",
    "its own out-of-memory score": "echo -1000 > /proc/self/oom_score_adj",
    "the neighbour": "echo x > {neighbour}/x",
    "the folder above": "echo x > {folder}/../x; exit 1",
    "the neighbour through a link": "ln -s {neighbour} link && echo x > link/x",
    "the neighbour through a hard link": "ln {neighbour}/secret link",
    "the neighbour through its root": "echo x > /proc/1/root{neighbour}/x",
    "the neighbour through its folder": "echo x > /proc/self/cwd/../other/x",
}


@pytest.mark.parametrize("name", WRITES)
async def test_nothing_outside_the_folder_can_be_written(
    sandbox: Sandbox, folder: Path, neighbour: Path, name: str
) -> None:
    before = sorted(str(place) for place in folder.parent.rglob("*") if place.parent != folder)
    done = await sandbox.run(shell(folder, WRITES[name].format(folder=folder, neighbour=neighbour)))
    assert done.exit_code != 0
    assert sorted(str(place) for place in folder.parent.rglob("*") if place.parent != folder) == before


READS = {
    "the user's home": "ls -A {home}/.ssh {home}/.bashrc {home}/.profile {home}/.gitconfig {home}/.config",
    "the passwords": "cat /etc/shadow",
    "the machine's name": "cat /etc/hostname /etc/machine-id",
    "the resolver": "cat /etc/resolv.conf",
    "the neighbour": "cat {neighbour}/secret",
    "the neighbour through a link": "ln -s {neighbour}/secret link && cat link",
    "the neighbour through its root": "cat /proc/1/root{neighbour}/secret",
    "the device files": "ls /sys/class /dev/kmsg /dev/mem",
    "the control groups": "ls /sys/fs/cgroup",
    "the host's mounts": "ls /oldroot /newroot",
}


@pytest.mark.parametrize("name", READS)
async def test_nothing_of_the_host_can_be_read(sandbox: Sandbox, folder: Path, neighbour: Path, name: str) -> None:
    script = READS[name].format(home=Path.home(), neighbour=neighbour)
    done = await sandbox.run(shell(folder, script))
    assert done.exit_code != 0 or not done.stdout  # an engine puts files there that say nothing
    assert done.stdout.strip() in {"", "sandbox"}


async def test_no_account_of_the_host_is_known(sandbox: Sandbox, folder: Path) -> None:
    done = await sandbox.run(shell(folder, "cut -d: -f1 /etc/passwd; id -un; hostname"))
    *known, user, machine = done.stdout.split()
    assert set(known) <= {"root", "agent", "nobody"}
    assert (user, machine) == ("agent", "sandbox")


async def test_no_process_of_the_host_is_seen(sandbox: Sandbox, folder: Path) -> None:
    done = await sandbox.run(shell(folder, "ls -d /proc/[0-9]*"))
    assert len([line for line in done.stdout.splitlines() if line.startswith("/proc/")]) < 8


async def test_the_first_process_has_no_environment_to_tell(sandbox: Sandbox, folder: Path) -> None:
    """A worker with a key in its environment starts the command; the key is nowhere in `/proc`."""
    script = "cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline | tr '\\0' '\\n'"
    held = subprocess.Popen(["sleep", "30"], env={"API_KEY": "sk-canary-0815"})
    try:
        done = await sandbox.run(shell(folder, script))
    finally:
        held.kill()
        held.wait()
    assert "canary" not in done.stdout


async def test_no_descriptor_of_the_worker_is_inherited(sandbox: Sandbox, folder: Path) -> None:
    reader, writer = os.pipe()
    os.set_inheritable(reader, True)
    os.set_inheritable(writer, True)
    try:
        done = await sandbox.run(python(folder, "import os; print(sorted(map(int, os.listdir('/proc/self/fd'))))"))
    finally:
        os.close(reader)
        os.close(writer)
    assert done.stdout.strip() == "[0, 1, 2, 3]"


async def test_it_has_no_privilege_and_cannot_gain_one(sandbox: Sandbox, folder: Path) -> None:
    done = await sandbox.run(shell(folder, "grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status"))
    fields = dict(line.split() for line in done.stdout.replace(":", "").splitlines())
    assert {value for name, value in fields.items() if name.startswith("Cap")} == {"0000000000000000"}
    assert (fields["NoNewPrivs"], fields["Seccomp"]) == ("1", "2")


CALLS = {
    "ptrace": "libc.ptrace(16, 1, 0, 0)",
    "mount": "libc.mount(b'none', b'/tmp', b'tmpfs', 0, None)",
    "unshare user": "libc.unshare(0x10000000)",
    "unshare mount": "libc.unshare(0x20000)",
    "chroot": "libc.chroot(b'/tmp')",
    "clone into a new user namespace": "libc.syscall(NR['clone'], 0x10000011, 0, 0, 0, 0)",
    "clone3": "libc.syscall(435, ctypes.create_string_buffer(88), 88)",
    "openat2": "libc.syscall(437, -100, b'/tmp', ctypes.create_string_buffer(24), 24)",
    "bpf": "libc.syscall(NR['bpf'], 0, 0, 0)",
    "io_uring": "libc.syscall(425, 4, ctypes.create_string_buffer(120))",
    "keyring": "libc.syscall(NR['keyctl'], 0, -3, 1)",
    "perf": "libc.syscall(NR['perf'], ctypes.create_string_buffer(120), 0, -1, -1, 0)",
    "userfaultfd": "libc.syscall(NR['userfaultfd'], 0)",
    "open by handle": "libc.syscall(NR['by_handle'], -100, ctypes.create_string_buffer(64), 0)",
    "pidfd_getfd": "libc.syscall(438, 0, 0, 0)",
    "read another's memory": "libc.syscall(NR['vm_readv'], 1, 0, 0, 0, 0, 0)",
    "chmod set-user-id": "libc.chmod(b'file', 0o4755)",
    "chmod set-group-id": "libc.chmod(b'file', 0o2755)",
    "fchmod set-user-id": "libc.fchmod(os.open('file', os.O_RDONLY), 0o4755)",
    "fchmodat set-user-id": "libc.fchmodat(-100, b'file', 0o4755, 0)",
    "fchmodat2 set-user-id": "libc.syscall(452, -100, b'file', 0o4755, 0)",
    "open creating set-user-id": "libc.open(b'made', 0o101, 0o4755)",
    "creat set-user-id": "libc.creat(b'made', 0o4755)",
    "mknod set-user-id": "libc.mknod(b'made', 0o104755, 0)",
    "mknod device": "libc.mknod(b'made', 0o020666, 0x103)",
    "packet socket": "libc.socket(17, 3, 0)",
    "vsock": "libc.socket(40, 1, 0)",
    "bluetooth": "libc.socket(31, 3, 0)",
    "alg socket": "libc.socket(38, 5, 0)",
    "netlink audit": "libc.socket(16, 3, 9)",
    "raw socket": "libc.socket(2, 3, 1)",
    "input into a terminal": "libc.ioctl(0, 0x5412, b'x')",
}

CALLER = """
import ctypes, errno, os, platform
libc = ctypes.CDLL(None, use_errno=True)
open('file', 'w').close()
x86 = platform.machine() == 'x86_64'
NR = dict(clone=56, bpf=321, keyctl=250, perf=298, userfaultfd=323, by_handle=304, vm_readv=310) if x86 else dict(
    clone=220, bpf=280, keyctl=219, perf=241, userfaultfd=282, by_handle=265, vm_readv=270)
result = {call}
print(result, errno.errorcode.get(ctypes.get_errno()))
"""


@pytest.mark.parametrize("name", CALLS)
async def test_the_call_is_refused(sandbox: Sandbox, folder: Path, name: str) -> None:
    done = await sandbox.run(python(folder, CALLER.format(call=CALLS[name])))
    result, _, reason = done.stdout.strip().partition(" ")
    assert result == "-1"
    assert reason in {"EPERM", "ENOSYS", "EAFNOSUPPORT", "EACCES"}


ALLOWED = {
    "threads": "import threading; t = threading.Thread(target=print, args=['ok']); t.start(); t.join()",
    "children": "import subprocess; subprocess.run(['echo', 'ok'])",
    "process pools": "from multiprocessing import get_context\nprint(get_context('fork').Pool(1).map(str, ['ok'])[0])",
    "temporary files": "import tempfile; tempfile.TemporaryFile().write(b'x'); print('ok')",
    "modes": "import os; open('f', 'w').close(); os.chmod('f', 0o755); print('ok')",
    "the interfaces": "import socket; print('ok' if socket.if_nameindex() == [(1, 'lo')] else 'no')",
    "its user": "import pwd, os; print('ok' if pwd.getpwuid(os.getuid()).pw_name == 'agent' else 'no')",
    "the name of localhost": "import socket; print('ok' if socket.gethostbyname('localhost') == '127.0.0.1' else 'no')",
    "time zones": "import time; print('ok' if time.localtime() else 'no')",
    "shared memory": "import mmap; from multiprocessing.shared_memory import SharedMemory as M\n"
    "M('x', True, 9).unlink(); print('ok')",
    "mkfifo": "import os; os.mkfifo('/tmp/fifo'); print('ok')",
}


@pytest.mark.parametrize("name", ALLOWED)
async def test_honest_programs_work(sandbox: Sandbox, folder: Path, name: str) -> None:
    done = await sandbox.run(python(folder, ALLOWED[name]))
    assert (done.stdout.strip(), done.stderr) == ("ok", "")


async def test_a_server_and_its_client_meet_on_the_loopback_inside(sandbox: Sandbox, folder: Path) -> None:
    program = """
import socket, threading
server = socket.create_server(('127.0.0.1', 0))
threading.Thread(target=lambda: server.accept()[0].sendall(b'hello'), daemon=True).start()
print(socket.create_connection(server.getsockname()).recv(9).decode())
"""
    assert (await sandbox.run(python(folder, program))).stdout == "hello\n"


@pytest.fixture
def listener() -> Iterator[tuple[int, list[bytes]]]:
    """A TCP, a UDP and an abstract Unix socket of the host; what reaches them is written down."""
    heard: list[bytes] = []
    with (
        socket.create_server(("127.0.0.1", 0)) as tcp,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        socket.socket(socket.AF_UNIX) as unix,
    ):
        port = tcp.getsockname()[1]
        udp.bind(("127.0.0.1", port))
        unix.bind(f"\0setpoint-{port}")
        unix.listen()
        for one in (tcp, udp, unix):
            one.setblocking(False)
        yield port, heard
        for one in (tcp, unix):
            with suppress(BlockingIOError):
                one.accept()
                heard.append(b"connected")
        with suppress(BlockingIOError):
            heard.append(udp.recv(100))
        assert heard == []


WAYS_OUT = {
    "TCP to the host": "socket.create_connection(('127.0.0.1', {port}), 2)",
    "UDP to the host": "socket.socket(2, 2).sendto(b'x', ('127.0.0.1', {port})); raise OSError",
    "the host's abstract socket": "s = socket.socket(1); s.connect('\\0setpoint-{port}')",
    "TCP by address": "socket.create_connection(('192.0.2.1', 80), 2)",
    "UDP by address": "socket.socket(2, 2).sendto(b'x', ('192.0.2.1', 53))",
    "IPv6 by address": "socket.create_connection(('2001:db8::1', 80), 2)",
    "the metadata service": "socket.create_connection(('169.254.169.254', 80), 2)",
    "DNS": "socket.gethostbyname('example.com')",
}


@pytest.mark.parametrize("name", WAYS_OUT)
async def test_nothing_leaves_over_the_network(
    sandbox: Sandbox, folder: Path, listener: tuple[int, list[bytes]], name: str
) -> None:
    program = "import socket\ntry:\n    " + WAYS_OUT[name].format(port=listener[0])
    done = await sandbox.run(python(folder, program + "\n    print('out')\nexcept OSError:\n    print('refused')"))
    assert done.stdout == "refused\n"


async def test_asking_for_hosts_that_are_none_is_refused_before_anything_runs(sandbox: Sandbox, folder: Path) -> None:
    with pytest.raises(SandboxError, match=r"10\.0\.0\.1"):
        await sandbox.run(shell(folder, "touch ran", network=("10.0.0.1:443",)))
    assert not (folder / "ran").exists()


async def test_a_fork_bomb_ends_with_its_command(sandbox: Sandbox, folder: Path) -> None:
    rest = nap()
    limits = QUICK.model_copy(update={"seconds": 20, "processes": 40})
    program = f"""
import os
made = 0
for _ in range(200):
    try:
        child = os.fork()
    except BlockingIOError:
        break
    if child == 0:
        os.execvp("sleep", {rest.split()!r})
    made += 1
print(made)
"""
    done = await sandbox.run(python(folder, program, limits))
    assert 0 < int(done.stdout) <= 40
    assert running(rest) == []


async def test_memory_of_many_processes_counts_together(sandbox: Sandbox, folder: Path) -> None:
    limits = QUICK.model_copy(update={"memory_mib": 128, "seconds": 10})
    program = """
import os, time
for _ in range(8):
    if os.fork() == 0:
        block = bytearray(os.urandom(1) * 40_000_000)
        time.sleep(8)
        os._exit(0)
codes = [os.wait()[1] for _ in range(8)]
print('all lived' if not any(codes) else 'some died')
"""
    done = await sandbox.run(python(folder, program, limits))
    assert (done.exit_code, done.killed) == (137, "memory")


@pytest.mark.parametrize("place", ["/tmp", "/home", "/dev/shm"])
async def test_the_scratch_folders_have_an_end(sandbox: Sandbox, folder: Path, place: str) -> None:
    done = await sandbox.run(shell(folder, f"df --output=size -k {place} | tail -1"))
    assert int(done.stdout) == SCRATCH_MIB * 1024


async def test_a_deleted_file_that_is_still_open_counts(sandbox: Sandbox, folder: Path) -> None:
    program = """
import os
for n in range(40):
    f = os.open(f'f{n}', os.O_CREAT | os.O_WRONLY)
    os.unlink(f'f{n}')
    os.write(f, os.urandom(1_000_000))
import time; time.sleep(15)
"""
    limits = QUICK.model_copy(update={"disk_mib": 8})
    done = await sandbox.run(python(folder, program, limits))
    assert (done.exit_code, done.killed) == (137, "disk")


@pytest.mark.parametrize("level", CONTAINED)
async def test_killing_the_worker_kills_the_command(folder: Path, level: str) -> None:
    """The worker dies without a word; the kernel, or the guard of a container, ends what it ran."""
    rest, made = nap(), type(MADE[level]())
    program = f"""
import asyncio, pathlib
from {made.__module__} import {made.__name__}
from setpoint.testing.sandbox_contract import shell
asyncio.run({made.__name__}().run(shell(pathlib.Path({str(folder)!r}), "touch begun; setsid {rest} & {rest}")))
"""
    worker = await asyncio.create_subprocess_exec(sys.executable, "-c", program)
    try:
        await _until((folder / "begun").exists)
    finally:
        worker.kill()
        await worker.wait()
    await _until(lambda: running(rest) == [])


async def test_a_mask_over_a_file_can_be_neither_read_nor_moved(sandbox: Sandbox, folder: Path, tmp_path: Path) -> None:
    (folder / ".env").write_text("KEY=canary")
    empty = tmp_path / "empty"
    empty.touch()
    masked = command(folder, "sh", "-c", "cat .env; mv .env x; rm -f .env; ln .env y; echo z > .env; cat x y .env")
    masked = masked.model_copy(update={"mounts": (*masked.mounts, Mount(host=str(empty), inside=f"{folder}/.env"))})
    done = await sandbox.run(masked)
    assert "canary" not in done.stdout
    assert (folder / ".env").read_text() == "KEY=canary"


async def test_no_set_id_program_works_inside(folder: Path) -> None:
    """A container holds them by `no_new_privs` alone: not all of its mounts say so."""
    mounts = (await Bubblewrap().run(shell(folder, "grep -v nosuid /proc/self/mounts; true"))).stdout
    assert mounts == ""


async def test_a_sandbox_that_cannot_be_built_runs_nothing(sandbox: Sandbox, folder: Path) -> None:
    missing = Mount(host=str(folder / "missing"), inside="/missing")
    asked = shell(folder, "touch ran")
    with pytest.raises(SandboxError, match="nothing was run"):
        await sandbox.run(asked.model_copy(update={"mounts": (*asked.mounts, missing)}))
    assert not (folder / "ran").exists()


async def test_a_start_costs_little(folder: Path) -> None:
    """Ten milliseconds on a quiet machine; a multiple of a bare process on any."""
    sandbox = Bubblewrap()
    await sandbox.run(command(folder, "true"))
    times = []
    for _ in range(9):
        started = time.monotonic()
        await sandbox.run(command(folder, "true"))
        times.append(time.monotonic() - started)
    assert min(times) < 0.1


def test_the_folder_keeps_no_trace_of_the_sandbox(folder: Path) -> None:
    asyncio.run(Bubblewrap().run(command(folder, "true", limits=CommandLimits())))
    assert list(folder.iterdir()) == []
    assert stat.S_IMODE(folder.stat().st_mode) & 0o700 == 0o700


async def _until(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < until, "not within 15 s"
        await asyncio.sleep(0.01)

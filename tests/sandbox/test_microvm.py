"""A machine of its own for each command: what QEMU is told, what the guest is given, and, where one can be started,
the promises kept by a real one, played by software where there is no KVM."""

import asyncio
import lzma
from collections.abc import Mapping
from pathlib import Path

import pytest

from setpoint.adapters.sandboxes.guest import shares
from setpoint.adapters.sandboxes.initramfs import Entry, NoModuleError, archive, data, link, modules, script
from setpoint.adapters.sandboxes.machine import Machine, find_machine
from setpoint.adapters.sandboxes.microvm import Microvm, prepared, told_by_guest
from setpoint.errors import SandboxError
from setpoint.model.command import Completed, Mount
from setpoint.testing.sandbox_contract import QUICK, command, nap, running, shell


def unpacked(packed: bytes) -> Mapping[str, tuple[int, bytes]]:
    """What a kernel would find in an archive."""
    found, place = {}, 0
    while packed[place : place + 6] == b"070701":
        fields = [int(packed[place + 6 + 8 * n : place + 14 + 8 * n], 16) for n in range(13)]
        start = place + 110
        name = packed[start : start + fields[11] - 1].decode()
        body = start + fields[11] + -(start + fields[11]) % 4
        found[name] = (fields[1], packed[body : body + fields[6]])
        place = body + fields[6] + -(body + fields[6]) % 4
        if name == "TRAILER!!!":
            del found[name]
    assert place == len(packed)
    return found


def test_an_archive_holds_what_was_put_in_with_the_folders_above() -> None:
    entries = {"a/b/run": script("#!/bin/sh\n"), "a/one": data(b"\0" * 5), "to": link("a/one")}
    twice = unpacked(archive(entries) + archive({"later": Entry(0o100644, b"x")}))
    assert twice == {
        "a": (0o040755, b""),
        "a/b": (0o040755, b""),
        "a/b/run": (0o100755, b"#!/bin/sh\n"),
        "a/one": (0o100644, b"\0" * 5),
        "to": (0o120777, b"a/one"),
        "later": (0o100644, b"x"),
    }


def kernel_modules(folder: Path, without: str = "") -> Path:
    """A folder of modules as `depmod` leaves it."""
    depends = {
        "net/9p/9pnet.ko": "",
        "net/9p/9pnet_virtio.ko": " net/9p/9pnet.ko drivers/virtio.ko",
        "fs/9p/9p.ko.xz": " net/9p/9pnet.ko",
        "drivers/virtio.ko": "",
        "drivers/virtio_console.ko": " drivers/virtio.ko",
    }
    for name in depends:
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(lzma.compress(b"packed") if name.endswith(".xz") else name.encode())
    kept = {name: told for name, told in depends.items() if not without or without not in name}
    (folder / "modules.dep").write_text("".join(f"{name}:{told}\n" for name, told in kept.items()))
    (folder / "modules.builtin").write_text("kernel/drivers/virtio/virtio_pci.ko\n")
    return folder


def test_modules_come_after_those_they_need_and_built_in_ones_not_at_all(tmp_path: Path) -> None:
    found = dict(modules(kernel_modules(tmp_path)))
    assert list(found) == ["virtio.ko", "virtio_console.ko", "9pnet.ko", "9pnet_virtio.ko", "9p.ko"]
    assert found["9p.ko"] == b"packed"


def test_a_kernel_that_cannot_show_folders_says_so(tmp_path: Path) -> None:
    with pytest.raises(NoModuleError, match=r"has no 9p$"):
        modules(kernel_modules(tmp_path, without="fs/9p"))


PAPER = Machine(Path("/usr/bin/qemu-system-x86_64"), Path("/boot/vmlinuz"), "kvm", b"")


def test_qemu_has_no_network_and_sees_what_the_command_sees(tmp_path: Path) -> None:
    asked = prepared(PAPER, shell(tmp_path, "true", env={"TOKEN": "canary"}), tmp_path)
    words = " ".join(asked.argv)
    assert "-nic none" in words
    assert "-nodefaults" in words
    assert "-sandbox on" in words
    assert "accel=kvm" in words
    assert "canary" not in words
    assert f"path={tmp_path},security_model=none" in words
    assert f"path={tmp_path},security_model=none,multidevs=remap,readonly" not in words
    assert "path=/usr,security_model=none,multidevs=remap,readonly=on" in words
    writable = {mount.inside for mount in asked.mounts if mount.writable}
    assert writable == {str(tmp_path), "/run/setpoint/machine"}
    assert asked.network == ()


def test_a_machine_has_the_memory_of_its_command_and_no_more_time_than_it_needs(tmp_path: Path) -> None:
    asked = prepared(PAPER, shell(tmp_path, "true", QUICK.model_copy(update={"memory_mib": 300})), tmp_path)
    assert asked.argv[asked.argv.index("-m") + 1] == "524"
    assert asked.limits.seconds == QUICK.seconds + 30


def test_what_lies_in_a_shown_folder_comes_with_it() -> None:
    mounts = (
        Mount(host="/a/work", inside="/repo", writable=True),
        Mount(host="/a/masks/file", inside="/repo/.git"),
        Mount(host="/usr/lib/x", inside="/usr/lib/x"),
    )
    asked = shell(Path("/repo"), "true").model_copy(update={"mounts": mounts})
    assert shares(asked, ["/usr"]) == [("/usr", False), ("/repo", True)]


def test_a_single_file_that_nothing_shows_is_refused(tmp_path: Path) -> None:
    (tmp_path / "one").touch()
    asked = shell(tmp_path, "true")
    single = Mount(host=str(tmp_path / "one"), inside="/elsewhere")
    with pytest.raises(SandboxError, match="cannot show that; nothing was run"):
        prepared(PAPER, asked.model_copy(update={"mounts": (*asked.mounts, single)}), tmp_path)


async def test_hosts_are_refused_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="no way out for hosts"):
        await Microvm().run(shell(tmp_path, "true", network=("example.com:443",)))


def test_only_numbers_by_known_names_are_taken_from_a_guest(tmp_path: Path) -> None:
    lies = '{"exit-code": "0"}\n[1]\nno json\n{"exit-code": 3, "level": 9}\n{"late": true}\n{"oom": 1}\n\xff'
    (tmp_path / "status").write_text(lies, encoding="latin-1")
    assert told_by_guest(tmp_path) == {"exit-code": 3, "oom": 1}


def real() -> list[Microvm]:
    """A machine where one can be had at all: QEMU, busybox, and a kernel in /boot with its modules."""
    try:
        find_machine("", "", True)
    except SandboxError:
        return []
    return [Microvm(emulate=True)]


@pytest.mark.slow
@pytest.mark.parametrize("machine", real(), ids=lambda machine: machine.level)
class TestRealMachine:
    """Few machines, for each takes seconds."""

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        place = tmp_path / "work"
        place.mkdir()
        return place

    async def test_a_command_runs_on_another_kernel_and_sees_only_its_folder(
        self, machine: Microvm, folder: Path
    ) -> None:
        (folder / "given").write_text("from outside\n")
        lines = (
            "uname -r; id -u; cat given; cat; echo made >made; echo err >&2; echo $GIVEN",
            "touch /usr/x 2>/dev/null || echo no system",
            "ls /sys/class/net /dev/kvm 2>/dev/null || echo no devices",
            "grep -c : /proc/net/dev; unshare -U true 2>/dev/null || echo no namespaces; exit 3",
        )
        done = await machine.run(shell(folder, "\n".join(lines), stdin="from stdin\n", env={"GIVEN": "yes"}))
        told = done.stdout.splitlines()
        assert (done.exit_code, done.stderr, done.level, done.killed) == (3, "err\n", "microvm", "")
        assert "hardware" in done.missing
        assert told[0] != Path("/proc/sys/kernel/osrelease").read_text().strip()
        assert told[1:5] == ["1000", "from outside", "from stdin", "yes"]
        assert told[5:] == ["no system", "no devices", "1", "no namespaces"]
        assert (folder / "made").read_text() == "made\n"

    async def test_time_and_memory_and_disk_have_an_end(self, machine: Microvm, folder: Path) -> None:
        late = QUICK.model_copy(update={"seconds": 10.0})
        small = QUICK.model_copy(update={"memory_mib": 96, "seconds": 60})
        full = QUICK.model_copy(update={"disk_mib": 4, "seconds": 60})
        eat = "head -c 300000000 /dev/zero | tail -c 300000000 | wc -c"
        fill = "n=0; while :; do n=$((n+1)); head -c 500000 /dev/urandom >f$n; done"
        ends: list[Completed] = []
        for script_, limits in (("echo begun; sleep 100", late), (eat, small), (fill, full)):
            ends.append(await machine.run(shell(folder, script_, limits)))
        assert [(one.exit_code, one.killed) for one in ends[::2]] == [(124, "time"), (137, "disk")]
        assert ends[0].stdout == "begun\n"
        assert ends[1].stdout.strip() in {"", "0"}

    async def test_cancelling_ends_the_machine(self, machine: Microvm, folder: Path) -> None:
        rest = nap()
        task = asyncio.create_task(machine.run(command(folder, "sh", "-c", f"touch begun; {rest}")))
        while not (folder / "begun").exists() and not task.done():
            await asyncio.sleep(0.05)
        task.cancel()
        (outcome,) = await asyncio.gather(task, return_exceptions=True)
        assert isinstance(outcome, asyncio.CancelledError)
        assert running("qemu-system-x86_64 -M") == []

"""Virtual machines on this machine: QEMU from fixed folders, a kernel with its modules, and how the two are called."""

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from ...errors import SandboxError
from .guest import ERR, INIT, OUT, STATUS
from .initramfs import NoModuleError, archive, data, modules, program, script

FOLDERS = ("/usr/bin", "/usr/local/bin", "/usr/libexec")
"""Where QEMU and busybox may lie. PATH is never asked: the worktree may be on it."""
KVM = Path("/dev/kvm")
PLACE = "/run/setpoint/machine"
"""Where a machine's own files are shown to QEMU."""
STATUS_FILE, START_FILE, CONSOLE_FILE = "status", "start", "console"
MOST_SHARES = 20
_FIX = 'level = "bubblewrap" or "container" in [sandbox] needs no virtual machine'


@dataclass(frozen=True)
class Machine:
    """What machines are made of here."""

    qemu: Path
    kernel: Path
    accelerator: Literal["kvm", "tcg"]
    """Hardware, or software that plays it."""
    base: bytes
    """The part of the first file system that is the same for all."""


@cache
def find_machine(kernel: str, folder: str, emulate: bool) -> Machine:
    """What is here, not yet tried. Raises SandboxError that says what is missing and how to get it."""
    accelerator = _accelerator(emulate)
    architecture = platform.machine()
    qemu = _program(f"qemu-system-{architecture}", "apt install qemu-system-x86")
    busybox = _program("busybox", "apt install busybox-static")
    if not Path("/usr/bin/setpriv").exists():
        raise SandboxError("there is no setpriv for a microvm", fix="apt install util-linux")
    image, its = _kernel(kernel, folder)
    try:
        loaded = modules(its)
        base = {
            "init": script(INIT),
            "bin/busybox": program(busybox.read_bytes()),
            "modules/order": data("".join(f"{name}\n" for name, _ in loaded).encode()),
            **{f"modules/{name}": data(content) for name, content in loaded},
        }
    except (OSError, NoModuleError, ValueError) as error:
        fix = "name a kernel with 9p and virtio as modules in [sandbox.microvm] (apt install linux-image-amd64)"
        raise SandboxError("no guest can be made of this kernel", why=str(error), fix=fix) from error
    return Machine(qemu, image, accelerator, archive(base))


def _accelerator(emulate: bool) -> Literal["kvm", "tcg"]:
    if os.access(KVM, os.R_OK | os.W_OK):
        return "tcg" if emulate else "kvm"
    if emulate:
        return "tcg"
    why = f"{KVM} {'may not be used by this account' if KVM.exists() else 'is not there'}"
    raise SandboxError("no KVM on this machine", why=why, fix=f"a machine with virtualization switched on; {_FIX}")


def _program(name: str, fix: str) -> Path:
    for folder in FOLDERS:
        place = Path(folder, name)
        if place.is_file() and os.access(place, os.X_OK):
            return place
    raise SandboxError(f"there is no {name} for a microvm", why=f"not in {', '.join(FOLDERS)}", fix=f"{fix}; or {_FIX}")


def _kernel(named: str, folder: str) -> tuple[Path, Path]:
    """A kernel and its modules."""
    there = [Path(named)] if named else sorted(Path("/boot").glob("vmlinuz-*"), key=_age, reverse=True)
    for kernel in there:
        its = Path(folder) if folder else Path("/lib/modules", kernel.name.removeprefix("vmlinuz-"))
        if os.access(kernel, os.R_OK) and (its / "modules.dep").is_file():
            return kernel, its
    what = f"kernel {named} cannot be used" if named else "there is no kernel to start in /boot"
    fix = "name one in [sandbox.microvm] kernel and modules (apt install linux-image-amd64), readable by this account"
    raise SandboxError(what, why="it must be readable, with its folder of modules", fix=fix)


def _age(kernel: Path) -> float:
    return kernel.stat().st_mtime if kernel.exists() else 0.0


def arguments(machine: Machine, shares: Sequence[tuple[str, bool]], memory_mib: int) -> list[str]:
    """QEMU's command line: no device but serial ports and the folders that are shown, no network."""
    told = [
        str(machine.qemu),
        "-M",
        f"pc,accel={machine.accelerator},usb=off,vmport=off",
        "-smp",
        "2",
        "-m",
        str(memory_mib),
    ]
    told += ["-cpu", "host" if machine.accelerator == "kvm" else "max", "-nodefaults", "-no-user-config", "-no-reboot"]
    told += ["-display", "none", "-nic", "none", "-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny"]
    told += ["-kernel", str(machine.kernel), "-initrd", f"{PLACE}/{START_FILE}"]
    told += ["-append", "console=ttyS0 quiet loglevel=3 panic=-1 random.trust_cpu=on"]
    told += ["-chardev", f"file,id=console,path={PLACE}/{CONSOLE_FILE}", "-serial", "chardev:console"]
    told += ["-device", "virtio-serial-pci,max_ports=8"]
    for number, name, path in (
        (OUT, "out", "/proc/self/fd/1"),
        (ERR, "err", "/proc/self/fd/2"),
        (STATUS, "status", f"{PLACE}/{STATUS_FILE}"),
    ):
        told += ["-chardev", f"file,id={name},path={path}"]
        told += ["-device", f"virtserialport,chardev={name},nr={number},name={name}"]
    for number, (place, writable) in enumerate(shares):
        told += ["-fsdev", _folder(number, place, writable)]
        told += ["-device", f"virtio-9p-pci,fsdev=f{number},mount_tag=m{number}"]
    return told


def _folder(number: int, place: str, writable: bool) -> str:
    path = place.replace(",", ",,")
    return f"local,id=f{number},path={path},security_model=none,multidevs=remap" + ("" if writable else ",readonly=on")

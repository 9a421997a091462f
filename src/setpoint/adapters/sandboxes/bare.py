"""Level `none`: limits on time, memory, processes, output and disk, and nothing else. Asked for by name, never fallen
back to.

The command sees the whole host with the worker's rights. Only its environment is its own, so that the worker's keys
are not handed to it; that is courtesy, not containment.
"""

import os
import re
import resource
import secrets
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

from ...engine.liveness import process_started
from ...errors import SandboxError, SetpointError
from ...model.command import Command, CommandLimits, Completed, Layer, Mount
from ...model.sandbox_settings import SandboxSettings
from ..folders import remove_folder
from .groups import Group, hierarchy
from .growth import Growth
from .processes import carrying, marked
from .profile import ENVIRONMENT, writable
from .supervise import Launch, supervise

_MARK = "SETPOINT_COMMAND"
_SWEEPS = 20
_LIMITS = 'ulimit -c 0; ulimit -f "$1"; [ "$2" = - ] || ulimit -d "$2"; shift 2; exec "$@"'
_JOIN = 'while [ "$1" != -- ]; do echo 0 >"$1" || exit 125; shift; done; shift; '


class Bare:
    """Runs commands as plain children of the worker, at the host's own paths."""

    level = "none"

    def __init__(self, front: Sequence[str] = (), home: Path | None = None) -> None:
        self._front = tuple(front)
        """What holds the command, said before it; empty at this level."""
        self._home = home
        """Its private home folder; None: one is made."""

    @classmethod
    def of(cls, settings: SandboxSettings) -> "Bare":
        """As configured."""
        return cls()

    def layers(self) -> Sequence[Layer]:
        """What is missing, which is nearly all."""
        missing = 'not at level none; set level = "bubblewrap" in [sandbox]'
        groups = hierarchy()
        return (
            *(
                Layer(name=name, in_force=False, note=missing)
                for name in ("files", "processes", "network", "system calls")
            ),
            Layer(
                name="memory", in_force=groups is not None, note="control groups" if groups else "rlimit per process"
            ),
            Layer(name="disk", in_force=True, note="file size limit, growth watched ten times a second"),
            Layer(name="output and time", in_force=True, note="by the supervising process"),
        )

    async def run(self, command: Command) -> Completed:
        """Run `command` at the host's paths: where a mount shows a folder elsewhere, the words of the command that
        name the inside path are made to name the host's. Nothing keeps a process from hiding, but none that keeps its
        session or its environment is left."""
        end_orphans()
        groups = hierarchy()
        try:
            group = groups.make(command.limits.memory_mib, command.limits.processes) if groups else None
        except OSError as error:
            raise SandboxError("no control group could be made; nothing was run", why=str(error)) from error
        home = Path(tempfile.mkdtemp(prefix="setpoint-home-", dir=self._home))
        leash = _Family(f"{_owner()}-{secrets.token_hex(16)}", group)
        host = _HostView(command.mounts)
        env = {**ENVIRONMENT, "HOME": str(home), "TMPDIR": str(home), _MARK: leash.mark}
        # The folders lie below the user's repository; git must not find its way up to it.
        env["GIT_CEILING_DIRECTORIES"] = ":".join(str(Path(mount.host).parent) for mount in command.mounts)
        env |= {name: host.said(value) for name, value in command.env.items()}

        def clear() -> None:
            with suppress(SetpointError):
                remove_folder(home)
            if group is not None:
                group.remove()

        launch = Launch(
            argv=_limited([*self._front, *(host.said(word) for word in command.argv)], command.limits, group),
            env=env,
            cwd=host.said(command.cwd),
            stdin=command.stdin.encode("utf-8", "surrogateescape"),
            limits=command.limits,
            leash=leash,
            growth=Growth([*writable(command.mounts), home], command.limits.disk_mib, command.limits.files),
            group=group,
            new_session=True,
        )
        try:
            missing = [layer.name for layer in self.layers() if not layer.in_force]
            return (await supervise(launch, clear)).completed(self.level, missing)
        except OSError as error:
            raise SandboxError("the command could not be started", why=str(error)) from error


def _owner() -> str:
    return f"{os.getpid()}.{process_started(os.getpid())}"


@cache
def end_orphans() -> None:
    """Kill, once in this process, what commands of dead workers left: no run that goes on meets one in its folder. A
    container's processes end with its worker by themselves."""
    for pid, mark in carrying(f"{_MARK}="):
        owner, _, started = mark.partition("-")[0].partition(".")
        if owner.isdigit() and started and process_started(int(owner)) != started:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)


class _HostView:
    """Host paths in place of inside paths, the longest first, each place once."""

    def __init__(self, mounts: Sequence[Mount]) -> None:
        # A host path stays what it is, also below a folder that is shown elsewhere.
        self._hosts = {mount.host: mount.host for mount in mounts} | {mount.inside: mount.host for mount in mounts}
        longest_first = sorted(self._hosts, key=len, reverse=True)
        self._names = re.compile("|".join(rf"{re.escape(name)}(?![^/:;,'\"\s])" for name in longest_first) or r"(?!)")

    def said(self, text: str) -> str:
        return self._names.sub(lambda found: self._hosts[found[0]], text)


class _Family:
    """All processes of one command, by their group, their session's leader and a mark in their environment."""

    def __init__(self, mark: str, group: Group | None) -> None:
        self.mark = mark
        self._group = group

    def said(self, text: bytes) -> None:
        """There is no container to speak."""

    def kill(self, process: "subprocess.Popen[bytes]") -> None:
        """Kill the process group, the control group, and whoever carries the mark."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        if self._group is not None:
            self._group.kill()
        self._kill_marked()

    def gone(self, process: "subprocess.Popen[bytes]") -> None:
        """Kill until nobody is found any more: who forks meanwhile is found the next time."""
        for _ in range(_SWEEPS):
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            if self._group is not None:
                self._group.kill()
            if not self._kill_marked():
                return

    def _kill_marked(self) -> bool:
        found = marked(f"{_MARK}={self.mark}")
        for pid in found:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        return bool(found)


def _limited(argv: list[str], limits: CommandLimits, group: Group | None) -> list[str]:
    blocks = str(limits.disk_mib * 2048 + 8)
    if group is not None:
        return ["/bin/sh", "-c", _JOIN + _LIMITS, "sh", *group.entrances, "--", blocks, "-", *argv]
    data = limits.memory_mib * 1024 * 2
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    kept = "-" if hard != resource.RLIM_INFINITY and hard < data * 1024 else str(data)
    return ["/bin/sh", "-c", _LIMITS, "sh", blocks, kept, *argv]

"""Level `container`: each command in a container of its own, by podman or docker, from the host's own toolchain or
from an image that is named. Nothing is pulled."""

import io
import os
import secrets
import signal
import subprocess
import tarfile
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import cache
from hashlib import sha256

from ...errors import DiskFullError, SandboxError
from ...model.command import Command, Completed, Layer
from ...model.sandbox_settings import SandboxSettings
from ..egress.inside import with_hosts
from .container_layers import layers_of
from .container_profile import arguments
from .container_stage import Stage, system_links
from .engines import ORDER, Engine, Way, find, ways
from .groups import Group, hierarchy
from .growth import Growth
from .leftovers import Guard, label, removal, sweep
from .profile import writable
from .supervise import Ending, Launch, supervise

_FIX = (
    "apt install podman (or start docker), and look whether `podman run` works for this account; "
    'level = "bubblewrap" in [sandbox] needs neither'
)
# Joins the control groups by their files, which are handed in: inside they are not to be seen.
_OPEN = 'n=3; while [ "$1" != -- ]; do eval "exec $n>\\"\\$1\\"" || exit 125; n=$((n+1)); shift; done; shift; exec "$@"'
_GONE_SECONDS = 10.0
_PROBE_SECONDS = 60.0


class Container:
    """Runs each command in a container that is gone, with all its processes, when the command ends."""

    level = "container"

    def __init__(self, image: str = "", engine: str = "", name: str = "") -> None:
        self._name = name
        """What the one container is called that it runs, where others are to find it; empty: each is called anew."""
        self._image = image
        """Empty: the host's toolchain, read-only, in a root that is otherwise empty."""
        self._engine = engine
        """`podman` or `docker`; empty: the first that works."""

    @classmethod
    def of(cls, settings: SandboxSettings) -> "Container":
        """As configured."""
        return cls(settings.container.image, settings.container.engine)

    def layers(self) -> Sequence[Layer]:
        """What protects on this machine, and what is missing. Raises SandboxError when the level cannot be had."""
        return layers_of(find_way(self._engine, self._image))

    def clear(self) -> None:
        """Remove the containers of workers that are no more, where there is an engine to ask."""
        with suppress(SandboxError, OSError, subprocess.TimeoutExpired):
            sweep(find_way(self._engine, self._image).engine)

    async def run(self, command: Command) -> Completed:
        """Run `command` as `ports.Sandbox` promises. Where hosts are named an image needs python3 where the host has
        it."""
        return await with_hosts(command, self._contained)

    async def _contained(self, command: Command) -> Completed:
        way = find_way(self._engine, self._image)
        try:
            return await _run(command, way, self._image, self._name)
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            raise _not_built(way.engine.name, str(error)) from error


@dataclass(frozen=True)
class _Made:
    """All that one container needs on the host, made and not yet started."""

    name: str
    words: Sequence[str]
    stage: Stage
    group: Group | None

    def clear(self) -> None:
        """Take it away."""
        self.stage.clear()
        if self.group is not None:
            self.group.remove()


def _make(command: Command, way: Way, image: str, *, name: str = "", looking: bool = False) -> _Made:
    """Raises OSError, ValueError."""
    groups = hierarchy() if way.counted == "ours" else None
    with ExitStack() as half_made:
        group = groups.make(command.limits.memory_mib, command.limits.processes) if groups else None
        if group is not None:
            half_made.callback(group.remove)
        joins = group.entrances if group else ()
        stage = Stage(command, way, image, len(joins))
        half_made.callback(stage.clear)
        name = name or f"setpoint-{secrets.token_hex(8)}"
        whole = image or _own_image(way.engine)
        words = {"name": name, "label": label(), "image": whole}
        told = arguments(command, way, stage, **words, joins=len(joins), looking=looking)
        half_made.pop_all()
    return _Made(name, ["/bin/sh", "-c", _OPEN, "sh", *joins, "--", *way.engine.words(*told)], stage, group)


async def _run(command: Command, way: Way, image: str, name: str) -> Completed:
    made = _make(command, way, image, name=name)
    guard = Guard(way.engine, (made.name,), made.stage.folder)

    def clear() -> None:
        guard.dismiss()
        made.clear()

    leash = _Held(way, made.name, made.group)
    launch = Launch(
        argv=made.words,
        env=dict(way.engine.env),
        cwd="/",
        stdin=command.stdin.encode("utf-8", "surrogateescape"),
        limits=command.limits,
        leash=leash,
        growth=Growth(list(writable(command.mounts)), command.limits.disk_mib, command.limits.files),
        group=made.group,
        new_session=True,
        mark=made.stage.mark,
        first=leash.first,
    )
    return _completed(await supervise(launch, clear), leash, layers_of(way))


class _Held:
    """Holds one container by its name."""

    def __init__(self, way: Way, name: str, group: Group | None) -> None:
        self.way = way
        self.out_of_memory = False
        """Whether the engine's control group ended it for memory."""
        self._name = name
        self._group = group
        self._first = 0

    def said(self, text: bytes) -> None:
        """Engines speak on standard error, before the mark."""

    def first(self) -> int:
        """Its first process as the host knows it; 0 while there is none."""
        if not self._first:
            with suppress(OSError, ValueError, subprocess.TimeoutExpired):
                self._first = int(self.way.engine.ask("inspect", "--format", "{{.State.Pid}}", self._name).stdout)
        return self._first

    def kill(self, process: "subprocess.Popen[bytes]") -> None:
        """End the container; its client, which waits for it, ends then too."""
        if self._group is not None and self._group.members():
            self._group.kill()
            return
        with suppress(OSError, subprocess.TimeoutExpired):
            if self.way.engine.ask("kill", "--signal", "KILL", self._name).returncode == 0:
                return
        # Not by the object: it would look whether it ended, and take its end away from who waits for it.
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)

    def gone(self, process: "subprocess.Popen[bytes]") -> None:
        """Remove what is left of it. Raises SandboxError when it cannot be ended."""
        engine = self.way.engine
        if engine.name == "docker":
            with suppress(OSError, subprocess.TimeoutExpired):
                self.out_of_memory = (
                    b"true" in engine.ask("inspect", "--format", "{{.State.OOMKilled}}", self._name).stdout
                )
        until = time.monotonic() + _GONE_SECONDS
        while not self._cleared(process) and self._there():
            if time.monotonic() > until:
                raise SandboxError(
                    f"container {self._name} could not be removed", fix=f"{engine.name} rm --force {self._name}"
                )
            with suppress(OSError, subprocess.TimeoutExpired):
                engine.ask(*removal(engine, self._name))

    def _cleared(self, process: "subprocess.Popen[bytes]") -> bool:
        """Whether its client lived to remove it, which podman's does before it ends, and no process is left."""
        ended = os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        tidy = ended is not None and ended.si_code == os.CLD_EXITED and self.way.engine.name == "podman"
        return tidy and (self._group is None or not self._group.members())

    def _there(self) -> bool:
        try:
            asked = self.way.engine.ask("container", "inspect", "--format", "{{.State.Status}}", self._name)
        except (OSError, subprocess.TimeoutExpired):
            return True
        return asked.returncode == 0


def _completed(ending: Ending, leash: _Held, layers: Sequence[Layer]) -> Completed:
    if not ending.begun and ending.killed in ("", "time"):
        said = (ending.preamble + ending.stderr.text()).strip()
        if "no space left on device" in said.lower():
            raise DiskFullError("no room left to make a container", why=said[-500:], fix="free some space")
        raise _not_built(leash.way.engine.name, said)
    if leash.out_of_memory and not ending.killed:
        ending.killed = "memory"
    return ending.completed(Container.level, [layer.name for layer in layers if not layer.in_force])


def _not_built(engine: str, why: str) -> SandboxError:
    return SandboxError(f"{engine} made no container; nothing was run", why=why[-500:].strip(), fix=_FIX)


@cache
def find_way(wanted: str = "", image: str = "") -> Way:
    """The best way that makes a container here, found by making one; containers of dead workers are removed on the
    way. Raises SandboxError."""
    there = [name for name in ORDER if wanted in ("", name) and find(name)]
    said = []
    for way in ways(wanted, hierarchy() is not None):
        trouble = tried(way, image)
        if not trouble:
            with suppress(OSError, subprocess.TimeoutExpired):
                sweep(way.engine)
            return way
        said.append(f"{way.engine.name}: {trouble}")
    if not there:
        what = f"there is no {wanted or 'podman and no docker'} here"
        raise SandboxError(what, why="neither in /usr/bin nor in /usr/local/bin", fix=_FIX)
    why = "; ".join(dict.fromkeys(said)) or "no daemon of docker listens here"
    raise SandboxError(f"{' and '.join(there)} cannot run containers here", why=why[-900:], fix=_FIX)


# Some engines take limits and do not keep them: it is looked at from inside.
_KEPT = """
cd /sys/fs/cgroup || exit 1
cat pids.max pids/pids.max 2>/dev/null | grep -qx 256 || { echo "it does not limit processes" >&2; exit 1; }
cat memory.max memory/memory.limit_in_bytes 2>/dev/null | grep -qx 2147483648 ||
  { echo "it does not limit memory" >&2; exit 1; }
"""


def tried(way: Way, image: str) -> str:
    """Why nothing can be run this way; empty when something can."""
    argv = ("sh", "-c", _KEPT) if way.counted == "engine" else ("true",)
    try:
        made = _make(Command(argv=argv, mounts=(), cwd="/"), way, image, looking=True)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        return str(error)[:300]
    try:
        done = subprocess.run(
            made.words,
            env=dict(way.engine.env),
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PROBE_SECONDS,
            check=False,
            start_new_session=True,
        )
        if way.engine.name == "docker" or done.returncode:
            way.engine.ask(*removal(way.engine, made.name))
    except (OSError, subprocess.SubprocessError) as error:
        return str(error)[:300]
    finally:
        made.clear()
    before, mark, after = done.stderr.partition(made.stage.mark)
    if mark and done.returncode == 0:
        return ""
    said = (before + after).decode("utf-8", "replace").strip().splitlines()
    return said[-1][-300:] if said else f"exit code {done.returncode}, and nothing was run"


@cache
def _own_image(engine: Engine) -> str:
    """An image of nothing but empty folders and the host's links, for an engine that takes no folder as a root: made
    here, from no registry. Raises OSError."""
    if engine.name == "podman":
        return ""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for folder in ("usr", "proc", "dev", "sys", "run", "etc", "var", "var/tmp", "tmp", "home"):  # inside
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(entry)
        for link, to in system_links():
            entry = tarfile.TarInfo(link.strip("/"))
            entry.type, entry.linkname = tarfile.SYMTYPE, to
            tar.addfile(entry)
    name = f"setpoint-scratch:{sha256(packed.getvalue()).hexdigest()[:12]}"
    if engine.ask("image", "inspect", name).returncode != 0:
        made = engine.ask("import", "-", name, stdin=packed.getvalue())
        if made.returncode != 0:
            raise OSError(made.stderr.decode("utf-8", "replace").strip()[-300:])
    return name

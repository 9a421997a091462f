"""Containers beside a room's commands, made by podman or docker.

Each shares the loopback of one container of setpoint's own, the holder, where doors and set-up run. That one has no
network, so none of them has: whoever takes a service over is where its commands are, and reaches nothing else.
"""

import json
import secrets
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

from ...errors import SandboxError, StackError
from ...model.compose import Contained
from ...model.stack import StackSettings
from ...ports import Sandbox
from .container import Container, find_way
from .container_profile import LABEL, process_ulimit
from .container_stage import DESCRIPTORS
from .engines import Engine, Way
from .groups import Group, hierarchy
from .leftovers import Guard, label, removal
from .profile import TEMPORARY

POWERS = ("CHOWN", "DAC_OVERRIDE", "FOWNER", "KILL", "NET_BIND_SERVICE", "SETGID", "SETUID")
"""What services that begin as root need to become another user; nothing of it reaches beyond the container."""
SCRATCH = ("/run", *TEMPORARY)
"""Folders in memory that each container has."""
LINES = 400
LOG = "1m"
"""Most that an engine keeps of what a container says."""
_SAID = 65_536


class EngineContainers:
    """Keeps the promises of `stacks.containers.Containers` by the first engine that works here. Nothing is pulled and
    nothing is built."""

    level = "container"

    def __init__(self, names: Sequence[str], *, memory_mib: int, processes: int, disk_mib: int) -> None:
        """`names`: all services that may be started. The limits bind all together where the worker makes control
        groups, else each; `disk_mib` each folder that one writes to."""
        self._memory, self._processes, self._disk = memory_mib, processes, disk_mib
        self._mark = f"setpoint-{secrets.token_hex(8)}"
        self._called = {name: f"{self._mark}-{name}" for name in names}
        self._there: list[str] = []
        self._way: Way | None = None
        self._guard: Guard | None = None
        self._group: Group | None = None
        self._folder = Path()
        self._lock = threading.RLock()
        self._closed = False

    @classmethod
    def of(cls, settings: StackSettings, names: Sequence[str]) -> Self:
        """As configured."""
        return cls(names, **settings.model_dump(include={"memory_mib", "processes", "disk_mib"}))

    @staticmethod
    def look(wanted: Sequence[Contained]) -> None:
        """Whether they could be started here. Raises StackError when no engine works, or an image is missing."""
        engine = found_way().engine
        for one in wanted:
            _folders_of(engine, one)

    def holder(self) -> Sandbox:
        """As promised."""
        with self._lock:
            self._open()
            way = self._way = self._way or found_way()
            if self._guard is None:
                self._folder = Path(tempfile.mkdtemp(prefix="setpoint-container-"))
                names = " ".join(self._called)
                (self._folder / "hosts").write_text(f"127.0.0.1 localhost {names}\n::1 localhost {names}\n")
                (self._folder / "hosts").chmod(0o644)
                self._guard = Guard(way.engine, tuple(self._called.values()), self._folder)
                groups = hierarchy() if way.counted == "ours" else None
                self._group = groups.make(self._memory, self._processes) if groups else None
            return Container(engine=way.engine.name, name=self._mark)

    def start(self, one: Contained) -> None:
        """As promised."""
        with self._lock:
            self._open()
            assert self._way is not None
            engine = self._way.engine
            self._there.append(one.name)
            self._ask(one, "create", *self._words(one, self._way, _folders_of(engine, one)))
            if self._group is not None:
                # It is there, and has not begun: nothing of it is outside of the group.
                self._ask(one, "init", self._called[one.name])
                first = self._ask(one, "inspect", "--format", "{{.State.Pid}}", self._called[one.name]).strip()
                for entrance in self._group.entrances:
                    Path(entrance).write_text(first)
            self._ask(one, "start", self._called[one.name])

    def passes(self, name: str, argv: Sequence[str]) -> bool:
        """As promised."""
        with suppress(OSError, subprocess.TimeoutExpired):
            return self._engine().ask("exec", self._called[name], *argv).returncode == 0
        return False

    def ended(self) -> Mapping[str, int]:
        """As promised."""
        if not self._there:
            return {}
        told = "{{.Name}} {{.State.Running}} {{.State.ExitCode}}"
        asked = self._engine().ask("inspect", "--format", told, *(self._called[name] for name in self._there))
        lines = [line.split() for line in asked.stdout.decode("utf-8", "replace").splitlines()]
        known = {words[0].lstrip("/"): words[1:] for words in lines if len(words) == 3}
        found = {name: known.get(self._called[name], ["false", "-1"]) for name in self._there}
        return {name: int(words[1]) for name, words in found.items() if words[0] != "true"}

    def said(self, name: str) -> str:
        """As promised."""
        with suppress(OSError, subprocess.TimeoutExpired):
            if name not in self._there:
                return ""
            asked = self._engine().ask("logs", "--tail", str(LINES), self._called[name])
            if asked.returncode == 0:
                return (asked.stdout + asked.stderr)[-_SAID:].decode("utf-8", "replace").strip()
        return ""

    def close(self) -> None:
        """As promised."""
        with self._lock:
            self._closed = True
            guard, self._guard = self._guard, None
            if guard is None:
                return
            try:
                with suppress(OSError, subprocess.TimeoutExpired):
                    self._engine().ask(*removal(self._engine(), *self._called.values()))
            finally:
                guard.dismiss()
                shutil.rmtree(self._folder, ignore_errors=True)
                if self._group is not None:
                    self._group.kill()
                    self._group.remove()

    # -- words -----------------------------------------------------------------------------------------------------

    def _open(self) -> None:
        if self._closed:
            raise StackError("the containers were ended")

    def _engine(self) -> Engine:
        assert self._way is not None
        return self._way.engine

    def _ask(self, one: Contained, *verb: str) -> str:
        try:
            done = self._engine().ask(*verb)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise StackError(f"service {one.name}: {verb[0]} failed", why=str(error)[-500:]) from error
        if done.returncode != 0:
            said = done.stderr.decode("utf-8", "replace").strip()
            raise StackError(f"service {one.name}: no container of {one.image} could be made", why=said[-2000:])
        return done.stdout.decode("utf-8", "replace")

    def _words(self, one: Contained, way: Way, folders: Sequence[str]) -> list[str]:
        told = self._folder / f"{one.name}.env"
        # Not among the arguments: those every user of the machine can read.
        told.touch(0o600)
        told.write_text("".join(f"{name}={value}\n" for name, value in one.env.items()))
        words = created(one, way, name=self._called[one.name], holder=self._mark, folders=folders, disk_mib=self._disk)
        words += ["--env-file", str(told)]
        words += ["--mount", f"type=bind,source={self._folder / 'hosts'},target=/etc/hosts,readonly"]
        if way.counted == "engine":
            size = f"{self._memory}m"
            words += ["--memory", size, "--memory-swap", size, "--pids-limit", str(self._processes)]
        first = one.entrypoint[1:] if one.entrypoint else ()
        return [*words, one.image, *first, *(one.command or ())]


def created(one: Contained, way: Way, *, name: str, holder: str, folders: Sequence[str], disk_mib: int) -> list[str]:
    """What an engine is told of a container, up to its limits and its image."""
    words = ["--name", name, "--label", f"{LABEL}={label()}", "--pull", "never", "--network", f"container:{holder}"]
    words += ["--read-only", "--cap-drop", "ALL", *(word for power in POWERS for word in ("--cap-add", power))]
    words += ["--security-opt", "no-new-privileges", "--ipc", "private", "--shm-size", f"{one.shm_mib}m"]
    words += ["--ulimit", "core=0:0", "--ulimit", f"nofile={DESCRIPTORS}:{DESCRIPTORS}"]
    for folder in dict.fromkeys((*SCRATCH, *folders, *one.scratch)):
        words += ["--tmpfs", f"{folder}:rw,exec,nosuid,nodev,size={disk_mib}m,mode=1777"]
    if way.engine.name == "podman":
        words += ["--log-driver", "k8s-file", "--log-opt", f"max-size={LOG}b", "--no-hosts", "--no-healthcheck"]
        words += ["--cgroups", "enabled" if way.counted == "engine" else "disabled", "--ulimit", process_ulimit()]
        words += ["--read-only-tmpfs=false", "--security-opt", "label=disable"]
    else:
        words += ["--log-driver", "json-file", "--log-opt", f"max-size={LOG}", "--log-opt", "max-file=1"]
        words += ["--no-healthcheck"]
    words += ["--user", one.user] if one.user else []
    words += ["--workdir", one.cwd] if one.cwd else []
    if one.entrypoint is not None:
        words += ["--entrypoint", one.entrypoint[0] if one.entrypoint else ""]
    return words


def found_way() -> Way:
    """The engine for a stack's containers. Raises StackError."""
    try:
        return find_way()
    except SandboxError as error:
        raise StackError(
            f"no container engine works here: {error.what}",
            why=error.why,
            fix="apt install podman, or start docker; or write the services as commands: [[stack.service]]",
        ) from error


def _folders_of(engine: Engine, one: Contained) -> list[str]:
    """The folders that an image says it writes to. Raises StackError where it is not on this machine."""
    try:
        asked = engine.ask("image", "inspect", "--format", "{{json .Config.Volumes}}", one.image)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StackError(f"service {one.name}: the engine does not answer", why=str(error)[-500:]) from error
    if asked.returncode != 0:
        raise StackError(
            f"service {one.name}: its image {one.image} is not on this machine",
            why="a run pulls nothing",
            fix=f"{engine.name} pull {one.image}",
        )
    told = json.loads(asked.stdout or b"null") or {}
    return [folder for folder in told if folder.startswith("/") and folder != "/"]

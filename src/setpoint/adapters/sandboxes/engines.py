"""Container engines of this machine, looked for in fixed folders, and how far each works here.

Podman comes before docker: its containers are children of the worker's own account and end with it, where docker's
belong to a daemon that outlives the worker and that nearly always is root.
"""

import os
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Name = Literal["podman", "docker"]
FOLDERS = ("/usr/bin", "/usr/local/bin", "/bin")
"""Where an engine may lie. PATH is never asked: the worktree may be on it."""
ORDER: tuple[Name, ...] = ("podman", "docker")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_SECONDS = 30.0
_HYBRID = Path("/sys/fs/cgroup/unified")
# Some runtimes refuse a version 2 hierarchy that lies inside of a version 1 tree; they need not see it.
_WITHOUT_UNIFIED = ("/usr/bin/unshare", "--mount", "/bin/sh", "-c", f'umount {_HYBRID} && exec "$@"', "sh")


@dataclass(frozen=True)
class Engine:
    """One engine's program, and the words and environment it is called with."""

    name: Name
    binary: Path
    rootless: bool
    """Whether it works with the worker's own rights; a rootful daemon has more."""
    front: tuple[str, ...] = ()
    """What the program is started by."""
    options: tuple[str, ...] = ()
    """Said before every verb."""
    env: tuple[tuple[str, str], ...] = ()
    """All that it gets of the worker's environment."""

    def words(self, *verb: str) -> list[str]:
        """The command line for `verb`."""
        return [*self.front, str(self.binary), *self.options, *verb]

    def ask(self, *verb: str, stdin: bytes = b"", plainly: bool = False) -> "subprocess.CompletedProcess[bytes]":
        """What it answers; `plainly` without anything in front of it. Raises OSError, subprocess.TimeoutExpired."""
        return subprocess.run(
            self.words(*verb)[len(self.front) if plainly else 0 :],
            input=stdin,
            env=dict(self.env),
            cwd="/",
            capture_output=True,
            timeout=_SECONDS,
            check=False,
            start_new_session=True,
        )


@dataclass(frozen=True)
class Way:
    """How containers are made here."""

    engine: Engine
    counted: Literal["ours", "engine", ""]
    """Whose control groups count memory and processes: those the worker makes, the engine's, or nobody's."""


def ways(wanted: str, ours: bool) -> Iterator[Way]:
    """What may be tried, the best first. `wanted`: an engine's name, or empty for any. `ours`: whether the worker can
    make control groups."""
    for engine in _engines(wanted):
        # Docker's containers are its daemon's: no descriptor and no control group of the worker reaches them.
        if ours and engine.name == "podman":
            yield Way(engine, "ours")
        yield Way(engine, "engine")
        if engine.name == "podman":
            yield Way(engine, "")


def find(name: Name, folders: Sequence[str] = FOLDERS) -> Path | None:
    """Where `name` lies."""
    for folder in folders:
        place = Path(folder, name)
        if place.is_file() and os.access(place, os.X_OK):
            return place
    return None


def _engines(wanted: str) -> Iterator[Engine]:
    for name in ORDER:
        binary = find(name) if wanted in ("", name) else None
        if binary is not None:
            yield from _podman(binary) if name == "podman" else _docker(binary)


def _podman(binary: Path) -> Iterator[Engine]:
    root = os.geteuid() == 0
    env = _own(*(() if root else ("XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS")))
    yield Engine("podman", binary, not root, env=env)
    if root and _HYBRID.is_dir() and Path(_WITHOUT_UNIFIED[0]).exists():
        yield Engine("podman", binary, rootless=False, front=_WITHOUT_UNIFIED, env=env)


def _docker(binary: Path) -> Iterator[Engine]:
    # Not what DOCKER_HOST or a context names: the folders that are shown lie on this machine.
    own = os.environ.get("XDG_RUNTIME_DIR", f"/run/user/{os.geteuid()}")
    for place, rootless in ((Path(own, "docker.sock"), True), (Path("/var/run/docker.sock"), False)):
        if place.is_socket():
            options = ("--config", "/nonexistent", "--host", f"unix://{place}")
            yield Engine("docker", binary, rootless, options=options, env=_own())


def _own(*names: str) -> tuple[tuple[str, str], ...]:
    """An environment without anything of the worker's but these names, and where the account keeps its settings."""
    kept = {name: os.environ[name] for name in names if name in os.environ}
    home = Path("~").expanduser()
    return tuple({"PATH": _PATH, "HOME": str(home), "LANG": "C.UTF-8", **kept}.items())

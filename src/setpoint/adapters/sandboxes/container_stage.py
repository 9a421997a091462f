"""What one container is made of on the host: a root without anything of the host's, and the first script inside.

Gone with the command. The environment lies in the script, not among the engine's arguments: those every user of the
machine can read.
"""

import os
import re
import secrets
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from ...model.command import Command, Mount
from .engines import Way
from .profile import ENVIRONMENT, GROUP, HOME, SYSTEM, USER, etc_files, etc_folders
from .seccomp_oci import oci_filter

SCRIPT = "/run/setpoint/start"
DESCRIPTORS = 4096
_FIRST = 3
"""The descriptors of control groups begin here, inside."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Stage:
    """One container's folder on the host."""

    def __init__(self, command: Command, way: Way, image: str, entrances: int) -> None:
        self.mark = secrets.token_bytes(16).hex().encode()
        """What the script writes when the command begins."""
        self.folder = Path(tempfile.mkdtemp(prefix="setpoint-container-"))
        self._mounted, self._way, self._image = "", way, image
        with ExitStack() as half_made:
            half_made.callback(self.clear)
            self._mounted = _mounted(way, image) if image else ""
            self.root = self._root(way, image)
            """The container's root, where it is a folder of the host; else it is an image."""
            self.seccomp = self._seccomp()
            self._files: list[Mount] = [] if self.root and not image else _etc(self.folder, way, image)
            script = self.folder / "start"
            script.write_text(_script(command, self.mark.decode(), way, entrances), encoding="utf-8")
            self._files.append(Mount(host=str(script), inside=SCRIPT))
            half_made.pop_all()

    @property
    def mounts(self) -> Sequence[Mount]:
        """All that is shown inside beside the command's own."""
        return [*(() if self._image else toolchain()), *self._files]

    def clear(self) -> None:
        """Take it away."""
        shutil.rmtree(self.folder, ignore_errors=True)
        if self._mounted:
            with suppress(OSError, subprocess.TimeoutExpired):
                self._way.engine.ask("image", "unmount", self._image, plainly=True)

    def _root(self, way: Way, image: str) -> str:
        if self._mounted:
            return f"{self._mounted}:O"  # over it, what is written for the container's own mount points
        return str(_skeleton(self.folder)) if not image and way.engine.name == "podman" else ""

    def _seccomp(self) -> Path | None:
        told = oci_filter()
        if told is None:
            return None
        place = self.folder / "seccomp.json"
        place.write_text(told)
        return place


def _mounted(way: Way, image: str) -> str:
    """Where the image's files lie on the host: with root rights podman cannot lay out an image anew for our mapping of
    ids, but it takes a folder. Empty where the engine does without. Raises OSError."""
    if way.engine.name != "podman" or way.engine.rootless:
        return ""
    done = way.engine.ask("image", "mount", image, plainly=True)
    if done.returncode != 0:
        raise OSError(done.stderr.decode("utf-8", "replace").strip()[-300:])
    return done.stdout.decode("utf-8", "surrogateescape").strip()


def _skeleton(folder: Path) -> Path:
    root = folder / "root"
    for name in ("usr", "proc", "dev", "sys", "run", "etc", "var/tmp", "tmp", "home"):
        (root / name).mkdir(parents=True)
    for link, to in system_links():
        (root / link.strip("/")).symlink_to(to)
    for name, content in etc_files(time.monotonic()):
        place = root / name.strip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        place.chmod(0o644)
    # Everybody may look; to write there is nothing but the mounts.
    for place in (root, *(place for place in root.rglob("*") if place.is_dir() and not place.is_symlink())):
        place.chmod(0o755)
    return root


def user_of(way: Way) -> tuple[int, int]:
    """User and group of the command, as they are called inside. A daemon of docker maps no ids for one container: there
    the command is who owns the folder, without any capability."""
    if way.engine.name == "podman":
        return USER, GROUP
    return (0, 0) if way.engine.rootless else (os.geteuid(), os.getegid())


def _etc(folder: Path, way: Way, image: str) -> list[Mount]:
    """The files of `/etc` where the root is an image: of one of our own, which has none, all."""
    user, group = user_of(way)
    named = {f"agent:x:{USER}:{GROUP}:": f"agent:x:{user}:{group}:", f"agent:x:{GROUP}:": f"agent:x:{group}:"}
    # Engines put the host's list of name servers there.
    files: list[tuple[str, bytes]] = [("/etc/resolv.conf", b"")]
    for name, content in () if image else etc_files(time.monotonic()):
        text = content
        if name in ("/etc/passwd", "/etc/group"):
            for old, new in named.items():
                text = text.replace(old.encode(), new.encode())
            if user == 0:
                text = text.partition(b"\n")[2]  # two names for one number: the first would be said
        files.append((name, text))
    (folder / "etc").mkdir()
    found = []
    for number, (name, content) in enumerate(files):
        place = folder / "etc" / str(number)
        place.write_bytes(content)
        place.chmod(0o644)
        found.append(Mount(host=str(place), inside=name))
    return found


def system_links() -> Sequence[tuple[str, str]]:
    """Links at the top of the host's system, which the container's root has too."""
    return [(name, str(Path(name).readlink())) for name in SYSTEM if Path(name).is_symlink()]


def toolchain() -> Sequence[Mount]:
    """The host's system, as far as it is shown inside."""
    folders = ["/usr", *(name for name in SYSTEM if Path(name).is_dir() and not Path(name).is_symlink())]
    return [Mount(host=name, inside=name) for name in (*folders, *etc_folders())]


def _script(command: Command, mark: str, way: Way, entrances: int) -> str:
    """Joins the control groups whose entrances it was given, sets what counts for each process, and does the command.
    It stays the first process: what is left over becomes its child, and ends with it."""
    limits, lines = command.limits, ["umask 022"]
    for number in range(_FIRST, _FIRST + entrances):
        lines += [f"echo 0 >&{number} || exit 125", f"exec {number}>&-"]
    blocks = limits.disk_mib * 2048 + 8
    lines += ["ulimit -c 0", f"ulimit -n {DESCRIPTORS}", f"ulimit -f {blocks}"]
    if not way.counted:
        # Inside a user namespace of its own only what is inside counts.
        lines += [f"ulimit -u {limits.processes} 2>/dev/null || ulimit -p {limits.processes}"]
        lines += [f"ulimit -d {limits.memory_mib * 1024 * 2}"]
    lines += ["unset container HOSTNAME"]  # the engine's own words
    env = {**ENVIRONMENT, **command.env}
    lines += [f"export {name}={shlex.quote(value)}" for name, value in env.items() if _NAME.fullmatch(name)]
    odd = [f"{name}={value}" for name, value in env.items() if not _NAME.fullmatch(name)]
    lines += [f"mkdir -p -m 700 {HOME}", f"cd -- {shlex.quote(command.cwd)} || exit 125"]
    words = " ".join(map(shlex.quote, ("env", *odd, "--"))) if odd else ""
    # Its own standard error is put aside: a shell says "Terminated" of children, and the command did not.
    lines += ["exec 9>&2 2>/dev/null", f"printf %s {mark} >&9", f'{words} "$@" 2>&9 9>&-', "exit $?"]
    return "\n".join(lines) + "\n"

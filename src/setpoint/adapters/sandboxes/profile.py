"""What a sandboxed command sees, built up from nothing: bubblewrap's arguments.

Nothing of the host is visible but the system's toolchain, a handful of files of `/etc`, and the command's own mounts.
"""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from ...model.command import Command, Mount

HOME = "/home/agent"
USER, GROUP = 1000, 1000
SCRATCH_MIB = 512
"""Size of `/tmp`, of the home folder and of `/dev/shm`, each; all of it counts as the command's memory."""
TEMPORARY = (str(Path("/", "tmp")), str(Path("/var", "tmp")))
"""Folders for what is soon gone, inside a sandbox."""

ENVIRONMENT = {
    "HOME": HOME,
    "USER": "agent",
    "LOGNAME": "agent",
    "SHELL": "/bin/sh",
    "TMPDIR": TEMPORARY[0],
    "LANG": "C.UTF-8",
    "TERM": "dumb",
    "PATH": "/usr/local/bin:/usr/bin:/bin",
}

_FRESH_SECONDS = 60.0
"""How old a copy of a host's file may be: a new library appears in `ld.so.cache`."""
SCRATCH = (ENVIRONMENT["TMPDIR"], str(Path(HOME).parent))
SHARED_MEMORY = str(Path("/dev", "shm"))
"""Folders that a command has of its own and that are gone with it."""
SYSTEM = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
# Each mount costs bubblewrap a look at all mounts before it: folders are mounted, single files copied.
_ETC_FOLDERS = [
    "alternatives",
    "ssl/certs",
    "pki/tls/certs",
    "pki/ca-trust",
    "crypto-policies",
    "java-11-openjdk",
    "java-17-openjdk",
    "java-21-openjdk",
]
_ETC_FILES = [
    "ld.so.cache",
    "localtime",
    "timezone",
    "ssl/openssl.cnf",
    "mime.types",
    "protocols",
    "services",
    "os-release",
]
_WRITTEN = {
    "/etc/passwd": f"root:x:0:0:root:/nonexistent:/bin/false\nagent:x:{USER}:{GROUP}:agent:{HOME}:/bin/sh\n"
    "nobody:x:65534:65534:nobody:/nonexistent:/bin/false\n",
    "/etc/group": f"root:x:0:\nagent:x:{GROUP}:\nnogroup:x:65534:\n",
    "/etc/hosts": "127.0.0.1 localhost sandbox\n::1 localhost\n",
    "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
}


@dataclass(frozen=True)
class Kernel:
    """What this kernel lets bubblewrap do."""

    no_new_namespaces: bool = True
    """`--disable-userns`."""
    cgroup_namespace: bool = True
    proc: bool = True
    """A private `/proc`; refused inside some containers."""


@dataclass
class Profile:
    """Arguments, and the descriptors they speak of."""

    arguments: list[str] = field(default_factory=list)
    fds: list[int] = field(default_factory=list)

    def add(self, *words: str) -> None:
        """More arguments."""
        self.arguments += words

    def descriptor(self, content: bytes) -> str:
        """A descriptor from which bubblewrap reads `content`."""
        number = os.memfd_create("setpoint")
        self.fds.append(number)
        os.write(number, content)
        os.lseek(number, 0, os.SEEK_SET)
        return str(number)


def build(
    profile: Profile, command: Command, kernel: Kernel, seccomp: bytes | None, devices: Sequence[str] = ()
) -> None:
    """The whole profile of `command`. Raises OSError."""
    _namespaces(profile, kernel)
    _system(profile)
    _scratch(profile, kernel)
    for name in devices:
        profile.add("--dev-bind", name, name)
    for mount in sorted(command.mounts, key=lambda mount: mount.inside.count("/")):
        profile.add("--bind" if mount.writable else "--ro-bind", mount.host, mount.inside)
    # Parents of mounts were made on the way; from here on nothing but the mounts themselves can be written.
    profile.add("--remount-ro", "/dev", "--remount-ro", "/")
    if seccomp is not None:
        profile.add("--seccomp", profile.descriptor(seccomp))
    for name, value in {**ENVIRONMENT, **command.env}.items():
        profile.add("--setenv", name, value)
    profile.add("--chdir", command.cwd)


def _namespaces(profile: Profile, kernel: Kernel) -> None:
    profile.add("--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts")
    if kernel.cgroup_namespace:
        profile.add("--unshare-cgroup")
    if kernel.no_new_namespaces:
        profile.add("--disable-userns")
    profile.add("--uid", str(USER), "--gid", str(GROUP), "--hostname", "sandbox", "--cap-drop", "ALL")
    profile.add("--new-session", "--die-with-parent", "--clearenv")


def _system(profile: Profile) -> None:
    profile.add("--ro-bind", "/usr", "/usr")
    for name in SYSTEM:
        place = Path(name)
        if place.is_symlink():
            profile.add("--symlink", str(place.readlink()), name)
        elif place.is_dir():
            profile.add("--ro-bind", name, name)
    for name in etc_folders():
        profile.add("--ro-bind", name, name)
    for name, content in etc_files(time.monotonic()):
        profile.add("--perms", "0644", "--file", profile.descriptor(content), name)


def etc_folders() -> Sequence[str]:
    """Folders of `/etc` that toolchains need, as far as they are here."""
    return [f"/etc/{name}" for name in _ETC_FOLDERS if Path("/etc", name).is_dir()]


def etc_files(now: float) -> Sequence[tuple[str, bytes]]:
    """Files of `/etc` and their content; `now` in seconds, for copies are kept a minute."""
    return _etc_files(now // _FRESH_SECONDS)


@lru_cache(maxsize=1)
def _etc_files(_period: float) -> Sequence[tuple[str, bytes]]:
    """Synthetic files, and copies of the host's that hold no names of people or machines."""
    found = [(name, content.encode()) for name, content in _WRITTEN.items()]
    for name in _ETC_FILES:
        with suppress(OSError):
            found.append((f"/etc/{name}", Path("/etc", name).read_bytes()))
    return found


def _scratch(profile: Profile, kernel: Kernel) -> None:
    profile.add("--dev", "/dev")
    if kernel.proc:
        # As root the command's kernel user is root: a writable /proc would hold the host's own switches.
        profile.add("--proc", "/proc", "--remount-ro", "/proc")
    size = str(SCRATCH_MIB * 1024 * 1024)
    for place in (*SCRATCH, SHARED_MEMORY):
        profile.add("--size", size, "--tmpfs", place)
    profile.add("--dir", HOME, "--dir", TEMPORARY[1], "--dir", "/run")


def writable(mounts: Sequence[Mount]) -> Iterator[Path]:
    """Host folders that a command can fill."""
    return (Path(mount.host) for mount in mounts if mount.writable)

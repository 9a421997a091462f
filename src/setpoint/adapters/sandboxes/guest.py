"""Inside a virtual machine: the scripts that its kernel starts, and the command as they do it.

The command runs in bubblewrap in there too, by the same profile: its own kernel's namespaces, then the machine.
"""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from ...model.command import Command, Mount
from .initramfs import Entry, data, folder, link, script
from .profile import GROUP, USER, Kernel, Profile, build

OUT, ERR, STATUS = 1, 2, 3
"""Serial ports of the machine, by their numbers."""
_STATUS_FD = 9
_FIRST_FD = 20

INIT = """#!/bin/busybox sh
b=/bin/busybox
$b mkdir -p /proc /sys /dev /new
$b mount -t proc proc /proc
$b mount -t sysfs sys /sys
$b mount -t devtmpfs dev /dev
while read -r name; do $b insmod /modules/$name || $b echo "no module $name"; done </modules/order
$b mount -t tmpfs -o size=64m root /new
$b mkdir -p /new/proc /new/sys /new/dev /new/tmp
while read -r tag mode place; do
  $b mkdir -p "/new$place"
  $b mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144,$mode "$tag" "/new$place" || $b echo "no $place"
done </job/shares
$b cp -a /job /new/job
$b cp -a /top/. /new/
$b cp $b /new/job/busybox
for name in proc sys dev; do $b mount --move /$name /new/$name; done
exec $b switch_root /new /job/busybox sh /job/run
"""
# The machine ends with its first process: nothing of the command is left to end by itself.
_RUN = """
b=/job/busybox
$b ip link set lo up 2>/dev/null
exec {status}>/dev/vport0p{port} </job/stdin >/dev/vport0p{out} 2>/dev/vport0p{err}
( $b sleep {seconds}; echo '{{"late": 1}}' >&{status}; $b reboot -f ) </dev/null >/dev/null 2>&1 &
$b sh -c {inner}
$b awk '$1 == "oom_kill" && $2 > 0 {{ print "{{\\"oom\\": 1}}" }}' /proc/vmstat >&{status}
$b sync
$b reboot -f
"""


class _Files(Profile):
    """A profile whose descriptors are files of the guest."""

    def __init__(self) -> None:
        super().__init__()
        self.contents: dict[int, bytes] = {}

    def descriptor(self, content: bytes) -> str:
        """The number under which the guest will open `content`."""
        number = _FIRST_FD + len(self.contents)
        self.contents[number] = content
        return str(number)


def shares(command: Command, system: Sequence[str]) -> list[tuple[str, bool]]:
    """Folders the guest is to see, each with whether it may write: the topmost ones, for what lies below comes with
    them."""
    wanted = {**dict.fromkeys(system, False), **{mount.inside: mount.writable for mount in command.mounts}}
    return [(name, wanted[name]) for name in wanted if not any(str(p) in wanted for p in PurePosixPath(name).parents)]


def job(
    command: Command, limited: Sequence[str], bubblewrap: str, shown: Sequence[tuple[str, bool]], seccomp: bytes | None
) -> Mapping[str, Entry]:
    """What the guest is given beside the first scripts. `limited`: the command behind the shell that limits it.
    `bubblewrap`: where it lies in the guest."""
    profile = _Files()
    mounts = [Mount(host=name, inside=name, writable=rw) for name, rw in shown if not _of_system(name)]
    build(profile, command.model_copy(update={"mounts": tuple(mounts)}), Kernel(), seccomp)
    profile.add("--json-status-fd", str(_STATUS_FD))
    arguments = profile.descriptor("\0".join([*profile.arguments, ""]).encode("utf-8", "surrogateescape"))
    opened = " ".join(f"{number}</job/fd/{number}" for number in profile.contents)
    words = (
        *("exec", "/usr/bin/setpriv", "--reuid", str(USER), "--regid", str(GROUP), "--clear-groups", "--"),
        *(bubblewrap, "--args", arguments, "--", *limited),
    )
    inner = f"exec {opened}; {shlex.join(words)}"
    run = _RUN.format(
        status=_STATUS_FD,
        port=STATUS,
        out=OUT,
        err=ERR,
        seconds=command.limits.seconds,
        inner=shlex.quote(inner),
    )
    told = "".join(
        f"m{n} {'rw,cache=mmap' if rw else 'ro,cache=loose'} {place}\n" for n, (place, rw) in enumerate(shown)
    )
    return {
        "job/run": script(run),
        "job/shares": data(told.encode("utf-8", "surrogateescape")),
        "job/stdin": data(command.stdin.encode("utf-8", "surrogateescape")),
        **{f"job/fd/{number}": data(content) for number, content in profile.contents.items()},
    }


def top(links: Sequence[tuple[str, str]]) -> Mapping[str, Entry]:
    """Links at the top of the guest's file system, as the host has them."""
    return {"top": folder(), **{f"top{name}": link(to) for name, to in links}}


def _of_system(name: str) -> bool:
    return name.startswith(("/usr", "/etc", "/lib", "/bin", "/sbin"))

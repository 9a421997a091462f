"""What an engine is told of one container: nothing of the host but what is named, no rights, no network, no daemon."""

import csv
import io
import os
import re
import resource
from collections.abc import Sequence
from pathlib import Path

from ...model.command import Command, Mount
from .container_stage import DESCRIPTORS, SCRIPT, Stage, user_of
from .engines import Way
from .profile import GROUP, SCRATCH, SCRATCH_MIB, USER

LABEL = "setpoint"
"""All containers of ours carry it; its value names the worker."""
_OTHERS = 2_000_000_000
"""Where the ids of a container's other users begin on the host: no account has such a number."""
_IDS = 1000
_PROCESSES = 30_000
_OCTAL = re.compile(r"\\([0-7]{3})")
"""How the kernel writes spaces in its list of mounts."""


def arguments(
    command: Command, way: Way, stage: Stage, *, name: str, label: str, image: str, joins: int, looking: bool = False
) -> list[str]:
    """`run` and its words. `joins`: how many descriptors of control groups are handed in. `looking`: the machine's
    state stays in sight, to see whether limits are kept."""
    told = ["run", "--name", name, "--label", f"{LABEL}={label}", "--network", "none", "--hostname", "sandbox"]
    told += ["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
    if stage.seccomp is not None:
        told += ["--security-opt", f"seccomp={stage.seccomp}"]
    told += ["--ipc", "private", "--log-driver", "none", "--workdir", "/", "--entrypoint", "/bin/sh"]
    told += ["--ulimit", "core=0:0", "--ulimit", f"nofile={DESCRIPTORS}:{DESCRIPTORS}"]
    told += ["--shm-size", f"{SCRATCH_MIB}m", *_interactive(command)]
    for place in SCRATCH:
        told += ["--tmpfs", f"{place}:rw,exec,nosuid,nodev,size={SCRATCH_MIB}m,mode=1777"]
    for mount in sorted(_all(command, stage), key=lambda mount: mount.inside.count("/")):
        told += ["--mount", _mount(mount, way)]
    podman = way.engine.name == "podman"
    told += _podman(way, joins) if podman else ["--pull", "never", "--cgroupns", "private"]
    told += ["--user", ":".join(map(str, user_of(way)))]
    if not looking:
        told += ["--security-opt", "mask=/sys"] if podman else ["--tmpfs", "/sys:ro"]
    if way.counted == "engine":
        size = f"{command.limits.memory_mib}m"
        told += ["--memory", size, "--memory-swap", size, "--pids-limit", str(command.limits.processes)]
    root = ["--rootfs", stage.root] if stage.root else [image]
    return [*told, *root, SCRIPT, *command.argv]


def _interactive(command: Command) -> Sequence[str]:
    return ("--interactive",) if command.stdin else ()


def _podman(way: Way, joins: int) -> list[str]:
    told = ["--rm", "--pull", "never", "--read-only-tmpfs=false", "--no-hosts", "--umask", "0022"]
    told += ["--security-opt", "label=disable", "--preserve-fds", str(joins)]
    # Its own default is more than some accounts may have; what counts for the command is set elsewhere.
    told += ["--ulimit", process_ulimit()]
    told += ["--cgroups", "enabled" if way.counted == "engine" else "disabled", "--cgroupns", "private"]
    if way.engine.rootless:
        return [*told, "--userns", f"keep-id:uid={USER},gid={GROUP}"]
    # Inside it is an ordinary user; outside its files are the worker's. No other id of the host is in reach.
    for flag, mine, inside in (("--uidmap", os.geteuid(), USER), ("--gidmap", os.getegid(), GROUP)):
        told += [flag, f"0:{_OTHERS}:{_IDS}", flag, f"{inside}:{mine}:1"]
    return told


def process_ulimit() -> str:
    """As many processes as this account may have, and no more than most engines ask for."""
    hard = resource.getrlimit(resource.RLIMIT_NPROC)[1]
    most = _PROCESSES if hard == resource.RLIM_INFINITY else min(hard, _PROCESSES)
    return f"nproc={most}:{most}"


def _all(command: Command, stage: Stage) -> Sequence[Mount]:
    """Every mount, and those that lie below them on the host: what is shown read-only is so to its last folder."""
    named = {mount.inside: mount for mount in (*stage.mounts, *command.mounts)}
    below = {}
    for mount in named.values():
        for place in () if mount.writable else _mounted_below(mount.host):
            inside = mount.inside.rstrip("/") + place.removeprefix(mount.host.rstrip("/"))
            below[inside] = Mount(host=place, inside=inside)
    return list({**below, **named}.values())


def _mounted_below(host: str) -> Sequence[str]:
    try:
        lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return ()
    fields = (line.split() for line in lines)
    places = (_OCTAL.sub(lambda found: chr(int(found[1], 8)), words[4]) for words in fields if len(words) > 4)
    return [place for place in places if place.startswith(f"{host.rstrip('/')}/")]


def _mount(mount: Mount, way: Way) -> str:
    """One mount as engines read it: fields of a CSV line, so that a comma in a path ends nothing."""
    fields = ["type=bind", f"source={mount.host}", f"target={mount.inside}"]
    fields += [] if mount.writable else ["readonly"]
    fields += ["nosuid", "nodev"] if way.engine.name == "podman" else []
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(fields)
    return line.getvalue()

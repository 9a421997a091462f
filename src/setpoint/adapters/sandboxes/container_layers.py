"""What a container protects with on this machine, said honestly."""

import os
from collections.abc import Sequence

from ...model.command import Layer
from .engines import Way
from .groups import hierarchy
from .seccomp_oci import oci_filter


def layers_of(way: Way) -> Sequence[Layer]:
    """The layers of level container."""
    engine = way.engine
    who = f"{engine.name} of {engine.binary.parent}, {'rootless' if engine.rootless else 'with root rights'}"
    apart = engine.rootless or engine.name == "podman"
    return (
        Layer(name="files", in_force=True, note=f"a root of its own, read-only, by {who}"),
        Layer(name="processes", in_force=True, note="PID namespace with its own /proc"),
        Layer(name="network", in_force=True, note="no interface but loopback; hosts that are named, by a proxy"),
        Layer(
            name="privileges",
            in_force=apart or os.geteuid() != 0,
            note="no capabilities, no set-id"
            + (", user namespace" if apart else "")
            + ("" if apart or os.geteuid() != 0 else "; but it is the host's root: use podman, or docker rootless"),
        ),
        Layer(
            name="user namespace",
            in_force=apart,
            note="" if apart else "docker's daemon maps no user for one container: use podman, or docker rootless",
        ),
        Layer(
            name="system calls",
            in_force=oci_filter() is not None,
            note="" if oci_filter() is not None else "calls of this machine are not known; use x86_64 or aarch64",
        ),
        _counted("memory", way),
        _counted("process count", way),
        Layer(name="disk", in_force=True, note="file size limit, growth watched ten times a second"),
        Layer(name="output and time", in_force=True, note="by the supervising process"),
    )


def _counted(name: str, way: Way) -> Layer:
    groups = hierarchy()
    if way.counted == "ours" and groups is not None:
        return Layer(name=name, in_force=True, note=f"control groups, version {groups.version}")
    if way.counted == "engine":
        return Layer(name=name, in_force=True, note=f"control groups of {way.engine.name}")
    note = "rlimits and watching ten times a second; delegate a cgroup v2 tree with memory and pids for an exact limit"
    return Layer(name=name, in_force=False, note=note)

"""What a sandbox protects with on this machine, said honestly."""

from collections.abc import Sequence
from pathlib import Path

from ...model.command import Layer
from .groups import Hierarchy
from .profile import Kernel


def layers_of(binary: Path, kernel: Kernel, filtered: bool, groups: Hierarchy | None) -> Sequence[Layer]:
    """The layers of level bubblewrap."""
    counted = f"control groups, version {groups.version}" if groups else ""
    return (
        Layer(
            name="files", in_force=True, note=f"mount namespace built from nothing, by {binary.name} of {binary.parent}"
        ),
        Layer(
            name="processes",
            in_force=kernel.proc,
            note="PID namespace with its own /proc"
            if kernel.proc
            else "PID namespace; no private /proc in this container",
        ),
        Layer(
            name="network",
            in_force=True,
            note="network namespace with a loopback of its own; hosts that are named, by a proxy",
        ),
        Layer(name="privileges", in_force=True, note="user namespace, user 1000, no capabilities, no set-id"),
        Layer(
            name="no new namespaces",
            in_force=kernel.no_new_namespaces,
            note=""
            if kernel.no_new_namespaces
            else "the kernel refuses --disable-userns; the call filter still refuses them",
        ),
        Layer(
            name="control group view",
            in_force=kernel.cgroup_namespace,
            note="" if kernel.cgroup_namespace else "the kernel has no cgroup namespaces",
        ),
        Layer(
            name="system calls",
            in_force=filtered,
            note="" if filtered else "call numbers of this machine are not known; use x86_64 or aarch64",
        ),
        _limit("memory", counted, "per process by rlimit, together by watching ten times a second"),
        _limit("process count", counted, "rlimit (ordinary users only) and watching ten times a second"),
        Layer(name="disk", in_force=True, note="file size limit, growth watched ten times a second"),
        Layer(name="output and time", in_force=True, note="by the supervising process"),
    )


def _limit(name: str, counted: str, instead: str) -> Layer:
    note = counted or f"{instead}; delegate a cgroup v2 tree with memory and pids for an exact limit"
    return Layer(name=name, in_force=bool(counted), note=note)

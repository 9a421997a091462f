"""Control groups: the only limit on memory and processes that also binds root. One group a command, gone after it.

Version 1 needs root; version 2 needs a delegated tree that hands out `memory` and `pids`. Where there is neither,
`find_hierarchy` says None and the caller falls back to rlimits and to watching.
"""

import contextlib
import itertools
import os
import re
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_MIB = 1024 * 1024
_COUNTER = itertools.count()
_PREFIX = "setpoint"


@dataclass(frozen=True)
class Hierarchy:
    """Where groups are made."""

    version: int
    memory: Path
    pids: Path
    """The same folder as `memory` in version 2."""

    def make(self, memory_mib: int, processes: int) -> "Group":
        """A new group with these limits. Raises OSError."""
        name = f"{_PREFIX}-{os.getpid()}-{next(_COUNTER)}"
        group = Group(self.version, self.memory / name, self.pids / name)
        try:
            for folder in group.folders:
                folder.mkdir()
            group.limit(memory_mib, processes)
        except OSError:
            group.remove()
            raise
        return group


@dataclass(frozen=True)
class Group:
    """One command's group."""

    version: int
    memory: Path
    pids: Path

    @property
    def folders(self) -> tuple[Path, ...]:
        """Its folders, one a hierarchy."""
        return tuple(dict.fromkeys((self.memory, self.pids)))

    @property
    def entrances(self) -> tuple[str, ...]:
        """Files a process writes `0` to, to come in."""
        return tuple(str(folder / "cgroup.procs") for folder in self.folders)

    def limit(self, memory_mib: int, processes: int) -> None:
        """Set the limits; swap counts as memory where the kernel keeps that account."""
        size = str(memory_mib * _MIB)
        if self.version == 1:
            (self.memory / "memory.limit_in_bytes").write_text(size)
            with contextlib.suppress(OSError):
                (self.memory / "memory.memsw.limit_in_bytes").write_text(size)
        else:
            (self.memory / "memory.max").write_text(size)
            with contextlib.suppress(OSError):
                (self.memory / "memory.swap.max").write_text("0")
        (self.pids / "pids.max").write_text(str(processes))

    def out_of_memory(self) -> bool:
        """Whether the kernel killed a process of the group for memory."""
        place = self.memory / ("memory.oom_control" if self.version == 1 else "memory.events")
        try:
            found = re.search(r"^oom_kill (\d+)$", place.read_text(), re.MULTILINE)
        except OSError:
            return False
        return found is not None and int(found[1]) > 0

    def members(self) -> Sequence[int]:
        """Its processes."""
        with contextlib.suppress(OSError):
            return [int(pid) for pid in (self.pids / "cgroup.procs").read_text().split()]
        return ()

    def kill(self) -> None:
        """Kill all its processes."""
        for pid in self.members():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def remove(self, seconds: float = 2.0) -> None:
        """Remove it; the kernel lets go a moment after the last process ended."""
        until = time.monotonic() + seconds
        for folder in self.folders:
            while True:
                try:
                    folder.rmdir()
                except FileNotFoundError:
                    pass
                except OSError:
                    if time.monotonic() < until:
                        time.sleep(0.001)
                        continue
                break


@cache
def hierarchy() -> Hierarchy | None:
    """This process's hierarchy, found once; groups that dead workers left are removed."""
    try:
        membership = Path("/proc/self/cgroup").read_text()
        mounts = Path("/proc/self/mountinfo").read_text()
    except OSError:
        return None
    found = find_hierarchy(membership, mounts, _usable)
    if found is not None:
        _sweep(found)
    return found


def find_hierarchy(membership: str, mounts: str, usable: Callable[[Hierarchy], bool]) -> Hierarchy | None:
    """The first usable hierarchy among our own groups and, in version 2, the one above them (systemd keeps processes
    in the leaves only)."""
    paths = dict(_memberships(membership))
    folders = dict(_mounted(mounts))
    candidates: list[Hierarchy] = []
    if "" in folders and "" in paths:
        own = _below(folders[""], paths[""])
        candidates += [
            Hierarchy(2, place, place) for place in (own, own.parent) if place.is_relative_to(folders[""][0])
        ]
    if {"memory", "pids"} <= folders.keys() & paths.keys():
        memory, pids = (_below(folders[name], paths[name]) for name in ("memory", "pids"))
        candidates.append(Hierarchy(1, memory, pids))
    return next((candidate for candidate in candidates if usable(candidate)), None)


def _memberships(text: str) -> list[tuple[str, str]]:
    lines = (line.split(":", 2) for line in text.splitlines() if line.count(":") >= 2)
    return [(name, path) for _, names, path in lines for name in names.split(",")]


def _mounted(text: str) -> list[tuple[str, tuple[Path, str]]]:
    found: list[tuple[str, tuple[Path, str]]] = []
    for line in text.splitlines():
        before, _, after = line.partition(" - ")
        fields, kind = before.split(), after.split()
        if len(fields) < 5 or len(kind) < 3:
            continue
        if kind[0] == "cgroup2":
            found.append(("", (Path(fields[4]), fields[3])))
        elif kind[0] == "cgroup":
            found += [(name, (Path(fields[4]), fields[3])) for name in kind[2].split(",")]
    return found


def _below(mount: tuple[Path, str], path: str) -> Path:
    """Our group's folder; a mount may show only a part of the hierarchy, and a namespace may cut the path's front."""
    folder, root = mount
    relative = path.removeprefix(root) if root != "/" else path
    place = folder / relative.strip("/")
    return place if ".." not in place.parts and place.is_dir() else folder


def _usable(candidate: Hierarchy) -> bool:
    if candidate.version == 2:
        with contextlib.suppress(OSError):
            handed = (candidate.memory / "cgroup.subtree_control").read_text().split()
            return {"memory", "pids"} <= set(handed) and _can_make(candidate)
        return False
    return _can_make(candidate)


def _can_make(candidate: Hierarchy) -> bool:
    try:
        group = candidate.make(64, 16)
    except OSError:
        return False
    group.remove()
    return True


def _sweep(found: Hierarchy, alive: Mapping[int, bool] | None = None) -> None:
    for parent in dict.fromkeys((found.memory, found.pids)):
        for folder in parent.glob(f"{_PREFIX}-*-*"):
            pid = int(folder.name.split("-")[1])
            lives = Path(f"/proc/{pid}").exists() if alive is None else alive.get(pid, False)
            if not lives:
                with contextlib.suppress(OSError):
                    folder.rmdir()

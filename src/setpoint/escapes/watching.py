"""What shows on the host only while a command runs: its processes, their rights, what it holds for a moment."""

import asyncio
import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from ..model.command import CommandLimits
from .escape import Escape, Sign
from .grounds import Grounds

_LOOK_SECONDS = 0.02
_SPACES = ("user", "mnt", "pid", "net", "uts", "ipc")
_MORE_PROCESSES = 8
"""The container's own, which carry the command in their arguments."""
_TIMES_MEMORY = 1.5
"""The container's own processes are counted too, and a kill takes a moment."""
_MIB = 1024 * 1024


@dataclass
class Watch:
    """Looks for the signs of an escape until it sees one."""

    escape: Escape
    grounds: Grounds
    mark: str
    limits: CommandLimits
    seen: str = ""
    """The sign that was seen, in words."""
    _before: tuple[str, ...] = field(default=(), repr=False)
    _outside: int = 0

    async def over(self, command: "asyncio.Task[object]") -> None:
        """Look while `command` runs; what was seen ends it."""
        if not self.escape.signs:
            return
        self._before, self._outside = self.grounds.neighbour.state(), _size(self.grounds.workspace.path)
        while not command.done():
            await asyncio.sleep(_LOOK_SECONDS)
            self.seen = next(filter(None, (_SIGNS[sign](self) for sign in self.escape.signs)), "")
            if self.seen:
                command.cancel()
                return

    def processes(self) -> Iterator[Path]:
        """Folders in `/proc` of those that carry the escape's mark."""
        yield from marked(self.mark)

    # -- signs ----------------------------------------------------------------------------------------------------

    def namespace(self) -> str:
        """Two of the escape's own sleepers live in different namespaces: one made a new one."""
        sleepers = [place for place in self.processes() if _argv(place)[:1] == [b"sleep"]]
        for space in _SPACES:
            found = set()
            for place in sleepers:
                with suppress(OSError):
                    found.add(str((place / "ns" / space).readlink()))
            if len(found) > 1:
                return f"a process in a new {space} namespace"
        return ""

    def capability(self) -> str:
        """A process of the escape holds a capability."""
        for place in self.processes():
            if _argv(place)[:1] == [b"sleep"]:
                with suppress(OSError):
                    told = dict(line.split(":", 1) for line in (place / "status").read_text().splitlines())
                    if int(told["CapEff"], 16):
                        return f"a process with capabilities {told['CapEff'].strip()}"
        return ""

    def set_id(self) -> str:
        """A program that runs with its owner's rights, whoever starts it."""
        return self._file(lambda mode: bool(mode & (stat.S_ISUID | stat.S_ISGID)), "a set-id program on the host")

    def device(self) -> str:
        """A device file."""
        return self._file(lambda mode: stat.S_ISCHR(mode) or stat.S_ISBLK(mode), "a device file on the host")

    def mount(self) -> str:
        """A mount that the host sees, over one of its folders."""
        with suppress(OSError):
            mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
            if any(place.startswith(f"{self.grounds.root}/") for place in mounts):
                return "a mount over a folder of the host"
        return ""

    def victim(self) -> str:
        """The other process stands still, or its standing changed."""
        now = self.grounds.neighbour.state()
        return "" if now == self._before else "another process of the host was changed or stopped"

    def many(self) -> str:
        """More processes at once than the limit."""
        count = sum(1 for _ in self.processes())
        most = self.limits.processes + _MORE_PROCESSES
        return f"{count} processes at once, {self.limits.processes} are allowed" if count > most else ""

    def memory(self) -> str:
        """More memory together than the limit."""
        size = sum(_memory(place) for place in self.processes()) / 1024
        most = self.limits.memory_mib
        return f"{size:.0f} MiB in use, {most} are allowed" if size > most * _TIMES_MEMORY else ""

    def disk(self) -> str:
        """Much more on the disk than the limit."""
        size = (_size(self.grounds.workspace.path) - self._outside) / _MIB
        most = self.limits.disk_mib
        return f"{size:.0f} MiB written, {most} are allowed" if size > most * 4 else ""

    def _file(self, is_bad: Callable[[int], bool], words: str) -> str:
        for folder, folders, names in os.walk(self.grounds.workspace.path):
            for name in (*folders, *names):
                with suppress(OSError):
                    if is_bad(os.lstat(f"{folder}/{name}").st_mode):
                        return f"{words}: {name}"
        return ""


_SIGNS: dict[Sign, Callable[[Watch], str]] = {
    "namespace": Watch.namespace,
    "capability": Watch.capability,
    "set-id": Watch.set_id,
    "device": Watch.device,
    "mount": Watch.mount,
    "victim": Watch.victim,
    "processes": Watch.many,
    "memory": Watch.memory,
    "disk": Watch.disk,
}


def marked(mark: str) -> Iterator[Path]:
    """Folders in `/proc` of all processes whose arguments hold `mark`."""
    wanted = mark.encode()
    with os.scandir("/proc") as entries:
        for entry in entries:
            if entry.name.isdigit() and wanted in b" ".join(_argv(Path(entry.path))):
                yield Path(entry.path)


def _argv(place: Path) -> list[bytes]:
    try:
        return (place / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return []


def _memory(place: Path) -> int:
    """KiB of memory that a process has for itself, and its part of what it shares."""
    try:
        told = (place / "smaps_rollup").read_text()
    except OSError:
        return 0
    found = re.search(r"^Pss:\s+(\d+) kB$", told, re.MULTILINE)
    return int(found[1]) if found else 0


def _size(folder: Path) -> int:
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += os.lstat(f"{place}/{name}").st_blocks * 512
    return total

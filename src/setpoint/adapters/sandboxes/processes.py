"""Looking at a process and what descends from it, through `/proc`."""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")
_MIB = 1024 * 1024
_MOST = 20_000


def descendants(pid: int) -> Sequence[int]:
    """`pid` and all that descend from it. Daemons count: in a PID namespace they are children of its first process."""
    found: list[int] = []
    pending = [pid]
    while pending and len(found) < _MOST:
        one = pending.pop()
        found.append(one)
        with suppress(OSError):
            for task in Path(f"/proc/{one}/task").iterdir():
                with suppress(OSError):
                    pending += map(int, (task / "children").read_text().split())
    return found


def resident_mib(pids: Sequence[int]) -> float:
    """Memory in use by `pids` together; what they share counts for each."""
    pages = 0
    for pid in pids:
        with suppress(OSError, IndexError, ValueError):
            pages += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * _PAGE / _MIB


def marked(mark: str) -> Sequence[int]:
    """Processes whose environment holds `mark`, as far as we may look."""
    return [pid for pid, _ in carrying(mark)]


def carrying(mark: str) -> Sequence[tuple[int, str]]:
    """Processes whose environment holds `mark`, each with what follows it there."""
    wanted = mark.encode()
    found: list[tuple[int, str]] = []
    with suppress(OSError):
        for process in Path("/proc").iterdir():
            if process.name.isdigit():
                with suppress(OSError):
                    _, there, rest = (process / "environ").read_bytes().partition(wanted)
                    if there:
                        found.append((int(process.name), os.fsdecode(rest.partition(b"\0")[0])))
    return found

"""How much a command added to the disk, seen from outside while it runs.

The file system's own counters are asked often, for they cost microseconds; only when they moved by half a limit are
the files counted that changed since the start. Space held by deleted files that are still open counts as well.
"""

import errno
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

_MIB = 1024 * 1024
_BLOCK = 512
_LONGEST_WALK_SHARE = 10


class Growth:
    """Watches writable folders from now on."""

    def __init__(self, folders: Sequence[Path], disk_mib: int, files: int) -> None:
        self._folders = [folder for folder in folders if folder.is_dir()]
        self._limit = disk_mib * _MIB
        self._files = files
        # The kernel stamps files with the tick before: a coarse clock, up to 10 ms behind this one.
        self._since = time.time_ns() - 20_000_000
        self._before = self._used()
        self._next_walk = 0.0

    def exceeded(self, pids: Callable[[], Sequence[int]], *, now: bool = False) -> str:
        """`disk` or `files` when the limit is passed, else empty; `now` walks even if the last walk was dear. `pids`
        gives the processes that may hold deleted files open."""
        grown = self._grown()
        if grown is None or (grown[0] * 2 <= self._limit and grown[1] * 2 <= self._files):
            return ""
        started = time.monotonic()
        if not now and started < self._next_walk:
            return ""
        size, count = self._changed()
        size += sum(self._deleted_but_open(pid) for pid in pids())
        ended = time.monotonic()
        self._next_walk = ended + (ended - started) * _LONGEST_WALK_SHARE
        return "disk" if size > self._limit else "files" if count > self._files else ""

    def _used(self) -> dict[int, tuple[int, int]]:
        used: dict[int, tuple[int, int]] = {}
        for folder in self._folders:
            with suppress(OSError):
                state = os.statvfs(folder)
                # Not f_bavail: it hides what root may still take.
                used[folder.stat().st_dev] = (
                    (state.f_blocks - state.f_bfree) * state.f_frsize,
                    state.f_files - state.f_ffree if state.f_files else -1,
                )
        return used

    def _grown(self) -> tuple[int, int] | None:
        after = self._used()
        if not after:
            return None
        size = sum(after[device][0] - self._before.get(device, (0, 0))[0] for device in after)
        unknown = any(count < 0 for _, count in after.values())
        count = sum(after[device][1] - self._before.get(device, (0, 0))[1] for device in after)
        # A file system without a count of inodes (btrfs): always worth a look, at the walk's own pace.
        return size, self._files if unknown else count

    def _changed(self) -> tuple[int, int]:
        size = count = 0
        for folder in self._folders:
            for state in _below(str(folder)):
                if state is None:
                    count += self._files + 1
                elif state.st_ctime_ns >= self._since:
                    size += state.st_blocks * _BLOCK
                    count += 1
        return size, count

    def _deleted_but_open(self, pid: int) -> int:
        total = 0
        with suppress(OSError), os.scandir(f"/proc/{pid}/fd") as entries:
            for entry in entries:
                with suppress(OSError):
                    if Path(entry.path).readlink().name.endswith(" (deleted)"):
                        state = entry.stat()
                        total += state.st_blocks * _BLOCK if state.st_dev in self._before else 0
        return total


def _below(root: str) -> Iterator[os.stat_result | None]:
    """All that lies there; None for a folder so deep that its path cannot be said: what is in it is not counted."""
    pending = [root]
    while pending:
        try:
            with os.scandir(pending.pop()) as entries:
                for entry in entries:
                    with suppress(OSError):
                        if entry.is_dir(follow_symlinks=False):
                            pending.append(entry.path)
                        yield entry.stat(follow_symlinks=False)
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:
                yield None

"""What a process holds in memory, as the kernel counts it."""

import os
import resource
from pathlib import Path

MIB = 1024 * 1024
PAGE = os.sysconf("SC_PAGE_SIZE")


def rss_now() -> float:
    """MiB this process holds now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE / MIB


def peak_rss() -> float:
    """MiB this process held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def pss(pid: int) -> float:
    """MiB of another process, shared pages counted in part."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"no Pss of {pid}")

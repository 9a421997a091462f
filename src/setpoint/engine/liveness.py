"""Whether a process of this machine is alive: a dead worker's jobs need not wait for its lease to run out."""

import socket
import subprocess
from pathlib import Path


def machine() -> str:
    """Names the place where process ids mean something: host, boot and pid namespace."""
    return "/".join((socket.gethostname(), _read("/proc/sys/kernel/random/boot_id"), _pid_namespace()))


def process_started(pid: int) -> str:
    """When process `pid` of this machine began, in the system's own words; empty when there is none (or a zombie)."""
    stat = _read(f"/proc/{pid}/stat")
    if stat:
        # The command's name stands in brackets and may itself hold spaces and brackets.
        fields = stat.rpartition(")")[2].split()
        return "" if fields[0] in ("Z", "X") else fields[19]
    if Path("/proc/self/stat").exists():
        return ""
    said = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return said.stdout.strip()


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _pid_namespace() -> str:
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""

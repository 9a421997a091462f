"""Another process of the same user, with a secret in its environment, its arguments and its memory."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from ..adapters.sandboxes.profile import SHARED_MEMORY

_WAITS = "echo up; read -r end"


@dataclass(frozen=True)
class Neighbour:
    """The process, and what is known of it from outside."""

    process: "subprocess.Popen[bytes]"
    shared: str
    """A name in `/dev/shm`."""

    @property
    def pid(self) -> int:
        """Its number on the host."""
        return self.process.pid

    def state(self) -> tuple[str, ...]:
        """What no other process may change of it: that it lives and runs, its niceness, limits, processors and
        standing when memory is short."""
        place = Path("/proc", str(self.pid))
        try:
            fields = (place / "stat").read_text().rpartition(")")[2].split()
            status = (place / "status").read_text().splitlines()
            allowed = next((line for line in status if line.startswith("Cpus_allowed_list")), "")
            told = ((place / name).read_text() for name in ("oom_score_adj", "limits"))
            return ("runs" if fields[0] in "RSD" else fields[0], fields[16], allowed, *told)
        except OSError:
            return ("gone",)


@contextmanager
def neighbour(root: Path, secret: Callable[[str], str]) -> Iterator[Neighbour]:
    """One that lives until the end of the context; `secret` makes one for a place."""
    shared = f"setpoint-escape-{os.getpid()}-{root.name[-8:]}"
    memory = Path(SHARED_MEMORY, shared)
    with suppress(OSError):
        memory.write_text(secret("shared memory of the host"))
        memory.chmod(0o644)
    env = {"PATH": os.defpath, "FORGE_TOKEN": secret("another process's environment")}
    argv = ["/bin/sh", "-c", _WAITS, "sh", secret("another process's arguments")]
    process = subprocess.Popen(argv, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd="/")
    try:
        assert process.stdout is not None
        process.stdout.readline()
        yield Neighbour(process, shared)
    finally:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGKILL)
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()
        memory.unlink(missing_ok=True)

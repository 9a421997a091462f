"""The kill switch: one file that ends every session of this machine, and every run paused for all others.

While the file `.setpoint/stop` is there nothing starts and nothing is carried here. `setpoint stop --all` writes it; so
may any person or program that has nothing but a shell: an empty file is enough.
"""

import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..engine.lease import WorkerLease
from ..engine.liveness import machine, process_started
from ..errors import ParkedError
from ..model.run import Run
from .views import Stopped

FILE = "stop"
GRACE_SECONDS = 1.5
"""How long workers may take to end by themselves; they notice within half a second. Then they are killed."""
LOOK_SECONDS = 0.05
MOST_SAID = 500
"""Characters of the file that are read."""


@dataclass(frozen=True)
class Switch:
    """The kill switch of one repository on this machine."""

    state: Path
    """Its `.setpoint` folder."""

    @property
    def file(self) -> Path:
        """The file whose presence stops everything."""
        return self.state / FILE

    def on(self) -> bool:
        """Whether everything is stopped. A place that cannot be looked at counts as stopped."""
        try:
            self.file.lstat()
        except FileNotFoundError:
            return False
        except OSError:
            return True
        return True

    def refusal(self) -> ParkedError:
        """Why nothing is started or carried, in the words of whoever stopped it."""
        return ParkedError(
            "everything is stopped in this repository", why=self._said(), fix="`setpoint stop --lift`, then go on"
        )

    def allow(self) -> None:
        """Raises ParkedError while everything is stopped."""
        if self.on():
            raise self.refusal()

    def throw(self, words: str) -> None:
        """Stop everything of this machine."""
        self.state.mkdir(exist_ok=True)
        fresh = self.state / f"{FILE}.{os.getpid()}"
        fresh.write_text(f"{words}\n", encoding="utf-8")
        fresh.replace(self.file)

    def lift(self) -> bool:
        """Let work begin again; False when nothing was stopped."""
        try:
            self.file.unlink()
        except FileNotFoundError:
            return False
        return True

    def _said(self) -> str:
        try:
            with self.file.open(encoding="utf-8", errors="replace") as handle:
                words = handle.read(MOST_SAID).strip()
        except OSError:
            words = ""
        return words or f"there is a file {FILE} in {self.state.name}"


def end_workers(workers: Callable[[], Sequence[WorkerLease]]) -> int:
    """Wait until every worker of this machine has ended, and kill those that do not: how many were killed. What such a
    one ran in sandboxes dies with it."""
    there = _living(workers())
    deadline = time.monotonic() + GRACE_SECONDS
    while there and time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS)
        there = _living(there)
    for worker in there:
        try:
            os.kill(worker.pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    return len(there)


def _living(workers: Sequence[WorkerLease]) -> list[WorkerLease]:
    here, me = machine(), os.getpid()
    return [
        worker
        for worker in workers
        if worker.machine == here and worker.pid != me and process_started(worker.pid) == worker.started
    ]


def stopped(paused: Sequence[Run], killed: int, switch: Switch) -> Stopped:
    """What a stop came to, for a page."""
    return Stopped(paused=tuple(run.id for run in paused), killed=killed, file=str(switch.file))

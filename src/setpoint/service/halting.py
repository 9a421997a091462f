"""The kill switch: one file that ends every session of this machine, and every run paused for all others.

While the file `.setpoint/stop` is there nothing starts and nothing is carried here. `setpoint stop --all` writes it; so
may any person or program that has nothing but a shell: an empty file is enough.
"""

import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..engine.lease import WorkerLease
from ..engine.liveness import machine, process_started
from ..errors import ParkedError, SetpointError, UsageError
from ..model.numbers import counted
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
        """Stop everything of this machine. Raises SetpointError when no file can be put there."""
        fresh = self.state / f"{FILE}.{os.getpid()}"
        try:
            self.state.mkdir(exist_ok=True)
            fresh.write_text(f"{words}\n", encoding="utf-8")
            fresh.replace(self.file)
        except OSError as error:
            with suppress(OSError):
                fresh.unlink()
            # On a full disk there may be room for a name, and whatever stands there already stops everything too.
            with suppress(OSError):
                self.file.touch()
            if not self.on():
                fix = f"end the processes of setpoint by hand, then make room for {self.file}"
                raise SetpointError("the stop could not be written down", why=str(error), fix=fix) from error

    def lift(self) -> bool:
        """Let work begin again; False when nothing was stopped. Raises UsageError for what cannot be taken away."""
        try:
            folder = self.file.is_dir() and not self.file.is_symlink()
            self.file.rmdir() if folder else self.file.unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise UsageError(f"{self.file} is in the way", why=str(error), fix="look at it and remove it") from error
        return True

    def _said(self) -> str:
        words = ""
        if self.file.is_file():  # to open a pipe is to wait for whoever writes
            with suppress(OSError), self.file.open(encoding="utf-8", errors="replace") as handle:
                words = handle.read(MOST_SAID).strip()
        return words or f"there is a file {FILE} in {self.state.name}"


def end_workers(workers: Callable[[], Sequence[WorkerLease]]) -> int:
    """Wait until every worker of this machine has ended, and kill those that do not: how many were killed. What such a
    one ran in sandboxes dies with it."""
    there = _living(workers())
    deadline = time.monotonic() + GRACE_SECONDS
    while there and time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS)
        there = _living(there)
    left = [worker.pid for worker in there if not _killed(worker)]
    if left:
        raise SetpointError(
            f"{counted(len(left), 'workers')} of another user could not be killed",
            why="they end by themselves as soon as they look: everything is stopped",
            fix=f"as that user: kill -9 {' '.join(map(str, left))}",
        )
    return len(there)


def _killed(worker: WorkerLease) -> bool:
    """Kill the worker, and never a process that has its number after it; False when that is not allowed."""
    try:
        handle = os.pidfd_open(worker.pid)
    except ProcessLookupError:
        return True
    try:
        # The handle is of one process for ever: what it is found to be now is what the signal goes to.
        if process_started(worker.pid) == worker.started:
            signal.pidfd_send_signal(handle, signal.SIGKILL)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    finally:
        os.close(handle)
    return True


def _living(workers: Sequence[WorkerLease]) -> list[WorkerLease]:
    here, me = machine(), os.getpid()
    return [
        worker
        for worker in workers
        if worker.machine == here
        and worker.pid != me
        and worker.started
        and process_started(worker.pid) == worker.started
    ]


def stopped(paused: Sequence[Run], killed: int, switch: Switch) -> Stopped:
    """What a stop came to, for a page."""
    return Stopped(paused=tuple(run.id for run in paused), killed=killed, file=str(switch.file))

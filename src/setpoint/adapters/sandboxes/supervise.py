"""One process from its start to its end: input, output, limits, cancellation. Knows nothing of how it is contained.

Each command has a thread of its own. It belongs to no event loop, so any loop in any thread may wait for it; and as the
kernel ties "die with the parent" to the thread that forked, that thread has to live as long as the command.
"""

import asyncio
import contextlib
import os
import selectors
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ...errors import BugError, SetpointError
from ...model.command import CommandLimits, Completed
from .groups import Group
from .growth import Growth
from .output import Kept, Preamble
from .processes import descendants, resident_mib

_CHUNK = 65_536
_FIRST_LOOK, _LOOK = 0.05, 0.1
_LAST_WORDS = 0.25
_END = 10.0
_START = 120.0
"""Seconds that a container engine may take until the command's own time begins."""


class Leash(Protocol):
    """How the tree of one command is held and ended."""

    def said(self, text: bytes) -> None:
        """A piece of what the container wrote about itself."""

    def kill(self, process: "subprocess.Popen[bytes]") -> None:
        """End the whole tree now; may be called again."""

    def gone(self, process: "subprocess.Popen[bytes]") -> None:
        """End what is left after the first process ended; returns when nothing is."""


@dataclass(frozen=True)
class Launch:
    """What to start and under which limits."""

    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: str
    stdin: bytes
    limits: CommandLimits
    leash: Leash
    growth: Growth
    group: Group | None = None
    fds: tuple[int, ...] = ()
    status: int = -1
    """Read end of the pipe on which the container speaks of itself."""
    new_session: bool = False
    mark: bytes = b""
    """What is written to standard error when the command itself begins; empty where it begins at once."""
    first: Callable[[], int] | None = None
    """The process to count from, where the command does not descend from the one that is started; 0: not known."""


@dataclass
class Ending:
    """How it ended."""

    code: int
    stdout: Kept
    stderr: Kept
    seconds: float
    killed: str = ""
    begun: bool = True
    """Whether the command itself was reached."""
    preamble: str = ""
    """What was said before it was."""

    def completed(self, level: str, missing: Sequence[str] = ()) -> Completed:
        """The record of it. `missing`: layers of the level that are not in force."""
        return Completed(
            exit_code={"": self.code, "time": 124}.get(self.killed, 137),
            stdout=self.stdout.text(),
            stderr=self.stderr.text(),
            seconds=self.seconds,
            truncated=bool(self.stdout.dropped or self.stderr.dropped),
            timed_out=self.killed == "time",
            killed=self.killed,
            level=level,
            missing=tuple(missing),
        )


@dataclass
class _Stop:
    """Wakes the thread from outside."""

    reader: int
    writer: int
    asked: threading.Event = field(default_factory=threading.Event)

    def ask(self) -> None:
        self.asked.set()
        with contextlib.suppress(OSError):
            os.write(self.writer, b"x")


async def supervise(launch: Launch, after: Callable[[], None]) -> Ending:
    """Run it to its end or limit. When this returns or is cancelled nothing of it is left, and `after` has run."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[Ending] = loop.create_future()
    reader, writer = os.pipe()
    stop = _Stop(reader, writer)

    def tell(ending: Ending | None, trouble: BaseException) -> None:
        if ended.done():
            return
        if ending is None:
            ended.set_exception(trouble)
        else:
            ended.set_result(ending)

    def work() -> None:
        ending: Ending | None = None
        trouble: BaseException = BugError("the supervision of a command ended without a result")
        try:
            ending = _Supervision(launch, stop).run()
        except (OSError, SetpointError, ValueError, subprocess.SubprocessError) as error:
            trouble = error
        finally:
            after()
            with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile: nobody waits
                loop.call_soon_threadsafe(tell, ending, trouble)

    threading.Thread(target=work, name="setpoint-command", daemon=True).start()
    try:
        return await _patiently(ended, stop)
    finally:
        os.close(reader)
        os.close(writer)


async def _patiently(ended: "asyncio.Future[Ending]", stop: _Stop) -> Ending:
    try:
        return await asyncio.shield(ended)
    except asyncio.CancelledError:
        stop.ask()
        while not ended.done():
            # A second cancellation must not leave the tree alive either.
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait([ended])
        ended.exception()
        raise


class _Supervision:
    """The loop of one command's thread."""

    def __init__(self, launch: Launch, stop: _Stop) -> None:
        self._launch = launch
        self._stop = stop
        self._selector = selectors.DefaultSelector()
        self._out = Kept(launch.limits.output_bytes)
        self._err = Kept(launch.limits.output_bytes)
        self._preamble = Preamble(launch.mark, self._err)
        self._unsent = memoryview(launch.stdin)
        self._killed = ""

    def run(self) -> Ending:
        started = time.monotonic()
        process = self._start()
        watched = _exit_of(process)
        try:
            self._listen(process, watched)
            self._until_exit(process, watched, started)
            self._launch.leash.gone(process)
            process.wait(_END)
            self._last_words()
            return self._ending(process, started)
        finally:
            if process.returncode is None:
                self._launch.leash.kill(process)
                process.wait(_END)
            self._selector.close()
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream is not None:
                    with contextlib.suppress(OSError):
                        stream.close()
            if watched >= 0:
                os.close(watched)

    def _start(self) -> "subprocess.Popen[bytes]":
        launch = self._launch
        try:
            return subprocess.Popen(
                launch.argv,
                stdin=subprocess.PIPE if launch.stdin else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=dict(launch.env),
                cwd=launch.cwd,
                pass_fds=launch.fds,
                start_new_session=launch.new_session,
                bufsize=0,
            )
        finally:
            for descriptor in launch.fds:
                os.close(descriptor)

    def _listen(self, process: "subprocess.Popen[bytes]", watched: int) -> None:
        assert process.stdout is not None
        assert process.stderr is not None
        for stream, take in ((process.stdout, self._out.add), (process.stderr, self._preamble.add)):
            self._hear(stream.fileno(), take)
        if process.stdin is not None:
            os.set_blocking(process.stdin.fileno(), False)
            self._selector.register(process.stdin.fileno(), selectors.EVENT_WRITE, process)
        if self._launch.status >= 0:
            self._hear(self._launch.status, self._launch.leash.said)
        self._selector.register(self._stop.reader, selectors.EVENT_READ)
        if watched >= 0:
            self._selector.register(watched, selectors.EVENT_READ)

    def _hear(self, descriptor: int, take: Callable[[bytes], None]) -> None:
        os.set_blocking(descriptor, False)
        self._selector.register(descriptor, selectors.EVENT_READ, take)

    def _until_exit(self, process: "subprocess.Popen[bytes]", watched: int, started: float) -> None:
        begun = self._preamble.begun
        deadline = started + (self._launch.limits.seconds if begun else _START)
        look = started + _FIRST_LOOK
        dead_line = float("inf")
        while True:
            now = time.monotonic()
            pause = max(0.0, min(deadline, look, dead_line) - now)
            self._turn(pause if watched >= 0 else min(pause, 0.01))
            if _ended(process):
                return
            now = time.monotonic()
            if self._preamble.begun and not begun and not self._killed:
                begun, deadline = True, now + self._launch.limits.seconds
            if now >= dead_line:
                raise BugError(f"process {process.pid} outlived SIGKILL by {_END:.0f} s")
            reason = self._reason(process, now >= deadline, now >= look)
            if now >= look:
                look = now + _LOOK
            if reason and not self._killed:
                self._killed = reason
                self._launch.leash.kill(process)
                deadline, look, dead_line = float("inf"), float("inf"), now + _END

    def _reason(self, process: "subprocess.Popen[bytes]", late: bool, look: bool) -> str:
        if self._stop.asked.is_set():
            return "cancelled"
        if late:
            return "time"
        return self._over_limit(process) if look else ""

    def _over_limit(self, process: "subprocess.Popen[bytes]") -> str:
        launch = self._launch
        if launch.group is not None:
            # A group counts exactly; the walk below would only cost.
            return "memory" if launch.group.out_of_memory() else launch.growth.exceeded(launch.group.members)
        first = launch.first() if launch.first is not None else process.pid
        pids = descendants(first) if first else ()
        if len(pids) > launch.limits.processes + 3:  # the container's own processes are not the command's
            return "processes"
        if resident_mib(pids) > launch.limits.memory_mib:
            return "memory"
        return launch.growth.exceeded(lambda: pids)

    def _turn(self, pause: float) -> None:
        for key, _ in self._selector.select(pause):
            if isinstance(key.data, subprocess.Popen):
                self._feed(key.data, key.fd)
            elif key.data is not None:
                self._take(key.fd, key.data)
            else:
                self._selector.unregister(key.fd)  # said once: asked to stop, or ended

    def _take(self, descriptor: int, take: Callable[[bytes], None]) -> None:
        try:
            piece = os.read(descriptor, _CHUNK)
        except BlockingIOError:
            return
        if piece:
            take(piece)
        else:
            self._selector.unregister(descriptor)

    def _feed(self, process: "subprocess.Popen[bytes]", descriptor: int) -> None:
        with contextlib.suppress(BlockingIOError):
            try:
                self._unsent = self._unsent[os.write(descriptor, self._unsent[:_CHUNK]) :]
            except BrokenPipeError:
                self._unsent = self._unsent[:0]
        if not self._unsent and process.stdin is not None:
            self._selector.unregister(descriptor)
            process.stdin.close()

    def _last_words(self) -> None:
        """Read what is still in the pipes. At level `none` an escaped process may hold them open: not for ever."""
        for key in list(self._selector.get_map().values()):
            if key.data is None or isinstance(key.data, subprocess.Popen):
                self._selector.unregister(key.fd)
        until = time.monotonic() + _LAST_WORDS
        while self._selector.get_map() and time.monotonic() < until:
            self._turn(until - time.monotonic())

    def _ending(self, process: "subprocess.Popen[bytes]", started: float) -> Ending:
        launch = self._launch
        if not self._killed and launch.group is not None and launch.group.out_of_memory():
            self._killed = "memory"
        if not self._killed:
            self._killed = launch.growth.exceeded(tuple, now=True)
        code = process.returncode
        return Ending(
            code if code >= 0 else 128 - code,
            self._out,
            self._err,
            time.monotonic() - started,
            self._killed,
            begun=self._preamble.begun,
            preamble=self._preamble.text(),
        )


def _exit_of(process: "subprocess.Popen[bytes]") -> int:
    """A descriptor that becomes readable when the process ends; -1 where the system has none."""
    try:
        return os.pidfd_open(process.pid)
    except (AttributeError, OSError):
        return -1


def _ended(process: "subprocess.Popen[bytes]") -> bool:
    """Whether it ended. It is not reaped: its number must not go to another process while we clear up after it."""
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

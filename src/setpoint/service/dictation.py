"""Words that are spoken, as a ticket's text: from any command that writes what it hears to standard output.

Who holds a key or a pedal starts and ends it through a named pipe, `setpoint talk`; else it ends by itself or by Enter.
"""

import os
import re
import select
import signal
import stat
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from ..errors import ConfigError, SetpointError, UsageError
from ..pipeline.visible import visible

START, STOP = "start", "stop"
WORDS = (START, STOP)
LONGEST = 65_536
"""Bytes of what a command hears."""


class DictationError(SetpointError):
    """Nothing was heard."""

    exit_code = 1


def dictated(command: Sequence[str], environ: Mapping[str, str], seconds: float, ends: IO[bytes] | None = None) -> str:
    """What `command` hears until it ends, until a line comes from `ends`, or for `seconds`. Raises DictationError."""
    if not command:
        raise ConfigError(
            "no speech-to-text command is configured",
            why="any command that writes what it hears to standard output will do",
            fix='in setpoint.toml: [voice] command = ["whisper-stream", "--once"]',
        )
    try:
        process = subprocess.Popen(
            list(command), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=_without_keys(environ),
            start_new_session=True,
        )  # fmt: skip
    except OSError as error:
        raise ConfigError(
            f"`{command[0]}` cannot be started", why=str(error.strerror), fix="[voice] command"
        ) from error
    asked = False
    try:
        heard, asked = _heard(process, seconds, ends)
    finally:
        _ended(process)
    text = visible(heard.decode("utf-8", "replace")).strip()
    if not text:
        why = f"`{command[0]}` left with {process.returncode}" if not asked else "it was ended before it wrote a word"
        raise DictationError("nothing was heard", why=why, fix="try the command by itself, then again")
    return text


def _heard(process: "subprocess.Popen[bytes]", seconds: float, ends: IO[bytes] | None) -> tuple[bytes, bool]:
    assert process.stdout is not None
    out, heard, asked, until = process.stdout.fileno(), b"", False, time.monotonic() + seconds
    while True:
        watched = [out] if ends is None or asked else [out, ends.fileno()]
        ready = select.select(watched, [], [], max(until - time.monotonic(), 0))[0]
        if out in ready:
            piece = os.read(out, LONGEST)
            heard += piece
            if not piece or len(heard) > LONGEST:
                return heard[:LONGEST], asked
        elif ready and ends is not None:
            os.read(ends.fileno(), LONGEST)
            asked = _ask_to_end(process)
        elif not ready and not asked:
            asked, until = _ask_to_end(process), time.monotonic() + 10
        elif not ready:
            return heard, asked


def _ask_to_end(process: "subprocess.Popen[bytes]") -> bool:
    """As Ctrl-C would: recorders write what they heard then."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGINT)
    return True


def _ended(process: "subprocess.Popen[bytes]") -> None:
    try:
        process.wait(2)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _without_keys(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if not re.search(r"_(?:API_KEY|TOKEN|SECRET)$", name)}


# -- push to talk ------------------------------------------------------------------------------------------------------


@contextmanager
def listening(pipe: Path) -> Iterator[IO[bytes]]:
    """The pipe that a pedal's or key's command writes to; gone at the end. Raises UsageError when another listens."""
    if pipe.exists() and _somebody(pipe):
        raise UsageError("another `setpoint new --push-to-talk` listens already", fix="end that one first")
    pipe.unlink(missing_ok=True)
    os.mkfifo(pipe, 0o600)
    # Read and write: the pipe stays open while nobody holds the key.
    handle = os.open(pipe, os.O_RDWR | os.O_CLOEXEC)
    try:
        with os.fdopen(handle, "rb", buffering=0) as opened:
            yield opened
    finally:
        pipe.unlink(missing_ok=True)


def said(pipe: IO[bytes]) -> str:
    """The next word of the pedal, waiting for it."""
    word = b""
    while not word.endswith(b"\n"):
        word += os.read(pipe.fileno(), 1)
    return word.decode("utf-8", "replace").strip()


def tell(pipe: Path, word: str) -> None:
    """Say `word` to who listens. Raises UsageError when nobody does."""
    if word not in WORDS:
        raise UsageError(f"`{word}` is nothing to say", fix=f"one of: {', '.join(WORDS)}")
    if not _somebody(pipe, f"{word}\n".encode()):
        raise UsageError(
            "nobody listens", fix="`setpoint new --voice --push-to-talk` in a terminal, then press the key"
        )


def _somebody(pipe: Path, word: bytes = b"") -> bool:
    try:
        if not stat.S_ISFIFO(pipe.lstat().st_mode):
            return False
        handle = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        os.write(handle, word) if word else None
    finally:
        os.close(handle)
    return True


def file_name(text: str) -> str:
    """A name for the ticket's file, from its first words."""
    words = re.findall(r"[a-z0-9]+", text.casefold())[:6]
    return f"{'-'.join(words) or 'ticket'}.md"

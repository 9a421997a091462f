"""What people hand over as a file: read whole, within a limit, as text; refused where it is none."""

import os
import select
import stat
import threading
from pathlib import Path

from .errors import SetpointError

LARGEST = 1_048_576
"""Bytes of one file of settings, rules or words."""
PIECE = 65_536
LOOK_SECONDS = 0.1
"""How often a reader that waits looks whether it is still wanted."""

Wrong = type[SetpointError]


def read_text(path: Path, *, called: str, wrong: Wrong, limit: int = LARGEST, fix: str = "") -> str:
    """The text of `path`. Raises `wrong`, which names the file as `called`."""
    return text_of(read_bytes(path, called=called, wrong=wrong, limit=limit, fix=fix), called=called, wrong=wrong)


def read_bytes(
    path: Path, *, called: str, wrong: Wrong, limit: int = LARGEST, fix: str = "", stop: threading.Event | None = None
) -> bytes:
    """The content of a file, or of a pipe until its writers end. Raises `wrong` at once for a folder, a device, a pipe
    that nobody writes to, or more than `limit` bytes."""
    try:
        # A pipe without a writer opens at once this way, and is at its end at once.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise wrong(f"{called} cannot be read", why=error.strerror or str(error), fix=fix) from error
    except ValueError as error:
        raise wrong(f"{called} is not a path", why=str(error), fix=fix) from error
    try:
        kind, size = os.fstat(handle).st_mode, os.fstat(handle).st_size
        what = _unreadable(kind)
        if what and not os.isatty(handle):
            raise wrong(f"{called} is {what}, not a file", fix=fix)
        if stat.S_ISREG(kind) and size > limit:
            raise _too_large(called, wrong, limit)
        begun = _begun(handle, called, wrong, fix) if stat.S_ISFIFO(kind) else b""
        os.set_blocking(handle, True)
        return poured(handle, called=called, wrong=wrong, limit=limit, stop=stop, begun=begun)
    finally:
        os.close(handle)


def _unreadable(kind: int) -> str:
    kinds = {stat.S_IFDIR: "a folder", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device", stat.S_IFSOCK: "a socket"}
    return kinds.get(stat.S_IFMT(kind), "")


def _begun(handle: int, called: str, wrong: Wrong, fix: str) -> bytes:
    """The first bytes of a pipe, where they are there already."""
    try:
        first = os.read(handle, PIECE)
    except BlockingIOError:  # its writer takes time
        return b""
    if not first:
        raise wrong(f"{called} is an empty pipe: nobody writes to it", fix=fix)
    return first


def poured(
    handle: int,
    *,
    called: str,
    wrong: Wrong,
    limit: int = LARGEST,
    stop: threading.Event | None = None,
    begun: bytes = b"",
) -> bytes:
    """What an open file or pipe gives until its end, after what it has `begun` with; what came so far once `stop` is
    set. Raises `wrong` above `limit` bytes, without reading on."""
    content = bytearray(begun)
    try:
        while True:
            while not select.select([handle], [], [], LOOK_SECONDS)[0]:
                if stop is not None and stop.is_set():
                    return bytes(content)
            piece = os.read(handle, PIECE)
            if not piece:
                return bytes(content)
            content += piece
            if len(content) > limit:
                raise _too_large(called, wrong, limit)
    except OSError as error:
        raise wrong(f"{called} cannot be read", why=error.strerror or str(error)) from error


def _too_large(called: str, wrong: Wrong, limit: int) -> SetpointError:
    return wrong(f"{called} is larger than {limit} bytes", fix="shorten it, or link to long material")


def text_of(content: bytes, *, called: str, wrong: Wrong) -> str:
    """`content` as text, a byte order mark left out. Raises `wrong` with the place of what is not UTF-8."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line, column = before.count(b"\n") + 1, error.start - (before.rfind(b"\n") + 1) + 1
        utf16 = content[:2] in (b"\xff\xfe", b"\xfe\xff")
        why = f"byte {error.start} (line {line}, byte {column} of it) is 0x{content[error.start]:02x}"
        raise wrong(
            f"{called} is not UTF-8 text",
            why="it begins as UTF-16 does" if utf16 else why,
            fix=f"save it as UTF-8; `iconv -f {'utf-16' if utf16 else 'latin1'} -t utf-8` makes it so",
        ) from error

"""Numbers that are one stack's alone on this machine: a block of ports, and the names that follow from it.

A block is held by a lock on a file, which the kernel takes back when its holder dies, however it dies.
"""

import fcntl
import os
import socket
import tempfile
from collections.abc import Callable
from contextlib import closing, suppress
from hashlib import sha256
from pathlib import Path

from ...errors import StackError
from ...model.stack import MOST_PORTS

FIRST = 20_000
SIZE = 2 * MOST_PORTS
"""Ports of one block: those that commands see, and as many behind them where all share the host's loopback."""
BLOCKS = 768
"""The last block ends below the ports that the kernel gives away by itself."""


class Block:
    """Ports that nobody else here holds."""

    def __init__(self, first: int, handle: int) -> None:
        self.first = first
        self._handle = handle

    @property
    def ports(self) -> range:
        """All of them."""
        return range(self.first, self.first + SIZE)

    def release(self) -> None:
        """Let others have it; a repeat changes nothing."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


def blocks_folder() -> Path:
    """Where this account's locks lie, for all repositories. Raises StackError where somebody else has that place."""
    folder = Path(tempfile.gettempdir(), f"setpoint-ports-{os.getuid()}")
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if folder.is_symlink() or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise StackError(
            f"{folder} is not this account's alone", fix="remove it, or set TMPDIR to a folder of your own"
        )
    return folder


def is_free(port: int) -> bool:
    """Whether nothing listens at `port` of the loopback."""
    with closing(socket.socket()) as trying:
        trying.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trying.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def claim(folder: Path, wish: str, free: Callable[[int], bool] = is_free) -> Block:
    """A block that nobody holds and whose ports are all free; for the same `wish` the same one where it can be had.
    Raises StackError when there is none."""
    start = int.from_bytes(sha256(wish.encode()).digest()[:4], "big") % BLOCKS
    for step in range(BLOCKS):
        first = FIRST + (start + step) % BLOCKS * SIZE
        handle = os.open(folder / str(first), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            continue
        block = Block(first, handle)
        if all(free(port) for port in block.ports):
            return block
        block.release()
    raise StackError("no ports are free for the stack", why=f"all {BLOCKS} blocks from {FIRST} on are taken")

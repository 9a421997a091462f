"""Kept output: the first and the last half of a stream, whatever its length."""

_WORDS = 65_536


class Kept:
    """Takes a stream in pieces and keeps at most `limit` bytes of it."""

    def __init__(self, limit: int) -> None:
        self._head_room = limit // 2
        self._tail_room = limit - self._head_room
        self._head = bytearray()
        self._tail = bytearray()
        self._total = 0

    def add(self, piece: bytes) -> None:
        """The next piece of the stream."""
        self._total += len(piece)
        free = self._head_room - len(self._head)
        self._head += piece[:free]
        self._tail += piece[free:] if free > 0 else piece
        # Cut now and then, not each time: moving the tail costs its length.
        if len(self._tail) > 2 * self._tail_room + 65_536:
            del self._tail[: len(self._tail) - self._tail_room]

    @property
    def dropped(self) -> int:
        """Bytes left out."""
        return max(0, self._total - self._head_room - self._tail_room)

    def text(self) -> str:
        """What was kept, with a line that says what was left out."""
        tail = self._tail[max(0, len(self._tail) - self._tail_room) :]
        if not self.dropped:
            return (self._head + tail).decode("utf-8", "replace")
        head = self._head.decode("utf-8", "replace")
        return f"{head}\n… {self.dropped} bytes left out …\n{tail.decode('utf-8', 'replace')}"


class Preamble:
    """Keeps what a container engine says apart from what its command says: all before the mark is the engine's."""

    def __init__(self, mark: bytes, command: Kept) -> None:
        self.begun = not mark
        """Whether the command's own time has begun."""
        self._mark = mark
        self._command = command
        self._said = b""

    def add(self, piece: bytes) -> None:
        """The next piece of the stream."""
        if self.begun:
            self._command.add(piece)
            return
        self._said += piece
        before, mark, after = self._said.partition(self._mark)
        self.begun = bool(mark)
        if self.begun:
            self._said = before
            self._command.add(after)
        else:
            self._said = self._said[-_WORDS:]

    def text(self) -> str:
        """What was said before the mark, its end."""
        return self._said.decode("utf-8", "replace")

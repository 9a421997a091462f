"""Server-sent events, from bytes as they come."""

from collections.abc import Iterator
from typing import NamedTuple


class Event(NamedTuple):
    """One event of a stream."""

    name: str
    data: str


class EventStream:
    """Cuts a byte stream into events; an event that is not closed by a blank line never comes out."""

    def __init__(self) -> None:
        self._rest = b""
        self._name = ""
        self._data: list[str] = []

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """The events that `chunk` completes."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for raw in lines:
            line = raw.rstrip(b"\r").decode("utf-8", "replace")
            if line:
                self._take(line)
                continue
            if self._data:
                yield Event(self._name, "\n".join(self._data))
            self._name, self._data = "", []

    def _take(self, line: str) -> None:
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "data":
            self._data.append(value)
        elif field == "event":
            self._name = value

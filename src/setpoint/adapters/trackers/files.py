"""Tickets from files, pipes and standard input."""

import asyncio
import difflib
import sys
import threading
from pathlib import Path
from typing import BinaryIO

from ...errors import TicketError
from ...inputs import LARGEST, poured, read_bytes, text_of

_TEMPLATE = "a ticket is a Markdown file: what is wanted, for whom, what must not break, and checkable sentences"


class FileTracker:
    """Tracker whose references are paths; `-` is standard input."""

    def __init__(self, folder: Path | None = None, stdin: BinaryIO | None = None) -> None:
        self._folder = folder or Path()
        self._stdin = stdin

    async def fetch(self, reference: str) -> str:
        stop = threading.Event()
        try:
            content = await asyncio.to_thread(self._content, reference, stop)
        finally:
            stop.set()  # interrupted: the thread that reads would keep the process
        called = _called(reference)
        text = text_of(content, called=called, wrong=TicketError)
        if not text.strip() or "\0" in text:
            raise TicketError(f"{called} holds no text", fix=_TEMPLATE)
        return text.replace("\r\n", "\n")

    def _content(self, reference: str, stop: threading.Event) -> bytes:
        called = _called(reference)
        if reference != "-":
            path = self._folder / reference
            return read_bytes(path, called=called, wrong=TicketError, fix=_near(path), stop=stop)
        given = self._stdin or (sys.stdin and sys.stdin.buffer)
        if given is None:
            raise TicketError("standard input is closed", fix="give the path of a Markdown file")
        return poured(given.fileno(), called=called, wrong=TicketError, limit=LARGEST, stop=stop)


def names_file(words: str) -> bool:
    """Whether `words` are a path, or standard input, and not the ticket itself."""
    if words == "-" or (len(words.split()) < 2 and ("/" in words or words.endswith(".md"))):
        return True
    if not words.strip():
        return False
    try:
        return len(words) < 400 and "\n" not in words and Path(words).exists()
    except (OSError, ValueError):
        return False


def _called(reference: str) -> str:
    return "the ticket on standard input" if reference == "-" else f"the ticket {reference}"


def _near(path: Path) -> str:
    folder = path.parent
    try:
        names = sorted(entry.name for entry in folder.glob("*.md"))[:500] if folder.is_dir() else []
    except (OSError, ValueError):
        names = []
    close = [name for name in difflib.get_close_matches(path.name, names, n=2) if name != path.name]
    return (
        f"did you mean {folder / close[0]}?" if close else "give the path of a Markdown file, or `-` for standard input"
    )

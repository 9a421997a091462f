"""Tickets from files, pipes and standard input: Markdown, or an issue as a tracker exports it."""

import asyncio
import difflib
import sys
import threading
from pathlib import Path
from typing import BinaryIO

from ...errors import TicketError
from ...inputs import LARGEST, poured, read_bytes, text_of
from .exports import chosen, issues_in

_TEMPLATE = "a ticket is a Markdown file: what is wanted, for whom, what must not break, and checkable sentences"


class FileTracker:
    """Tracker whose references are paths, `PATH#KEY` for one issue of an export; `-` is standard input."""

    def __init__(self, folder: Path | None = None, stdin: BinaryIO | None = None) -> None:
        self._folder = folder or Path()
        self._stdin = stdin

    async def fetch(self, reference: str) -> str:
        reference, key = split_key(reference, self._folder)
        stop = threading.Event()
        try:
            content = await asyncio.to_thread(self._content, reference, stop)
        finally:
            stop.set()  # interrupted: the thread that reads would keep the process
        called = _called(reference)
        text = text_of(content, called=called, wrong=TicketError)
        if not text.strip() or "\0" in text:
            raise TicketError(f"{called} holds no text", fix=_TEMPLATE)
        text = text.replace("\r\n", "\n")
        issues = issues_in(text, called)
        if key and not issues:
            raise TicketError(f"{called} is no tracker's export, and holds no issue {key}", fix=_TEMPLATE)
        return chosen(issues, key, called).ticket() if issues else text

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
    if words == "-" or words.startswith("-#") or (len(words.split()) < 2 and ("/" in words or words.endswith(".md"))):
        return True
    if not words.strip():
        return False
    try:
        return len(words) < 400 and "\n" not in words and Path(split_key(words)[0]).exists()
    except (OSError, ValueError):
        return False


def split_key(reference: str, folder: Path = Path()) -> tuple[str, str]:
    """The file, and the issue that is meant of it; a file whose own name holds a `#` is itself."""
    file, mark, key = reference.rpartition("#")
    try:
        both = mark and file and (not (folder / reference).exists()) and (file == "-" or (folder / file).exists())
    except (OSError, ValueError):
        both = False
    return (file, key) if both else (reference, "")


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

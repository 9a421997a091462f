"""Tickets from files and from standard input."""

import asyncio
import difflib
import sys
from pathlib import Path
from typing import BinaryIO

from ...errors import TicketError

_LARGEST = 1_048_576
_TEMPLATE = "a ticket is a Markdown file: what is wanted, for whom, what must not break, and checkable sentences"


class FileTracker:
    """Tracker whose references are paths; `-` is standard input."""

    def __init__(self, folder: Path | None = None, stdin: BinaryIO | None = None) -> None:
        self._folder = folder or Path()
        self._stdin = stdin

    async def fetch(self, reference: str) -> str:
        content = await asyncio.to_thread(self._content, reference)
        if len(content) > _LARGEST:
            raise TicketError(f"the ticket {reference} is larger than {_LARGEST} bytes", fix="link to long material")
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise TicketError(f"the ticket {reference} is not UTF-8 text", why=str(error), fix=_TEMPLATE) from error
        if not text.strip() or "\0" in text:
            raise TicketError(f"the ticket {reference} holds no text", fix=_TEMPLATE)
        return text.replace("\r\n", "\n")

    def _content(self, reference: str) -> bytes:
        if reference == "-":
            return (self._stdin or sys.stdin.buffer).read(_LARGEST + 1)
        path = self._folder / reference
        try:
            with path.open("rb") as file:
                return file.read(_LARGEST + 1)
        except OSError as error:
            why = error.strerror or str(error)
            raise TicketError(f"the ticket {reference} cannot be read", why=why, fix=_near(path)) from error
        except ValueError as error:
            raise TicketError("the ticket's name is not a path", why=str(error), fix=_TEMPLATE) from error


def _near(path: Path) -> str:
    folder = path.parent
    names = sorted(entry.name for entry in folder.glob("*.md"))[:500] if folder.is_dir() else []
    close = difflib.get_close_matches(path.name, names, n=1)
    return (
        f"did you mean {folder / close[0]}?" if close else "give the path of a Markdown file, or `-` for standard input"
    )

"""Tells the person at this terminal: a bell and one line."""

import sys
from typing import TextIO

from ...model.run import Run


class TerminalNotifier:
    """Notifier on a terminal; silent where the stream is none."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream

    async def tell(self, run: Run, subject: str, text: str) -> None:
        stream = self._stream or sys.stderr
        try:
            if stream.isatty():
                stream.write(f"\a{run.id[:8]} {_one_line(subject)}\n")
                stream.flush()
        except (OSError, ValueError):  # the terminal is gone or the stream closed: nobody is there to tell
            return


def _one_line(text: str) -> str:
    # Ticket titles reach this line; control characters in them must not reach the terminal.
    return "".join(letter if letter.isprintable() else " " for letter in text)[:200]

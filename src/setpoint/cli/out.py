"""Words on the terminal: data on stdout, everything else on stderr; colour only where it is wanted."""

import json
import os
import re
import sys
import unicodedata
from typing import TYPE_CHECKING, Any, TextIO

from ..errors import SetpointError
from ..model.numbers import dollars

if TYPE_CHECKING:
    from pydantic import BaseModel

    from ..model.network import Connection

MARKS = {"passed": "✓", "failed": "✗", "refused": "?", "done": "✓", "here": "▸", "ahead": "·"}
_COLOURS = {"red": "31", "green": "32", "yellow": "33", "blue": "34", "dim": "2", "bold": "1", "cyan": "36"}


_MARK = re.compile(r"\x1b\[[0-9;]*m")


def coloured(stream: TextIO) -> bool:
    """Whether colour is wanted there."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def paint(text: str, colour: str) -> str:
    """`text` in `colour`; a stream where no colour is wanted takes it out again."""
    return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m"


def on(stream: TextIO, text: str) -> str:
    """`text` as it goes to `stream`."""
    return text if coloured(stream) else _MARK.sub("", text)


def visible(text: str) -> str:
    """`text` with control, bidi and other invisible characters made visible; a log may hold terminal escapes."""
    return "".join(
        c if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cf") else f"\\x{ord(c):02x}" for c in text
    )


def plain(text: str = "") -> None:
    """A line for a person, on stderr."""
    print(on(sys.stderr, text), file=sys.stderr, flush=True)


def data(text: str) -> None:
    """A line of data, on stdout."""
    print(on(sys.stdout, text), flush=True)


async def asked(words: str) -> str:
    """What a person answers to `words`, which are shown on stderr: standard output is for data. Ctrl-C ends the wait:
    nothing is read before there is a line, for a thread that reads cannot be ended."""
    import asyncio

    print(on(sys.stderr, words), end="", file=sys.stderr, flush=True)
    loop, typed = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), typed.set)
    try:
        await typed.wait()
    finally:
        loop.remove_reader(sys.stdin.fileno())
    return (await asyncio.to_thread(input)).strip()


def document(value: "BaseModel | dict[str, Any] | list[Any]") -> None:
    """Exactly one JSON document on stdout."""
    shown = value if isinstance(value, dict | list) else value.model_dump(mode="json")
    data(json.dumps(shown, indent=2, ensure_ascii=False, sort_keys=False))


def complain(error: SetpointError) -> None:
    """What, why and what next."""
    plain(paint(f"setpoint: {visible(error.what)}", "red"))
    if error.why:
        plain(f"  why:  {visible(error.why)}")
    if error.fix:
        plain(f"  next: {visible(error.fix)}")


def money(usd: float | None) -> str:
    """Dollars, or that they are unknown."""
    return "unknown" if usd is None else dollars(usd)


def reached(connection: "Connection") -> str:
    """What a command did with one host."""
    if not connection.allowed:
        return f"refused {connection.host}: {connection.why}"
    went = f"{connection.sent:,} bytes there, {connection.received:,} back"
    return f"reached {connection.host}: {went}{f'; {connection.why}' if connection.why else ''}"


def asks() -> bool:
    """Whether somebody is there to answer."""
    return sys.stdin.isatty() and sys.stderr.isatty()

"""Words on the terminal: data on stdout, everything else on stderr; colour only where it is wanted.

Whatever comes here may hold what a stranger wrote. So nothing moves a terminal but our own colours.
"""

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


_MARK = re.compile(r"(\x1b\[(?:0|1|2|31|32|33|34|36)m)")
"""A colour of ours."""
_UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Kinds of characters that a terminal obeys, or nobody sees."""
_BEYOND = re.compile(r"[^\x00-\x7e]")
"""What JSON does not escape by itself."""


def coloured(stream: TextIO) -> bool:
    """Whether colour is wanted there."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def paint(text: str, colour: str) -> str:
    """`text` in `colour`; a stream where no colour is wanted takes it out again."""
    return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m"


def on(stream: TextIO, text: str) -> str:
    """`text` as it goes to `stream`: harmless, with colours where they are wanted."""
    parts = _MARK.split(text)
    kept = parts if coloured(stream) else parts[::2]
    return "".join(part if _MARK.fullmatch(part) else visible(part) for part in kept)


def visible(text: str) -> str:
    """`text` with control, bidi and other invisible characters made visible; a log may hold terminal escapes."""
    return "".join(
        c if c.isprintable() or c in "\n\t" or unicodedata.category(c) not in _UNSEEN else f"\\x{ord(c):02x}"
        for c in text
    )


def in_a_line(text: str) -> str:
    """`text`, visible, in one line: what is said in a line of ours begins no other."""
    return visible(text).replace("\n", "\\n")


def in_json(value: Any, *, indent: int | None = None) -> str:
    """`value` as JSON that holds no character a terminal obeys."""
    told = json.dumps(value, indent=indent, ensure_ascii=False, sort_keys=False)
    return _BEYOND.sub(
        lambda found: json.dumps(found[0])[1:-1] if unicodedata.category(found[0]) in _UNSEEN else found[0], told
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
    data(in_json(shown, indent=2))


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

"""The encoding a Python module names, which decides what its letters are when it runs."""

import io
import tokenize
from pathlib import PurePosixPath

_SAME = bytes(set(range(0x20, 0x7F)) - {0x5C}) + rb"\u0041\x41+AEE-~{VP~}&AEE-"
"""What an honest encoding leaves as it is."""


def misleading(path: str, content: bytes | None) -> str:
    """The encoding that a Python module names, if plain letters are other letters in it; empty for none."""
    named = encoding(path, content)
    if not named:
        return ""
    try:
        return "" if _SAME.decode(named) == _SAME.decode("ascii") else named
    except (LookupError, UnicodeError, ValueError):
        return named


def encoding(path: str, content: bytes | None) -> str:
    """What a Python module names as its encoding; empty for none, and for UTF-8."""
    if PurePosixPath(path).suffix not in (".py", ".pyi") or not content:
        return ""
    try:
        named, _ = tokenize.detect_encoding(io.BytesIO(content[:4096]).readline)
    except SyntaxError:
        return ""
    return "" if named in ("utf-8", "utf-8-sig") else named

"""Secrets taken out of what is written down, shown or sent: known values in every form, and what has a secret's shape.

Text is searched without what only breaks it (colours, ends of lines, indentation); what is found is hidden in the text
as it is.
"""

import base64
import re
from bisect import bisect_right
from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple
from urllib.parse import quote

from .secrets import ANCHOR, SHAPES

HIDDEN = "[redacted]"
_SHORTEST = 6
"""Shorter values are no secrets worth the damage to the text."""
_LEAST_PART = 8
"""Characters of a value that was cut off which are still worth hiding."""
_BREAKS = re.compile(r"(?:\x1b\[[0-9;]{0,16}[A-Za-z]|\r?\n[ \t]{0,40})+")
_NOTHING = re.compile(r"(?!)")
_HEX_BREAKS = re.compile(rf"(?:[ :]|{_BREAKS.pattern})+")
_HEX = re.compile(r"(?:[0-9a-fA-F]{2}[ :\r\n]?){6}")
_LEFT_OUT_BEHIND = re.compile(r"\n… |\n\[\.\.\. | \[\.\.\.\]")
_LEFT_OUT_BEFORE = re.compile(r"left out …\n")
"""How output and long arguments say that something was cut off there."""
_KEY_BLOCK = re.compile(
    r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----.{0,20000}?(?:-----END [A-Z0-9 ]{1,60}-----|\Z)", re.DOTALL
)
_Span = tuple[int, int]


def redact(text: str, known: Collection[str] = ()) -> str:
    """`text` without the `known` values (plain, reversed, hex, URL, base64 once and twice; also broken by colours or
    line breaks, or cut off where output was left out) and without anything of a secret's shape."""
    if known and len(text) >= _SHORTEST:
        forms = _forms(tuple(sorted(set(known))))
        text = _hidden(text, [*_plain(text, forms), *_hexed(text, forms), *_cut(text, forms)])
    if not ANCHOR.search(text):
        return text
    for kind, shape in SHAPES.items():
        text = (_KEY_BLOCK if kind == "private key" else shape).sub(HIDDEN, text)
    return text


class _Forms(NamedTuple):
    values: tuple[str, ...]
    written: tuple[str, ...]
    """The values in every form that is searched as it is."""
    hexed: tuple[str, ...]


@lru_cache(maxsize=32)
def _forms(known: tuple[str, ...]) -> _Forms:
    values = tuple(value for value in known if len(value) >= _SHORTEST)
    written = {form for value in values for form in (value, value[::-1], *_encoded(value))}
    hexed = tuple(value.encode("utf-8", "surrogatepass").hex() for value in values)
    return _Forms(values, tuple(sorted(written, key=len, reverse=True)), hexed)


def _encoded(value: str) -> Iterator[str]:
    raw = value.encode("utf-8", "surrogatepass")
    yield quote(raw, safe="")
    yield from ("".join(f"%{byte:{case}}" for byte in raw) for case in ("02x", "02X"))
    for once in _base64(raw):
        yield once
        yield once.replace("+", "-").replace("/", "_")
        yield from _base64(once.encode())


def _base64(raw: bytes) -> Iterator[str]:
    """What is certain of the encoding inside a longer text: its first and last characters mix with the neighbours."""
    for offset in range(3):
        padded = base64.b64encode(b"\0" * offset + raw).decode().rstrip("=")
        middle = padded[(0, 2, 3)[offset] : len(padded) - (1 if (len(raw) + offset) % 3 else 0)]
        if len(middle) >= _SHORTEST:
            yield middle


class _Joined:
    """A text without its breaks, and where each place of it was."""

    def __init__(self, text: str, breaks: re.Pattern[str]) -> None:
        found = [match.span() for match in breaks.finditer(text)]
        starts = [0, *(end for _, end in found)]
        ends = [*(start for start, _ in found), len(text)]
        pieces = [text[start:end] for start, end in zip(starts, ends, strict=True)]
        self.text = "".join(pieces) if found else text
        self._starts = starts
        self._at = [0, *accumulate(len(piece) for piece in pieces[:-1])]

    def spans(self, form: str) -> Iterator[_Span]:
        """Where `form` stands in the text as it was."""
        at = self.text.find(form)
        while at >= 0:
            yield self._place(at), self._place(at + len(form) - 1) + 1
            at = self.text.find(form, at + len(form))

    def _place(self, at: int) -> int:
        piece = bisect_right(self._at, at) - 1
        return self._starts[piece] + at - self._at[piece]


def _plain(text: str, forms: _Forms) -> Iterator[_Span]:
    # As it is, too: a value may itself hold what otherwise breaks one.
    whole, joined = _Joined(text, _NOTHING), _Joined(text, _BREAKS)
    for form in forms.written:
        yield from whole.spans(form)
        if joined.text != text:
            yield from joined.spans(form)


def _hexed(text: str, forms: _Forms) -> Iterator[_Span]:
    if _HEX.search(text):
        joined = _Joined(text.lower() if len(text.lower()) == len(text) else text, _HEX_BREAKS)
        for form in forms.hexed:
            yield from joined.spans(form)


def _cut(text: str, forms: _Forms) -> Iterator[_Span]:
    """Beginnings right before, and ends right behind, what was left out."""
    for match in _LEFT_OUT_BEHIND.finditer(text):
        for value in forms.values:
            longest = range(min(len(value) - 1, match.start()), _LEAST_PART - 1, -1)
            size = next((size for size in longest if text.endswith(value[:size], 0, match.start())), 0)
            yield match.start() - size, match.start()
    for match in _LEFT_OUT_BEFORE.finditer(text):
        for value in forms.values:
            sizes = range(len(value) - 1, _LEAST_PART - 1, -1)
            size = next((size for size in sizes if text.startswith(value[-size:], match.end())), 0)
            yield match.end(), match.end() + size


def _hidden(text: str, spans: Sequence[_Span]) -> str:
    """`text` with the `spans`, which may overlap, hidden."""
    parts, at = [], 0
    for start, end in sorted(span for span in spans if span[0] < span[1]):
        if start >= at:
            parts += [text[at:start], HIDDEN]
        at = max(at, end)
    return "".join([*parts, text[at:]]) if parts else text

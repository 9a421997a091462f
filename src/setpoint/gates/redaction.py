"""Secrets taken out of what is written down, shown or sent: known values in every form, and what has a secret's shape.

Text is searched without what only breaks it (colours, ends of lines, indentation); what is found is hidden in the text
as it is.
"""

import base64
import html
import json
import re
from bisect import bisect_right
from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple
from urllib.parse import quote, quote_plus

from .secrets import ANCHOR, SHAPES

HIDDEN = "[redacted]"
_SHORTEST = 6
"""Shorter values are no secrets worth the damage to the text."""
_LEAST_PART = 8
"""Characters of a value that was cut off which are still worth hiding."""
_BREAKS = re.compile(
    r"(?:\x1b\[[0-9;]{0,16}[A-Za-z]|\x1b\][^\x07\x1b]{0,200}(?:\x07|\x1b\\)|\r?\n[ \t]{0,40}"
    r"|[\r\0\u00ad\u200b-\u200f\u2060-\u2064\ufeff])+"
)
_MARGIN = re.compile("[+>|#*]")
_MARGINS = re.compile(rf"(?:\n{_MARGIN.pattern}|{_BREAKS.pattern})+")
"""What begins each line of a diff, a quotation or a comment."""
_NOTHING = re.compile(r"(?!)")
_SPACES = re.compile(rf"(?:[ \t]|{_BREAKS.pattern})+")
_SPACED = re.compile(r"(?:\S[ \t]{1,4}){8}")
"""Characters one by one, as `od -c` shows them."""
_HEX_BREAKS = re.compile(rf"(?:\\x|\\u00|&#x|(?<![0-9a-f])0x|[ :,;%=]|{_BREAKS.pattern})+")
_HEX = re.compile(r"(?:[0-9a-fA-F]{2}[ :,;%=\r\n]{0,2}(?:\\x|\\u00|&#x|0x|=|%)?){6}")
_NUMBERS = re.compile(r"(?:\d{2,3}\D{1,4}){6}")
"""Bytes as numbers, with something between them."""
_LEFT_OUT_BEHIND = re.compile(r"\n… |\n\[\.\.\. | \[\.\.\.\]")
_LEFT_OUT_BEFORE = re.compile(r"left out …\n")
"""How output and long arguments say that something was cut off there."""
_KEY_BLOCK = re.compile(
    r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----.{0,20000}?(?:-----END [A-Z0-9 ]{1,60}-----|\Z)", re.DOTALL
)
_Span = tuple[int, int]


def redact(text: str, known: Collection[str] = ()) -> str:
    """`text` without the `known` values (plain, reversed, as JSON, Python, HTML and URLs write them, in hex, octal and
    decimal, base32, base64 once and twice; also broken by colours, line breaks or invisible characters, or cut off
    where output was left out) and without anything of a secret's shape."""
    if known and len(text) >= _SHORTEST:
        forms = _forms(tuple(sorted(set(known))))
        spans = (*_plain(text, forms), *_hexed(text, forms), *_numbered(text, forms), *_cut(text, forms))
        text = _hidden(text, spans)
    if not ANCHOR.search(text):
        return text
    for kind, shape in SHAPES.items():
        text = (_KEY_BLOCK if kind == "private key" else shape).sub(HIDDEN, text)
    return text


class _Forms(NamedTuple):
    values: tuple[str, ...]
    written: tuple[tuple[str, tuple[re.Pattern[str], ...]], ...]
    """The values in every form that is searched as it is, and without which breaks: what breaks a value is left out of
    the text, but for forms that hold it themselves."""
    hexed: tuple[str, ...]
    numbered: tuple[re.Pattern[str], ...]
    """The values as numbers of their bytes."""


@lru_cache(maxsize=32)
def _forms(known: tuple[str, ...]) -> _Forms:
    values = tuple(value for value in known if len(value) >= _SHORTEST)
    written = {form for value in values for form in (value, value[::-1], *_encoded(value))}
    hexed = tuple(value.encode("utf-8", "surrogatepass").hex() for value in values)
    hexed += tuple(value.encode("utf-16-le", "surrogatepass").hex() for value in values)
    numbered = tuple(_as_numbers(value, base) for value in values for base in ("d", "o"))
    ways = tuple((form, _ways(form)) for form in sorted(written, key=len, reverse=True))
    return _Forms(values, ways, hexed, numbered)


def _ways(form: str) -> tuple[re.Pattern[str], ...]:
    own = _BREAKS.search(form) is not None
    return (_MARGINS, *((_BREAKS,) if own or _MARGIN.search(form) else ()), *((_NOTHING,) if own else ()))


def _as_numbers(value: str, base: str) -> re.Pattern[str]:
    raw = value.encode("utf-8", "surrogatepass")
    return re.compile(r"(?<!\d)0{0,2}" + r"\D{1,4}0{0,2}".join(f"{byte:{base}}" for byte in raw) + r"(?!\d)")


def _encoded(value: str) -> Iterator[str]:
    raw = value.encode("utf-8", "surrogatepass")
    yield from (quote(raw, safe=""), quote(raw), quote_plus(raw))
    for told in (value, json.dumps(value)[1:-1]):  # twice: JSON in a string of JSON
        yield from (json.dumps(told)[1:-1], json.dumps(told, ensure_ascii=False)[1:-1])
    yield from (repr(value)[1:-1], repr(raw)[2:-1], html.escape(value), html.escape(value, quote=False))
    yield base64.b32encode(raw).decode().rstrip("=")[:-1]
    yield from _base64(value.encode("utf-16-le", "surrogatepass"))
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
    joined = {breaks: _Joined(text, breaks) for breaks in {way for _, ways in forms.written for way in ways}}
    for form, ways in forms.written:
        for way in ways:
            yield from joined[way].spans(form)
    if _SPACED.search(text):
        apart = _Joined(text, _SPACES)
        for value in forms.values:
            yield from apart.spans(value)


def _hexed(text: str, forms: _Forms) -> Iterator[_Span]:
    if _HEX.search(text):
        joined = _Joined(text.lower() if len(text.lower()) == len(text) else text, _HEX_BREAKS)
        for form in forms.hexed:
            yield from joined.spans(form)


def _numbered(text: str, forms: _Forms) -> Iterator[_Span]:
    if _NUMBERS.search(text):
        for form in forms.numbered:
            yield from (match.span() for match in form.finditer(text))


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

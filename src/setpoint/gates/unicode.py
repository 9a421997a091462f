"""Text that a reader and a machine read differently: reordered, invisible, or written in look-alike letters."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from ..model.evidence import GateKind
from ..model.judgement import Measured
from ..model.objection import Deviation, Objection, Severity
from .change_set import ChangeSet, Delta
from .confusables import imitates, mixes_scripts, skeleton
from .encodings import misleading
from .measured import built_in, minded
from .protected import protection

NAME = "unicode"
NAMED = 40
_ORDER = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u061c\u200e\u200f")
_MARKS = frozenset("\u200e\u200f\u061c")
"""Marks of direction: they reorder little, and right-to-left text needs them."""
_FILLERS = frozenset("\u115f\u1160\u3164\uffa0\u180e")
"""They are drawn as nothing, and some languages take them for letters."""
_JOINERS = frozenset("\u200c\u200d")
_LINES = frozenset("\u0085\u2028\u2029")
_TRANSLATED = re.compile(
    r"\.(?:po|pot|mo|xlf|xliff|arb|strings|stringsdict|resx|ftl|properties|srt|vtt|lproj)$"
    r"|(?:^|/)(?:locales?|lang|langs|languages|i18n|l10n|translations?|messages)/|(?:^|[._\-/])[a-z]{2}(?:[-_][A-Z]{2})?\.(?:json|ya?ml)$"
)
_DATA = re.compile(r"\.(?:csv|tsv|txt|srt|svg|html?|xml|ipynb|tex|bib|rst|md|adoc)$")
_DATA_FOLDER = re.compile(r"(?:^|/)(?:data|fixtures?|testdata|corpus|samples?)/")
_CODE = re.compile(
    r"\.(?:pyi?|pyx|[cm]?[jt]sx?|go|rs|java|kt|cc?|cpp|h|hpp|cs|rb|php|swift|scala|(?:ba|z|fi)?sh|ps1|sql|vue|svelte|lua"
    r"|pl|r|jl|exs?|erl|hs|clj|dart)$|(?:^|/)(?:Dockerfile|Makefile|justfile|Jenkinsfile)$",
    re.IGNORECASE,
)
_PLAIN = re.compile(r"[\t\x0c\x20-\x7e]*\r?")
_UNIT = re.compile(r"[kMGmnp]?[\u03bc\u00b5\u03a9\u2126][A-Za-z]{0,2}")
_WORD = re.compile(r"[^\W\d_](?:[\w\u200b-\u200d])*", re.UNICODE)
_STRINGS = re.compile(r"'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\"|`(?:[^`\\\n]|\\.)*`")
_COMMENT = re.compile(r"(?:^|\s)(?:#|//|--|\*).*$")


def check_unicode(change: ChangeSet) -> Measured:
    """An objection for each added line that reads otherwise than it runs; translations and data may use all letters."""
    found: list[Objection] = []
    lines = 0
    for delta in change.deltas:
        found += _name(delta)
        if delta.text_after and not translated(delta.path):
            lines += len(delta.added_lines)
            found += _of_file(delta)
    kept = found[:NAMED]
    return built_in(NAME, kept, examined=lines, unit="lines", tree=change.head, kind=GateKind.SECURITY)


def translated(path: str) -> bool:
    """Whether the file holds words of other languages by its nature: translations."""
    return _is_locale(path) and not _is_code(path)


def _is_locale(path: str) -> bool:
    return bool(_TRANSLATED.search(path)) and not protection(path)


def _is_code(path: str) -> bool:
    return bool(_CODE.search(path))


def _is_data(path: str) -> bool:
    """Prose and data: letters of all scripts, and marks of direction, but nothing that hides."""
    return not _is_code(path) and not protection(path) and bool(_DATA.search(path) or _DATA_FOLDER.search(path))


def _name(delta: Delta) -> Iterator[Objection]:
    if delta.deleted or (not delta.added and not delta.was) or delta.path.isascii():
        return
    stem = PurePosixPath(delta.path).name
    if any(_hidden(stem, at) for at in range(len(stem))) or mixes_scripts(stem) or imitates(stem):
        yield _mind("file-name", "the file's name reads otherwise than it is written", delta, None, stem)


def _of_file(delta: Delta) -> Iterator[Objection]:
    data, code = _is_data(delta.path) or _is_locale(delta.path), _is_code(delta.path)
    ascii_names = _ascii_names(delta) if code else frozenset()
    yield from _encoded(delta)
    for at, text in delta.added_lines.items():
        if _PLAIN.fullmatch(text):
            continue
        yield from _order(delta, at, text, data=data)
        yield from _invisible(delta, at, text)
        if code:
            yield from _returned(delta, at, text)
            yield from _letters(delta, at, text, ascii_names)


def _encoded(delta: Delta) -> Iterator[Objection]:
    named = misleading(delta.path, delta.after)
    if named and named != misleading(delta.path_before, delta.before):
        what = f"the encoding {named}, in which plain letters stand for others"
        yield _mind("encoding", what, delta, 1, delta.added_lines.get(1, ""))


def _returned(delta: Delta, at: int, text: str) -> Iterator[Objection]:
    """A carriage return inside a line: most tools show one line, and two are run."""
    if "\r" in text.rstrip("\r"):
        yield _mind("invisible", "a carriage return that ends a line unseen", delta, at, text, {"\r"})


def _order(delta: Delta, at: int, text: str, *, data: bool) -> Iterator[Objection]:
    found = {letter for letter in text if letter in _ORDER and not (data and letter in _MARKS)}
    if found and not (data and _balanced(text)):
        yield _mind("bidi", "characters that change the order of reading", delta, at, text, found)


def _balanced(text: str) -> bool:
    """Whether each isolate that the line opens is closed on it, and nothing overrides."""
    depth = 0
    for letter in text:
        if letter in "\u202a\u202b\u202d\u202e":
            return False
        depth += letter in "\u2066\u2067\u2068"
        depth -= letter == "\u2069"
        if depth < 0:
            return False
    return depth == 0


def _invisible(delta: Delta, at: int, text: str) -> Iterator[Objection]:
    found = {letter for place, letter in enumerate(text) if letter not in _ORDER and _hidden(text, place)}
    if found:
        yield _mind("invisible", "characters that cannot be seen", delta, at, text, found)


def _hidden(text: str, at: int) -> bool:
    letter = text[at]
    if letter in _JOINERS:
        return not _joins(text, at)
    code = ord(letter)
    if 0xFE00 <= code <= 0xFE0F:  # a variation of the picture or sign before it, once
        return at == 0 or (text[at - 1].isalnum() and text[at - 1].isascii() and text[at + 1 : at + 2] != "\u20e3")
    if 0xE0020 <= code <= 0xE007F:  # the letters of a flag
        return "\U0001f3f4" not in text[max(0, at - 7) : at]
    if letter in _FILLERS or letter in _LINES:
        return True
    if unicodedata.category(letter) in ("Cf", "Co") or 0xE0000 <= code <= 0xE0FFF:
        return (letter not in _ORDER and letter != "\u00ad") or (letter == "\u00ad" and not _prose(text, at))
    return unicodedata.category(letter) == "Cc" and letter not in "\t\r\n\x0c"


def _prose(text: str, at: int) -> bool:
    """A soft hyphen between the letters of a long word."""
    return text[at - 1 : at].isalpha() and text[at + 1 : at + 2].isalpha()


def _joins(text: str, at: int) -> bool:
    """Whether a joiner stands where writing needs one: in pictures of several parts, Arabic and Indic words."""
    if not 0 < at < len(text) - 1:
        return False
    before, after = text[at - 1], text[at + 1]
    pictured = unicodedata.category(before) in ("So", "Sk", "Mn") and unicodedata.category(after) in ("So", "Sm")
    return pictured or (ord(before) >= 0x0600 and ord(after) >= 0x0600 and ord(before) < 0x1100 and ord(after) < 0x1100)


# -- letters ---------------------------------------------------------------------------------------------------------


def _ascii_names(delta: Delta) -> frozenset[str]:
    return frozenset(re.findall(r"[A-Za-z_]\w*", delta.text_after, re.ASCII))


def _letters(delta: Delta, at: int, text: str, ascii_names: frozenset[str]) -> Iterator[Objection]:
    bare = _COMMENT.sub("", _STRINGS.sub(lambda found: " " * len(found[0]), text))
    for found in _WORD.finditer(text):
        word, plain = found[0], skeleton(found[0])
        if word.isascii() or _UNIT.fullmatch(word):
            continue
        in_code = bare[found.start() : found.end()].strip() != ""
        if mixes_scripts(word):
            yield _mind("homoglyph", f"`{_spelled(word)}` mixes letters of several scripts", delta, at, text)
        elif imitates(word) and (in_code or (len(word) > 2 and plain in ascii_names)):
            yield _mind("homoglyph", f"`{_spelled(word)}` looks like `{plain}` and is not", delta, at, text)


def _spelled(word: str) -> str:
    return _escaped(word)[:80]


def _escaped(text: str) -> str:
    return "".join(letter if letter.isascii() and letter.isprintable() else f"\\u{ord(letter):04x}" for letter in text)


def _mind(
    rule: str, what: str, delta: Delta, at: int | None, text: str, letters: Sequence[str] | set[str] = ()
) -> Objection:
    names = [f"U+{ord(letter):04X} {unicodedata.name(letter, 'without a name')}" for letter in sorted(letters)[:5]]
    named, shown = ", ".join(names), _escaped(text.strip()[:160])
    return minded(
        f"{NAME}/{rule}",
        what,
        delta.path,
        line_=at,
        cause="what a person reads here is not what runs; write it in plain letters, or as an escape",
        evidence=f"{named}; the line is: {shown}" if named else f"the line is: {shown}",
        deviation=Deviation.BOUNDARY,
        severity=Severity.HIGH,
    )

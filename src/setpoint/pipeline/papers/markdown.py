"""Markdown as papers use it: sections, lists with keys below their items, prose. What is written is read back the same,
but for blanks at the ends of lines.

What would read as something else is written with a backslash before it. Code blocks are left as they are.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

FENCE = re.compile(r"^\s{0,3}(```+|~~~+)")
BULLET = re.compile(r"^\s{0,3}(?:[-*+]|\d{1,3}[.)])\s+")
_KEY = re.compile(r"^  - ([a-z][a-z ]{0,30}):(?: |$)(.*)$")
_HEAD = re.compile(r"^##\s+(.*?)\s*#*\s*$")
_TITLE = re.compile(r"^#\s+(.*?)\s*#*\s*$")
_LEADS = re.compile(r"^\s*(?:[-*+](?:\s|$)|[#\\]|\d{1,3}[.)](?:\s|$)|```|~~~)")
_LEADS_PROSE = re.compile(r"^\s*(?:[#\\]|```|~~~)")
_CHECKBOX = re.compile(r"^\[[ xX]\]\s+")
NOTHING = "none"


@dataclass(frozen=True)
class Item:
    """One entry of a list."""

    line: int
    """Where it begins, from 1."""
    text: str
    keys: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Section:
    """What stands below one heading of the second level."""

    title: str
    line: int
    rows: tuple[str, ...]

    @property
    def prose(self) -> str:
        """The whole body as text."""
        return "\n".join(_unled(row) if plain else row for row, plain in fenced(self.rows)).strip("\n")

    @property
    def said_none(self) -> bool:
        """Whether it says in so many words that there is none."""
        return "\n".join(self.rows).strip().casefold().rstrip(".") in (NOTHING, "n/a", "none needed")

    def items(self) -> tuple[Item, ...]:
        """The entries of its lists; where it has none, its paragraphs."""
        return tuple(_items(self)) or tuple(_paragraphs(self))


@dataclass(frozen=True)
class Paper:
    """A paper as it was read."""

    name: str
    """As it is called in errors and on record."""
    text: str
    title: str
    sections: tuple[Section, ...]

    def find(self, pattern: str) -> Section | None:
        """The first section whose title matches `pattern`, whatever its case."""
        return next((one for one in self.sections if re.search(pattern, one.title, re.IGNORECASE)), None)

    def rows(self) -> Iterator[tuple[int, str]]:
        """Each line outside of code blocks and comments, with its number."""
        rows = self.text.split("\n")
        hidden = False
        for number, (row, plain) in enumerate(fenced(rows), start=1):
            hidden = hidden or "<!--" in row
            if plain and not hidden:
                yield number, row
            hidden = hidden and "-->" not in row

    def line_of(self, words: str) -> int:
        """Line on which `words` stand first; 1 when nowhere."""
        before, found, _ = self.text.partition(words)
        return before.count("\n") + 1 if found else 1


def fenced(rows: Sequence[str]) -> Iterator[tuple[str, bool]]:
    """Each row, and whether it is plain text: neither in a code block nor its mark. A block that is never closed is
    none."""
    closed_at = _closings(rows)
    until = -1
    for at, row in enumerate(rows):
        until = closed_at.get(at, until) if at > until else until
        yield row, at > until


def _closings(rows: Sequence[str]) -> dict[int, int]:
    """The row that closes a code block, by the row that opens it."""
    found: dict[int, int] = {}
    opened, mark = -1, ""
    for at, row in enumerate(rows):
        told = FENCE.match(row)
        if told and not mark:
            opened, mark = at, told[1]
        elif told and told[1][0] == mark[0] and len(told[1]) >= len(mark) and row.strip() == told[1]:
            found[opened], mark = at, ""
    return found


def read(text: str, name: str) -> Paper:
    """`text` taken apart at its headings."""
    text = text.replace("\r\n", "\n").removeprefix("\ufeff")
    title, found = "", list[tuple[str, int, list[str]]]()
    for number, (row, plain) in enumerate(fenced(text.split("\n")), start=1):
        head = _HEAD.match(row) if plain else None
        if head:
            found.append((_bare(head[1]), number, []))
        elif found:
            found[-1][2].append(row)
        elif plain and not title and (top := _TITLE.match(row)):
            title = _bare(top[1])
    return Paper(name, text, title, tuple(Section(head, line, tuple(rows)) for head, line, rows in found))


def _bare(title: str) -> str:
    return re.sub(r"\s*[*_]\((?:mandatory|include if [^)]*|optional[^)]*)\)[*_]\s*$", "", title).strip()


def _items(section: Section) -> Iterator[Item]:
    line, rows, keys = 0, list[str](), dict[str, list[str]]()
    blank = 0
    for number, (row, plain) in enumerate(fenced(section.rows), start=section.line + 1):
        open_ = rows if not keys else keys[next(reversed(keys))]
        key = _KEY.match(row) if plain and line else None
        indent = 4 if keys else 2
        if plain and BULLET.match(row) and not row.startswith(" "):
            if line:
                yield _item(line, rows, keys)
            line, rows, keys = number, [_CHECKBOX.sub("", BULLET.sub("", row, count=1), count=1)], {}
        elif key:
            keys[key[1]] = [key[2]]
        elif line and row.startswith(" " * indent):
            open_ += [*[""] * blank, row[indent:]]
        elif line and row.strip() and (row.startswith(" ") or not blank) and not row.startswith("#"):
            open_.append(row.strip())
        elif row.strip() and line:
            yield _item(line, rows, keys)
            line, rows, keys = 0, [], {}
        blank = 0 if row.strip() else blank + 1
    if line:
        yield _item(line, rows, keys)


def _item(line: int, rows: Sequence[str], keys: Mapping[str, Sequence[str]]) -> Item:
    return Item(line, _joined(rows), {key: _joined(told) for key, told in keys.items()})


def _joined(rows: Sequence[str]) -> str:
    return "\n".join(_unled(row) for row in rows).strip()


def _paragraphs(section: Section) -> Iterator[Item]:
    begun, rows = 0, list[str]()
    for number, row in enumerate((*section.rows, ""), start=section.line + 1):
        if row.strip():
            begun = begun or number
            rows.append(row)
        elif rows:
            if not set("".join(rows)) <= set("-*_ ") and not section.said_none:
                yield Item(begun, "\n".join(map(_unled, rows)).strip())
            begun, rows = 0, []


# -- writing -----------------------------------------------------------------------------------------------------------


def prose(text: str) -> str:
    """`text` as the body of a section."""
    rows = [row.rstrip() for row in text.strip().split("\n")]
    return "\n".join((_led(row, _LEADS_PROSE) if plain else row) for row, plain in fenced(rows))


def entry(text: str, keys: Mapping[str, str] | None = None, mark: str = "-") -> str:
    """One entry of a list, with its keys below it."""
    first, *others = [row.rstrip() for row in text.strip().split("\n")]
    lines = [f"{mark} {_led(first) if _LEADS.match(first) or first.startswith('[') else first}"]
    lines += [f"  {_led(row)}" if row else "" for row in others]
    for key, told in (keys or {}).items():
        head, *more = [row.rstrip() for row in told.strip().split("\n")]
        lines.append(f"  - {key}: {_led(head)}".rstrip())
        lines += [f"    {_led(row)}" if row else "" for row in more]
    return "\n".join(lines)


def entries(texts: Sequence[str] | str) -> str:
    """A list of plain entries; `none` in so many words."""
    return NOTHING if isinstance(texts, str) else "\n".join(map(entry, texts))


def _led(row: str, leads: re.Pattern[str] = _LEADS) -> str:
    if not (leads.match(row) or (leads is _LEADS and _means(row))):
        return row
    blanks = len(row) - len(row.lstrip())
    return f"{row[:blanks]}\\{row[blanks:]}"


def _unled(row: str) -> str:
    bare = row.lstrip()
    if not bare.startswith("\\"):
        return row
    rest = bare[1:]
    return f"{row[: len(row) - len(bare)]}{rest}" if _LEADS.match(rest) or _means(rest) else row


def _means(row: str) -> bool:
    """Whether a row would be a box to tick, or that there is nothing."""
    return row.startswith("[") or row.strip().casefold() == NOTHING

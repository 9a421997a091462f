"""Reads a ticket's Markdown into passages: text under a known section, a bullet or paragraph each."""

import re
from collections.abc import Iterator
from typing import NamedTuple

SECTIONS: dict[str, tuple[str, ...]] = {
    "building": ("what are we building", "what we build", "what is built", "building", "what", "summary", "goal"),
    "users": ("who uses it", "users", "who", "audience", "for whom", "user"),
    "can_break": ("what can break", "can break", "what could break", "risks", "risk"),
    "must_stay": (
        *("must stay", "must stay intact", "what must stay", "what must stay intact", "constraints", "invariants"),
        *("must not change", "keep", "compatibility", "backwards compatibility"),
    ),
    "criteria": (
        *("acceptance criteria", "criteria", "acceptance", "expected", "expected behaviour", "expected behavior"),
        *("expected result", "wanted", "requirements", "functional requirements", "definition of done", "done when"),
        *("success criteria", "what should happen"),
    ),
    "tests": ("tests", "required tests", "test plan", "acceptance tests"),
    "boundaries": ("boundaries", "limits"),
    "out": ("out of scope", "non-goals", "not included"),
    "questions": ("questions", "open questions"),
    "symptom": (
        *("actual", "actual behaviour", "actual behavior", "actual result", "steps to reproduce", "reproduction"),
        *("how to reproduce", "observed", "observed behaviour", "traceback", "stack trace"),
    ),
    "background": ("background", "context", "why", "motivation", "notes", "environment", "current behaviour"),
}
_SECTION_OF = {name: section for section, names in SECTIONS.items() for name in names}

_HEADING = re.compile(r"^ {0,3}#{1,6}[ \t]+(.*)$")
_UNDERLINE = re.compile(r"^ {0,3}(?:=+|-{2,})[ \t]*$")
_BULLET = re.compile(r"^[ \t]*(?:[-*+]|\d{1,3}[.)])[ \t]+(?:\[[ xX]\][ \t]+)?(.*)$")
FENCE = re.compile(r"^[ \t]*(```|~~~)")
"""A line that begins a block of code, or ends one that began with the same mark."""
_BOLD_LEAD = re.compile(r"^\*\*([A-Za-z][A-Za-z' -]{1,40}?)[:?]?\*\*[:?]?[ \t]*(.*)$")
_PLAIN_LEAD = re.compile(r"^([A-Za-z][A-Za-z' -]{1,40}?)[:?](?:[ \t]+(.*))?$")
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_PLACEHOLDER = re.compile(r"^<[^<>]*>$")
_SKIPPED = re.compile(r"^[ \t]*(?:\||[-*_=]{3,}[ \t]*$)")


class Passage(NamedTuple):
    """A heading, a bullet or a paragraph, on one line."""

    kind: str
    """`heading`, `bullet` or `paragraph`."""
    text: str
    section: str
    """Section it stands under, a key of SECTIONS; empty in free text."""
    introduces: bool = False
    """Whether it only leads to the bullets after it."""


class _Reader:
    """Collects lines into passages and keeps the section they stand under."""

    def __init__(self) -> None:
        self.passages: list[Passage] = []
        self.section = ""
        self.lead = ""
        """Section opened by a lead-in (`**Expected** ...`): the next paragraph after its own text ends it."""
        self.filled = False
        """Whether the lead-in has its text."""
        self.kind = "paragraph"
        self.lines: list[str] = []

    def flush(self) -> None:
        text = " ".join(self.lines).strip()
        self.lines = []
        if not text or _PLACEHOLDER.match(text):
            return
        if self.filled and self.kind == "paragraph":
            self.lead, self.filled = "", False
        self.filled = bool(self.lead)
        self.passages.append(Passage(self.kind, text, self.lead or self.section))

    def heading(self, text: str) -> None:
        self.flush()
        self.lead, self.filled = "", False
        self.section = section_of(text)
        if text and not _PLACEHOLDER.match(text):
            self.passages.append(Passage("heading", text, self.section))

    def lead_in(self, section: str, rest: str) -> None:
        self.flush()
        self.kind, self.lines = "paragraph", [rest] if rest else []
        self.lead, self.filled = section, False

    def bullet(self, text: str) -> None:
        self.flush()
        self.kind, self.lines = "bullet", [text]

    def line(self, text: str) -> None:
        if not self.lines:
            self.kind = "paragraph"
        self.lines.append(text)


def passages(body: str) -> list[Passage]:
    """The passages of `body` in order; code blocks, tables and comments are left out, unfilled placeholders too."""
    reader = _Reader()
    fence = ""
    blank = True
    for line in _COMMENT.sub("", body).split("\n"):
        mark = FENCE.match(line)
        if fence or mark:
            fence = "" if mark and mark.group(1) == fence else fence or (mark.group(1) if mark else "")
            reader.flush()
            continue
        if blank and line.startswith(("    ", "\t")) and reader.kind != "bullet" and not _BULLET.match(line):
            continue
        _take(reader, line)
        blank = not line.strip()
    reader.flush()
    return _introductions(reader.passages)


def _take(reader: _Reader, line: str) -> None:
    stripped = line.strip().removeprefix(">").strip()
    heading, bullet = _HEADING.match(line), _BULLET.match(line)
    lead = _lead_in(stripped)
    if not stripped:
        reader.flush()
    elif heading:
        reader.heading(heading.group(1).strip(" \t#"))
    elif _UNDERLINE.match(line) and len(reader.lines) == 1 and reader.kind == "paragraph":
        title, reader.lines = reader.lines[0], []
        reader.heading(title)
    elif _SKIPPED.match(line):
        reader.flush()
    elif bullet and not lead:
        reader.bullet(bullet.group(1).strip())
    elif lead:
        reader.lead_in(*lead)
    else:
        reader.line(stripped)


def _lead_in(line: str) -> tuple[str, str] | None:
    bullet = _BULLET.match(line)
    text = bullet.group(1) if bullet else line
    match = _BOLD_LEAD.match(text) or _PLAIN_LEAD.match(text)
    if not match:
        return None
    section = section_of(match.group(1))
    return (section, (match.group(2) or "").strip()) if section else None


def _introductions(found: list[Passage]) -> list[Passage]:
    """Marks paragraphs that only lead to the bullets after them."""
    following = [*found, Passage("heading", "", "")][1:]
    return [
        passage._replace(introduces=True)
        if passage.kind == "paragraph"
        and after.kind == "bullet"
        and (passage.text.endswith(":") or not passage.text.endswith((".", "!", "?")))
        else passage
        for passage, after in zip(found, following, strict=True)
    ]


def section_of(name: str) -> str:
    """The section called `name`, or empty."""
    return _SECTION_OF.get(name.strip(" *_:?").casefold(), "")


_CODE = re.compile(r"(?<!`)(`{1,3})(?!`)(.{1,500}?)(?<!`)\1(?!`)")
_END = re.compile(r"[.!?][\"'”’)*]*(?=\s|$)")
_NEXT = re.compile(r"\s*(\S)")
_ABBREVIATION = re.compile(r"(?:\b(?:e\.g|i\.e|etc|vs|approx|no|mr|mrs|dr|fig|cf|incl)|\b[A-Z])\.$", re.IGNORECASE)


def masked(text: str) -> str:
    """`text` with the inside of code spans replaced by `·`, same length: prose rules must not read code."""
    return _CODE.sub(lambda match: f"{match.group(1)}{'·' * len(match.group(2))}{match.group(1)}", text)


def sentences(text: str) -> Iterator[str]:
    """The sentences of `text`, in order; abbreviations, versions and code do not end one."""
    hidden = masked(text)
    start = 0
    for end in _END.finditer(hidden):
        following = _NEXT.match(hidden, end.end())
        abbreviated = hidden[end.start()] == "." and _ABBREVIATION.search(
            hidden[max(start, end.start() - 8) : end.end()]
        )
        if following and (abbreviated or following.group(1).islower()):
            continue
        yield from _nonempty(text[start : end.end()])
        start = end.end()
    yield from _nonempty(text[start:])


def _nonempty(text: str) -> Iterator[str]:
    text = text.strip()
    if any(character.isalnum() for character in text):
        yield text

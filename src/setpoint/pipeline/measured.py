"""What a brief is made of: its parts and their tokens, read from the very text that is sent."""

import hashlib
import re
from typing import Any, NamedTuple

from .rule_choice import tokens

_FENCE = re.compile(r"<<< ([0-9a-f]{16})")
_CUT = re.compile(
    r"^\[cut: [^\n]*\]$|^\[\.\.\. \d+ characters left out \.\.\.\]$|^\((?:cut at|and) [^\n]*\)$", re.MULTILINE
)


class Part(NamedTuple):
    """One part of a brief."""

    name: str
    tokens: int
    sha256: str
    cut: str
    """What was left out, in the brief's own words; empty when nothing was."""
    text: str

    def told(self) -> dict[str, Any]:
        """As the journal keeps it: without the text, which stands there already."""
        cut = {"cut": self.cut} if self.cut else {}
        return {"part": self.name, "tokens": self.tokens, "sha256": self.sha256[:16], **cut}


def parts_of(brief: str) -> tuple[Part, ...]:
    """The parts of a brief, in order: each begins with a heading of the second level outside all fences."""
    found: list[list[str]] = []
    fence = ""
    for line in brief.split("\n"):
        if fence:
            fence = "" if line == f"{fence} >>>" else fence
        elif opened := _FENCE.fullmatch(line):
            fence = opened.group(1)
        elif line.startswith("## ") or not found:
            found.append([])
        found[-1].append(line)
    return tuple(part("\n".join(lines).strip()) for lines in found)


def part(text: str, name: str = "") -> Part:
    """A text as one part."""
    first, _, _ = text.partition("\n")
    cuts = (found.strip("[]() .").removeprefix("cut: ") for found in _CUT.findall(text))
    cut = "; ".join(dict.fromkeys(cuts))[:400]
    digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
    return Part(name or first.removeprefix("## ").strip()[:120] or "untitled", tokens(text), digest, cut, text)

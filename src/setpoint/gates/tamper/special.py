"""Literals in code as values, and which of them say that somebody had one example in mind."""

import re
from typing import NamedTuple

_COMMON = frozenset((180, 255, 256, 360, 365, 366, 512, 1024, 2048, 4096, 8080, 3600, 86400, 65535, 65536,
                     *range(200, 209), *range(301, 309), *range(400, 432), *range(500, 512)))  # fmt: skip
"""Numbers that protocols and calendars know."""
_WORDLIKE = re.compile(r"[\w.:/+%\-]*")
_LITERAL = re.compile(r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"|(?<![\w.])(-?\s?\d[\d_]*(?:\.\d+)?)")


class Special(NamedTuple):
    """A branch that gives one constant for certain constants."""

    line: int
    guards: tuple[str, ...]
    """What something is compared with; empty: the branch is always taken."""
    result: str | None
    """The constant that comes out, where one does."""
    equality: bool = True

    @property
    def literals(self) -> tuple[str, ...]:
        """All constants of it."""
        return (*self.guards, self.result) if self.result is not None else self.guards


def rare(literal: str) -> bool:
    """Whether a literal says more than a word, a code or a round number."""
    value = as_number(literal)
    if value is None:
        dated = sum(sign.isdigit() for sign in literal) >= 4 and any(sign.isalpha() for sign in literal)
        return len(literal) >= 5 and (dated or _WORDLIKE.fullmatch(literal) is None)
    if value != int(value):
        return len(literal.partition(".")[2]) >= 2
    return abs(value) >= 100 and value % 100 != 0 and int(abs(value)) not in _COMMON


def as_number(literal: str) -> float | None:
    """The value of a literal that is a number."""
    try:
        value = float(literal)
    except ValueError:
        return None
    return value if abs(value) < 1e15 else None


def canonical(value: float) -> str:
    """A number the way all are compared."""
    return str(int(value)) if value == int(value) else str(value)


def literals(text: str) -> set[str]:
    """Strings and numbers in code, as values."""
    found = set()
    for single, double, digits in _LITERAL.findall(text):
        if digits:
            value = as_number(digits.replace(" ", "").replace("_", ""))
            found |= {canonical(value)} if value is not None else set()
        else:
            found.add((single or double).replace("\\'", "'").replace('\\"', '"').replace("\\n", "\n"))
    return found

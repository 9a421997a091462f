"""Tests as values, whatever their language: what each checks, on which rows, and whether it runs at all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

EXACT = 50
"""Strength of an assertion that pins one value."""
LOOSE_EQUAL = 46
CLOSE = 44
UNKNOWN_CALL = 42
SPECIFIC_ERROR = 40
PARTIAL = 35
"""Size, part or shape of a value."""
COMPARED = 30
DIFFERENT = 26
BOOLEAN = 24
TRUTHY = 22
PRESENT = 15
ANY_ERROR = 12
SELF = 10
"""A value compared with itself, by calling the same thing twice."""
NOTHING = 0
"""An assertion that cannot fail."""


@dataclass(frozen=True)
class Check:
    """One assertion, written the same way whatever library wrote it."""

    kind: str
    """`equal`, `raises`, `truthy`, `in`, …"""
    subject: str
    """What is looked at."""
    expected: str
    """What it should be; empty where the kind says it."""
    strength: int
    line: int
    bound: float | None = None
    """A tolerance or a limit, the larger the laxer."""
    dead: str = ""
    """Why it cannot fail: `swallowed`, `unreachable`, `tautology`, `never awaited`; empty: it can."""
    conditional: bool = False
    """It is reached only under a condition."""
    names: frozenset[str] = field(default=frozenset(), compare=False)
    """Identifiers in it."""

    @property
    def key(self) -> tuple[str, str, str]:
        """The same for the same assertion, wherever it stands."""
        return self.kind, self.subject, self.expected

    @property
    def told(self) -> str:
        """It in a few words."""
        shown = f"{self.subject} {self.kind} {self.expected}".strip()
        return shown if len(shown) <= 160 else f"{shown[:157]}..."


class Off(NamedTuple):
    """Why a test does not run, or does not count."""

    how: str
    """`skip`, `xfail`, `todo`, …"""
    line: int
    reason: str = ""
    foreign: bool = False
    """Only on another platform or an older version."""
    always: bool = True
    """No condition, or one that always holds."""
    strict: bool = False
    """An expected failure that fails when it passes."""


@dataclass(frozen=True)
class Table:
    """The rows one parametrisation gives a test; `rows` is None where they are computed."""

    names: str
    rows: Sequence[str] | None
    line: int = 0


@dataclass(frozen=True)
class Case:
    """One test function."""

    path: str
    name: str
    """Qualified by its classes or `describe` blocks."""
    line: int
    body: str
    """Its code without name, comments and layout."""
    checks: Sequence[Check] = ()
    """As written."""
    each: Sequence[Sequence[Check]] = ()
    """For each of the checks: it, once for every row it is made with."""
    off: Off | None = None
    only: bool = False
    collected: bool = True
    hidden: str = ""
    """Why no runner collects it."""
    tables: Sequence[Table] = ()
    names: frozenset[str] = frozenset()
    """Identifiers and attributes it uses."""
    patched: frozenset[str] = frozenset()
    """Last names of what it replaces by a double."""
    doubles: frozenset[str] = frozenset()
    """Local names that are doubles."""
    given: frozenset[str] = frozenset()
    """Fixtures and other things it is handed."""
    examples: int | None = None
    """How many inputs a property is tried with, where it says so."""
    retries: int = 0
    asks: bool = False
    """It calls something that may check on its own."""
    statements: int = 0

    @property
    def last(self) -> str:
        """Its own name, without what encloses it."""
        return self.name.rpartition("::")[2]

    @property
    def live(self) -> Sequence[Check]:
        """The assertions that can fail."""
        return [check for check in self.checks if not check.dead]


@dataclass(frozen=True)
class TestFile:
    """One file with tests, read."""

    __test__ = False

    path: str
    cases: Sequence[Case] = ()
    """Functions that are no tests are in it too, marked as not collected."""
    imports: Mapping[str, str] = field(default_factory=dict)
    """Local name to where it comes from: `pyshop.cart:Cart`, `../src/cart.js:Cart`."""
    lines_of: Mapping[str, int] = field(default_factory=dict)
    """Line of each import and definition, by local name."""
    defined: Mapping[str, str] = field(default_factory=dict)
    """Functions and classes it defines, with their code."""
    tricks: Sequence[tuple[int, str]] = ()
    """Lines that change where imports come from, and how."""
    replaced: Sequence[tuple[int, str]] = ()
    """What it sets in other modules while it is loaded: `pyshop.pricing.shipping`."""
    readable: bool = True
    trouble: str = ""

    @property
    def collected(self) -> Sequence[Case]:
        """The tests a runner finds in it."""
        return [case for case in self.cases if case.collected]


class Pair(NamedTuple):
    """A test before, and the same test after the change."""

    old: Case
    new: Case

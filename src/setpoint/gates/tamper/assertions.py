"""An assertion while a test is read, whatever its language: what it says, and where it stands."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Generic, NamedTuple, Self, TypeVar

from .cases import NOTHING, SELF, Check

ROWS = 200
"""Most rows of one table, and most combinations of tables, an assertion is made with."""

Node = TypeVar("Node")
"""A piece of the language's tree."""
Value = TypeVar("Value")
"""What a name stands for."""


class Spoken(NamedTuple, Generic[Node]):
    """One assertion before names are put in."""

    kind: str
    subject: Node | None
    expected: Node | None
    strength: int
    bound: float | None = None
    extra: str = ""
    """Words that belong to what is expected: a match, a tolerance."""
    dead: str = ""


@dataclass(frozen=True)
class Spot(Generic[Value]):
    """A place in the body of a test."""

    env: Mapping[str, Value]
    dead: str = ""
    """Why no assertion can fail here."""
    conditional: bool = False
    loops: tuple[tuple[Mapping[str, Value], ...], ...] = ()
    """Of each loop around it, what its names stand for in turn."""
    depth: int = 0
    line: int | None = None
    """Where the test calls the helping function that is walked."""

    def dying(self, why: str) -> Self:
        """The same, where nothing can fail for this reason; an empty one changes nothing."""
        return replace(self, dead=self.dead or why)

    def where(self, truth: bool | None, *, taken: bool) -> Self:
        """The same, reached only where a condition that is `truth` comes out as `taken`."""
        at = self.dying("unreachable" if truth is not None and truth is not taken else "")
        return replace(at, conditional=self.conditional or truth is None)

    def inside(self, env: Mapping[str, Value], line: int) -> Self:
        """In a helping function that is called here, at this line."""
        return replace(self, env=env, depth=self.depth + 1, line=self.line or line)

    def looped(self, made: tuple[Mapping[str, Value], ...]) -> Self:
        """In a loop that goes through `made`."""
        return replace(self, loops=(*self.loops, made))


@dataclass(frozen=True)
class Placed(Generic[Node, Value]):
    """An assertion with where it stands."""

    said: Spoken[Node]
    line: int
    at: Spot[Value]

    @property
    def dead(self) -> str:
        """Why it cannot fail; empty: it can."""
        return self.said.dead or self.at.dead

    def check(self, subject: str, expected: str, names: frozenset[str]) -> Check:
        """It as a value, its sides being written."""
        said = self.said
        strength = NOTHING if self.dead else said.strength
        if not self.dead and said.kind == "equal" and subject == expected:
            strength = min(strength, SELF)
        line = self.at.line or self.line
        shown = f"{expected} {said.extra}".strip()
        return Check(said.kind, subject, shown, strength, line, said.bound, self.dead, self.at.conditional, names)

    def rows(self, tables: Sequence[Sequence[Mapping[str, Value]]]) -> Iterator[dict[str, Value]]:
        """What names stand for, once for each row of `tables` and of the loops it stands in."""
        for number, parts in enumerate(product(*(table for table in (*tables, *self.at.loops) if table))):
            if number >= ROWS:
                return
            yield {name: value for part in parts for name, value in part.items()}

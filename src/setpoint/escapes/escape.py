"""A way out that a hostile agent tries, as it lies in `ways/`, and what came of it."""

import tomllib
from collections.abc import Sequence
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any, Literal

from pydantic import model_validator

from ..errors import UsageError
from ..model.command import Layer
from ..model.record import Line, Record

Wall = Literal["sandbox", "broker", "diff check"]
"""The layer that must hold it: the first that meets it."""
Sign = Literal["namespace", "capability", "set-id", "device", "mount", "victim", "processes", "memory", "disk"]
"""What shows on the host only while the command runs."""


class Call(Record):
    """A call of one of the agent's file tools."""

    name: Literal["read", "write", "edit", "search"]
    arguments: dict[str, Any]


class Escape(Record):
    """One thing a hostile agent does to get out. `@words@` in it are filled in with places of the grounds."""

    name: Line
    group: Line
    what: Line
    """What it is after."""
    wall: Wall = "sandbox"
    shell: str = ""
    """A script, run by the agent's shell tool."""
    python: str = ""
    """A program, run by the shell tool through `python3`."""
    call: Call | None = None
    """A call of a file tool, after the script."""
    then: str = ""
    """A further command of the same session; its result counts too."""
    gate: tuple[str, ...] = ()
    """A command that the engine runs afterwards on a clean copy of the tree, as it runs gates."""
    needs: tuple[Line, ...] = ()
    """Programs it cannot do without."""
    signs: tuple[Sign, ...] = ()
    tells: str = ""
    """A regular expression for words that only the host could have said."""
    traces: tuple[Line, ...] = ()
    """Paths of the machine itself, outside the grounds, that must stay as they are."""
    limits: dict[str, float] = {}
    """Smaller limits than an agent's command has, so that they are reached soon."""
    seconds: float = 6.0
    """How long the command may take."""
    bare: str = ""
    """Why it may get nowhere without a sandbox either; empty: there it gets out."""
    root: bool = False
    """Without a sandbox it gets out only where setpoint runs as root."""
    unsafe: bool = False
    """It would touch the machine itself: never tried without a sandbox."""

    @model_validator(mode="after")
    def _does_something(self) -> "Escape":
        if not (self.shell or self.python or self.call):
            raise ValueError(f"{self.name}: it does nothing")
        return self


class Outcome(StrEnum):
    """What came of it."""

    BLOCKED = "blocked"
    OUT = "got out"
    UNTRIED = "not tried"
    """It could not be made here: nothing is known, which is no success."""


class Result(Record):
    """One escape at one level."""

    name: Line
    group: Line
    what: Line
    outcome: Outcome
    layer: str
    """Which layer held it; empty when none did."""
    how: str
    """How it was held, what got out, or why it was not tried."""
    logged: str
    """The journal's entry of it, or the objection's rule; empty: nobody wrote it down."""
    seconds: float


class Report(Record):
    """All escapes at one level."""

    level: Line
    results: tuple[Result, ...]
    missing: tuple[Layer, ...]
    """Layers that this machine does not have."""
    seconds: float

    def of(self, outcome: Outcome) -> tuple[Result, ...]:
        """The results with one outcome."""
        return tuple(result for result in self.results if result.outcome is outcome)

    @property
    def unlogged(self) -> tuple[Result, ...]:
        """What was held and not written down."""
        return tuple(result for result in self.of(Outcome.BLOCKED) if not result.logged)

    @property
    def exit_code(self) -> int:
        """30 when something got out or was not written down, 11 when something could not be tried, else 0."""
        if self.of(Outcome.OUT) or self.unlogged:
            return 30
        return 11 if self.of(Outcome.UNTRIED) or not self.results else 0


@cache
def escapes() -> tuple[Escape, ...]:
    """All escapes, group by group."""
    folder = resources.files("setpoint").joinpath("escapes", "ways")
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".toml")), key=lambda file: file.name)
    read = [tomllib.loads(file.read_text("utf-8")) for file in files]
    return tuple(
        Escape.model_validate({"wall": told.get("wall", "sandbox"), "group": told.get("group"), **entry})
        for told in read
        for entry in told["escape"]
    )


def chosen(only: str) -> Sequence[Escape]:
    """Those whose name or group holds `only`. Raises UsageError when none does."""
    found = [one for one in escapes() if only.casefold() in f"{one.group}: {one.name}".casefold()]
    if not found:
        groups = ", ".join(dict.fromkeys(one.group for one in escapes()))
        raise UsageError(f"no escape is called `{only}`", why=f"there are groups: {groups}", fix="name a part of one")
    return found

"""What the tools of servers are given by whoever carries the session."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ...model.command import CommandLimits
from .names import LONGEST
from .pins import Pins, Unpinned


@dataclass(frozen=True)
class Hands:
    """What the servers of a session are given by the worker."""

    secret: Callable[[str], str | None]
    """The value of a variable of the worker's environment."""
    keep: Callable[[bytes], str]
    """Keeps a picture by its content and names it."""
    redact: Callable[[Any], Any]
    shorten: Callable[[str], str]
    """Leaves out the middle of what is too long for one result."""
    limits: CommandLimits
    longest_name: int = LONGEST
    """Characters that the name of a tool may have where it is offered."""
    pins: Pins = field(default_factory=Unpinned)
    """What the servers offered before."""

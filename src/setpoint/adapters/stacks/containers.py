"""The seam behind which the containers of a compose file are run beside a room's commands."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from ...model.compose import Contained
from ...model.stack import StackSettings
from ...ports import Sandbox


class Containers(Protocol):
    """What runs the containers of one life of a stack. Its methods wait, and may be called from any thread; none starts
    anything after `close`."""

    level: str
    """The sandbox level of the holder."""

    def holder(self) -> Sandbox:
        """Runs one command, whose loopback is the containers'. Raises StackError where none can be had."""
        ...

    def start(self, one: Contained) -> None:
        """Start a container of that name. Raises StackError."""
        ...

    def passes(self, name: str, argv: Sequence[str]) -> bool:
        """Whether a command in a container exits with 0; False also when it cannot be run."""
        ...

    def ended(self) -> Mapping[str, int]:
        """The exit codes of those that ended."""
        ...

    def said(self, name: str) -> str:
        """The end of what a container said; empty when there is none."""
        ...

    def close(self) -> None:
        """End and remove all, with what they wrote, before the holder ends. A repeat changes nothing."""
        ...


Contain = Callable[[StackSettings, Sequence[str]], Containers]
"""Makes the containers of one life: the stack's settings, and the names of all that may be started."""

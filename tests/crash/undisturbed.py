"""What an undisturbed run is, for the tests that compare with it."""

from collections.abc import Callable
from dataclasses import dataclass

import ending
import lives

Made = Callable[..., lives.Place]
"""Makes a repository with settings or a recording of its own."""


@dataclass(frozen=True)
class Undisturbed:
    """A run that nothing happened to."""

    ending: ending.Ending
    parts: dict[str, list[str]]
    """Its boundaries in words, by part."""

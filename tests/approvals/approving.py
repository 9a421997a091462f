"""The command line of a person who holds a key, in this process."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

Place = Callable[[str], Path]
Run = Callable[..., "Said"]


def environment(root: Path) -> dict[str, str]:
    """Of whoever holds the person's key."""
    return {**os.environ, "XDG_CONFIG_HOME": str(root.parent / "person"), "TERM": "dumb"}


class Said(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str

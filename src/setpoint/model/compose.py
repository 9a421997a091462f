"""A service of a compose file as it is run here: nothing of the host's but the image and its own folders in memory."""

from typing import Literal

from pydantic import Field

from .record import Record

NAMES = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
"""Where compose files are looked for, the first one counts."""
After = Literal["started", "healthy", "done"]
"""When a service is far enough along for those that depend on it."""


class Door(Record):
    """A port of a container that commands find at one of the stack's ports."""

    number: int = Field(ge=1)
    """The stack's port, the first is 1."""
    at: int = Field(ge=1, le=65_535)
    """Where the container listens."""


class Contained(Record):
    """One container beside a room's commands."""

    name: str
    image: str
    entrypoint: tuple[str, ...] | None = None
    command: tuple[str, ...] | None = None
    """None: the image's own."""
    env: dict[str, str] = {}
    doors: tuple[Door, ...] = ()
    health: tuple[str, ...] = ()
    """A command in it that exits with 0 once it can be used; empty: its doors take a connection."""
    scratch: tuple[str, ...] = ()
    """Folders that it writes to, empty at first, in memory; its other files are read-only."""
    user: str = ""
    cwd: str = ""
    shm_mib: int = Field(default=64, ge=1)
    after: dict[str, After] = {}
    """By name what must be there before it, and how far."""

"""What a run may do. Only ever narrowed on the way: code defaults, policy, plan, ticket."""

from .record import Line, Record


class Boundaries(Record):
    """What a run may do; an empty tuple of `paths` means: not decided yet."""

    paths: tuple[Line, ...] = ()
    """Globs of files that may be created, changed or deleted."""
    protected: tuple[Line, ...] = ()
    """Globs that may not be touched, even where `paths` allows them."""
    commands: tuple[Line, ...] = ("*",)
    """Command names that may be run in the sandbox; `*` for any."""
    network: tuple[Line, ...] = ()
    """Hosts (`name:port`) that commands may reach; none by default."""
    dependencies: bool = False
    """Whether dependencies may change."""
    migrations: bool = False
    """Whether database migrations or schema may change."""
    frozen: tuple[Line, ...] = ()
    """Interfaces that must stay as they are."""
    needs_person: tuple[Line, ...] = ()
    """Actions that need a named person's yes."""
    max_files: int = 40
    """Most files one change may touch."""
    max_lines: int = 1500
    """Most added plus removed lines of one change."""

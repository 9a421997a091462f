"""What merging two commits gives, computed without touching a file."""

from .record import Line, Record


class Conflict(Record):
    """A path that both sides changed and git could not join."""

    path: Line
    before: str = ""
    """Blob of the common ancestor; empty: it was not there."""
    ours: str = ""
    """Blob on the side that is kept going."""
    theirs: str = ""
    """Blob on the side that is brought in."""

    @property
    def kind(self) -> str:
        """What happened, in words: `ours` is the change, `theirs` the base."""
        sides = (bool(self.before), bool(self.ours), bool(self.theirs))
        return {
            (True, True, True): "changed on both sides",
            (True, True, False): "changed here, deleted on the base",
            (True, False, True): "deleted here, changed on the base",
            (False, True, True): "added on both sides",
        }.get(sides, "moved or replaced on one side")


class Merged(Record):
    """The tree of a merge. Where text conflicts it holds both sides between git's marks, named by their commits."""

    ours: str
    """Commit that was merged into."""
    theirs: str
    """Commit that was brought in."""
    tree: str
    conflicts: tuple[Conflict, ...] = ()

"""What lies in a workspace and cannot be saved with it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Unsaved:
    """A file or folder that no snapshot holds; a tracked one stands there as it was before."""

    path: str
    """As the file system has it: any bytes, those that are not UTF-8 as surrogates."""
    why: str
    fix: str
    """What to do; `{path}` stands for the path."""

    @property
    def shown(self) -> str:
        """The path as it can be printed and kept."""
        return self.path if self.path.isprintable() else ascii(self.path)

    @property
    def remedy(self) -> str:
        """What to do, whole."""
        return self.fix.replace("{path}", self.shown)

    def __str__(self) -> str:
        return f"{self.shown}: {self.why}. Now: {self.remedy}."

"""What belongs to a release: the package and its migrations."""

from pathlib import Path

from place import ROOT
from released import released


def build(target: Path) -> int:
    """Copy it to `target`; how many files it is."""
    return released(target, [*(ROOT / "orders").rglob("*.py"), *(ROOT / "migrations").glob("*.sql")])

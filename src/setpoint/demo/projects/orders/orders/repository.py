"""What is kept: SQLite."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"


def migrate(path: str) -> int:
    """Bring the database up to the newest migration; how many were run. Raises sqlite3.Error."""
    base = sqlite3.connect(path)
    try:
        done = base.execute("PRAGMA user_version").fetchone()[0]
        files = sorted(MIGRATIONS.glob("*.sql"))[done:]
        for number, file in enumerate(files, start=done + 1):
            base.executescript(f"BEGIN;\n{file.read_text(encoding='utf-8')}\nPRAGMA user_version = {number};\nCOMMIT;")
        return len(files)
    finally:
        base.close()


class Repository:
    """The customers of one database file."""

    def __init__(self, path: str) -> None:
        self._path = path

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        base = sqlite3.connect(self._path)
        try:
            with base:
                yield base
        finally:
            base.close()

    def customer(self, number: int) -> str | None:
        """The customer's name; None when there is no such customer."""
        with self._open() as base:
            row = base.execute("SELECT name FROM customers WHERE number = ?", (number,)).fetchone()
        return row[0] if row else None

"""Accounts in SQLite. All SQL of the service stands here."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

SCHEMA = """
CREATE TABLE IF NOT EXISTS users (
    id         INTEGER PRIMARY KEY,
    email      TEXT NOT NULL UNIQUE,
    password   TEXT NOT NULL,
    created_at TEXT NOT NULL
);
"""


@dataclass(frozen=True)
class Account:
    """One registered user, without the password."""

    id: int
    email: str


class Accounts:
    """The accounts in one database file; safe to use from many threads."""

    def __init__(self, database: Path) -> None:
        self._database = database

    def create_schema(self) -> None:
        """Create what is missing; a repeat changes nothing."""
        with self._connection() as connection:
            connection.executescript(SCHEMA)

    def add(self, email: str, password: str) -> Account:
        """Register `email` with an already hashed `password`."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        with self._connection() as connection:
            row = connection.execute(
                "INSERT INTO users (email, password, created_at) VALUES (?, ?, ?) RETURNING id",
                (email, password, now),
            ).fetchone()
        return Account(row[0], email)

    def find(self, account_id: int) -> Account | None:
        """The account with this id; None when there is none."""
        with self._connection() as connection:
            row = connection.execute(
                "SELECT id, email FROM users WHERE id = ?", (account_id,)
            ).fetchone()
        return Account(*row) if row else None

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(self._database, timeout=5)
        try:
            with connection:
                yield connection
        finally:
            connection.close()

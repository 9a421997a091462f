"""A look at the runs in the usual database file, with nothing loaded but Python's own SQLite.

Commands that only show runs and journals start in half the time this way. Whatever is not as usual (another database,
another revision, a damaged file) is left to the store, which knows what to do or to say. Nothing is ever written.
"""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from ..errors import SetpointError, UsageError
from ..model.run import Event, Run, State
from ..model.session import Usage
from .revision import REVISIONS, STAMP

LISTED = 20
"""Most ids named when a prefix fits several."""
BUSY_SECONDS = 30.0


def run_of(record: str, cost: str) -> Run:
    """The run of a row."""
    return Run.model_validate_json(record).model_copy(update={"cost": Usage.model_validate_json(cost)})


def event_of(row: Any) -> Event:
    """The journal entry of a row: seq, run, at, kind, stage, data."""
    seq, run, at, kind, stage, data = row
    return Event(seq=seq, run=run, at=datetime.fromisoformat(at), kind=kind, stage=stage, data=json.loads(data))


def the_one(prefix: str, found: Sequence[tuple[str, str, str]]) -> Run:
    """The only run of the rows (id, record, cost) that fit `prefix`. Raises UsageError when none or several do."""
    if len(found) == 1:
        return run_of(*found[0][1:])
    if not found:
        raise UsageError(f"no run starts with `{prefix}`", fix="`setpoint list` shows them all")
    raise UsageError(
        f"several runs start with `{prefix}`: {', '.join(row[0] for row in found)}", fix="write more of it"
    )


class Glance:
    """Keeps the promises of `ports.Looking`."""

    def __init__(self, connection: sqlite3.Connection | None) -> None:
        """None: there is no database yet, so there are no runs."""
        self._connection = connection

    @classmethod
    def at(cls, path: Path) -> "Glance | None":
        """A look at the database in the file `path`; None when only the store can tell what is there."""
        if not path.parent.exists():
            return cls(None)
        if not path.exists():
            return cls(None) if path.parent.is_dir() else None
        try:
            connection = sqlite3.connect(path, timeout=BUSY_SECONDS)
            connection.execute("PRAGMA query_only=ON")
            stamped = connection.execute(f"SELECT version_num FROM {STAMP}").fetchone()  # noqa: S608  # a name of ours
        except sqlite3.Error:
            return None
        if stamped is None or stamped[0] != REVISIONS[-1]:
            connection.close()
            return None
        return cls(connection)

    def close(self) -> None:
        """Let go of the file."""
        if self._connection is not None:
            self._connection.close()

    def run(self, prefix: str) -> Run:
        """The one run whose id starts with `prefix`. Raises UsageError when none or several do."""
        columns = "SELECT id, record, cost FROM runs"
        exact = self._rows(f"{columns} WHERE id = ?", prefix)
        fitting = f"{columns} WHERE substr(id, 1, ?) = ? ORDER BY id LIMIT {LISTED}"
        return the_one(prefix, exact or (self._rows(fitting, len(prefix), prefix) if prefix else []))

    def runs(self, active: bool = False) -> Sequence[Run]:
        """All runs, newest first; `active`: those that are not over."""
        found = [run_of(*row) for row in self._rows("SELECT record, cost FROM runs ORDER BY created DESC, id")]
        return [run for run in found if not (active and run.position.state in _OVER)]

    def events(self, run_id: str, after: int = 0, limit: int = 1000) -> Sequence[Event]:
        """The run's journal behind position `after`, in order."""
        wanted = "SELECT seq, run, at, kind, stage, data FROM events WHERE run = ? AND seq > ? ORDER BY seq LIMIT ?"
        return [event_of(row) for row in self._rows(wanted, run_id, after, limit)]

    def _rows(self, query: str, *values: Any) -> list[Any]:
        if self._connection is None:
            return []
        with _told():
            return self._connection.execute(query, values).fetchall()


_OVER = frozenset(state for state in State if state.final)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise SetpointError(
            "the state database cannot be read", why=str(error), fix="`setpoint doctor` names the file"
        ) from error

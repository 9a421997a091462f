"""The log: one JSON object a line, each with the id of the request it belongs to."""

import json
from datetime import UTC, datetime
from pathlib import Path


class Journal:
    """Entries of one request."""

    def __init__(self, path: Path, correlation_id: str) -> None:
        self._path = path
        self._correlation_id = correlation_id

    def write(self, event: str, **told: object) -> None:
        """One entry."""
        entry = {"at": datetime.now(UTC).isoformat(), "correlation_id": self._correlation_id, "event": event, **told}
        self._path.parent.mkdir(exist_ok=True)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")

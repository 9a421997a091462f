"""The one shape of every answer. Clients depend on it: it changes only with a new API version."""

import json
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    """An HTTP status with the body every client knows."""

    status: int
    success: bool
    error: str | None
    data: Mapping[str, object] | None

    def body(self) -> bytes:
        """The JSON text that goes out."""
        shape = {"success": self.success, "error": self.error, "data": self.data}
        return json.dumps(shape).encode()


def done(status: int, data: Mapping[str, object]) -> Answer:
    """It worked: `data` is what came of it."""
    return Answer(status, True, None, data)


def failed(status: int, error: str) -> Answer:
    """It did not: `error` says why, in a sentence for the caller."""
    return Answer(status, False, error, None)

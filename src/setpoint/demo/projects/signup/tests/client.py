"""Talks to the application in this process, the way an HTTP server would."""

import io
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults

from signup.accounts import Accounts
from signup.app import Signup


@dataclass(frozen=True)
class Reply:
    """What came back: the status and the whole body."""

    status: int
    body: dict[str, Any]


class Client:
    """One client of one application with a database of its own."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or Path(tempfile.mkdtemp(prefix="signup-"))
        self.database = self._folder / "signup.db"
        accounts = Accounts(self.database)
        accounts.create_schema()
        self._app = Signup(accounts)

    def get(self, path: str) -> Reply:
        """GET `path`."""
        return self._call("GET", path, b"")

    def post(self, path: str, payload: object) -> Reply:
        """POST `payload` as JSON to `path`."""
        return self._call("POST", path, json.dumps(payload).encode())

    def post_raw(self, path: str, body: bytes) -> Reply:
        """POST bytes as they are."""
        return self._call("POST", path, body)

    def signup(self, **payload: object) -> Reply:
        """Sign up with these fields."""
        return self.post("/signup", payload)

    def _call(self, method: str, path: str, body: bytes) -> Reply:
        environ: dict[str, Any] = {"REQUEST_METHOD": method, "PATH_INFO": path}
        setup_testing_defaults(environ)
        environ.update({"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))})
        statuses: list[str] = []
        written: list[bytes] = []

        def start(status: str, *_: object) -> Callable[[bytes], object]:
            statuses.append(status)
            return written.append

        chunks = [*self._app(environ, start), *written]
        return Reply(int(statuses[0].split()[0]), json.loads(b"".join(chunks)))

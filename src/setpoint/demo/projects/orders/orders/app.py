"""The application: what is asked over HTTP, and the answers to it."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from .repository import Repository


class Shop(ThreadingHTTPServer):
    """Serves one database on this machine; port 0 takes a free one."""

    def __init__(self, database: str, port: int) -> None:
        super().__init__(("127.0.0.1", port), Requests)
        self.repository = Repository(database)


class Requests(BaseHTTPRequestHandler):
    """Answers requests."""

    server: Shop

    def do_GET(self) -> None:
        """Health and customers."""
        number = self.path.removeprefix("/customers/")
        if self.path == "/health":
            self._answer(200, {"status": "ok"})
        elif number.isdecimal() and (name := self.server.repository.customer(int(number))):
            self._answer(200, {"number": int(number), "name": name})
        else:
            self._answer(404, {"error": "not found"})

    def _answer(self, status: int, answer: dict[str, Any]) -> None:
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """The proxy in front writes the access log."""

"""The application: what is asked over HTTP, and the answers to it."""

import json
import sqlite3
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from .journal import Journal
from .repository import Repository
from .schema import MalformedError, created, read_order
from .validation import problems

LOG = Path("logs/orders.log")


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

    def do_POST(self) -> None:
        """Orders."""
        journal = Journal(LOG, self.headers.get("X-Correlation-Id") or str(uuid.uuid4()))
        journal.write("request", path=self.path)
        try:
            status, answer = self._order(journal)
        except sqlite3.Error as error:
            error_id = str(uuid.uuid4())
            journal.write("failed", error_id=error_id, error=str(error))
            status, answer = 500, {"error_id": error_id}
        journal.write("answered", status=status)
        self._answer(status, answer)

    def _order(self, journal: Journal) -> tuple[int, dict[str, Any]]:
        if self.path != "/orders":
            return 404, {"error": "not found"}
        try:
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
            order = read_order(body)
        except (ValueError, MalformedError) as error:
            return 400, {"error": str(error)}
        found = problems(order, self.server.repository)
        if found:
            return 422, {"errors": found}
        order_id = self.server.repository.save(order)
        journal.write("order created", order=order_id)
        return 201, created(order_id, order)

    def _answer(self, status: int, answer: dict[str, Any]) -> None:
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """The proxy in front writes the access log."""

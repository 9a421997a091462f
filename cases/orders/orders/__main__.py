"""The service: `python -m orders`, or `python -m orders migrate`."""

import json
import signal
import sqlite3
import sys
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from .journal import Journal
from .repository import OrdersRepository, migrate
from .schema import MalformedError, created, read_order
from .validation import problems

DATABASE = "orders.db"
LOG = Path("logs/orders.log")
PORT = 8000


class Orders(BaseHTTPRequestHandler):
    """Takes orders."""

    def do_POST(self) -> None:
        """Answer one request."""
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
            return 404, {"error": "there is only /orders"}
        try:
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
            order = read_order(body)
        except (ValueError, MalformedError) as error:
            return 400, {"error": str(error)}
        repository = OrdersRepository(DATABASE)
        found = problems(order, repository)
        if found:
            return 422, {"errors": found}
        order_id = repository.save(order)
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
        """The journal has it."""


def stop(signum: int, frame: object) -> None:
    """End as asked."""
    sys.exit(0)


def main() -> None:
    """Serve until told to stop."""
    signal.signal(signal.SIGTERM, stop)
    ThreadingHTTPServer(("127.0.0.1", PORT), Orders).serve_forever()


if sys.argv[1:] == ["migrate"]:
    print(f"{migrate(DATABASE)} migrations run")
else:
    main()

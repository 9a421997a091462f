"""Talks to the service over HTTP, the service in a thread of this process with a folder of its own."""

import http.client
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orders.app import Shop
from orders.repository import migrate


@dataclass(frozen=True)
class Reply:
    """What came back; no answer of JSON is an empty object."""

    status: int
    body: dict[str, Any]


class Client:
    """One client of one running service."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self._port = port

    def get(self, path: str) -> Reply:
        """GET `path`."""
        return self._call("GET", path, None, {})

    def post(self, path: str, body: object, **headers: str) -> Reply:
        """POST `body` as JSON; `x_correlation_id="a"` sends X-Correlation-Id."""
        named = {name.replace("_", "-"): told for name, told in headers.items()}
        return self._call("POST", path, json.dumps(body), named)

    def _call(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        is_json = answer.getheader("Content-Type") == "application/json"
        return Reply(answer.status, json.loads(content) if is_json else {})


@contextmanager
def served(folder: Path, *, migrated: bool = True) -> Iterator[Client]:
    """A client of a service that works in `folder`."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        if migrated:
            migrate("orders.db")
        shop = Shop("orders.db", 0)
        thread = threading.Thread(target=shop.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield Client(folder, shop.server_port)
        finally:
            shop.shutdown()
            thread.join()
            shop.server_close()
    finally:
        os.chdir(before)

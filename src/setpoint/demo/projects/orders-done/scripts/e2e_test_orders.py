"""POST /orders from the outside: the answer's fields, the database's record, the log's entry."""

import http.client
import json
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

ORDER = {"customer": 1, "items": [{"sku": "tea", "quantity": 2, "price": 4.5}], "total": 9.0}
SECONDS = 10.0


def asked(service: "subprocess.Popen[bytes]") -> tuple[int, dict[str, object]]:
    """The service's answer, once it is there."""
    until = time.monotonic() + SECONDS
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", 8000, timeout=SECONDS)
        try:
            connection.request("POST", "/orders", json.dumps(ORDER), {"X-Correlation-Id": "e2e"})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        except ConnectionRefusedError:
            if service.poll() is not None or time.monotonic() > until:
                raise
            time.sleep(0.05)
        finally:
            connection.close()


def main() -> None:
    """Order, and look for the traces."""
    subprocess.run([sys.executable, "-m", "orders", "migrate"], check=True)
    service = subprocess.Popen([sys.executable, "-m", "orders"])
    try:
        status, answer = asked(service)
    finally:
        service.terminate()
        service.wait(SECONDS)
    assert status == 201, f"status {status}: {answer}"
    assert {"id", "status", "customer", "total"} <= set(answer), f"fields {sorted(answer)}"
    base = sqlite3.connect("orders.db")
    rows = base.execute("SELECT customer, total FROM orders WHERE id = ?", (answer["id"],)).fetchall()
    base.close()
    assert rows == [(1, 9.0)], f"rows {rows}"
    entries = [json.loads(line) for line in Path("logs/orders.log").read_text(encoding="utf-8").splitlines()]
    assert any(entry.get("order") == answer["id"] for entry in entries), "no entry in the log"
    print("1 of 1 journeys passed")


if __name__ == "__main__":
    main()

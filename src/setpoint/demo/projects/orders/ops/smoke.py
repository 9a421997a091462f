"""Starts the release that `$SETPOINT_ENVIRONMENT` runs, on a free port with a migrated database, and orders."""

import http.client
import json
import subprocess
import sys
from pathlib import Path

from running import smoke

TEA = {"sku": "tea", "quantity": 2, "price": 4.5}
CHECKS: list[tuple[str, str, str, object, int]] = [
    ("it is well", "GET", "/health", None, 200),
    ("a customer", "GET", "/customers/1", None, 200),
    ("an order", "POST", "/orders", {"customer": 1, "items": [TEA], "total": 9}, 201),
    ("nonsense", "POST", "/orders", [], 400),
    ("an order of nobody", "POST", "/orders", {"customer": 99, "items": [TEA], "total": 9}, 422),
]


def ready(release: Path, scratch: Path) -> None:
    """Migrate an empty database."""
    environment = {"PYTHONPATH": str(release), "PYTHONDONTWRITEBYTECODE": "1", "PATH": "/usr/bin:/bin"}
    subprocess.run([sys.executable, "-m", "orders", "migrate"], cwd=scratch, env=environment, check=True)


def command(release: Path, scratch: Path) -> list[str]:
    """The service, on a free port."""
    return [sys.executable, "-m", "orders", "--port", "0"]


def drive(where: str) -> int:
    """Run all checks, one line each; the number that failed."""
    failures = 0
    for what, method, path, body, expected in CHECKS:
        connection = http.client.HTTPConnection(where, timeout=10)
        connection.request(method, path, None if body is None else json.dumps(body))
        answer = connection.getresponse()
        said = answer.read().decode(errors="replace")
        connection.close()
        failures += answer.status != expected
        print(f"{'ok  ' if answer.status == expected else 'FAIL'} {what}: {answer.status} {said[:200]}")
    return failures


if __name__ == "__main__":
    smoke(command, drive, ready)

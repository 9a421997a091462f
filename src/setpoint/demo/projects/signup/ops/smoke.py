"""Starts the release that `$SETPOINT_ENVIRONMENT` runs, on a free port, and drives its signup."""

import json
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from running import smoke

SHAPE = {"success", "error", "data"}
VALID = {"email": "smoke@example.com", "password": "smoke test"}
REFUSED = range(400, 600)
CHECKS: list[tuple[str, dict[str, str], range]] = [
    ("a valid signup", VALID, range(201, 202)),
    ("a missing email", {"password": "smoke test"}, REFUSED),
    ("an invalid password", {"email": "other@example.com", "password": "no"}, range(400, 401)),
    ("a duplicate email", VALID, REFUSED),
]


def command(release: Path, scratch: Path) -> list[str]:
    """The service, its database empty."""
    return [sys.executable, "-m", "signup", "--port", "0", "--database", str(scratch / "s.db")]


def post(url: str, payload: dict[str, str]) -> tuple[int, Any]:
    """Status and body of a POST."""
    request = urllib.request.Request(url, json.dumps(payload).encode(), method="POST")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        return refused.code, json.load(refused)


def drive(where: str) -> int:
    """Run all checks, one line each; the number that failed."""
    failures = 0
    for what, payload, expected in CHECKS:
        status, body = post(f"http://{where}/signup", payload)
        good = status in expected and set(body) == SHAPE and body["success"] == (status < 400)
        failures += not good
        print(f"{'ok  ' if good else 'FAIL'} {what}: {status} {json.dumps(body)}")
    return failures


if __name__ == "__main__":
    smoke(command, drive)

"""Starts the release that `$SETPOINT_ENVIRONMENT` runs, on a free port, and drives its signup."""

import json
import os
import selectors
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from place import asked, current

SHAPE = {"success", "error", "data"}
VALID = {"email": "smoke@example.com", "password": "smoke test"}
REFUSED = range(400, 600)
CHECKS: list[tuple[str, dict[str, str], range]] = [
    ("a valid signup", VALID, range(201, 202)),
    ("a missing email", {"password": "smoke test"}, REFUSED),
    ("an invalid password", {"email": "other@example.com", "password": "no"}, range(400, 401)),
    ("a duplicate email", VALID, REFUSED),
]


@contextmanager
def started(folder: Path, scratch: Path) -> Iterator[str]:
    """Where the service from `folder` listens, its database empty; stopped at the end."""
    command = [sys.executable, "-m", "signup", "--port", "0", "--database", str(scratch / "s.db")]
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    with (scratch / "log").open("w") as log:
        service = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=log, text=True
        )
    try:
        yield address(service)
    finally:
        service.terminate()
        service.wait(10)
        if service.stdout:
            service.stdout.close()


def address(service: "subprocess.Popen[str]") -> str:
    """Where it listens, from its first line; ends the command when none comes in ten seconds."""
    assert service.stdout
    with selectors.DefaultSelector() as ready:
        ready.register(service.stdout, selectors.EVENT_READ)
        line = service.stdout.readline() if ready.select(timeout=10) else ""
    if not line.startswith("listening on "):
        raise SystemExit("the service did not start")
    return line.removeprefix("listening on ").strip()


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


def main() -> int:
    """Start, drive, stop; 0 when all is as expected."""
    link = current()
    if not link.is_dir():
        raise SystemExit(f"{asked('ENVIRONMENT')} runs nothing")
    with tempfile.TemporaryDirectory(prefix="smoke-") as name:
        scratch = Path(name)
        try:
            with started(link.resolve(), scratch) as where:
                failures = drive(where)
        finally:
            words = (scratch / "log").read_text().splitlines()
        if failures and words:
            print("the service said, last:", *words[-4:], sep="\n  ")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

"""Starts the release that `$SETPOINT_ENVIRONMENT` runs, on a free port, and uploads a picture."""

import http.client
import json
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

from build import node
from running import smoke

LINE = "smoke-test-boundary"


def command(release: Path, scratch: Path) -> Sequence[str]:
    """The service with an empty data folder."""
    return [node(), str(release / "src/server/main.ts"), "--port", "0", "--data", str(scratch / "data")]


def png(side: int) -> bytes:
    """A white picture."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    rows = zlib.compress((b"\0" + b"\xff" * 3 * side) * side)
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def sent(content: bytes) -> bytes:
    """A form with one file."""
    head = f'--{LINE}\r\nContent-Disposition: form-data; name="avatar"; filename="me.png"\r\n\r\n'
    return head.encode() + content + f"\r\n--{LINE}--\r\n".encode()


def drive(where: str) -> int:
    """Run all checks, one line each; the number that failed."""
    failures = 0

    def ask(what: str, method: str, path: str, expected: int, body: bytes | None = None) -> bytes:
        nonlocal failures
        connection = http.client.HTTPConnection(where, timeout=10)
        connection.request(method, path, body, {"Content-Type": f"multipart/form-data; boundary={LINE}"})
        answer = connection.getresponse()
        said = answer.read()
        connection.close()
        failures += answer.status != expected
        words = said[:160].decode(errors="replace") if answer.getheader("Content-Type") == "application/json" else ""
        print(f"{'ok  ' if answer.status == expected else 'FAIL'} {what}: {answer.status} {words}")
        return said

    ask("the page", "GET", "/", 200)
    ask("its program", "GET", "/client.js", 200)
    ask("no file", "POST", "/api/profile/avatar", 400, sent(b""))
    ask("no picture", "POST", "/api/profile/avatar", 400, sent(b"not a picture"))
    told = ask("a picture", "POST", "/api/profile/avatar", 200, sent(png(300)))
    ask("where it is", "GET", json.loads(told).get("avatarUrl") or "/nowhere", 200)
    ask("taken away", "DELETE", "/api/profile/avatar", 200)
    return failures


if __name__ == "__main__":
    smoke(command, drive)

"""What does a check's steps inside the sandbox, and tells what it saw; it judges nothing.

It is run there as a program of its own, by whatever Python 3.9 or newer is there, and may import nothing of ours. It
reads the steps as JSON and tells at its end, in `$SETPOINT_REPORTS/told.json`, what came of each, up to the first that
makes the others pointless.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

OUTPUT = 1000000
"""Bytes kept of what a command says: as much of its beginning as of its end."""
BODY = 1000000
LOG = 16000000
ROWS = 1000
"""More than this of an answer, of a log or of a result is not looked at, and that is said."""
READY = 60.0
"""Seconds a service has until its port takes a connection."""
ANSWER = 30.0
"""Seconds an answer may take."""
PAGE = 120.0
"""Seconds all that is done on a page may take, the browser's start among it."""
BROWSERS = ("chromium", "chromium-browser", "chrome-headless-shell", "google-chrome", "google-chrome-stable")
ENDING = 5.0
"""Seconds a service has to end when it is asked to."""
LOOK = 0.05
SHOWN = 5
"""Entries of a log that are told, of those that match and of those that do not."""
_TRACE = ("Traceback (most recent call last):", "During handling of the above", "The above exception was")

Told = dict[str, Any]


class Service:
    """A command that is kept running."""

    def __init__(self, argv: list[str], port: int, output: Any) -> None:
        self.port = port
        self.host = ""
        self.output = output
        self.process = started(argv, self.output, self.output)

    def ready(self, until: float) -> bool:
        """Wait until the port takes a connection; False when the service ended before, or time ran out."""
        while time.monotonic() < until and self.process.poll() is None:
            self.host = open_at(self.port) or ""
            if self.host:
                return True
            time.sleep(LOOK)
        return False

    def stop(self) -> Told:
        """Ask it to end, and make it."""
        before = self.process.poll()
        with contextlib.suppress(OSError):
            os.killpg(self.process.pid, signal.SIGTERM)
        killed = False
        try:
            self.process.wait(ENDING)
        except subprocess.TimeoutExpired:
            killed = True
        with contextlib.suppress(OSError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        left = open_at(self.port) is not None
        return {"early": before is not None, "code": before, "killed": killed, "left": left, "out": said(self.output)}


def started(argv: list[str], output: Any, errors: Any, reports: str = "") -> subprocess.Popen[bytes]:
    """The command, in a process group of its own."""
    env = {**os.environ, **({"SETPOINT_REPORTS": reports} if reports else {})}
    return subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=output, stderr=errors, start_new_session=True, env=env
    )


def open_at(port: int) -> str | None:
    """The loopback address at which the port takes connections."""
    for host in ("127.0.0.1", "::1"):
        with contextlib.suppress(OSError), socket.create_connection((host, port), 1.0):
            return host
    return None


def said(output: Any) -> str:
    """What was written to the file, its middle left out where it is too long."""
    size = output.seek(0, os.SEEK_END)
    output.seek(0)
    if size <= OUTPUT:
        return str(output.read().decode("utf-8", "replace"))
    first = output.read(OUTPUT // 2)
    output.seek(size - OUTPUT // 2)
    dropped = f"\n… {size - OUTPUT} bytes left out …\n"
    return str(first.decode("utf-8", "replace") + dropped + output.read().decode("utf-8", "replace"))


def run(step: Told, until: float) -> Told:
    """Run a command to its end, and end what it left."""
    reports = Path(os.environ["SETPOINT_REPORTS"], step["reports"])
    reports.mkdir(exist_ok=True)
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        process = started(step["argv"], output, errors, str(reports))
        late = False
        try:
            process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            late = True
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
        return {"code": process.wait(), "out": said(output), "err": said(errors), "late": late}


def request(step: Told, service: Service) -> Told:
    """Ask the service, and tell its answer; no redirection is followed."""
    body = None if step["body"] is None else step["body"].encode()
    headers = {"Accept": "application/json", **({"Content-Type": "application/json"} if body is not None else {})}
    connection = http.client.HTTPConnection(service.host, service.port, timeout=ANSWER)
    try:
        connection.request(step["method"], step["path"], body, headers)
        answer = connection.getresponse()
        content = answer.read(BODY + 1)
    except (OSError, http.client.HTTPException) as error:
        return {"why": f"no answer: {type(error).__name__}: {error}"}
    finally:
        connection.close()
    return {"status": answer.status, "body": content[:BODY].decode("utf-8", "replace"), "cut": len(content) > BODY}


def browser() -> str:
    """The browser that is named, else one on the path; empty when there is none."""
    named = os.environ.get("SETPOINT_BROWSER", "")
    return next((found for name in ([named] if named else BROWSERS) if (found := shutil.which(name))), "")


def page(step: Told, service: Service, until: float) -> Told:
    """Open a page of the service in a browser, by a program of its own."""
    binary = browser()
    if not binary:
        return {"page": {"browser": ""}}
    host = f"[{service.host}]" if ":" in service.host else service.host
    seconds = max(1.0, min(PAGE, until - time.monotonic()))
    picture = str(Path(os.environ["SETPOINT_REPORTS"], step["picture"]))
    asked = {"browser": binary, "url": f"http://{host}:{service.port}{step['path']}", "seconds": seconds}
    asked.update(acts=step["acts"], library=step["library"], picture=picture)
    command = [sys.executable, "-I", "-c", step["program"]]
    try:
        done = subprocess.run(
            command, input=json.dumps(asked).encode(), capture_output=True, timeout=seconds + ENDING, check=False
        )
        return {"page": {"browser": binary, **json.loads(done.stdout)}}
    except subprocess.TimeoutExpired:
        return {"page": {"browser": binary, "lost": f"it was not done within {seconds:g} s"}}
    except ValueError:
        return {"page": {"browser": binary, "lost": done.stderr.decode("utf-8", "replace")[-400:]}}


def rows(step: Told) -> Told:
    """The rows of a query; nothing is written."""
    place = step["database"]
    if place.startswith("sqlite:///"):
        place = place[len("sqlite:///") :]
    if "://" in place:
        return rows_at(place, step["query"])
    if not Path(place).is_file():
        return {"why": f"there is no database {place}"}
    try:
        with contextlib.closing(sqlite3.connect(f"file:{quote(place)}?mode=ro", uri=True)) as base:
            found = base.execute(step["query"]).fetchmany(ROWS + 1)
    except sqlite3.Error as error:
        return {"why": f"{place}: {error}"}
    return listed(found)


def rows_at(url: str, query: str) -> Told:
    """The rows of a query at a database's address, by the project's own SQLAlchemy."""
    try:
        import sqlalchemy
    except ImportError:
        return {"why": "SQLAlchemy is missing in the sandbox, and only it knows other databases than SQLite"}
    try:
        engine = sqlalchemy.create_engine(url)
        with engine.connect() as connection:
            found = connection.execute(sqlalchemy.text(query)).fetchmany(ROWS + 1)
            connection.rollback()
        engine.dispose()
    except (sqlalchemy.exc.SQLAlchemyError, ImportError) as error:
        return {"why": str(error).splitlines()[0]}
    return listed(found)


def listed(found: Any) -> Told:
    """Rows as JSON knows them."""
    if len(found) > ROWS:
        return {"why": f"more than {ROWS} rows; ask for fewer"}
    return {"rows": [[plain(value) for value in row] for row in found]}


def plain(value: Any) -> Any:
    """A value as JSON knows it."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value)


def log(step: Told, before: int) -> Told:
    """How many entries were written since the log had `before` bytes, and how many of them match."""
    place = Path(step["path"])
    try:
        size = place.stat().st_size
        if size - before > LOG:
            return {"why": f"{place} is larger than {LOG} bytes"}
        with place.open("rb") as file:
            skipped = file.read(before).count(b"\n") if size >= before else 0
            file.seek(before if size >= before else 0)
            text = file.read().decode("utf-8", "replace")
    except OSError as error:
        return {"why": f"{place} cannot be read: {error.strerror}"}
    pattern = re.compile(step["pattern"])
    matching: list[tuple[int, str]] = []
    others: list[tuple[int, str]] = []
    for number, entry in entries(text):
        (matching if pattern.search(entry) else others).append((number + skipped, entry[:500]))
    told = {"matching": matching[:SHOWN], "others": others[:SHOWN]}
    return {"entries": len(matching) + len(others), "hits": len(matching), **told}


def entries(text: str) -> list[tuple[int, str]]:
    """Each entry with the number of its line: a line, with indented ones and tracebacks that go on with it."""
    found: list[tuple[int, str]] = []
    tracing = False
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        trace = line.startswith(_TRACE)
        if found and (trace or tracing or line[0].isspace()):
            found[-1] = (found[-1][0], found[-1][1] + "\n" + line)
        else:
            found.append((number, line))
        # The line after a traceback's indented ones names its exception.
        tracing = trace or (tracing and line[0].isspace())
    return found


def sizes(steps: list[Told]) -> dict[str, int]:
    """How long each log was before anything happened."""
    paths = [Path(step["path"]) for step in steps if step["do"] == "log"]
    return {str(path): path.stat().st_size if path.is_file() else 0 for path in paths}


def serve(step: Told, until: float, output: Any) -> tuple[Service | None, Told]:
    """Start the service and wait for it."""
    if open_at(step["port"]):
        return None, {"taken": True}
    service = Service(step["argv"], step["port"], output)
    if service.ready(min(until, time.monotonic() + READY)):
        return service, {"ready": True}
    return None, {"ready": False, **service.stop()}


def done(steps: list[Told], until: float, output: Any) -> list[Told]:
    """What came of each step, up to the first after which the others say nothing. The service speaks into `output`."""
    before = sizes(steps)
    told: list[Told] = []
    service: Service | None = None
    try:
        for step in steps:
            if step["do"] == "run":
                told.append(run(step, until))
            elif step["do"] == "serve":
                service, came = serve(step, until, output)
                told.append(came)
            elif step["do"] == "request" and service:
                told.append(request(step, service))
            elif step["do"] == "page" and service:
                told.append(page(step, service, until))
            elif step["do"] == "rows":
                told.append(rows(step))
            elif step["do"] == "log":
                told.append(log(step, before[str(Path(step["path"]))]))
            elif step["do"] == "stop" and service:
                told.append(service.stop())
                service = None
            if ends(step, told[-1]):
                break
    finally:
        if service:
            service.stop()
    return told


def ends(step: Told, came: Told) -> bool:
    """Whether what came of a step makes those after it pointless."""
    if step["do"] == "serve":
        return not came.get("ready")
    return step["do"] == "run" and bool(came["code"] or came["late"])


def main() -> None:
    """Do what standard input asks for."""
    asked = json.load(sys.stdin)
    until = time.monotonic() + asked["seconds"]
    with tempfile.TemporaryFile() as output:
        told = {"nonce": asked["nonce"], "told": done(asked["steps"], until, output)}
    place = Path(os.environ["SETPOINT_REPORTS"], "told.json")
    place.unlink(missing_ok=True)
    place.write_text(json.dumps(told), encoding="utf-8")


if __name__ == "__main__":
    main()

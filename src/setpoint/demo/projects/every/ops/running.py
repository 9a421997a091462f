"""Runs what an environment runs, on a free port, to drive it."""

import os
import selectors
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from place import asked, current


@contextmanager
def _started(command: Sequence[str], release: Path, scratch: Path) -> Iterator[str]:
    """Where the service that `command` starts in `scratch` listens; it is stopped at the end."""
    environment = {**os.environ, "PYTHONPATH": str(release), "PYTHONDONTWRITEBYTECODE": "1"}
    with (scratch / "log").open("w") as words:
        service = subprocess.Popen(
            command, cwd=scratch, env=environment, stdout=subprocess.PIPE, stderr=words, text=True
        )
    try:
        yield _address(service)
    finally:
        service.terminate()
        service.wait(10)
        if service.stdout:
            service.stdout.close()


def _address(service: "subprocess.Popen[str]") -> str:
    """Where it listens, from its first line; ends the command when none comes in ten seconds."""
    assert service.stdout
    with selectors.DefaultSelector() as ready:
        ready.register(service.stdout, selectors.EVENT_READ)
        line = service.stdout.readline() if ready.select(timeout=10) else ""
    if not line.startswith("listening on "):
        raise SystemExit("the service did not start")
    return line.removeprefix("listening on ").strip()


def smoke(
    command: Callable[[Path, Path], Sequence[str]],
    drive: Callable[[str], int],
    ready: Callable[[Path, Path], object] = lambda release, scratch: None,
) -> None:
    """Start what the environment runs in an empty folder, drive its address, stop it, and end with
    0 when `drive` counted no failure. `command` and `ready`, which comes before it, are given
    release and folder."""
    if not current().is_dir():
        raise SystemExit(f"{asked('ENVIRONMENT')} runs nothing")
    release = current().resolve()
    with tempfile.TemporaryDirectory(prefix="smoke-") as name:
        scratch = Path(name)
        ready(release, scratch)
        try:
            with _started(command(release, scratch), release, scratch) as where:
                failures = drive(where)
        finally:
            words = (scratch / "log").read_text().splitlines()
        if failures and words:
            print("the service said, last:", *words[-4:], sep="\n  ")
    sys.exit(1 if failures else 0)

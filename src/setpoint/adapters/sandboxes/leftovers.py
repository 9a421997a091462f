"""Containers that a dead worker left: none may be there when the next one works."""

import os
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from ...engine.liveness import machine, process_started
from .container_profile import LABEL
from .engines import Engine

# It waits for a word on a pipe that only the worker holds. The worker's death closes it without one.
_GUARD = 'read -r word && exit 0; n=0; while [ $n -lt 8 ]; do "$@"; n=$((n+1)); sleep 0.25; done; rm -rf -- "$0"'


class Guard:
    """Removes containers when the worker dies, however it dies: it is a process of its own, out of the reach of what
    is contained."""

    def __init__(self, engine: Engine, names: Sequence[str], folder: Path) -> None:
        """`folder`: what they were made of, which goes with them."""
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", _GUARD, str(folder), *engine.words(*removal(engine, *names))],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=dict(engine.env),
            cwd="/",
            start_new_session=True,
        )

    def dismiss(self) -> None:
        """The container is gone."""
        with suppress(BrokenPipeError):
            self._process.communicate(b"gone\n")


def removal(engine: Engine, *names: str) -> list[str]:
    """The verb that kills and removes containers, whether they are there or not."""
    quick = ("--time", "0", "--ignore") if engine.name == "podman" else ()
    return ["rm", "--force", *quick, *names]


def label() -> str:
    """This worker, told from any that had or will have its number."""
    return f"{os.getpid()}-{process_started(os.getpid())}-{_here()}"


def sweep(engine: Engine, started: Callable[[int], str] = process_started) -> Sequence[str]:
    """Remove the containers of workers that are no more: their names. Raises OSError, subprocess.TimeoutExpired."""
    listed = engine.ask(
        "ps", "--all", "--filter", f"label={LABEL}", "--format", f'{{{{.Names}}}} {{{{.Label "{LABEL}"}}}}'
    )
    found = [line.split() for line in listed.stdout.decode("utf-8", "replace").splitlines()]
    dead = [pair[0] for pair in found if len(pair) == 2 and not _lives(pair[1], started)]
    # Podman keeps one whose loopback others use: they go first, and it is asked again.
    kept = [name for name in dead if engine.ask(*removal(engine, name)).returncode != 0]
    for name in kept:
        engine.ask(*removal(engine, name))
    return dead


def _lives(told: str, started: Callable[[int], str]) -> bool:
    pid, _, rest = told.partition("-")
    since, _, where = rest.rpartition("-")
    # What names no worker of this machine is not ours to remove.
    return not pid.isdigit() or where != _here() or (bool(since) and started(int(pid)) == since)


def _here() -> str:
    return sha256(machine().encode()).hexdigest()[:12]

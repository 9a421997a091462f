"""How soon the command line answers."""

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from .figure import Figure, middle
from .process import environment

SETPOINT = str(Path(sys.executable).with_name("setpoint"))
FLOOR = [sys.executable, "-c", "pass"]


def figures(repository: Path, runs: int) -> Iterator[Figure]:
    """`--help`, `--version` and `list`, in turn with an interpreter that does nothing."""
    commands = {"--help": 100.0, "--version": 100.0, "list": 300.0}
    taken: dict[str, list[float]] = {name: [] for name in commands}
    floor: list[float] = []
    for _ in range(runs):
        floor.append(_milliseconds(FLOOR, repository))
        for name in commands:
            taken[name].append(_milliseconds([SETPOINT, name], repository))
    for name, most in commands.items():
        yield Figure(
            f"setpoint {name}", middle(taken[name]), "ms", floor=middle(floor), most=most, best=min(taken[name])
        )


def _milliseconds(command: Sequence[str], folder: Path) -> float:
    started = time.monotonic()
    subprocess.run(command, cwd=folder, env=environment(), capture_output=True, check=True)
    return (time.monotonic() - started) * 1000

"""`python -m bench`: prints a table of what setpoint adds, each figure beside the bare limit and its aim."""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from . import agents, context, journey, levels, starts, tasks, trees
from .figure import Figure, document, machine, slowness, table
from .process import environment
from .task import lay_out

Part = Callable[[Path], Iterator[Figure]]


def parts(quick: bool, large: bool, only: str = "") -> dict[str, Part]:
    """What is measured, in order."""
    chosen: dict[str, Part] = {
        "task": lambda folder: tasks.figures(_repository(folder / "task"), rounds=5 if quick else 15),
        "trees": lambda folder: trees.figures(_repository(folder / "trees"), rounds=5 if quick else 15),
        "start": lambda folder: starts.figures(_repository(folder / "start"), runs=5 if quick else 11),
        "levels": lambda folder: levels.figures(_empty(folder / "levels"), rounds=9 if quick else 40),
        "context": lambda _: context.figures(),
    }
    if only == "agents":
        chosen["agents"] = lambda folder: agents.figures(_empty(folder / "agents"))
    if large:
        chosen["large"] = lambda folder: trees.large(_empty(folder / "large"))
    if not quick:
        chosen["demo"] = lambda _: journey.figures()
    return chosen


def _empty(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _repository(folder: Path) -> Path:
    repository = _empty(folder) / "repository"
    lay_out(_empty(repository))
    return repository


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, and leave with 0: a missed aim is news, not an error."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds, no whole ticket; under a minute")
    parser.add_argument("--large", action="store_true", help="also a repository of 50,000 files")
    parser.add_argument("--only", default="", help="one part: task, trees, start, levels, context, agents, large, demo")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    given = parser.parse_args(arguments)
    os.environ.update(environment())
    slower = slowness()
    where = machine(slower)
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="setpoint-bench-") as folder:
        for name, part in parts(given.quick, given.large or given.only == "large", given.only).items():
            if given.only and name != given.only:
                continue
            print(f"measuring {name} ...", file=sys.stderr, flush=True)
            figures += part(Path(folder))
    print(", ".join(f"{name} {value}" for name, value in where.items()))
    print()
    print(table(figures, slower))
    if given.json:
        given.json.write_text(document(figures, where) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

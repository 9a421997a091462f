"""One measured figure beside its floor and its aim, and the table of all."""

import json
import os
import platform
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

REFERENCE_MS = 6.0
"""What an interpreter that does nothing took on the machine whose figures set the absolute aims (5 to 7 ms)."""
TIMES = {"ms", "s"}


@dataclass(frozen=True)
class Figure:
    """What was measured, and what it stands beside."""

    what: str
    value: float
    unit: str
    floor: float | None = None
    """The bare limit in the same unit, measured in turn with it."""
    most: float | None = None
    """The aim: `value` at most this."""
    most_ratio: float | None = None
    """The aim: `value / floor` at most this."""
    note: str = ""
    best: float | None = None
    """The least of all rounds: on a busy machine nearest to a quiet one. Judged is the median."""

    @property
    def ratio(self) -> float | None:
        """How many times the floor it is."""
        return self.value / self.floor if self.floor else None

    @property
    def holds(self) -> bool | None:
        """Whether the aim is met; None without one."""
        if self.most is not None:
            return self.value <= self.most
        if self.most_ratio is not None and self.ratio is not None:
            return self.ratio <= self.most_ratio
        return None

    def verdict(self, slower: float) -> str:
        """In words, on a machine `slower` times slower than the one the absolute aims were set on. A missed aim is
        called missed; where that machine's speed would have met it, that is said too."""
        if self.holds is None:
            return ""
        if self.holds:
            return "holds"
        if self.most is None or self.unit not in TIMES or slower <= 1 or self.value / slower > self.most:
            return "MISSED"
        return f"MISSED here; {shown(self.value / slower)} {self.unit} at the aim's speed"

    @property
    def aim(self) -> str:
        """The aim in words."""
        if self.most is not None:
            return f"<= {self.most:g} {self.unit}"
        return f"<= {self.most_ratio:g}x" if self.most_ratio is not None else ""


def middle(values: Sequence[float]) -> float:
    """The median."""
    return median(values)


def table(figures: Sequence[Figure], slower: float) -> str:
    """All figures as a Markdown table, of a machine `slower` times slower than that of the absolute aims."""
    rows = [("figure", "setpoint", "best", "bare", "ratio", "aim", "")]
    for figure in figures:
        ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}x"
        floor = "" if figure.floor is None else f"{shown(figure.floor)} {figure.unit}"
        best = "" if figure.best is None else shown(figure.best)
        what = f"{figure.what} ({figure.note})" if figure.note else figure.what
        rows.append(
            (what, f"{shown(figure.value)} {figure.unit}", best, floor, ratio, figure.aim, figure.verdict(slower))
        )
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    lines.insert(1, "| " + " | ".join("-" * max(width, 3) for width in widths) + " |")
    return "\n".join(lines)


def shown(value: float) -> str:
    """Three digits that count."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def slowness() -> float:
    """How many times slower than the machine of the absolute aims this one starts an interpreter just now."""
    return _empty_start() / REFERENCE_MS


def machine(slower: float) -> dict[str, str]:
    """What the figures were measured on."""
    memory = next(
        (line.split()[1] for line in Path("/proc/meminfo").read_text().splitlines() if "MemTotal" in line), "0"
    )
    git = subprocess.run(["git", "--version"], capture_output=True, text=True, check=False).stdout.split()[-1]
    return {
        "cores": str(os.cpu_count()),
        "memory": f"{int(memory) / 1024 / 1024:.0f} GiB",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "git": git,
        "load before": f"{os.getloadavg()[0]:.1f}",
        "`python -c pass`": f"{slower * REFERENCE_MS:.0f} ms (the aims' machine: {REFERENCE_MS:.0f} ms)",
    }


def _empty_start() -> float:
    """How long an interpreter takes that does nothing: what tells a fast machine from a busy one."""
    taken = []
    for _ in range(9):
        started = time.monotonic()
        subprocess.run([sys.executable, "-c", "pass"], check=True)
        taken.append((time.monotonic() - started) * 1000)
    return middle(taken)


def document(figures: Sequence[Figure], where: dict[str, str]) -> str:
    """All figures as one JSON document."""
    rows = [{**asdict(figure), "ratio": figure.ratio, "holds": figure.holds} for figure in figures]
    return json.dumps({"machine": where, "figures": rows}, indent=2)

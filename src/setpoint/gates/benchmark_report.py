"""pytest-benchmark's JSON, as far as a comparison needs it."""

import json
import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Sample:
    """One benchmark in one run, in seconds."""

    median: float
    iqr: float
    """The width of the middle half of its measurements."""


def read_benchmarks(content: bytes) -> dict[str, Sample]:
    """The benchmarks by their full names; empty for what is no such report."""
    try:
        told = json.loads(content)
        return {
            str(entry["fullname"]): Sample(float(entry["stats"]["median"]), float(entry["stats"]["iqr"]))
            for entry in told["benchmarks"]
            if math.isfinite(float(entry["stats"]["median"]))
        }
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}

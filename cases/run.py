"""`make real`: every real case through `setpoint run`, judged by the upstream project's own later tests."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from . import lab

SETPOINT = [sys.executable, "-m", "setpoint.cli"]
DECISIONS = 4
"""More approvals than a case can need; a run that still waits then is stuck."""
WAITS = 4


def carried(case: lab.Case, target: Path, say: bool) -> tuple[str, int]:
    """The run's id and last exit code, every decision answered with yes."""
    code = _setpoint(target, "run", str(lab.HERE / case.id / "ticket.md"), say=say)
    run = json.loads(_out(target, "list", "--json"))[0]["id"]
    for _ in range(DECISIONS):
        if code != WAITS:
            break
        code = _setpoint(target, "approve", run, "-m", "read", "--all-checked", "read and understood", say=say)
    return run, code


def merged(target: Path) -> str:
    """The forge's commit of main, brought into the checkout's own objects."""
    forge = target / ".setpoint" / "forge.git"
    subprocess.run(["git", "fetch", "-q", str(forge), "main"], cwd=target, check=True)
    done = subprocess.run(["git", "rev-parse", "FETCH_HEAD"], cwd=target, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def _setpoint(target: Path, *words: str, say: bool) -> int:
    out = None if say else subprocess.DEVNULL
    done = subprocess.run(
        [*SETPOINT, *words], cwd=target, stdin=subprocess.DEVNULL, stderr=out, stdout=out, check=False
    )
    return done.returncode


def _out(target: Path, *words: str) -> str:
    done = subprocess.run([*SETPOINT, *words], cwd=target, check=True, capture_output=True, text=True)
    return done.stdout


def judged(case: lab.Case, cache: Path, folder: Path, say: bool) -> bool:
    """Prepare, run to the merge, and judge the merged tree."""
    started = time.monotonic()
    target = folder / case.id
    lab.prepare(case, target, cache)
    run, code = carried(case, target, say)
    if code != 0:
        print(f"✗ {case.id}: run {run} ended with exit code {code}; `setpoint show {run}` in {target}")
        return False
    judgement = lab.verify(case, target, cache, revision=merged(target))
    mark = "✓" if judgement.resolved else "✗"
    print(
        f"{mark} {case.id}: {'resolved' if judgement.resolved else 'not resolved'}, {time.monotonic() - started:.0f} s"
    )
    return judgement.resolved


def main() -> int:
    """0 when every case is resolved."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("case", nargs="*", help="ids; all when none is given")
    parser.add_argument("--keep", help="folder the checkouts are left in", default="")
    parser.add_argument("--quiet", action="store_true")
    given = parser.parse_args()
    os.environ.setdefault("SETPOINT_ASK", "0")
    cases = [lab.case_named(name) for name in given.case] or list(lab.cases().values())
    with tempfile.TemporaryDirectory(prefix="setpoint-cases-") as temporary:
        folder = Path(given.keep or temporary)
        results = [judged(case, lab.cache_folder(), folder, not given.quiet) for case in cases]
    print(f"{sum(results)} of {len(results)} resolved")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())

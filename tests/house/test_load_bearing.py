"""Four parts carry the loop: routing, the validator, a correction with its history, a worktree of its own.

Each is taken out of a copy of the package, and a test that is named here must mind.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from sources import ROOT, SRC

pytestmark = pytest.mark.slow


class Removal(NamedTuple):
    """A part, taken out by one edit, and the test that minds."""

    file: str
    old: str
    new: str
    minded_by: str


CORRECTED = "tests/runs/test_correction.py::test_a_plan_sent_back_is_mended_by_the_same_session_with_all_objections"
REMOVALS = {
    "routing: every ticket takes the feature's way": Removal(
        "pipeline/choose.py",
        "    shape, because = by_shape(ticket.title, ticket.labels, body)\n",
        '    shape, because = Kind.FEATURE, "asks for one thing and reports no defect"\n',
        "tests/intake/test_choose.py::test_the_shape_chooses_the_route_and_says_why",
    ),
    "validator: every deliverable is accepted": Removal(
        "pipeline/validation.py",
        "    session = fresh_judge(",
        "    return ()\n    session = fresh_judge(",
        CORRECTED,
    ),
    "history: a correction knows the last round alone": Removal(
        "pipeline/rounds.py",
        "= objections_text(rounds, rounds[-1][0].given)",
        "= objections_text(rounds[-1:], rounds[-1][0].given)",
        CORRECTED,
    ),
    "history: a correction begins a new session": Removal(
        "pipeline/desk.py",
        "    fresh = ground.position.epoch if phase in BUILDS_ON_PLAN else 1\n",
        "    fresh = ground.position.attempt\n",
        CORRECTED,
    ),
    "isolation: all runs share one worktree": Removal(
        "adapters/worktree.py",
        'path = house.state / "worktrees" / run.id\n',
        'path = house.state / "worktrees" / "shared"\n',
        "tests/workspace/test_workspace_contract.py::TestWorktreesWithoutSandbox::test_two_runs_do_not_meet",
    ),
}


def run_on_copy(folder: Path, test: str) -> "subprocess.CompletedProcess[str]":
    """The test on the copy of the package in `folder`, in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", test],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(folder / "src"), "PYTEST_ADDOPTS": f"--basetemp={folder / 'inner'}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A folder with a copy of the package."""
    shutil.copytree(SRC, tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


@pytest.mark.parametrize("part", REMOVALS)
def test_a_part_that_is_taken_out_is_missed(part: str, copy: Path) -> None:
    removal = REMOVALS[part]
    file = copy / "src" / "setpoint" / removal.file
    text = file.read_text(encoding="utf-8")
    assert text.count(removal.old) == 1, f"{removal.file} no longer reads so: name the part anew"
    file.write_text(text.replace(removal.old, removal.new), encoding="utf-8")
    told = run_on_copy(copy, removal.minded_by)
    assert told.returncode == 1, told.stdout[-2000:] + told.stderr[-2000:]
    assert re.search(r"\b[1-9]\d* failed\b", told.stdout)
    assert not re.search(r"\b[1-9]\d* errors?\b", told.stdout), told.stdout[-2000:]


def test_on_a_whole_copy_the_same_test_is_content(copy: Path) -> None:
    told = run_on_copy(copy, CORRECTED)
    assert told.returncode == 0, told.stdout[-2000:] + told.stderr[-2000:]

"""The corpus of `setpoint review prove`: each planted defect is really there, and not in the honest change."""

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from setpoint.model.review import REVIEW_CHECKS
from setpoint.model.ticket import Kind
from setpoint.pipeline.intake import read_ticket, require_concrete
from setpoint.service.seeds import Seed, seeds

SUITES = {
    "python": ("python", "-m", "unittest", "-q"),
    "sql": ("python", "-m", "unittest", "-q"),
    "javascript": ("node", "--test"),
    "shell": ("sh", "tests/archive.sh"),
}


def laid(folder: Path, seed: Seed, *, planted: bool) -> Path:
    for path, text in {**seed.base, **seed.change(planted=planted), **seed.demonstration}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return folder


def run(folder: Path, *argv: str) -> "subprocess.CompletedProcess[str]":
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(argv, cwd=folder, env=env, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("seed", seeds(), ids=lambda seed: seed.name)
def test_a_planted_defect_is_there_and_the_honest_change_has_it_not(seed: Seed, tmp_path: Path) -> None:
    honest, planted = (laid(tmp_path / str(bad), seed, planted=bad) for bad in (False, True))
    told = run(honest, *shlex.split(seed.show))
    assert told.returncode == 0, told.stdout + told.stderr
    assert run(planted, *shlex.split(seed.show)).returncode == 1
    for place in (honest, planted):
        told = run(place, *SUITES[seed.language])
        assert told.returncode == 0, "the change's own tests do not see it" + told.stdout + told.stderr


@pytest.mark.parametrize("seed", seeds(), ids=lambda seed: seed.name)
def test_a_seed_is_a_ticket_with_a_change(seed: Seed) -> None:
    require_concrete(read_ticket(f"# {seed.title}\n\n{seed.ticket}", name=seed.name, kind=Kind.HOTFIX))
    assert set(seed.where) <= set(seed.honest)
    assert seed.change(planted=True) != seed.honest
    assert re.compile(seed.tells)
    hints = " ".join(seed.change(planted=True).values()).casefold()
    assert not re.search(r"bug|defect|planted|todo|fixme", hints), "nothing in the change gives it away"


def test_every_check_has_a_defect_and_several_languages_take_part() -> None:
    assert {seed.check for seed in seeds()} == set(REVIEW_CHECKS)
    assert len({seed.language for seed in seeds()}) >= 3

"""The undisturbed run that every other one is compared with."""

import asyncio
import shutil
from pathlib import Path
from typing import Any

import ending
import lives
import pytest
import small
from undisturbed import Made, Undisturbed


@pytest.fixture(scope="session")
def untried(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small repository, as it is before a run, and nothing was ever judged there."""
    return small.lay_out(tmp_path_factory.mktemp("small") / "repository")


@pytest.fixture(scope="session")
def untried_run(untried: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[lives.Place, Undisturbed]:
    """How the run ends there when nobody disturbs it."""
    return whole_run(untried, tmp_path_factory.mktemp("untried") / "repository")


@pytest.fixture(scope="session")
def template(
    untried: Path, untried_run: tuple[lives.Place, Undisturbed], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The small repository before a run, with what gates said of its trees: nothing runs twice on one tree."""
    known = lives.renewed(lives.Place(tmp_path_factory.mktemp("known") / "repository"), untried)
    evidence = Path(".setpoint", "evidence")
    shutil.copytree(untried_run[0].folder / evidence, known.folder / evidence)
    return known.folder


@pytest.fixture
def place(template: Path, tmp_path: Path) -> lives.Place:
    """A repository of one's own, with its database in a file."""
    return lives.renewed(lives.Place(tmp_path / "repository"), template)


@pytest.fixture
def made(tmp_path: Path) -> Made:
    """Makes a repository with settings or a recording of its own."""

    def make(**different: Any) -> lives.Place:
        small.lay_out(tmp_path / "repository", **different)
        return lives.Place(tmp_path / "repository")

    return make


@pytest.fixture(scope="session")
def undisturbed(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """How the run ends when nobody disturbs it."""
    return whole_run(template, tmp_path_factory.mktemp("undisturbed") / "repository")[1]


def whole_run(template: Path, folder: Path) -> tuple[lives.Place, Undisturbed]:
    """A whole run in a copy of `template`."""
    where = lives.renewed(lives.Place(folder), template)
    asyncio.run(lives.lives(where, *lives.WHOLE))
    return where, Undisturbed(asyncio.run(ending.ending(where)), lives.parts(lives.told(where)))

"""The undisturbed run that every other one is compared with."""

from pathlib import Path
from typing import Any

import ending
import lives
import pytest
import small
from undisturbed import Made, Undisturbed


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small repository, as it is before a run."""
    return small.lay_out(tmp_path_factory.mktemp("small") / "repository")


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
    import asyncio

    where = lives.renewed(lives.Place(tmp_path_factory.mktemp("undisturbed") / "repository"), template)
    asyncio.run(lives.lives(where, *lives.WHOLE))
    return Undisturbed(asyncio.run(ending.ending(where)), lives.parts(lives.told(where)))

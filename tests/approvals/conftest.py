"""A change right before its merge, brought there once; each test begins with its own copy of the state."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from setpoint.forging.stage import Stage, Stages

At = Callable[..., Stage]


@pytest.fixture(scope="session")
def stages(tmp_path_factory: pytest.TempPathFactory) -> Stages:
    """The repository, its forge and the run."""
    made = Stages(tmp_path_factory.mktemp("forging") / "place")
    asyncio.run(made.prepare())
    return made


@pytest.fixture
def at(stages: Stages) -> Iterator[At]:
    """A fresh copy of the run, `waiting` for a person or `merging`; the files are put back afterwards."""
    opened: list[Stage] = []

    def made(point: str, later: timedelta = timedelta()) -> Stage:
        opened.append(stages.at(point, later))
        return opened[-1]

    yield made
    for stage in opened:
        stage.store.close()
    asyncio.run(stages.put_back())

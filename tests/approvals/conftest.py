"""A change right before its merge, brought there once; each test begins with its own copy of the state."""

import asyncio
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import chdir
from datetime import timedelta
from pathlib import Path

import pytest
from approving import Place, Run, Said, environment

from setpoint.cli.main import run as command_line
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


@pytest.fixture
def place(stages: Stages, at: At) -> Iterator[Place]:
    """The repository with the run's state in it, as a person finds it."""
    database = None

    def made(point: str) -> Path:
        nonlocal database
        stage = at(point)
        stage.store.close()
        database = stage.root / ".setpoint" / "setpoint.db"
        shutil.copy2(str(stage.store.database.url.database), database)
        return stage.root

    yield made
    for path in database.parent.glob("setpoint.db*") if database else ():
        path.unlink()


@pytest.fixture
def setpoint(capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """The command line off a terminal, in this process: only the folder and the person's configuration are another."""

    def run(root: Path, *words: str, folder: Path | None = None) -> Said:
        os.environ["XDG_CONFIG_HOME"] = environment(root)["XDG_CONFIG_HOME"]
        capsys.readouterr()
        with chdir(folder or root):
            code = command_line(list(words))
        return Said(code, *capsys.readouterr())

    ours = os.environ["XDG_CONFIG_HOME"]
    yield run
    os.environ["XDG_CONFIG_HOME"] = ours

"""A run that an older setpoint left behind, queued or waiting for a person, goes on after the upgrade."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
import story
from playing import Play, Playing, cli

from setpoint.adapters.revision import REVISIONS, STAMP
from setpoint.adapters.schema import metadata
from setpoint.app import House
from setpoint.model.run import State
from setpoint.testing.postgres import PostgresServer

pytestmark = pytest.mark.slow
FIRST = Path(__file__).parents[1] / "store" / "revisions" / "0001.sqlite.sql"
MADE = set(re.findall(r"CREATE TABLE (\w+)", FIRST.read_text(encoding="utf-8")))
SINCE = set(metadata.tables) - MADE
"""Tables that the first revision did not have."""


def put_back(stage: Playing, url: str) -> None:
    """The state as the first setpoint would have left it."""
    statements = [*(f"DROP TABLE {table}" for table in sorted(SINCE)), f"UPDATE {STAMP} SET version_num = '0001'"]
    if url:
        with psycopg.connect(url) as server:
            for statement in statements:
                server.execute(statement.encode())
        return
    with closing(sqlite3.connect(stage.folder / ".setpoint" / "setpoint.db")) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()
        there = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert there >= MADE
    assert not there & SINCE


async def again(stage: Playing) -> None:
    """The upgraded program, in a process that knows nothing of the one before."""
    stage.house = await House.open(stage.folder)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_runs_go_on_where_an_older_setpoint_left_them(
    play: Play, kind: str, request: pytest.FixtureRequest
) -> None:
    url = ""
    if kind == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        url = server.database()
    async with play(story.hotfix(), config=f'database_url = "{url}"\n') as stage:
        started = await stage.house.submit(story.HOTFIX_TICKET, name="ticket", kind=None, detach=True)
        assert started.run.position.state is State.RUNNING
        await stage.house.close()
        put_back(stage, url)

        await again(stage)
        run = await stage.on(stage.house.store.run(started.run.id))
        assert (run.position.stage, run.position.state) == ("change", State.WAITING)
        await stage.house.close()
        put_back(stage, url)

        await again(stage)
        run = await stage.approve(stage.house.store.run(run.id))
        assert (run.position.state, stage.code(run)) == (State.DONE, 0)
        if not url:
            assert (stage.folder / ".setpoint" / "backups" / "setpoint-0001.db").is_file()


async def test_a_newer_state_is_refused_with_the_way_out_and_left_as_it_is(play: Play) -> None:
    async with play(story.hotfix()) as stage:
        run = await stage.run()
        await stage.house.close()
        file = stage.folder / ".setpoint" / "setpoint.db"
        with closing(sqlite3.connect(file)) as connection:
            connection.execute(f"UPDATE {STAMP} SET version_num = '9999'")  # a name of ours
            connection.commit()
        for words in (["list"], ["show", run.id], ["approve", run.id], ["lessons"]):
            done = cli(stage.folder, *words)
            assert done.returncode == 2
            assert "written by a newer setpoint" in done.stderr
            assert f"this setpoint knows up to {REVISIONS[-1]}" in done.stderr
            assert "upgrade setpoint" in done.stderr
        with closing(sqlite3.connect(file)) as connection:
            assert connection.execute("SELECT state FROM runs").fetchall() == [("waiting",)]
        await again(stage)

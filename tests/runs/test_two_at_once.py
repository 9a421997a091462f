"""One ticket started twice in the same moment, by two processes: one run, whatever the database."""

import asyncio
import subprocess
from pathlib import Path

import pytest
import sqlalchemy as sa
import story
from playing import cli, settings

from setpoint.adapters.store import SqlStore
from setpoint.engine.database import reading
from setpoint.engine.jobs import Jobs
from setpoint.service.starting import STARTING
from setpoint.testing.processes import until
from setpoint.testing.projects import commit_all, python_project, write_files

pytestmark = pytest.mark.slow

WAITING = sa.text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")


@pytest.fixture
def shop(tmp_path: Path, ready_url: str) -> Path:
    folder = python_project(tmp_path / "shop")
    config = settings("http://127.0.0.1:1", f'database_url = "{ready_url}"\n')
    write_files(folder, {"ticket.md": story.HOTFIX_TICKET, "setpoint.toml": config})
    commit_all(folder, "setpoint init")
    return folder


async def start_at_once(folder: Path, tickets: list[str]) -> list["asyncio.Task[subprocess.CompletedProcess[str]]"]:
    return [asyncio.create_task(asyncio.to_thread(cli, folder, "run", "--detach", name)) for name in tickets]


def at_the_door(store: SqlStore) -> int:
    with reading(store.database) as connection:
        return int(connection.execute(WAITING).scalar() or 0)


async def test_the_second_of_two_is_refused(shop: Path, ready_url: str) -> None:
    Jobs(ready_url).close()
    store = SqlStore(ready_url)
    server = store.database.dialect.name == "postgresql"
    if server:
        with store.transaction() as held:
            # Both have looked and found nobody: they stand before the last look, which only one may take at a time.
            held.alone(STARTING)
            started = await start_at_once(shop, ["ticket.md", "ticket.md"])
            await until(lambda: at_the_door(store) == 2, 60.0)
    else:
        started = await start_at_once(shop, ["ticket.md", "ticket.md"])
    won, lost = sorted(await asyncio.gather(*started), key=lambda done: done.returncode)
    (run,) = store.runs()
    assert (won.returncode, won.stdout.strip()) == (0, run.id), won.stderr
    assert (lost.returncode, lost.stdout) == (2, "")
    assert f"ticket {run.ticket.id} already has a run: {run.id}" in lost.stderr
    store.close()


async def test_two_tickets_in_the_same_moment_are_two_runs(shop: Path, ready_url: str) -> None:
    write_files(shop, {"other.md": story.FEATURE_TICKET})
    done = await asyncio.gather(*await start_at_once(shop, ["ticket.md", "other.md"]))
    assert [each.returncode for each in done] == [0, 0], "".join(each.stderr for each in done)
    store = SqlStore(ready_url)
    assert {run.id for run in store.runs()} == {each.stdout.strip() for each in done}
    store.close()

"""The state of an older setpoint: copied, migrated, and all or nothing, on SQLite and on PostgreSQL."""

import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from setpoint.adapters import schema
from setpoint.adapters.revision import REVISIONS, STAMP
from setpoint.adapters.store import SqlStore
from setpoint.engine.database import open_database, reading
from setpoint.errors import ConfigError, SetpointError
from setpoint.model.session import Said, SessionId
from setpoint.policy.approvals import Voices, forgeries
from setpoint.service.lessons import harvest
from setpoint.testing.postgres import PostgresServer
from setpoint.testing.stores import sample_run

HERE = Path(__file__).parent
OLDER = REVISIONS[:-1]
CHANGES = 10
"""Statements of the migrations from the first revision on that change tables, the copy left out: any may be the last
one of a process."""


def made(url: str, revision: str) -> str:
    """A database as the setpoint of `revision` left it: its own statements, and a run under way."""
    kind = "sqlite" if url.startswith("sqlite") else "postgresql"
    statements = (HERE / "revisions" / f"{revision}.{kind}.sql").read_text(encoding="utf-8")
    if kind == "sqlite":
        path = Path(url.removeprefix("sqlite:///"))
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript(statements)
    else:
        with psycopg.connect(url) as server:
            server.execute(statements.encode())
    return url


def stamped(url: str) -> str:
    database = open_database(url)
    with reading(database) as connection:
        found = schema.stamp_of(connection)
    database.dispose()
    return found


@pytest.mark.parametrize("revision", OLDER)
def test_a_run_of_an_older_setpoint_is_all_there_after_the_upgrade(database_url: str, revision: str) -> None:
    store = SqlStore(made(database_url, revision))
    run = store.run("3c91")
    assert run == sample_run().model_copy(update={"created": run.created, "updated": run.updated})
    assert [event.kind for event in store.events(run.id)] == ["created", "round", "prompt"]
    assert [round_.error for round_, _ in store.rounds(run.id, 1)] == [4.0]
    (said,) = store.session(SessionId(run=run.id, phase="planning"))[0].parts
    assert said == Said(text="Plan it.")
    with store.transaction() as transaction:
        assert transaction.move(run, run.position.model_copy(update={"stage": "tech_spec"})) is not None
    assert harvest(store, run) == 1, "what it went through before the upgrade teaches too"
    assert stamped(database_url) == REVISIONS[-1]
    store.close()


@pytest.mark.parametrize("revision", OLDER)
def test_an_upgraded_database_has_the_tables_of_a_new_one(database_url: str, revision: str) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    SqlStore(made(database_url, revision)).close()
    database = open_database(database_url)
    with database.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": STAMP, "compare_type": True, "target_metadata": schema.metadata}
        )
        assert compare_metadata(context, schema.metadata) == []
    database.dispose()


def test_a_yes_from_before_answers_were_signed_is_kept_and_counts_for_nothing_that_is_still_to_come(
    sqlite_url: str,
) -> None:
    store = SqlStore(made(sqlite_url, "0002"))
    (given,) = store.approvals("3c91aa", 1)
    (fault,) = forgeries(given, Voices(own="ed25519:anything"))
    assert (given.by, given.version) == ("Ada", 0)
    assert (fault.code, fault.what) == ("unsigned", "it was given before approvals were signed")
    assert store.uses("3c91aa") == []
    store.close()


def test_the_file_is_copied_before_it_is_migrated_and_one_can_go_back_to_the_copy(sqlite_url: str) -> None:
    SqlStore(made(sqlite_url, "0001")).close()
    copy = Path(sqlite_url.removeprefix("sqlite:///")).parent / "backups" / "setpoint-0001.db"
    assert stamped(f"sqlite:///{copy}") == "0001"
    assert SqlStore(f"sqlite:///{copy}").run("3c91aa").ticket.id == "signup"


def test_rows_on_a_server_are_copied_into_a_schema_of_their_own(postgres_server: PostgresServer) -> None:
    url = made(postgres_server.database(), "0001")
    SqlStore(url).close()
    with psycopg.connect(url) as server:
        ((name,),) = server.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'setpoint_0001_%'").fetchall()
        assert server.execute(f'SELECT id FROM "{name}".runs'.encode()).fetchall() == [("3c91aa",)]
        assert server.execute(f'SELECT count(*) FROM "{name}".events'.encode()).fetchall() == [(3,)]


def test_who_cannot_copy_does_not_migrate(sqlite_url: str, postgres_server: PostgresServer) -> None:
    path = Path(made(sqlite_url, "0001").removeprefix("sqlite:///"))
    (path.parent / "backups").write_text("a file is in the way")
    with pytest.raises(SetpointError, match="so it was not migrated"):
        SqlStore(sqlite_url)
    assert stamped(sqlite_url) == "0001"

    url = made(postgres_server.database(), "0001")
    with psycopg.connect(url, autocommit=True) as server:
        server.execute("CREATE ROLE poor LOGIN")
        server.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO poor")
    with pytest.raises(ConfigError, match="so it was not migrated"):
        SqlStore(url.replace("postgres@", "poor@"))
    assert stamped(url) == "0001"


@pytest.mark.parametrize("statement", range(1, CHANGES + 1))
def test_a_migration_that_is_killed_leaves_the_state_as_it_was_and_the_next_one_finishes(
    database_url: str, statement: int
) -> None:
    made(database_url, "0001")
    # On a server the copy's statements come first: a schema, and a table each.
    before = 0 if database_url.startswith("sqlite") else 1 + len(_tables(database_url))
    script = [sys.executable, str(HERE / "upgrading.py"), database_url, str(before + statement)]
    assert subprocess.run(script, check=False, timeout=60).returncode == -signal.SIGKILL
    assert stamped(database_url) == "0001"
    assert "lessons" not in _tables(database_url)
    store = SqlStore(database_url)
    assert store.run("3c91aa").position.serial == 0
    assert harvest(store, store.run("3c91aa")) == 1
    store.close()


def _tables(url: str) -> list[str]:
    database = open_database(url)
    with reading(database) as connection:
        found = [name for name in sa.inspect(connection).get_table_names() if name in schema.metadata.tables]
    database.dispose()
    return found


def test_several_that_upgrade_at_once_all_find_it_done_once(database_url: str) -> None:
    made(database_url, "0001")
    with ThreadPoolExecutor(4) as pool:
        stores = list(pool.map(SqlStore, [database_url] * 4))
    assert {store.run("3c91aa").id for store in stores} == {"3c91aa"}
    for store in stores:
        store.close()
    if not database_url.startswith("sqlite"):
        with psycopg.connect(database_url) as server:
            assert server.execute(
                "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'setpoint_0001_%'"
            ).fetchone() == (1,)

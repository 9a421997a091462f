"""How a database is opened and described."""

import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa

from setpoint.engine.database import describe, file_system, open_database, reading, translated, writing
from setpoint.engine.jobs import Jobs
from setpoint.errors import DiskFullError
from setpoint.testing.postgres import PostgresServer


def test_a_file_is_opened_with_a_write_ahead_log_and_a_sync_for_every_commit(sqlite_url: str) -> None:
    database = open_database(sqlite_url)
    with writing(database) as connection:
        for pragma, expected in {"journal_mode": "wal", "synchronous": 2, "busy_timeout": 30_000}.items():
            assert connection.execute(sa.text(f"PRAGMA {pragma}")).scalar() == expected
    database.dispose()


def test_who_reads_sees_one_moment_and_holds_up_nobody(sqlite_url: str) -> None:
    database = open_database(sqlite_url)
    with writing(database) as connection:
        connection.execute(sa.text("CREATE TABLE t (n INTEGER)"))
    count = sa.text("SELECT count(*) FROM t")
    with reading(database) as reader:
        assert reader.execute(count).scalar() == 0
        with writing(database) as writer:
            writer.execute(sa.text("INSERT INTO t VALUES (1)"))
        assert reader.execute(count).scalar() == 0
    with reading(database) as reader:
        assert reader.execute(count).scalar() == 1
    database.dispose()


def test_doctor_hears_what_the_database_is(sqlite_url: str, postgres_server: PostgresServer) -> None:
    assert describe(sqlite_url)["journal"] == "not made yet"
    Jobs(sqlite_url).close()
    found = describe(sqlite_url)
    assert (found["kind"], found["version"], found["journal"]) == ("sqlite", sqlite3.sqlite_version, "wal")
    assert describe(postgres_server.database())["kind"] == "postgresql"


def test_doctor_hears_of_a_journal_that_is_not_a_write_ahead_log(tmp_path: Path) -> None:
    file = tmp_path / "old.db"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE t (n)")
    ((what, fix),) = [said for said in describe(f"sqlite:///{file}")["problems"] if "journal" in said[0]]
    assert "delete" in what
    assert fix


def test_the_file_system_of_a_folder_is_known_or_unsaid(tmp_path: Path) -> None:
    assert file_system(tmp_path / "x.db") == file_system(tmp_path / "y.db")
    assert file_system(Path("/proc/1/x")) in ("proc", "")


def test_no_room_left_is_told_wherever_it_shows() -> None:
    with pytest.raises(DiskFullError), translated():
        raise OSError(28, "No space left on device")
    with pytest.raises(IsADirectoryError), translated():
        raise IsADirectoryError(21, "something else")

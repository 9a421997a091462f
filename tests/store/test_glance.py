"""A look at the runs says what the store says, writes nothing, and leaves to the store what is not as usual."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from setpoint.adapters.glance import Glance
from setpoint.adapters.revision import STAMP
from setpoint.adapters.store import SqlStore
from setpoint.errors import SetpointError, UsageError
from setpoint.model.run import State
from setpoint.testing.stores import sample_run


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "setpoint.db"


def filled(path: Path) -> SqlStore:
    store = SqlStore(f"sqlite:///{path}")
    with store.transaction() as transaction:
        for state in State:
            transaction.create(sample_run(f"3c-{state}", state=state))
            transaction.event(f"3c-{state}", "seen", "planning", {"é": [1, None]})
        transaction.event("3c-running", "seen", "tests", {})
    return store


def looking(path: Path) -> Glance:
    found = Glance.at(path)
    assert found is not None
    return found


def test_it_says_what_the_store_says(path: Path) -> None:
    store, glance = filled(path), looking(path)
    assert glance.runs() == store.runs()
    assert {run.id for run in glance.runs(active=True)} == {run.id for run in store.runs(active=True)}
    for prefix in ("3c-running", "3c-pau"):
        assert glance.run(prefix) == store.run(prefix)
    assert glance.events("3c-running") == store.events("3c-running")
    first = store.events("3c-running")[0].seq
    assert glance.events("3c-running", first) == store.events("3c-running", first)
    assert glance.events("3c-running", limit=1) == store.events("3c-running", limit=1)
    for wrong in ("3c", "9", "", "%"):
        with pytest.raises(UsageError) as told:
            glance.run(wrong)
        with pytest.raises(UsageError) as same:
            store.run(wrong)
        assert str(told.value) == str(same.value)
    glance.close()
    store.close()


def test_it_sees_what_is_written_meanwhile(path: Path) -> None:
    store, glance = filled(path), looking(path)
    before = len(glance.runs())
    with store.transaction() as transaction:
        transaction.create(sample_run("77"))
        assert len(glance.runs()) == before
    assert len(glance.runs()) == before + 1
    glance.close()
    store.close()


def test_where_there_is_no_database_there_are_no_runs_and_none_is_made(path: Path) -> None:
    glance = looking(path)
    assert (glance.runs(), glance.events("3c"), path.exists()) == ([], [], False)
    with pytest.raises(UsageError, match="no run starts with `3c`"):
        glance.run("3c")


def test_what_is_not_as_usual_is_left_to_the_store(path: Path) -> None:
    store = filled(path)
    with store.transaction() as transaction:
        transaction.connection.execute(sa.text(f"UPDATE {STAMP} SET version_num = '9999'"))
    store.close()
    assert Glance.at(path) is None
    path.with_name("setpoint.db-wal").unlink(missing_ok=True)
    path.write_bytes(b"not a database" * 100)
    assert Glance.at(path) is None
    assert Glance.at(path / "below") is None


def test_damage_found_on_the_way_is_told(path: Path) -> None:
    store = filled(path)
    glance = looking(path)
    with store.database.begin() as connection:
        connection.execute(sa.text("DROP TABLE events"))
    with pytest.raises(SetpointError, match="cannot be read"):
        glance.events("3c-running")
    glance.close()
    store.close()

"""The SQL store on SQLite and on PostgreSQL."""

import json
import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from setpoint.adapters import schema
from setpoint.adapters.revision import REVISIONS, STAMP
from setpoint.adapters.store import SqlStore
from setpoint.engine.database import open_database, setting_up
from setpoint.errors import ConfigError, DiskFullError, LostLeaseError, ParkedError, SetpointError, TransientError
from setpoint.loop.money import Admission, admission
from setpoint.model.money import Cap, Scope, Spent
from setpoint.model.run import Round
from setpoint.model.session import Message, Opaque, Said, SessionId
from setpoint.ports import Store
from setpoint.testing.stores import (
    NOON,
    StoreContract,
    sample_charge,
    sample_objection,
    sample_result,
    sample_run,
)


@pytest.fixture
def sql_store(ready_url: str) -> Iterator[SqlStore]:
    store = SqlStore(ready_url)
    yield store
    store.close()


class TestSqlStore(StoreContract):
    """The contract."""

    @pytest.fixture
    def store(self, sql_store: SqlStore) -> Store:
        return sql_store


def test_secrets_are_taken_out_before_anything_is_written(database_url: str) -> None:
    def redact(value: Any) -> Any:
        return json.loads(json.dumps(value).replace("hunter2", "[secret]"))

    store = SqlStore(database_url, redact=redact)
    session = SessionId(run="one", phase="planning")
    said = Message(role="user", parts=(Said(text="it is hunter2"),))
    assert store.say(session, [said], [("command", {"env": "hunter2"})]) == store.session(session)
    assert "hunter2" not in str(store.session(session)) + str(store.events("one"))
    named = Opaque(provider="hunter2", data={"signature": "sealed"})
    said = Message(role="assistant", parts=(named, Opaque(provider="hunter2", data={"thought": "hunter2"})))
    assert (
        store.say(session, [said], []) == (said.model_copy(update={"parts": (named,)}),) == store.session(session)[1:]
    )
    assert "[secret]" in str(store.events("one"))
    result = sample_result().model_copy(update={"tail": "said hunter2", "reason": "hunter2"})
    objection = sample_objection().model_copy(update={"evidence": "printed hunter2", "cause": "hunter2"})
    round_ = Round(stage="review", attempt=1, error=1.0)
    with store.transaction() as transaction:
        transaction.create(sample_run("one"))
        transaction.result("one", "ci", result)
        transaction.round("one", 1, 1, round_, [objection])
    assert "hunter2" not in str(store.results("one")) + str(store.rounds("one", 1))
    assert store.rounds("one", 1)[0][1][0].fingerprint == objection.fingerprint, "it is known again"
    store.close()


def test_a_process_behind_its_fence_writes_nothing(database_url: str) -> None:
    def fence(_connection: sa.Connection) -> None:
        raise LostLeaseError("lost")

    SqlStore(database_url).close()
    store = SqlStore(database_url, fence=fence)
    session = SessionId(run="one", phase="planning")
    for write in (
        lambda: store.say(session, [], [("seen", {})]),
        lambda: store.put_blob(b"x"),
        lambda: store.transaction().__enter__(),
    ):
        with pytest.raises(LostLeaseError):
            write()
    assert store.events("one") == []
    store.close()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 2), st.booleans()), min_size=1, max_size=12), st.integers(0, 10**9))
def test_each_serial_is_won_once_in_any_interleaving(
    sql_store: SqlStore, steps: list[tuple[int, bool]], number: int
) -> None:
    """Three actors, each moving from where it last saw the run: one winner a serial, nothing lost, nothing twice."""
    run_id = f"{number}-{os.urandom(4).hex()}"
    with sql_store.transaction() as transaction:
        transaction.create(sample_run(run_id))
    seen = [sql_store.run(run_id)] * 3
    won: list[int] = []
    for actor, looks in steps:
        if looks:
            seen[actor] = sql_store.run(run_id)
        with sql_store.transaction() as transaction:
            moved = transaction.move(seen[actor], seen[actor].position.model_copy(update={"stage": f"by {actor}"}))
        assert (moved is not None) == (seen[actor].position.serial == len(won))
        if moved is not None:
            won.append(moved.position.serial)
            seen[actor] = moved
    assert won == list(range(1, len(won) + 1))
    assert sql_store.run(run_id).position.serial == len(won)
    assert [event.data["to"]["serial"] for event in sql_store.events(run_id)] == won


def test_of_threads_that_move_at_once_one_wins(sql_store: SqlStore) -> None:
    run = sample_run()
    with sql_store.transaction() as transaction:
        transaction.create(run)

    def move(actor: int) -> bool:
        with sql_store.transaction() as transaction:
            to = run.position.model_copy(update={"stage": f"by {actor}"})
            return transaction.move(run, to) is not None

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(move, range(8)))
    assert won.count(True) == 1
    assert sql_store.run(run.id).position.stage == f"by {won.index(True)}"


def _open_at_once(url: str, barrier: Any, outcome: Any) -> None:
    barrier.wait()
    try:
        store = SqlStore(url)
        store.say(SessionId(run="one", phase="p"), [], [("here", {"pid": os.getpid()})])
        store.close()
        outcome.put("ok")
    except SetpointError as error:
        outcome.put(str(error))


def test_processes_that_start_at_once_on_an_empty_database_all_work(database_url: str) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["setpoint.adapters.store", "setpoint.engine.worker"])
    barrier, outcome = context.Barrier(5), context.Queue()
    processes = [context.Process(target=_open_at_once, args=(database_url, barrier, outcome)) for _ in range(5)]
    for process in processes:
        process.start()
    assert [outcome.get(timeout=60) for _ in processes] == ["ok"] * 5
    for process in processes:
        process.join()
    assert len(SqlStore(database_url).events("one")) == 5


# -- schema -----------------------------------------------------------------------------------------------------------


def test_migrations_end_at_the_tables_the_code_uses(database_url: str) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    database = open_database(database_url)
    with setting_up(database) as connection:
        schema.migrate(connection)
    with database.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": STAMP, "compare_type": True, "target_metadata": schema.metadata}
        )
        assert compare_metadata(context, schema.metadata) == []
        assert context.get_current_revision() == REVISIONS[-1]
    database.dispose()


def test_a_migrated_database_and_a_new_one_hold_the_same(database_url: str) -> None:
    database = open_database(database_url)
    with setting_up(database) as connection:
        schema.migrate(connection)
    database.dispose()
    store = SqlStore(database_url)
    with store.transaction() as transaction:
        transaction.create(sample_run())
        transaction.event("3c91aa", "seen", "", {})
        transaction.remember("3c91aa", "k", {})
    assert store.run("3c91aa") == sample_run()
    store.close()


def test_money_that_was_spent_before_there_was_a_ledger_is_in_it(database_url: str) -> None:
    database = open_database(database_url)
    with setting_up(database) as connection:
        schema.migrate(connection, "0001")
        record = sample_run().model_dump_json(exclude={"cost"})
        row = {"id": "3c91aa", "state": "parked", "stage": "tests", "serial": 1, "record": record, "cost": "{}"}
        columns = sa.table("runs", *map(sa.column, (*row, "created", "updated")))
        connection.execute(columns.insert().values(**row, created="2026-01-02", updated="2026-01-02"))
        events = sa.table("events", *map(sa.column, ("run", "at", "kind", "stage", "data")))
        for kind, usd in (("model", 0.25), ("tool", 9.0), ("model", 0.5), ("model", None)):
            told = json.dumps({"usd": usd, "model": "a/b", "session": "3c91aa:c1:tests:producer:1"})
            at = "2026-01-02T12:00:00.000000+00:00"
            connection.execute(events.insert().values(run="3c91aa", at=at, kind=kind, stage="tests", data=told))
    database.dispose()
    store = SqlStore(database_url)
    place = sample_run().repository
    for scope in (Scope(run="3c91aa", phase="tests"), Scope(repository=place, day="2026-01-02")):
        assert store.spent(scope, NOON) == Spent(settled=0.75)
    store.close()


def test_what_waits_for_no_disk_is_there_for_every_other_process(database_url: str) -> None:
    store, other = SqlStore(database_url), SqlStore(database_url)
    for number in range(3):  # the same connection, by turns late and not
        with store.transaction(late=number != 1) as tx:
            tx.remember("one", "k", {"number": number})
        assert other.recall("one", "k") == {"number": number}
    if store.database.dialect.name == "sqlite":
        with store.transaction() as tx:
            assert tx.connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2, "full again"
    store.close()
    other.close()


def test_processes_that_hold_at_once_never_hold_more_than_is_left(database_url: str) -> None:
    """Threads with connections of their own reserve under one cap until nobody may."""
    cap = Cap(name="day", usd=1.0, scope=Scope(repository="/somewhere"))
    store = SqlStore(database_url)

    def work(number: int) -> int:
        went = 0
        for _ in range(12):
            with store.transaction(late=True) as tx:
                tx.alone("money")
                if admission(cap, tx.spent(cap.scope, NOON), 0.09) is not Admission.GO:
                    continue
                tx.hold(sample_charge(f"{number}", 0.09))
                went += 1
        return went

    with ThreadPoolExecutor(4) as pool:
        went = sum(pool.map(work, range(4)))
    assert went == 11
    assert store.spent(cap.scope, NOON).held == pytest.approx(0.99)
    store.close()


def test_every_known_revision_has_its_migration_in_order() -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))
    scripts = ScriptDirectory.from_config(config).walk_revisions()
    assert tuple(script.revision for script in scripts)[::-1] == REVISIONS


def test_a_database_of_a_newer_setpoint_is_refused(database_url: str) -> None:
    store = SqlStore(database_url)
    with store.transaction() as transaction:
        transaction.connection.execute(sa.text(f"UPDATE {STAMP} SET version_num = '9999'"))
    store.close()
    with pytest.raises(ConfigError, match="newer setpoint"):
        SqlStore(database_url)


# -- trouble ----------------------------------------------------------------------------------------------------------


def test_a_full_disk_parks_and_loses_nothing(sqlite_url: str) -> None:
    store = SqlStore(sqlite_url)
    run = sample_run()
    with store.transaction() as transaction:
        transaction.create(run)
    store.close()

    def full(connection: Any, _record: Any) -> None:
        connection.execute(f"PRAGMA max_page_count={connection.execute('PRAGMA page_count').fetchone()[0]}")

    sa.event.listen(store.database, "connect", full)
    with pytest.raises(DiskFullError):
        store.put_blob(os.urandom(1_000_000))
    assert store.run(run.id) == run
    store.close()


def test_a_database_that_stays_locked_may_be_tried_again(sqlite_url: str) -> None:
    store = SqlStore(sqlite_url)
    sa.event.listen(store.database, "checkout", lambda c, *_: c.execute("PRAGMA busy_timeout=10"))
    other = open_database(sqlite_url)
    with other.begin() as holder:
        holder.execute(sa.text("SELECT 1"))
        with pytest.raises(TransientError):
            store.put_blob(b"x")
        assert store.runs() == [], "readers are not held up"
    store.put_blob(b"x")
    other.dispose()
    store.close()


def test_a_file_that_is_no_database_is_said_to_be_damaged(sqlite_url: str, tmp_path: Any) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "setpoint.db").write_bytes(b"this is not a database, it only looks like a file\n" * 100)
    with pytest.raises(SetpointError, match="damaged"):
        SqlStore(sqlite_url)


def test_a_server_that_goes_away_may_be_tried_again(postgres_server: Any) -> None:
    url = postgres_server.database()
    store = SqlStore(url)
    store.put_blob(b"before")
    postgres_server.kill()
    with pytest.raises((TransientError, ParkedError)):
        store.put_blob(b"meanwhile")
    postgres_server.restart()
    digest = store.put_blob(b"after")
    assert store.blob(digest) == b"after"
    store.close()


@pytest.mark.parametrize("url", ["mysql://host/db", "no url at all", "sqlite://", "sqlite:///:memory:"])
def test_a_database_we_cannot_use_is_a_configuration_error(url: str) -> None:
    with pytest.raises(ConfigError):
        SqlStore(url)

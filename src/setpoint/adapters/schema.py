"""The store's tables, and how a database is brought to them. The engine's tables are its own."""

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from ..engine.database import setting_up
from ..errors import ConfigError
from .backup import keep_before
from .revision import REVISIONS, STAMP

MIGRATIONS = Path(__file__).with_name("migrations")

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")  # only INTEGER counts up by itself in SQLite


def _identity(name: str = "id") -> sa.Column[int]:
    return sa.Column(name, _Id, primary_key=True, autoincrement=True)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, nullable=False)


runs = sa.Table(
    "runs",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    _text("state"),
    _text("stage"),
    _number("serial"),
    _text("record"),
    _text("cost"),  # beside the record: every step of a session adds to it
    _text("created"),
    _text("updated"),
    sa.Index("ix_runs_state", "state"),
)

events = sa.Table(
    "events",
    metadata,
    _identity("seq"),
    _text("run"),
    _text("at"),
    _text("kind"),
    _text("stage"),
    _text("data"),
    sa.Index("ix_events_run_seq", "run", "seq"),
    sqlite_autoincrement=True,  # a position is never used twice
)

deliverables = sa.Table(
    "deliverables",
    metadata,
    _identity(),
    _text("run"),
    _number("cycle"),
    _text("name"),
    _text("digest"),
    _text("content"),
    sa.Column("void", sa.Boolean, nullable=False),
    sa.Index("ix_deliverables_run_cycle_name", "run", "cycle", "name"),
)

rounds = sa.Table(
    "rounds",
    metadata,
    _identity(),
    _text("run"),
    _number("cycle"),
    _number("visit"),
    _text("stage"),
    _text("round"),
    _text("objections"),
    sa.Index("ix_rounds_run_cycle_stage", "run", "cycle", "stage"),
)

results = sa.Table(
    "results",
    metadata,
    _identity(),
    _text("run"),
    _text("stage"),
    _text("tree"),
    _text("result"),
    sa.Index("ix_results_run_tree", "run", "tree"),
)

approvals = sa.Table(
    "approvals",
    metadata,
    _identity(),
    _text("run"),
    _number("cycle"),
    _text("about"),
    _text("approval"),
    sa.Index("ix_approvals_run_cycle_about", "run", "cycle", "about"),
)

used = sa.Table(
    "used",
    metadata,
    sa.Column("nonce", sa.Text, primary_key=True),
    _text("run"),
    _text("effect"),
    _text("at"),
    sa.Index("ix_used_run", "run"),
)

questions = sa.Table(
    "questions",
    metadata,
    _identity(),
    _text("run"),
    _text("question"),
    _text("record"),
    _text("session"),
    sa.UniqueConstraint("run", "question"),
)

packets = sa.Table(
    "packets",
    metadata,
    _identity(),
    _text("run"),
    _number("cycle"),
    _text("packet"),
    sa.Index("ix_packets_run", "run"),
)

facts = sa.Table(
    "facts",
    metadata,
    sa.Column("run", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    _text("value"),
)

messages = sa.Table(
    "messages",
    metadata,
    sa.Column("session", sa.Text, primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    _text("message"),
)

charges = sa.Table(
    "charges",
    metadata,
    _identity(),
    _text("run"),
    _text("repository"),
    _text("phase"),
    _text("session"),
    _text("model"),
    _text("day"),
    _text("at"),
    _text("until"),
    _text("state"),  # `open`: under way; `settled`; `lost`: may have been paid for, and no reply was saved
    sa.Column("worst", sa.Float, nullable=True),  # none: no price is known
    sa.Column("usd", sa.Float, nullable=True),
    sa.Index("ix_charges_run", "run"),
    sa.Index("ix_charges_repository_day", "repository", "day"),
)

blobs = sa.Table(
    "blobs",
    metadata,
    sa.Column("sha256", sa.String(64), primary_key=True),
    sa.Column("content", sa.LargeBinary, nullable=False),
)

lessons = sa.Table(
    "lessons",
    metadata,
    sa.Column("run", sa.Text, primary_key=True),
    sa.Column("lesson", sa.String(12), primary_key=True),
    sa.Column("seq", sa.BigInteger, nullable=False),
    _text("witness"),
    sa.Index("ix_lessons_lesson", "lesson"),
)

lesson_words = sa.Table(
    "lesson_words",
    metadata,
    _identity(),
    sa.Column("lesson", sa.String(12), nullable=False),
    _text("word"),
)


# What every step of a session asks, put together once: building an expression costs more than running it.
RUN = sa.select(runs.c.id, runs.c.record, runs.c.cost).where(runs.c.id == sa.bindparam("run"))
STANDING = sa.select(runs.c.serial, runs.c.state, runs.c.cost).where(runs.c.id == sa.bindparam("run"))
COST = STANDING.with_for_update()
SET_COST = runs.update().where(runs.c.id == sa.bindparam("run")).values(cost=sa.bindparam("cost"))
LAST_POSITION = sa.select(sa.func.max(messages.c.position)).where(messages.c.session == sa.bindparam("session"))
ADD_MESSAGE = messages.insert()
ADD_EVENT = events.insert()


def inserting(connection: sa.Connection, table: sa.Table) -> Any:
    """An insert with this database's word for what to do on a conflict."""
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert as into_postgresql

        return into_postgresql(table)
    from sqlalchemy.dialects.sqlite import insert as into_sqlite

    return into_sqlite(table)


def bring_up(database: sa.Engine) -> None:
    """Make the tables, or copy and migrate those of an older setpoint, all or nothing. Raises ConfigError for a newer
    one's database."""
    found = _stamped(database)
    if found == REVISIONS[-1]:
        return
    with setting_up(database) as connection:
        # Another process may have been here while this one waited for the lock.
        found = stamp_of(connection)
        if found == "":
            metadata.create_all(connection)
            _stamp.create(connection)
            connection.execute(_stamp.insert().values(version_num=REVISIONS[-1]))
        elif found not in REVISIONS:
            raise ConfigError(
                "the state database was written by a newer setpoint",
                why=f"it is at revision {found}; this setpoint knows up to {REVISIONS[-1]}",
                fix="upgrade setpoint; or go back to the copy made before that upgrade (docs/upgrading.md)",
            )
        elif found != REVISIONS[-1]:
            keep_before(connection, found, metadata)
            migrate(connection)


_stamp = sa.Table(STAMP, sa.MetaData(), sa.Column("version_num", sa.String(32), primary_key=True))


def _stamped(database: sa.Engine) -> str:
    try:
        with database.connect().execution_options(reading=True) as connection:
            return connection.execute(sa.select(_stamp.c.version_num)).scalar() or ""
    except DBAPIError as error:
        if STAMP in str(error.orig):  # no such table
            return ""
        raise


def stamp_of(connection: sa.Connection) -> str:
    """The revision a database is at; empty for a new one."""
    if not sa.inspect(connection).has_table(STAMP):
        return ""
    return connection.execute(sa.select(_stamp.c.version_num)).scalar() or ""


def migrate(connection: sa.Connection, to: str = "head") -> None:
    """Run the migrations up to revision `to` inside the caller's transaction."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, to)

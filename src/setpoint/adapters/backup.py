"""A copy of the state before its tables are migrated: to go back with, should the new program not do."""

import os
import sqlite3
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from ..errors import ConfigError, SetpointError

FOLDER = "backups"


def keep_before(connection: sa.Connection, revision: str, tables: sa.MetaData) -> None:
    """Copy the state as it is at `revision`, while the caller alone may write. Raises SetpointError when there is no
    room for a copy, ConfigError when the server allows none: then nothing was migrated."""
    if connection.dialect.name == "sqlite":
        _copied_file(Path(str(connection.engine.url.database)), revision)
    else:
        _copied_schema(connection, revision, tables)


def _copied_file(path: Path, revision: str) -> None:
    """The whole file, jobs included, beside it; whole or not there."""
    folder = path.parent / FOLDER
    whole, half = folder / f"{path.stem}-{revision}{path.suffix}", folder / f"{path.stem}-{revision}.{os.getpid()}"
    try:
        folder.mkdir(exist_ok=True)
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(half)) as copy:
            source.backup(copy)
        half.replace(whole)
    except (sqlite3.Error, OSError) as error:
        with suppress(OSError):
            half.unlink()
        raise SetpointError(
            "the state could not be copied, so it was not migrated",
            why=str(error),
            fix=f"make room for a second {path.name} in {folder}, then try again",
        ) from error


def _copied_schema(connection: sa.Connection, revision: str, tables: sa.MetaData) -> None:
    """The tables' rows in a schema of their own, in the transaction of the migration."""
    name = f"setpoint_{revision}_{datetime.now(UTC):%Y%m%d%H%M%S}"
    there = set(sa.inspect(connection).get_table_names())
    try:
        connection.execute(sa.schema.CreateSchema(name))
        for table in tables.sorted_tables:
            if table.name in there:
                connection.execute(sa.text(f'CREATE TABLE "{name}"."{table.name}" AS TABLE "{table.name}"'))
    except sa.exc.ProgrammingError as error:
        raise ConfigError(
            "the state could not be copied, so it was not migrated",
            why=str(error.orig),
            fix="let an account of database_url that may create schemas run `setpoint list` once",
        ) from error

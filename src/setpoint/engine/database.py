"""One database for all that is durable: how it is opened, what it is, how its errors are told."""

import errno
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from ..errors import ConfigError, DiskFullError, ParkedError, SetpointError, TransientError

BUSY_MS = 30_000
"""Longest wait for another process's write to end."""
POOL = 8
"""Connections one process keeps to a PostgreSQL server or a file."""
NETWORK_FILE_SYSTEMS = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "fuse.sshfs", "glusterfs"}
)
LOCK = 0x5E7_901
"""PostgreSQL advisory lock that setting up the schema holds."""


def open_database(database_url: str) -> sa.Engine:
    """An engine on `database_url`: SQLite (WAL, one sync a commit, writers take the lock first) or PostgreSQL."""
    url = parsed(database_url)
    if not is_sqlite(url):
        return sa.create_engine(url, pool_pre_ping=True, pool_size=POOL, max_overflow=POOL)
    if url.database in (None, "", ":memory:"):
        raise ConfigError("an in-memory database cannot outlive its process", fix="name a file: sqlite:////abs/path")
    Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(url, connect_args={"timeout": BUSY_MS / 1000}, pool_size=POOL, max_overflow=POOL)
    sa.event.listen(engine, "connect", _set_up_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def parsed(database_url: str) -> sa.URL:
    """`database_url` with the driver we ship. Raises ConfigError for another database."""
    try:
        url = sa.make_url(database_url)
    except sa.exc.ArgumentError as error:
        raise ConfigError(
            "database_url cannot be read", why=str(error), fix="write sqlite:////abs/path or postgresql://host/name"
        ) from error
    if url.drivername in ("postgres", "postgresql", "postgresql+psycopg"):
        return url.set(drivername="postgresql+psycopg")
    if url.drivername == "sqlite":
        return url
    raise ConfigError(f"database_url: `{url.drivername}` is not supported", fix="use sqlite:////… or postgresql://…")


def is_sqlite(url: sa.URL) -> bool:
    """Whether the database is a file of ours."""
    return url.drivername == "sqlite"


def _set_up_sqlite(connection: Any, _record: Any) -> None:
    # The driver begins a transaction only before the first write; a read before it would not be protected. We begin.
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout={BUSY_MS}")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")
    if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        _turn_on_wal(connection)


def _turn_on_wal(connection: Any) -> None:
    # Several processes may start on a new file at once; the switch does not wait for a lock as other statements do.
    deadline = time.monotonic() + BUSY_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _begin_sqlite(connection: sa.Connection) -> None:
    # A writer takes the lock before it reads: what it read is still true when it commits.
    options = connection.get_execution_options()
    reading, late = options.get("reading", False), options.get("late", False)
    if late != connection.info.get("late", False):
        connection.exec_driver_sql(f"PRAGMA synchronous={'NORMAL' if late else 'FULL'}")
        connection.info["late"] = late
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


@contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A snapshot to read from; blocks no writer."""
    with translated(), engine.connect().execution_options(reading=True) as connection:
        yield connection


@contextmanager
def writing(engine: sa.Engine, *, late: bool = False) -> Iterator[sa.Connection]:
    """One unit of writing: committed at the end, rolled back when the block raises. A `late` one waits for no disk: a
    killed process loses nothing of it, a machine without power may, until another unit has landed."""
    with translated(), engine.connect().execution_options(late=late) as connection, connection.begin():
        if late and engine.dialect.name == "postgresql":
            connection.exec_driver_sql("SET LOCAL synchronous_commit TO off")
        yield connection


@contextmanager
def setting_up(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction in which this process alone changes the schema."""
    with writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
        yield connection


@contextmanager
def translated() -> Iterator[None]:
    """The database's errors as ours: full disk parks, locked or unreachable may be tried again."""
    try:
        yield
    except DBAPIError as error:
        ours = _ours(error)
        if ours is None:
            raise
        raise ours from error
    except PoolTimeoutError as error:
        raise TransientError("no database connection became free", why=str(error)) from error
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise _disk_full(str(error)) from error


def _disk_full(why: str) -> DiskFullError:
    return DiskFullError(
        "the disk that holds the state is full", why=why, fix="make room, then `setpoint resume`; nothing was lost"
    )


def _ours(error: DBAPIError) -> SetpointError | None:
    why = str(error.orig)
    state = getattr(error.orig, "sqlstate", None) or ""
    code = getattr(error.orig, "sqlite_errorcode", 0) or 0
    if state == "53100" or code & 0xFF == sqlite3.SQLITE_FULL or code == sqlite3.SQLITE_IOERR_SHMSIZE:
        return _disk_full(why)
    if code & 0xFF == sqlite3.SQLITE_READONLY:
        return ParkedError("the state database cannot be written", why=why, fix="make its folder writable, then resume")
    if code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return SetpointError(
            "the state database is damaged", why=why, fix="restore it; `setpoint doctor` names the file"
        )
    if code & 0xFF == sqlite3.SQLITE_CANTOPEN:
        return ConfigError("the state database cannot be opened", why=why, fix="check database_url and its folder")
    if isinstance(error, OperationalError | InterfaceError) or error.connection_invalidated:
        fix = "see that the server of database_url runs and lets you in; `setpoint doctor` tries it"
        return TransientError("the state database could not be used just now", why=why, fix=fix)
    return None


def describe(database_url: str) -> dict[str, Any]:
    """What `setpoint doctor` tells of the database: kind, version, journal mode, and `problems` (what, fix)."""
    url = parsed(database_url)
    problems: list[tuple[str, str]] = []
    if not is_sqlite(url):
        engine = open_database(database_url)
        try:
            with reading(engine) as connection:
                version = str(connection.execute(sa.text("SHOW server_version")).scalar())
        finally:
            engine.dispose()
        return {"kind": "postgresql", "version": version, "journal": "server", "problems": problems}
    path = Path(str(url.database))
    if sqlite_is_too_old():
        problems.append(old_sqlite())
    network = file_system(path)
    if network in NETWORK_FILE_SYSTEMS:
        problems.append((f"the state lies on a network file system ({network})", "put `.setpoint` on a local disk"))
    journal = "not made yet"
    if path.exists():
        with suppress(sqlite3.Error), closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            journal = str(connection.execute("PRAGMA journal_mode").fetchone()[0])
        if journal != "wal":
            problems.append((f"journal mode is `{journal}`, not `wal`", "any setpoint command that writes sets it"))
    return {"kind": "sqlite", "version": sqlite3.sqlite_version, "journal": journal, "problems": problems}


def sqlite_is_too_old() -> bool:
    """Python 3.12 and later use a function of SQLite 3.42 for the time of a job; before, it is silently NULL."""
    return sys.version_info >= (3, 12) and sqlite3.sqlite_version_info < (3, 42, 0)


def old_sqlite() -> tuple[str, str]:
    """What is wrong with an old SQLite, and the way out."""
    what = f"SQLite {sqlite3.sqlite_version} is too old for Python {sys.version_info.major}.{sys.version_info.minor}"
    return what, "use SQLite 3.42 or later, Python 3.11, or a PostgreSQL database_url"


def file_system(path: Path) -> str:
    """Type of the file system that holds `path`; empty where the system does not tell."""
    try:
        mounts = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace").splitlines()
        real = path.parent.resolve()
    except OSError:
        return ""
    best, kind = -1, ""
    for line in mounts:
        _device, where, found, *_ = line.split(" ")
        if real.is_relative_to(where.replace("\\040", " ")) and len(where) >= best:
            best, kind = len(where), found
    return kind

"""Fixtures: an empty database of each kind we support. PostgreSQL is real, one server a test session."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from .postgres import PostgresServer, postgres

VERSIONS = ("setpoint_revision", "engine_schema", "dbos_migrations")
"""Tables whose rows say that the others are there."""


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A running PostgreSQL server."""
    with postgres() as server:
        yield server


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The URL of a SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path}/state/setpoint.db"


@pytest.fixture(scope="session")
def ready_database(postgres_server: PostgresServer) -> str:
    """The URL of a PostgreSQL database that has all tables; get it empty through `ready_url`."""
    from ..adapters.store import SqlStore
    from ..engine.jobs import Jobs

    url = postgres_server.database()
    Jobs(url).close()
    SqlStore(url).close()
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def ready_url(request: pytest.FixtureRequest) -> str:
    """The URL of a database of each kind that is quick to open: PostgreSQL has its tables already."""
    if request.param == "sqlite":
        return str(request.getfixturevalue("sqlite_url"))
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server.emptied(request.getfixturevalue("ready_database"), VERSIONS)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of an empty database: the test runs on each kind."""
    if request.param == "sqlite":
        return str(request.getfixturevalue("sqlite_url"))
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server.database()

"""Fixtures shared by all tests."""

import os

import pytest

from setpoint.testing.databases import database_url as database_url
from setpoint.testing.databases import postgres_server as postgres_server
from setpoint.testing.databases import ready_database as ready_database
from setpoint.testing.databases import ready_url as ready_url
from setpoint.testing.databases import sqlite_url as sqlite_url


@pytest.fixture
def anyio_backend() -> str:
    """We run on asyncio only, as DBOS does."""
    return "asyncio"


@pytest.fixture(scope="session", autouse=True)
def own_configuration(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Answers are signed with a key of these tests, the same one in all their processes, and never with your own."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    os.environ["XDG_CONFIG_HOME"] = str(shared / "configuration")

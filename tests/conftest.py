"""Fixtures shared by all tests."""

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

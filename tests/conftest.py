"""Fixtures shared by all tests."""

import pytest

from setpoint.testing.databases import (  # noqa: F401
    database_url,
    postgres_server,
    ready_database,
    ready_url,
    sqlite_url,
)


@pytest.fixture
def anyio_backend() -> str:
    """We run on asyncio only, as DBOS does."""
    return "asyncio"

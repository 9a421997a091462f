"""Fixtures shared by all tests."""

import pytest

from setpoint.testing.databases import database_url, postgres_server, sqlite_url  # noqa: F401


@pytest.fixture
def anyio_backend() -> str:
    """We run on asyncio only, as DBOS does."""
    return "asyncio"

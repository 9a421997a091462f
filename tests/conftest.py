"""Fixtures shared by all tests."""

import pytest


@pytest.fixture
def anyio_backend() -> str:
    """We run on asyncio only, as DBOS does."""
    return "asyncio"

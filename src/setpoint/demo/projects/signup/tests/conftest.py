"""What every test starts from."""

from pathlib import Path

import pytest

from tests.client import Client


@pytest.fixture
def client(tmp_path: Path) -> Client:
    """A client of a fresh application with an empty database."""
    return Client(tmp_path)

"""Level `bubblewrap` and level `none` keep the same promises where they are the same."""

from pathlib import Path

import pytest

from setpoint.adapters.sandboxes.bare import Bare
from setpoint.adapters.sandboxes.bubblewrap import Bubblewrap
from setpoint.ports import Sandbox
from setpoint.testing.sandbox_contract import SandboxContract


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "work"
    place.mkdir()
    return place


class TestBubblewrap(SandboxContract):
    @pytest.fixture
    def sandbox(self) -> Sandbox:
        return Bubblewrap()


class TestBare(SandboxContract):
    @pytest.fixture
    def sandbox(self) -> Sandbox:
        return Bare()

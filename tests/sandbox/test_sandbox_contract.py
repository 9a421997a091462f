"""Every level that this machine has keeps the same promises where they are the same."""

from pathlib import Path

import pytest
from levels_here import HERE, MADE, MISSING

from setpoint.ports import Sandbox
from setpoint.testing.sandbox_contract import SandboxContract


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "work"
    place.mkdir()
    return place


# A machine for each command takes seconds: `test_microvm.py` holds it to the promises with few of them.
@pytest.mark.parametrize("level", [level for level in HERE if level != "microvm"])
class TestEveryLevel(SandboxContract):
    @pytest.fixture
    def sandbox(self, level: str) -> Sandbox:
        return MADE[level]()


@pytest.mark.parametrize("level", [f"{name}" if name in HERE else f"{name} (not here)" for name in MADE])
def test_a_level_is_whole_or_says_what_it_lacks_and_what_to_do(level: str) -> None:
    name = level.partition(" ")[0]
    if name in HERE:
        assert MADE[name]().layers()
        return
    error = MISSING[name]
    assert error.what
    assert error.fix

"""`init` a second time finds the gates anew, and what a person wrote beside them stays."""

import tomllib
from pathlib import Path

import pytest
from commanded import setpoint

from setpoint.errors import UsageError
from setpoint.model.settings import Config
from setpoint.service.setup import Stacked, written

OWN = """autonomy = "plan+merge"
# Written by `setpoint init` from what ran green on the base. Yours to edit.
# left out: types (mypy): there is none

[gates.tests]
kind = "tests"
run = ["old"]

[checks]
# nobody is reached from here
unaudited = "no network"

[gates.later]
kind = "lint"
run = ["old"]

[[environment]]
name = "staging"
deploy = ["true"]
smoke = ["true"]
"""


def test_a_second_init_replaces_gates_and_keeps_the_rest(tmp_path: Path) -> None:
    place = tmp_path / "setpoint.toml"
    place.write_text(OWN, encoding="utf-8")
    for _ in range(2):
        written(tmp_path, (), {}, Config(), replace=True, stack=Stacked("compose.yaml", ("db 5432",)))
    text = place.read_text(encoding="utf-8")
    told = tomllib.loads(text)
    expected = tomllib.loads(OWN)
    del expected["gates"]
    assert told == {**expected, "stack": {"compose": "compose.yaml"}}
    assert (text.count("Written by"), text.count("left out"), text.count("# nobody is reached")) == (1, 0, 1)


def test_init_hides_no_configuration_that_stands_in_pyproject(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.setpoint]\nautonomy = "full"\n', encoding="utf-8")
    with pytest.raises(UsageError, match=r"tool\.setpoint"):
        written(tmp_path, (), {}, Config(), replace=True)
    assert not (tmp_path / "setpoint.toml").exists()


def test_what_a_run_would_not_start_with_is_said_before(repository: Path) -> None:
    (repository / "uv.lock").write_text("version = 1\n")
    (repository / "shop.py").write_text("def whisper(text):\n    return text.casefold()\n")
    planned = setpoint(repository, "plan", "ticket.md").stderr
    assert "a run does not start: the working tree has uncommitted changes: shop.py; commit or stash them" in planned
    assert "a run does not start: nothing looks the packages of uv.lock up" in planned
    assert "install uv where the sandbox looks" in planned

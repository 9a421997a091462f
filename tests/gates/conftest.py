"""Small real projects for gates to judge."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from setpoint.testing.gate_rooms import FolderRoom, MakeRoom, repository_room, tools_here


@pytest.fixture
def project(tmp_path: Path) -> MakeRoom:
    """Make a git repository with these files and give a room on it; tools are those of this environment."""

    def make(files: Mapping[str, str]) -> FolderRoom:
        # Plugins of this environment are not the small projects' own, and take more time than their tests.
        env = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        return repository_room(tmp_path / "repo", files, tools=tools_here(), env=env)

    return make

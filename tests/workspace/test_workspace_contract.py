"""Worktrees keep the promises of workspaces, inside bubblewrap and without a sandbox."""

from pathlib import Path

import pytest
from shop_repository import Repository

from setpoint.adapters.sandboxes.bare import Bare
from setpoint.adapters.sandboxes.bubblewrap import Bubblewrap
from setpoint.testing.workspace_contract import WorkspaceContract


class TestWorktrees(WorkspaceContract):
    """The fixture of the folder: bubblewrap."""


class TestWorktreesNamedBySha256(WorkspaceContract):
    @pytest.fixture
    def bench(self, tmp_path: Path) -> Repository:
        return Repository(tmp_path / "shop", Bubblewrap(), names="sha256")


class TestWorktreesWithoutSandbox(WorkspaceContract):
    @pytest.fixture
    def bench(self, tmp_path: Path) -> Repository:
        return Repository(tmp_path / "shop", Bare())

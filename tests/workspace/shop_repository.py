"""A real repository with one commit."""

import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from setpoint.adapters.sandboxes.bubblewrap import Bubblewrap
from setpoint.adapters.worktrees import Worktrees
from setpoint.model.run import Position, Run
from setpoint.model.settings import Config
from setpoint.model.ticket import Kind, Ticket
from setpoint.ports import Sandbox
from setpoint.testing.workspace_contract import FILES


class Repository:
    """The user's repository, and worktrees over it."""

    def __init__(self, repository: Path, sandbox: Sandbox, *, names: str = "sha1", branch: str = "main") -> None:
        """Objects are named by the hash `names`."""
        self.repository = repository
        self.sandbox = sandbox
        self.state = repository / ".setpoint"
        self.config = Config()
        self.forge: Path | None = None
        repository.mkdir()
        self.branch = branch
        self.git("init", "-q", "-b", branch, f"--object-format={names}")
        self.git("config", "user.name", "Ann")
        self.git("config", "user.email", "ann@example.org")
        for name, content in FILES.items():
            self.put(name, content)
        (repository / "tool").chmod(0o755)
        (repository / "latest").symlink_to("README.md")
        self.base = self.commit("base")

    def put(self, name: str, content: str) -> Path:
        """Write a file of the user's own folder."""
        place = self.repository / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(content)
        return place

    def commit(self, message: str) -> str:
        """Commit all of the user's folder."""
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)
        return self.git("rev-parse", "HEAD")

    def git(self, *words: str, at: Path | None = None) -> str:
        """The user's own git."""
        env = {"PATH": os.environ["PATH"], "HOME": str(self.repository), "LC_ALL": "C.UTF-8"}
        done = subprocess.run(
            ["git", *words], cwd=at or self.repository, env=env, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def workspaces(self) -> Worktrees:
        return Worktrees(self.repository, self.state, self.sandbox, config=self.config, forge=self.forge)

    def run(self, name: str = "r1", branch: str = "setpoint/shop") -> Run:
        now = datetime.now(UTC)
        return Run(
            id=name,
            ticket=Ticket(id="t", title="t", kind=Kind.FEATURE, text="t"),
            repository=str(self.repository),
            base_branch=self.branch,
            base=self.base,
            branch=branch,
            route_because="a test",
            position=Position(route=Kind.FEATURE, stage="implementation"),
            owner="Ann",
            created=now,
            updated=now,
        )


@pytest.fixture
def bench(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "shop", Bubblewrap())

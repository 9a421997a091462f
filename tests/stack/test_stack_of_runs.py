"""Whose services they are: a run's worktree has its own, a clean copy has fresh ones, and a job ends what it began."""

import asyncio
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from stacked import ASK, HTTP, answering, got, kept, with_mark

from setpoint.adapters.rooms import SandboxRoom, exec_here
from setpoint.adapters.sandboxes.bubblewrap import Bubblewrap
from setpoint.adapters.serving import beside
from setpoint.adapters.store import SqlStore
from setpoint.model.run import Position, Run, State
from setpoint.model.settings import Config
from setpoint.model.ticket import Kind, Ticket
from setpoint.parts import assemble
from setpoint.pipeline.bench import Bench
from setpoint.pipeline.carry import carry

COUNT = HTTP.replace("body = (", "global n; n += 1; body = (str(n) + ' ' + ").replace(
    "import http", "n = 0\nimport http"
)


class Grounds:
    """A repository with one commit, a bench over it and a run."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.mark = folder, f"SERVICE_{folder.parent.name}"
        folder.mkdir()
        (folder / "shop.py").write_text("")
        for words in (("init", "-q", "-b", "main"), ("add", "-A"), ("commit", "-qm", "base")):
            self.git(*words)
        service = {**answering(env={self.mark: "1"}), "run": ["python3", "-c", COUNT, "{port_1}", "counter"]}
        self.config = Config.model_validate({"stack": {"service": [service]}})
        self.store = SqlStore(f"sqlite:///{folder / 'state.db'}")
        self.bench = self.assembled(self.config)
        now = datetime.now(UTC)
        self.run = Run(
            id="r1",
            ticket=Ticket(id="t", title="t", kind=Kind.FEATURE, text="t"),
            repository=str(folder),
            base_branch="main",
            base=self.git("rev-parse", "HEAD"),
            branch="setpoint/t",
            route_because="a test",
            position=Position(route=Kind.FEATURE, stage="discovery"),
            owner="Ann",
            created=now,
            updated=now,
        )

    def assembled(self, config: Config) -> Bench:
        """All seams under a configuration."""
        state, keys = self.folder / ".setpoint", self.folder.parent / "keys"
        return assemble(self.folder, state, config, self.store, lambda *_: None, keys)

    def git(self, *words: str) -> str:
        """The user's own git."""
        env = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "GIT_CONFIG_NOSYSTEM": "1"}
        named = ("-c", "user.name=Ann", "-c", "user.email=ann@example.invalid")
        done = subprocess.run(["git", *named, *words], cwd=self.folder, env=env, check=True, capture_output=True)
        return done.stdout.decode().strip()

    async def workspace(self) -> SandboxRoom:
        """The run's worktree."""
        opened = await self.bench.workspaces.open(self.run)
        assert isinstance(opened, SandboxRoom)
        return opened


@pytest.fixture
def grounds(tmp_path: Path) -> Grounds:
    return Grounds(tmp_path / "shop")


async def test_a_clean_copy_is_judged_beside_fresh_services_never_beside_those_a_session_used(grounds: Grounds) -> None:
    workspace = await grounds.workspace()
    assert [(await got(workspace)).stdout[:1] for _ in range(2)] == ["1", "2"]
    async with grounds.bench.workspaces.checkout(grounds.run.base) as copy:
        assert isinstance(copy, SandboxRoom)
        told = await asyncio.gather(*(got(copy) for _ in range(3)))
        assert [(done.stdout[:1], done.services) for done in told] == [("1", "")] * 3
    assert (await got(workspace)).stdout[:1] == "3"
    await grounds.bench.workspaces.rest(grounds.run)
    assert not with_mark(grounds.mark)
    assert (await got(workspace)).stdout[:1] == "1"
    await grounds.bench.workspaces.close(grounds.run)
    assert not with_mark(grounds.mark)


async def test_commands_on_a_clean_copy_share_services_where_that_is_wished(grounds: Grounds) -> None:
    shared = grounds.config.stack.model_copy(update={"fresh": "copy"})
    bench = grounds.assembled(grounds.config.model_copy(update={"stack": shared}))
    async with bench.workspaces.checkout(grounds.run.base) as copy:
        assert isinstance(copy, SandboxRoom)
        assert [(await got(copy)).stdout[:1] for _ in range(2)] == ["1", "2"]
    assert not with_mark(grounds.mark)


async def test_services_end_with_the_job_that_began_them(grounds: Grounds) -> None:
    await got(await grounds.workspace())
    assert with_mark(grounds.mark)
    with grounds.store.transaction() as tx:
        tx.create(grounds.run)
    moved = await carry(grounds.bench, grounds.run.id, grounds.run.position.serial)
    assert moved is not None
    assert moved.position.state is not State.RUNNING
    assert not with_mark(grounds.mark)


async def test_a_command_by_hand_finds_them_too_and_leaves_none(grounds: Grounds) -> None:
    done = await exec_here(Bubblewrap(), grounds.folder, ASK, stack=grounds.config.stack)
    assert done.stdout.startswith("1 counter/")
    assert not with_mark(grounds.mark)
    assert kept(grounds.folder) == []


async def test_whoever_works_by_hand_has_them_at_ports_of_this_machine_as_long_as_they_do(grounds: Grounds) -> None:
    workspace = await grounds.workspace()
    async with beside(workspace) as (told, trouble):
        assert trouble == ""
        url = f"http://127.0.0.1:{told['SETPOINT_PORT_1']}/"
        ask = [sys.executable, "-c", "import sys, urllib.request as u; print(u.urlopen(sys.argv[1]).read())", url]
        answered = await asyncio.to_thread(subprocess.run, ask, capture_output=True, timeout=30, check=True)
        assert b"counter/" in answered.stdout
        assert told["SETPOINT_DATABASE"].startswith("setpoint_")
    assert not with_mark(grounds.mark)


async def test_whoever_works_by_hand_is_told_why_they_are_not_there_and_works_on(grounds: Grounds) -> None:
    service = {"name": "db", "run": ["sh", "-c", "echo disk full; exit 1"], "port": 1}
    bench = grounds.assembled(Config.model_validate({"stack": {"service": [service]}}))
    async with beside(await bench.workspaces.open(grounds.run)) as (told, trouble):
        assert told == {}
        assert "service db ended with 1 at its start" in trouble

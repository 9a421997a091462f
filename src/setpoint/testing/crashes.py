"""Whole runs that die by SIGKILL at a boundary of one's choice: before or after a commit, or an effect outside.

The house is the real one; only its store and its seams are wrapped, and a wrapper does nothing but count, and die.
"""

import dataclasses
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from ..adapters.repository import UserRepository
from ..adapters.store import SqlStore, SqlTransaction
from ..app import House
from ..config import load
from ..model.approval import Approval, HandOver, Question
from ..model.command import CommandLimits, Completed, Mount
from ..model.merge import Merged
from ..model.money import Charge
from ..model.release import CiRun, Environment, PullRequest, Release, StepResult
from ..model.run import Position, Run
from ..model.session import Message, SessionId
from ..model.settings import Config
from ..model.unsaved import Unsaved
from ..pipeline.bench import Bench
from ..ports import Deployer, Forge, Room, Workspace, Workspaces
from ..redacting import redactor


class Death(NamedTuple):
    """Where a process dies: at boundary `number` (from 1) of the part of the run that it entered as `part`; of those
    that `word` is in, where one is given."""

    part: str
    number: int
    word: str = ""


START = "start"
"""The part before a run's first move. Every later part is named after the move that leads into it."""


class Boundaries:
    """The boundaries one process passes, part by part. Each is noted in `notes`, then the process may die there.

    A note is one write: the notes of a killed process tell where it died.
    """

    def __init__(self, notes: Path | None = None, death: Death | None = None, part: str = START) -> None:
        self._death = death
        self._notes = notes
        self._part, self._passed = part, list[str]()
        self._begun = time.monotonic()

    def at(self, what: str) -> None:
        """The process is at the boundary `what`."""
        self._passed.append(what)
        self.note(f"{self._part}\t{what}")
        if self._is_here(what):
            os.kill(os.getpid(), signal.SIGKILL)

    def enter(self, part: str) -> None:
        """The run moved: what follows belongs to `part`."""
        self._part, self._passed = part, []

    def _is_here(self, what: str) -> bool:
        if self._death is None or self._death.part != self._part or self._death.word not in what:
            return False
        return sum(self._death.word in passed for passed in self._passed) == self._death.number

    def note(self, line: str) -> None:
        """Append to the notes."""
        if self._notes is not None:
            with self._notes.open("a", encoding="utf-8") as file:
                file.write(f"{time.monotonic() - self._begun:.3f}\t{line}\n")

    @contextmanager
    def around(self, what: str) -> Iterator[None]:
        """A boundary before and one after the block, where it succeeds."""
        self.at(f"before {what}")
        yield
        self.at(f"after {what}")


class _Noted(SqlTransaction):
    """Remembers in words what it wrote."""

    def __init__(self, connection: Any, redact: Callable[[Any], Any]) -> None:
        super().__init__(connection, redact)
        self._wrote: dict[str, None] = {}
        self.moved_to = ""

    def said(self) -> str:
        return ", ".join(self._wrote) or "nothing"

    def create(self, run: Run) -> None:
        self._wrote["run"] = None
        super().create(run)

    def move(self, run: Run, to: Position, note: str = "") -> Run | None:
        self.moved_to = f"{to.stage} {to.state.value}"
        self._wrote[f"move to {self.moved_to}"] = None
        return super().move(run, to, note)

    def event(self, run_id: str, kind: str, stage: str, data: dict[str, Any]) -> None:
        self._wrote[f"{stage} {kind}"] = None
        super().event(run_id, kind, stage, data)

    def append(
        self, session: SessionId, said: Sequence[Message], serial: int | None = None, charge: int | None = None
    ) -> tuple[Message, ...]:
        self._wrote[f"message of the {session.phase} {session.role.value}"] = None
        return super().append(session, said, serial, charge)

    def hold(self, charge: Charge) -> int:
        self._wrote["charge"] = None
        return super().hold(charge)

    def remember(self, run_id: str, key: str, value: dict[str, Any]) -> None:
        self._wrote[f"fact {key.partition(':')[0]}"] = None
        super().remember(run_id, key, value)

    def keep(self, content: bytes) -> str:
        self._wrote["blob"] = None
        return super().keep(content)

    def approve(self, run_id: str, cycle: int, approval: Approval) -> None:
        self._wrote[f"approval of {approval.about}"] = None
        super().approve(run_id, cycle, approval)

    def ask(self, run_id: str, question: Question, session: SessionId) -> None:
        self._wrote["question"] = None
        super().ask(run_id, question, session)

    def hand_over(self, run_id: str, cycle: int, packet: HandOver) -> None:
        self._wrote["packet"] = None
        super().hand_over(run_id, cycle, packet)


class MortalStore(SqlStore):
    """The SQL store with a boundary before and after each commit."""

    def __init__(self, database_url: str, boundaries: Boundaries, **options: Any) -> None:
        super().__init__(database_url, **options)
        self._boundaries = boundaries

    @contextmanager
    def transaction(self, *, late: bool = False) -> Iterator[SqlTransaction]:
        with super().transaction(late=late) as plain:
            noted = _Noted(plain.connection, self._redact)
            yield noted
            self._boundaries.at(f"before commit of {noted.said()}")
        self._boundaries.at(f"after commit of {noted.said()}")
        if noted.moved_to:
            self._boundaries.enter(noted.moved_to)


class MortalRoom:
    """A room with a boundary around each command and each written file."""

    def __init__(self, room: Room, boundaries: Boundaries) -> None:
        self.path, self.inside = room.path, room.inside
        self._room = room
        self._boundaries = boundaries

    async def run(
        self,
        argv: Sequence[str],
        *,
        limits: CommandLimits | None = None,
        env: dict[str, str] | None = None,
        stdin: str = "",
        network: Sequence[str] = (),
        reports: Path | None = None,
        mounts: Sequence[Mount] = (),
    ) -> Completed:
        with self._boundaries.around(f"command {' '.join(argv)[-60:]!r}"):
            return await self._room.run(
                argv, limits=limits, env=env, stdin=stdin, network=network, reports=reports, mounts=mounts
            )

    def read(self, path: str) -> bytes:
        return self._room.read(path)

    def write(self, path: str, content: bytes) -> None:
        with self._boundaries.around(f"writing {path}"):
            self._room.write(path, content)

    def files(self) -> Sequence[str]:
        return self._room.files()

    def aside(self) -> AbstractAsyncContextManager[Room]:
        return self._room.aside()


class MortalWorkspace(MortalRoom):
    """A workspace with a boundary around all that changes it or git."""

    def __init__(self, workspace: Workspace, boundaries: Boundaries) -> None:
        super().__init__(workspace, boundaries)
        self.branch = workspace.branch
        self._workspace = workspace

    async def tree(self) -> str:
        return await self._workspace.tree()

    async def autosave(self, label: str) -> str:
        with self._boundaries.around("autosave"):
            commit = await self._workspace.autosave(label)
            self._boundaries.note(f"autosave {commit}")
            return commit

    def unsaved(self) -> Sequence[Unsaved]:
        return self._workspace.unsaved()

    async def restore(self, commit: str) -> None:
        with self._boundaries.around("restore"):
            await self._workspace.restore(commit)

    async def commit(self, message: str, joins: str = "") -> str:
        with self._boundaries.around(f"git commit {message.splitlines()[0]!r}"):
            return await self._workspace.commit(message, joins)

    async def restart(self, commit: str) -> None:
        with self._boundaries.around("restart"):
            await self._workspace.restart(commit)

    async def keep(
        self, treeish: str, files: Mapping[str, bytes], parents: Sequence[str], message: str
    ) -> tuple[str, str]:
        with self._boundaries.around("keeping a commit"):
            return await self._workspace.keep(treeish, files, parents, message)

    async def head(self) -> str:
        return await self._workspace.head()

    async def diff(self, base: str, head: str = "") -> str:
        return await self._workspace.diff(base, head)

    async def changed(self, base: str, head: str = "") -> Sequence[str]:
        return await self._workspace.changed(base, head)

    async def show(self, revision: str, path: str) -> bytes | None:
        return await self._workspace.show(revision, path)

    @asynccontextmanager
    async def checkout(self, revision: str, overlay: dict[str, bytes | None] | None = None) -> AsyncIterator[Room]:
        with self._boundaries.around("clean copy"):
            async with self._workspace.checkout(revision, overlay) as room:
                yield MortalRoom(room, self._boundaries)


class MortalWorkspaces:
    """Workspaces with a boundary around making one and fetching."""

    def __init__(self, workspaces: Workspaces, boundaries: Boundaries) -> None:
        self._workspaces = workspaces
        self._boundaries = boundaries

    async def open(self, run: Run) -> Workspace:
        with self._boundaries.around("opening the workspace"):
            return MortalWorkspace(await self._workspaces.open(run), self._boundaries)

    async def close(self, run: Run) -> None:
        with self._boundaries.around("closing the workspace"):
            await self._workspaces.close(run)

    async def rest(self, run: Run) -> None:
        await self._workspaces.rest(run)

    async def resolve(self, revision: str) -> str:
        return await self._workspaces.resolve(revision)

    async def fetch(self, branch: str) -> str:
        with self._boundaries.around("fetch"):
            return await self._workspaces.fetch(branch)

    async def show(self, revision: str, path: str) -> bytes | None:
        return await self._workspaces.show(revision, path)

    async def contains(self, commit: str, ancestor: str) -> bool:
        return await self._workspaces.contains(commit, ancestor)

    async def merged(self, ours: str, theirs: str) -> Merged:
        return await self._workspaces.merged(ours, theirs)

    def checkout(
        self, revision: str, overlay: dict[str, bytes | None] | None = None
    ) -> AbstractAsyncContextManager[Room]:
        return self._workspaces.checkout(revision, overlay)


class MortalForge:
    """A forge with a boundary around each effect."""

    def __init__(self, forge: Forge, boundaries: Boundaries) -> None:
        self._forge = forge
        self._boundaries = boundaries

    async def ensure(self, base: str) -> str:
        with self._boundaries.around("forge ensure"):
            return await self._forge.ensure(base)

    async def push(self, branch: str, sha: str) -> None:
        with self._boundaries.around("forge push"):
            await self._forge.push(branch, sha)

    async def find(self, head: str) -> PullRequest | None:
        return await self._forge.find(head)

    async def open(self, head: str, base: str, title: str, body: str) -> PullRequest:
        with self._boundaries.around("forge open"):
            return await self._forge.open(head, base, title, body)

    async def checks(self, pull_request: PullRequest) -> CiRun:
        with self._boundaries.around("forge checks"):
            return await self._forge.checks(pull_request)

    async def merge(self, pull_request: PullRequest, expected: str, message: str, onto: str = "") -> PullRequest:
        with self._boundaries.around("forge merge"):
            return await self._forge.merge(pull_request, expected, message, onto)


class MortalDeployer:
    """A deployer with a boundary around each step."""

    def __init__(self, deployer: Deployer, boundaries: Boundaries) -> None:
        self._deployer = deployer
        self._boundaries = boundaries

    async def current(self, environment: Environment) -> Release | None:
        return await self._deployer.current(environment)

    async def deploy(self, environment: Environment, release: Release) -> StepResult:
        with self._boundaries.around("deploy"):
            return await self._deployer.deploy(environment, release)

    async def smoke(self, environment: Environment, release: Release) -> StepResult:
        with self._boundaries.around("smoke"):
            return await self._deployer.smoke(environment, release)

    async def rollback(self, environment: Environment, to: Release | None) -> StepResult:
        with self._boundaries.around("rollback"):
            return await self._deployer.rollback(environment, to)


class MortalHouse(House):
    """The real house; its process can be made to die at a boundary."""

    def __init__(self, repository: UserRepository, config: Config, boundaries: Boundaries) -> None:
        super().__init__(repository, config)
        self.boundaries = boundaries

    @classmethod
    async def around(cls, folder: Path, boundaries: Boundaries, database_url: str = "") -> "MortalHouse":
        """The house of the repository in `folder`, its state in `database_url` where one is given."""
        repository = await UserRepository.around(folder)
        config = load(folder)
        if database_url:
            config = config.model_copy(update={"database_url": database_url})
        return cls(repository, config, boundaries)

    @cached_property
    def store(self) -> SqlStore:
        self._private_folder()
        return MortalStore(
            self.database_url,
            self.boundaries,
            redact=redactor(self.config, os.environ),
            fence=self._fence,
        )

    def bench(self, config: Config) -> Bench:
        plain, boundaries = super().bench(config), self.boundaries
        return dataclasses.replace(
            plain,
            workspaces=MortalWorkspaces(plain.workspaces, boundaries),
            forge=MortalForge(plain.forge, boundaries),
            deployer=MortalDeployer(plain.deployer, boundaries),
        )

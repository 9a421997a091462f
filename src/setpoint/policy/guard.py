"""Wrappers of the same shape as the seams with an effect: no phase can forget the policy or go round it."""

import re
import shlex
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path, PurePosixPath

from ..errors import DeniedError, NeedsPersonError
from ..model.boundary import Boundaries
from ..model.command import CommandLimits, Completed, Mount
from ..model.network import destination
from ..model.release import CiRun, Environment, PullRequest, Release, StepResult
from ..model.unsaved import Unsaved
from ..ports import Deployer, Forge, Room, Workspace
from .action import Action, ActionKind
from .commands import classify_command, programs
from .decide import Allow, Ask, Decision, Deny, Policy, decide, ruled, strictest
from .rules import Rules

Observer = Callable[[Action, Decision], None]
"""Sees each action with what was decided, before it happens: the journal's eye."""
Permit = Callable[[Action], Decision]
"""Says whether an effect may happen now; asked again at every call, never remembered."""


Outputs = Callable[[str], bytes | None]
"""A gate's whole output by its SHA-256; None when it is not kept."""
NO_RULES = Rules()
OUTPUT = re.compile(r"output:[0-9a-f]{64}")


def no_output(_sha256: str) -> None:
    """For rooms whose sessions read files alone."""


def unobserved(_action: Action, _decision: Decision) -> None:
    """An observer that keeps nothing."""


def insist(action: Action, decision: Decision) -> None:
    """Go on only with a yes. Raises NeedsPersonError or DeniedError, naming the rule and what to do."""
    what = f"{action.kind} {action.subject} is not allowed"
    if isinstance(decision, Ask):
        raise NeedsPersonError(what, why=decision.reason, fix="a person must say yes: `setpoint approve`")
    if isinstance(decision, Deny):
        raise DeniedError(what, why=decision.reason, fix=decision.fix)


class GuardedRoom:
    """A room whose broker holds the boundaries. Commands pass to the sandbox, which is their boundary; hosts and
    written files are decided here."""

    def __init__(
        self,
        room: Room,
        boundaries: Boundaries,
        *,
        writes: bool,
        rules: Rules = NO_RULES,
        granted: tuple[Action, ...] = (),
        on_action: Observer = unobserved,
        outputs: Outputs = no_output,
    ) -> None:
        self.path = room.path
        self.inside = room.inside
        self._room = room
        self._policy = Policy(boundaries=boundaries, rules=rules, granted=granted)
        self._writes = writes
        self._on_action = on_action
        self._outputs = outputs

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
        name = PurePosixPath(argv[0]).name if argv else ""
        action = Action(kind=classify_command(argv), subject=name, detail=shlex.join(argv)[:2000])
        shell = strictest(*(decide(self._policy, one) for one in self._asked(argv)))
        self._on_action(action, shell)
        self._deny(action, shell)
        for host in network:
            self._decide(Action(kind=ActionKind.NETWORK, subject=host, detail=action.detail))
        hosts = tuple(network) or self._open()
        return await self._room.run(
            argv, limits=limits, env=env, stdin=stdin, network=hosts, reports=reports, mounts=mounts
        )

    def _asked(self, argv: Sequence[str]) -> tuple[Action, ...]:
        """Each program the command line names. A shell is looked into where programs are limited; the sandbox is the
        boundary for what its words do not show."""
        names = programs(argv)
        return tuple(Action(kind=ActionKind.SHELL, subject=name) for name in names)

    def _open(self) -> tuple[str, ...]:
        """The hosts that commands of this session reach: those the policy allows, none by default."""
        hosts = (host for host in self._policy.boundaries.network if host != "*")
        asked = ((host, Action(kind=ActionKind.NETWORK, subject=host)) for host in hosts)
        return tuple(host for host, action in asked if isinstance(decide(self._policy, action), Allow))

    def read(self, path: str) -> bytes:
        """A file, or the whole output of a gate by its content: `output:<sha256>`."""
        if OUTPUT.fullmatch(path):
            content = self._outputs(path.partition(":")[2])
            if content is None:
                raise FileNotFoundError(path)
            return content
        self._decide(Action(kind=ActionKind.READ, subject=path))
        return self._room.read(path)

    def write(self, path: str, content: bytes) -> None:
        action = Action(kind=ActionKind.EDIT, subject=path)
        if not self._writes:
            closed = Deny(reason="this session only reads", fix="hand in what you found; another session changes files")
            self._on_action(action, closed)
            self._deny(action, closed)
        self._decide(action)
        self._room.write(path, content)

    def files(self) -> Sequence[str]:
        return self._room.files()

    @asynccontextmanager
    async def aside(self) -> AsyncIterator[Room]:
        async with self._room.aside() as room:
            yield GuardedRoom(
                room, self._policy.boundaries, writes=self._writes, rules=self._policy.rules, on_action=self._on_action
            )

    @asynccontextmanager
    async def serving(
        self, server: str, hosts: Sequence[str], *, workspace: bool
    ) -> AsyncIterator[tuple[Room, tuple[str, ...]]]:
        """The room for the program of a server of tools, and those of its `hosts` that the policy opens to sessions.
        The configuration names program and hosts, so no program is looked for in its words. Raises DeniedError."""
        self._decide(Action(kind=ActionKind.TOOL, subject=server))
        opened = []
        for host in hosts:
            told = destination(host)
            action = Action(kind=ActionKind.NETWORK, subject=f"{told.name}:{told.port}", detail=f"server {server}")
            decision = ruled(self._policy.rules, action)
            self._on_action(action, decision)
            opened += [host] if isinstance(decision, Allow) else []
        if workspace:
            yield self._room, tuple(opened)
            return
        async with self._room.aside() as room:
            yield room, tuple(opened)

    @property
    def limits_commands(self) -> bool:
        """Whether some programs may not be started here, by their names."""
        return not isinstance(decide(self._policy, Action(kind=ActionKind.SHELL, subject="?")), Allow)

    def permit(self, action: Action) -> None:
        """Go on only where the policy allows it. Raises DeniedError."""
        self._decide(action)

    def _decide(self, action: Action) -> None:
        decision = decide(self._policy, action)
        self._on_action(action, decision)
        self._deny(action, decision)

    def _deny(self, action: Action, decision: Decision) -> None:
        # Inside a session nobody can be asked: what needs a person is refused, and asked for in the deliverable.
        if isinstance(decision, Allow):
            return
        fix = decision.fix if isinstance(decision, Deny) else "go on without it, or `ask` for it with `requests`"
        raise DeniedError(f"{action.kind} {action.subject} is not allowed", why=decision.reason, fix=fix)


class GuardedWorkspace(GuardedRoom):
    """The same around a whole workspace; what git does to it is the engine's and passes through."""

    def __init__(
        self,
        room: Workspace,
        boundaries: Boundaries,
        *,
        writes: bool,
        rules: Rules = NO_RULES,
        granted: tuple[Action, ...] = (),
        on_action: Observer = unobserved,
        outputs: Outputs = no_output,
    ) -> None:
        super().__init__(
            room, boundaries, writes=writes, rules=rules, granted=granted, on_action=on_action, outputs=outputs
        )
        self.branch = room.branch
        self._workspace = room

    async def tree(self) -> str:
        return await self._workspace.tree()

    async def autosave(self, label: str) -> str:
        return await self._workspace.autosave(label)

    def unsaved(self) -> Sequence[Unsaved]:
        return self._workspace.unsaved()

    async def restore(self, commit: str) -> None:
        await self._workspace.restore(commit)

    async def commit(self, message: str, joins: str = "") -> str:
        return await self._workspace.commit(message, joins)

    async def restart(self, commit: str) -> None:
        await self._workspace.restart(commit)

    async def keep(
        self, treeish: str, files: Mapping[str, bytes], parents: Sequence[str], message: str
    ) -> tuple[str, str]:
        return await self._workspace.keep(treeish, files, parents, message)

    async def head(self) -> str:
        return await self._workspace.head()

    async def diff(self, base: str, head: str = "") -> str:
        return await self._workspace.diff(base, head)

    async def changed(self, base: str, head: str = "") -> Sequence[str]:
        return await self._workspace.changed(base, head)

    async def show(self, revision: str, path: str) -> bytes | None:
        return await self._workspace.show(revision, path)

    def checkout(
        self, revision: str, overlay: dict[str, bytes | None] | None = None
    ) -> AbstractAsyncContextManager[Room]:
        return self._workspace.checkout(revision, overlay)


class GuardedForge:
    """A forge that takes only the run's own branches, and merges only when `permit` says so at that moment."""

    def __init__(self, forge: Forge, base: str, permit: Permit) -> None:
        self._forge = forge
        self._base = base
        self._permit = permit

    async def ensure(self, base: str) -> str:
        return await self._forge.ensure(base)

    async def push(self, branch: str, sha: str) -> None:
        action = Action(kind=ActionKind.PUSH, subject=branch, detail=sha)
        if branch == self._base:
            insist(action, Deny(reason="the base branch changes by merging alone", fix="open a pull request"))
        insist(action, decide(Policy(boundaries=Boundaries()), action))
        await self._forge.push(branch, sha)

    async def find(self, head: str) -> PullRequest | None:
        return await self._forge.find(head)

    async def open(self, head: str, base: str, title: str, body: str) -> PullRequest:
        return await self._forge.open(head, base, title, body)

    async def checks(self, pull_request: PullRequest) -> CiRun:
        return await self._forge.checks(pull_request)

    async def merge(self, pull_request: PullRequest, expected: str, message: str, onto: str = "") -> PullRequest:
        action = Action(kind=ActionKind.MERGE, subject=pull_request.head, detail=expected)
        insist(action, self._permit(action))
        return await self._forge.merge(pull_request, expected, message, onto)


class GuardedDeployer:
    """A deployer that deploys only when `permit` says so at that moment. The way back is always open."""

    def __init__(self, deployer: Deployer, permit: Permit) -> None:
        self._deployer = deployer
        self._permit = permit

    async def current(self, environment: Environment) -> Release | None:
        return await self._deployer.current(environment)

    async def deploy(self, environment: Environment, release: Release) -> StepResult:
        action = Action(kind=ActionKind.DEPLOY, subject=environment.name, detail=release.sha)
        insist(action, self._permit(action))
        return await self._deployer.deploy(environment, release)

    async def smoke(self, environment: Environment, release: Release) -> StepResult:
        return await self._deployer.smoke(environment, release)

    async def rollback(self, environment: Environment, to: Release | None) -> StepResult:
        return await self._deployer.rollback(environment, to)

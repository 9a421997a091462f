"""What a step works with: the seams, the settings, and the run it carries."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..gates.images import Images
from ..model.policy import Layer, PolicyFile
from ..model.run import Position, Run
from ..model.session import SessionId
from ..model.settings import Config
from ..model.ticket import Kind
from ..policy.approvals import Signer
from ..ports import Agent, Archive, Deployer, Forge, Notifier, Store, Trees, Workspace, Workspaces
from .routes import ROUTES, Route

PERSON = "person"
"""The `agent` of a phase that a person does."""

Enqueue = Callable[[Any, str, str, dict[str, Any]], None]
"""`(connection, job, key, args)`: the job lands with the transaction."""


def as_it_is(value: Any) -> Any:
    """What takes nothing out."""
    return value


def no_policy() -> None:
    """Where nobody has a policy of their own."""


@dataclass(frozen=True)
class Bench:
    """All seams of one repository under one pinned configuration."""

    config: Config
    store: Store
    enqueue: Enqueue
    workspaces: Workspaces
    forge: Forge
    deployer: Deployer
    agents: Mapping[str, Agent]
    notifier: Notifier
    now: Callable[[], datetime]
    parse: Callable[[str, str], Config]
    """The configuration written in a text (first) of a file (second). Raises ConfigError."""
    parse_policy: Callable[[bytes, str], PolicyFile]
    """The policy written in a file's content (first), called (second). Raises ConfigError."""
    trees: Trees
    archive: Archive
    mark: Callable[[], str]
    """Moves when the tools of the rooms may have moved."""
    code: str
    """Moves when this program does."""
    signer: Signer
    """The key of whoever runs setpoint here."""
    images: Images | None = None
    """Builds container images; None: nothing does."""
    own_policy: Callable[[], Layer | None] = no_policy
    """The policy of the person who starts runs here. Raises ConfigError."""
    redact: Callable[[Any], Any] = as_it_is
    """Takes secrets out of what sessions hand in and errors say, before it is kept or shown."""

    def keep(self, output: bytes) -> str:
        """Keep the whole output of a command, without secrets; its SHA-256 as it is kept."""
        clean = self.redact(output.decode("utf-8", "surrogateescape"))
        return self.store.put_blob(str(clean).encode("utf-8", "surrogateescape"))


@dataclass(frozen=True)
class Ground:
    """One step's ground: the run as it was claimed, and its bench."""

    bench: Bench
    run: Run

    @property
    def position(self) -> Position:
        """Where the run is."""
        return self.run.position

    @property
    def config(self) -> Config:
        """The run's pinned configuration."""
        return self.bench.config

    @property
    def route(self) -> Route:
        """The route of this cycle."""
        return ROUTES[self.position.route]

    @property
    def loop(self) -> str:
        """Name of the stage's loop: what its rounds are counted under."""
        return self.loop_of(self.position.stage, self.task_id())

    def loop_of(self, stage: str, task: str = "") -> str:
        """Name of another stage's loop in this cycle and epoch."""
        name = f"{stage}:{task}" if task else stage
        return name if self.position.epoch == 1 else f"{name}#{self.position.epoch}"

    def session(self, phase: str, **changes: Any) -> SessionId:
        """The name of a session of this run and cycle."""
        fresh = {"run": self.run.id, "cycle": self.position.cycle, "phase": phase}
        return SessionId.model_validate({**fresh, **changes})

    def given(self, name: str) -> dict[str, Any] | None:
        """The deliverable `name` that stands in this cycle."""
        return self.bench.store.deliverable(self.run.id, self.position.cycle, name)

    def fact(self, name: str) -> dict[str, Any] | None:
        """A remembered fact of this cycle."""
        return self.bench.store.recall(self.run.id, f"{name}:{self.position.cycle}")

    @property
    def by_person(self) -> bool:
        """Whether ticket or configuration give the present phase to a person."""
        stage = self.position.stage
        return stage in self.run.ticket.phases_by_person or self.config.settings(stage).agent == PERSON

    def task_id(self) -> str:
        """Id of the plan task the position is at; empty outside implementation and on a route without plan."""
        if self.position.stage != "implementation":
            return ""
        ids = self.task_ids()
        return ids[self.position.task] if ids else ""

    def task_ids(self) -> tuple[str, ...]:
        """Ids of the plan's tasks, in order; empty on a route without plan."""
        plan = self.given("plan") if self.position.route is Kind.FEATURE else None
        return tuple(str(task["id"]) for task in plan["tasks"]) if plan else ()

    async def workspace(self) -> Workspace:
        """The worktree of this cycle; each cycle has one of its own, from a clean base."""
        name = self.run.id if self.position.cycle == 1 else f"{self.run.id}-{self.position.cycle}"
        return await self.bench.workspaces.open(self.run.model_copy(update={"id": name}))

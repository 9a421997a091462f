"""Which part stands at which seam: one table, one loader, and the bench put together from them."""

import importlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import ConfigError
from .model.approval import Answer
from .model.run import Run, State
from .model.session import Role
from .model.settings import Config
from .pipeline.bench import Bench
from .pipeline.models import choose_models
from .policy.action import Action, ActionKind
from .policy.decide import Allow, Decision, Deny

if TYPE_CHECKING:
    from .gates.prove import Proven
    from .model.evidence import GateResult
    from .ports import Agent, Sandbox, Store

ADAPTERS: Mapping[tuple[str, str], str] = {
    ("sandbox", "bubblewrap"): "setpoint.adapters.sandboxes.bubblewrap:Bubblewrap",
    ("sandbox", "none"): "setpoint.adapters.sandboxes.bare:Bare",
    ("workspaces", "worktrees"): "setpoint.adapters.worktrees:Worktrees",
    ("agent", "native"): "setpoint.adapters.agents.native:NativeAgent",
    ("agent", "replay"): "setpoint.adapters.agents.replay:ReplayAgent",
    ("forge", "local"): "setpoint.adapters.forges.local:LocalForge",
    ("deployer", "command"): "setpoint.adapters.deployers.command:CommandDeployer",
    ("notifier", "terminal"): "setpoint.adapters.notifiers.terminal:TerminalNotifier",
    ("tracker", "files"): "setpoint.adapters.trackers.files:FileTracker",
}
"""Every adapter there is."""


def part(seam: str, name: str) -> Any:
    """The adapter class called `name` at `seam`. Raises ConfigError with the names there are."""
    where = ADAPTERS.get((seam, name))
    if where is None:
        known = ", ".join(sorted(n for s, n in ADAPTERS if s == seam))
        raise ConfigError(f"there is no {seam} `{name}`", fix=f"one of: {known}")
    module, _, attribute = where.partition(":")
    return getattr(importlib.import_module(module), attribute)


def sandbox_of(config: Config) -> "Sandbox":
    """The configured sandbox; never another one in its place."""
    made: Sandbox = part("sandbox", config.sandbox.level)()
    return made


def endpoints(config: Config, environ: Mapping[str, str]) -> dict[str, Any]:
    """Where each provider is reached, with its key from the environment; keys never leave this process."""
    from .adapters.agents.endpoint import Endpoint

    found = {}
    for name, provider in config.providers.items():
        key = environ.get(provider.key_env, "") if provider.key_env else None
        found[name] = Endpoint(api=provider.api, base_url=provider.base_url, key=key, headers=provider.headers)
    return found


def redactor(config: Config, environ: Mapping[str, str]) -> Callable[[Any], Any]:
    """Takes this process's keys, and whatever has a secret's shape, out of all that is written down."""
    from .gates.secrets import redact

    names = {provider.key_env for provider in config.providers.values() if provider.key_env}
    names |= {name for environment in config.environment for name in environment.env}
    known = tuple(value for name in sorted(names) if (value := environ.get(name)))

    def clean(value: Any) -> Any:
        if isinstance(value, str):
            return redact(value, known)
        if isinstance(value, dict):
            return {key: clean(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [clean(item) for item in value]
        return value

    return clean


class Agents(Mapping[str, "Agent"]):
    """The agents by name, each made when it is first wanted."""

    def __init__(self, config: Config, root: Path) -> None:
        self._config = config
        self._root = root
        self._made: dict[str, Agent] = {}

    def __getitem__(self, name: str) -> "Agent":
        if name not in self._made:
            self._made[name] = self._make(name)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(name for seam, name in ADAPTERS if seam == "agent")

    def __len__(self) -> int:
        return sum(1 for seam, _ in ADAPTERS if seam == "agent")

    def _make(self, name: str) -> "Agent":
        kind = part("agent", name)
        if name == "replay":
            made: Agent = kind(self._root / self._config.agent.recording)
        else:
            made = kind(endpoints(self._config, os.environ), command_limits=self._config.sandbox.limits)
        return made


def permit_of(store: "Store", config: Config) -> Callable[[Action], Decision]:
    """The last word before an effect: only a run that stands at that very step may have it, once a person said yes."""

    def permit(action: Action) -> Decision:
        for run in store.runs(active=True):
            if run.position.stage != action.kind.value or run.position.state is not State.RUNNING:
                continue
            if action.kind is ActionKind.MERGE and run.branch == action.subject:
                return Allow(reason=f"run {run.id} stands at its merge")
            merged = store.recall(run.id, f"merged:{run.position.cycle}")
            if action.kind is ActionKind.DEPLOY and merged and merged["sha"] == action.detail:
                return _deploys(store, config, run, action.subject)
        return Deny(reason="no run stands at this step", fix="`setpoint list` shows where runs stand")

    return permit


def _deploys(store: "Store", config: Config, run: Run, environment: str) -> Decision:
    wanted = next((e for e in config.environment if e.name == environment), None)
    if wanted is None or not wanted.approval:
        return Allow(reason=f"run {run.id} deploys what it merged")
    given = store.approvals(run.id, run.position.cycle, f"deploy:{environment}")
    if any(approval.answer is Answer.GRANTED for approval in given):
        return Allow(reason=f"{given[-1].by} said yes")
    return Deny(reason=f"nobody said yes to {environment}", fix=f"`setpoint approve {run.id}`")


def header(config: Config) -> list[str]:
    """What a person must know before a run: containment, independence, replay, autonomy."""
    lines = [
        f"sandbox {config.sandbox.level}"
        + ("" if config.sandbox.level != "none" else ": commands run on this host, unconfined")
    ]
    if config.agent.kind == "replay":
        lines.append("the model's turns are replayed from a recording; all else is real")
    else:
        reviewer = choose_models(config, "review", Role.REVIEWER)
        lines.append(f"reviewer {reviewer.models[0]}, independence {reviewer.independence}")
    if config.autonomy == "full":
        lines.append("autonomy full: nobody is asked")
    return lines


async def gates_here(bench: Bench, tree: str) -> "Sequence[GateResult]":
    """All gates on a tree of the user's own."""
    from .gates.environment import environment_digest
    from .gates.judge import run_gates

    async with bench.workspaces.checkout(tree) as room:
        environment = await environment_digest(room, bench.config.gates)
        return await run_gates(bench.config.gates, room, tree=tree, environment=environment, keep=bench.store.put_blob)


async def proofs(bench: Bench, tree: str) -> "Sequence[Proven]":
    """A planted fault for each gate."""
    from .gates.environment import environment_digest
    from .gates.prove import prove

    async with bench.workspaces.checkout(tree) as room:
        environment = await environment_digest(room, bench.config.gates)
    return [
        await prove(name, gate, lambda laid: bench.workspaces.checkout(tree, laid), tree=tree, environment=environment)
        for name, gate in bench.config.gates.items()
    ]

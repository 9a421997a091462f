"""Which part stands at which seam: one table, one loader, and the bench put together from them."""

import importlib
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from datetime import UTC, datetime
from functools import cache, partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from .config import own_policy, parse, parse_policy
from .errors import ConfigError, SetpointError
from .model.agent_settings import programs
from .model.release import CiRun, CiState
from .model.sandbox_settings import Level, SandboxSettings
from .model.settings import Config
from .model.stack import StackSettings
from .policy.containment import require_contained
from .redacting import redactor

if TYPE_CHECKING:
    from .accounts import Circuits
    from .adapters.keys import KeyRing
    from .gates.prove import Proven
    from .model.evidence import GateResult
    from .pipeline.bench import Bench, Enqueue
    from .ports import Agent, Notifier, Room, Sandbox, Store
    from .service.doctor import Check

ADAPTERS: Mapping[tuple[str, str], str] = {
    ("sandbox", "bubblewrap"): "setpoint.adapters.sandboxes.bubblewrap:Bubblewrap",
    ("sandbox", "container"): "setpoint.adapters.sandboxes.container:Container",
    ("sandbox", "microvm"): "setpoint.adapters.sandboxes.microvm:Microvm",
    ("sandbox", "seatbelt"): "setpoint.adapters.sandboxes.seatbelt:Seatbelt",
    ("sandbox", "none"): "setpoint.adapters.sandboxes.bare:Bare",
    ("containers", "engine"): "setpoint.adapters.sandboxes.stack_containers:EngineContainers",
    ("trees", "git"): "setpoint.adapters.trees:GitTrees",
    ("archive", "files"): "setpoint.adapters.archive:FileArchive",
    ("workspaces", "worktrees"): "setpoint.adapters.worktrees:Worktrees",
    ("agent", "native"): "setpoint.adapters.agents.native:NativeAgent",
    ("agent", "replay"): "setpoint.adapters.agents.replay:ReplayAgent",
    ("agent", "external"): "setpoint.adapters.agents.external.agent:ExternalAgent",
    ("forge", "local"): "setpoint.adapters.forges.local:LocalForge",
    ("deployer", "command"): "setpoint.adapters.deployers.command:CommandDeployer",
    ("images", "host"): "setpoint.adapters.images:HostImages",
    ("notifier", "terminal"): "setpoint.adapters.notifiers.terminal:TerminalNotifier",
    ("notifier", "command"): "setpoint.adapters.notifiers.command:CommandNotifier",
    ("tracker", "files"): "setpoint.adapters.trackers.files:FileTracker",
}
"""Every adapter there is."""


SEEN_BY_NOTIFIERS = (
    "PATH",
    "HOME",
    "LANG",
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "XDG_RUNTIME_DIR",
    "DBUS_SESSION_BUS_ADDRESS",
)
LOOK_SECONDS = 1.0
"""How old the last look at which providers do not answer may be."""


def part(seam: str, name: str) -> Any:
    """The adapter class called `name` at `seam`. Raises ConfigError with the names there are."""
    where = ADAPTERS.get((seam, name))
    if where is None:
        known = ", ".join(sorted(n for s, n in ADAPTERS if s == seam))
        raise ConfigError(f"there is no {seam} `{name}`", fix=f"one of: {known}")
    module, _, attribute = where.partition(":")
    return getattr(importlib.import_module(module), attribute)


def sandbox_of(config: Config) -> "Sandbox":
    """The configured sandbox; never another one in its place. Raises ConfigError when it is weaker than is demanded, or
    none where nobody is asked."""
    require_contained(config)
    return sandbox_at(config.sandbox.level, config.sandbox)


def sandbox_at(level: Level, settings: SandboxSettings) -> "Sandbox":
    """The sandbox of this level, with its settings."""
    made: Sandbox = part("sandbox", level).of(settings)
    return made


def contain(settings: StackSettings, names: Sequence[str]) -> Any:
    """What makes the containers of a stack's compose file, for one life of it."""
    return part("containers", "engine").of(settings, names)


def endpoints(config: Config, environ: Mapping[str, str], asker: str = "") -> dict[str, Any]:
    """Where each provider is reached by the agent `asker`, with its key from the environment; keys and sign-ins never
    leave this process."""
    from .adapters.agents.endpoint import Endpoint

    found: dict[str, Any] = {}
    for name, provider in config.providers.items():
        if provider.sign_in is not None:
            from .adapters.agents.sign_ins import endpoint_of

            found[name] = endpoint_of(provider, environ, asker)
            continue
        key = environ.get(provider.key_env, "") if provider.key_env else None
        headers = provider.headers | {name: environ.get(held, "") for name, held in provider.header_env.items()}
        told = provider.model_dump(include={"api", "base_url", "billing", "prices"})
        found[name] = Endpoint.model_validate({**told, "key": key, "headers": headers})
    return found


class Agents(Mapping[str, "Agent"]):
    """The agents by name, each made when it is first wanted."""

    def __init__(
        self,
        config: Config,
        root: Path,
        homes: Path,
        circuits: "Circuits",
        redact: Callable[[Any], Any],
        keep: Callable[[bytes], str],
        pins: Any,
    ) -> None:
        """`homes`: where agents of other makers keep what they remember; `pins`: what servers of tools offered."""
        self._config = config
        self._root = root
        self._homes = homes
        self._others = programs(config.agents)
        self._circuits = circuits
        self._redact = redact
        self._keep, self._pins = keep, pins
        self._made: dict[str, Agent] = {}

    def __getitem__(self, name: str) -> "Agent":
        if name not in self._made:
            self._made[name] = self._make(name)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(("native", "replay", *self._others))

    def __len__(self) -> int:
        return 2 + len(self._others)

    def _make(self, name: str) -> "Agent":
        if name not in tuple(self):
            raise ConfigError(f"there is no agent `{name}`", fix=f"one of: {', '.join(self)}; or write [agents.{name}]")
        given = {"redact": self._redact, "secret": os.environ.get, "keep": self._keep, "pins": self._pins}
        given |= {"command_limits": self._config.sandbox.limits}
        if name in self._others:
            ends = endpoints(self._config, os.environ, name)
            other: Agent = part("agent", "external").given(
                name, self._others[name], ends, self._homes, self._circuits, **given
            )
            return other
        kind = part("agent", name)
        if name == "replay":
            made: Agent = kind(self._root / self._config.agent.recording)
        else:
            ends = endpoints(self._config, os.environ, name)
            made = kind(ends, self._circuits, **given)
        return made


@cache
def code_mark() -> str:
    """Moves when this program's own code does."""
    from . import __version__

    told = [__version__]
    folders = [str(Path(__file__).parent)]
    while folders:
        with os.scandir(folders.pop()) as found:
            for one in found:
                if one.is_dir():
                    folders.append(one.path)
                elif one.name.endswith(".py"):
                    with suppress(OSError):
                        told.append(f"{one.name} {one.stat().st_mtime_ns}")
    told.sort()
    return sha256("\n".join(told).encode()).hexdigest()


async def proofs(bench: "Bench", tree: str) -> "Sequence[Proven]":
    """A planted fault for each gate, tried again when the gate, its configuration or its tools moved."""
    from .gates.environment import environment_digest
    from .gates.prove import prove
    from .service.gates import kept_proofs

    async with bench.workspaces.checkout(tree) as room:
        environment = await environment_digest(room, bench.config.gates)
    known = {proof.gate: proof for proof in kept_proofs(bench.store)}
    found = [
        await prove(
            name, gate, lambda laid: bench.workspaces.checkout(tree, laid),
            tree=tree, environment=environment, kept=known.get(name),
        )
        for name, gate in bench.config.gates.items()
    ]  # fmt: skip
    with bench.store.transaction() as tx:
        tx.remember(BASELINE, "proofs", {proof.gate: proof.model_dump(mode="json") for proof in found})
    return found


def notifier_of(config: Config, environ: Mapping[str, str]) -> "Notifier":
    """Tells by the configured command, which sees nothing of the environment but what a desktop needs; else here."""
    if not config.notify.command:
        return cast("Notifier", part("notifier", "terminal")())
    env = {name: environ[name] for name in SEEN_BY_NOTIFIERS if name in environ}
    told = part("notifier", "command")(config.notify.command, env=env, seconds=config.notify.seconds)
    return cast("Notifier", told)


def assemble(
    root: Path, state: Path, config: Config, store: "Store", enqueue: "Enqueue", keys: Path | None = None
) -> "Bench":
    """The bench of one repository under one configuration, every seam with an effect behind its guard; `keys` holds the
    person's key, where it is not in their own configuration."""
    from .pipeline.bench import Bench
    from .pipeline.circuits import KeptCircuits
    from .pipeline.permits import permit_of
    from .pipeline.tool_pins import KeptPins
    from .policy.guard import GuardedDeployer, GuardedForge

    sandbox = sandbox_of(config)
    bare = root / config.forge.path if config.forge.path else state / "forge.git"
    workspaces = part("workspaces", "worktrees")(root, state, sandbox, config=config, forge=bare, contain=contain)
    forge = part("forge", config.forge.kind)(bare, root, _judge(config, workspaces, lambda: forge))
    deployer = part("deployer", "command")(state, forge.checkout, sandbox, environ=os.environ)
    permit, now, clean = permit_of(store, config), partial(datetime.now, UTC), redactor(config, os.environ, root)
    circuits = KeptCircuits(store, config.breaker, now, clean, look_seconds=LOOK_SECONDS)
    return Bench(
        config=config,
        store=store,
        enqueue=enqueue,
        workspaces=workspaces,
        forge=GuardedForge(forge, config.project.base, permit),
        deployer=GuardedDeployer(deployer, permit),
        agents=Agents(config, root, state / "agents", circuits, clean, store.put_blob, KeptPins(store)),
        notifier=notifier_of(config, os.environ),
        now=now,
        parse=parse,
        parse_policy=parse_policy,
        own_policy=lambda: own_policy(os.environ),
        trees=part("trees", "git")(root),
        archive=part("archive", "files")(state / "evidence"),
        mark=workspaces.mark,
        code=code_mark(),
        signer=signer(root, config, keys),
        images=part("images", "host")(),
        redact=clean,
    )


def signer(root: Path, config: Config, keys: Path | None = None) -> "KeyRing":
    """The key of whoever runs setpoint in the repository at `root`."""
    from .adapters.keys import KeyRing, key_folder
    from .adapters.rooms import expanded

    shown = [root, *map(Path, expanded(config.sandbox.readonly))]
    folder = keys or key_folder(os.environ, Path.home())
    return KeyRing(folder, shown=shown, tell=lambda words: print(f"setpoint: {words}", file=sys.stderr, flush=True))


def _judge(config: Config, workspaces: Any, forge: Callable[[], Any]) -> Callable[[str, str], Awaitable[CiRun]]:
    """CI of the local forge: the gates of the base branch's configuration on a fresh checkout in a fresh sandbox; what
    a linter minds on the base too does not count."""

    async def judge(commit: str, base: str) -> CiRun:
        from .gates.compared import change_of, compared
        from .gates.environment import environment_digest
        from .gates.judge import run_gates
        from .gates.quarantine import FILE, pardoned
        from .gates.reach import demanded
        from .model.evidence import GateKind

        text = await forge().show(base, "setpoint.toml")
        gates = parse(text, "setpoint.toml").gates if text else config.gates
        async with _room_of(workspaces, forge().checkout(commit)) as room:
            environment = await environment_digest(room, gates)
            told = await run_gates(gates, room, tree=commit, environment=environment)
            before = _room_of(workspaces, forge().checkout(base))
            judged = await compared(gates, told, room, before, base_tree=base)
            if any(gate.kind is GateKind.INTEGRATION and not gate.required for gate in gates.values()):
                async with _room_of(workspaces, forge().checkout(base)) as there:
                    gates = demanded(gates, change_of(there, room))
        flaky = await forge().show(base, FILE)
        results = tuple(pardoned(one.result, flaky) for one in judged)
        required = [result for result in results if gates[result.gate].required]
        state = CiState.REFUSED if not required else CiState.GREEN if all(r.green for r in required) else CiState.RED
        log = "\n\n".join(f"== {r.gate}: {r.outcome.value}: {r.reason}\n{r.tail}" for r in results)
        return CiRun(sha=commit, state=state, results=results, log=log)

    return judge


@asynccontextmanager
async def _room_of(workspaces: Any, folder: AbstractAsyncContextManager[Path]) -> AsyncIterator["Room"]:
    async with folder as path, workspaces.room(path) as room:
        yield room


BASELINE = "baseline"
"""Results on untouched bases are kept under this name, for all runs."""


async def on_base(bench: "Bench", base: str, tree: str) -> "tuple[GateResult, ...]":
    """The gates on an untouched base; what is known of the same tree and environment is not run again. A flaky test
    that is on the base's list does not make it red."""
    from .gates.environment import environment_digest
    from .gates.judge import run_gates
    from .gates.quarantine import FILE, pardoned

    store, gates = bench.store, bench.config.gates
    earlier = {result.gate: result for _, result in store.results(BASELINE, tree)}

    def known(name: str, _definition: str) -> "GateResult | None":
        return earlier.get(name)

    async with bench.workspaces.checkout(base) as room:
        environment = await environment_digest(room, gates)
        results = await run_gates(gates, room, tree=tree, environment=environment, known=known, keep=bench.keep)
    with store.transaction() as tx:
        for result in results:
            tx.result(BASELINE, "baseline", result)
    flaky = await bench.workspaces.show(base, FILE)
    return tuple(pardoned(result, flaky) for result in results)


async def blocked(bench: "Bench", root: Path, base: str) -> "list[Check]":
    """The doctor's look at what commonly keeps a loop from working: see `service/blockers.py`."""
    from .adapters.git import common_folder
    from .adapters.serving import comes_up
    from .gates.detect import survey
    from .service import blockers

    config = bench.config
    found = [
        *blockers.elsewhere(survey(root), config.gates),
        *blockers.audited(config, root),
        *blockers.permissions(root, common_folder(root), config.gates),
        *blockers.profiles(config),
    ]
    if config.stack.serves:
        async with bench.workspaces.checkout(base) as room:
            found += blockers.stack(config, *await comes_up(room))
    return found


async def examined(bench: "Bench", base: str, tree: str) -> "list[Check]":
    """The doctor's look at the gates, the rules and the base."""
    from .pipeline.context import rules_there
    from .service import doctor

    gates, found = bench.config.gates, doctor.proving(bench.config.gates)
    try:
        await rules_there(bench, base)
    except SetpointError as error:
        found.append(doctor.trouble("rules", error))
    try:
        return [*found, *doctor.baseline(await on_base(bench, base, tree) if gates else ())]
    except SetpointError as error:
        return [*found, doctor.trouble("base", error)]

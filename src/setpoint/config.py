"""`setpoint.toml`, the policy of the trusted base branch and the environment, read once into a frozen `Config`."""

import difflib
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from .errors import ConfigError
from .model.boundary import Boundaries
from .model.command import CommandLimits
from .model.gate import Gate
from .model.record import Line, Record
from .model.release import Environment

Size = Literal["large", "medium", "small", "tiny"]
Api = Literal["anthropic", "openai-chat", "openai-responses"]


class Project(Record):
    """The repository."""

    base: str = ""
    """Branch that changes land on; empty: the branch checked out when the run starts."""
    owner: str = ""
    """Who answers for changes; empty: git's user.name."""


class Provider(Record):
    """A model provider, by its wire format."""

    api: Api
    base_url: str = ""
    """Empty: the provider's own, or the usual environment variable."""
    key_env: str = ""
    """Name of the environment variable that holds the key; never the key."""
    headers: dict[str, str] = {}


class PhaseSettings(Record):
    """How one phase works."""

    model: str = ""
    """Size class (`large`) or `provider/model`; empty: the phase's default."""
    validator: str = ""
    """Size class or model of its validator."""
    attempts: int = 4
    """Verdicts before it is handed over."""
    requests: int = 120
    """Most model requests of one session."""
    minutes: float = 60.0
    agent: str = ""
    by_person: bool = False
    prompt: str = ""
    """File with rules added to the phase's instructions, relative to the repository."""


class Loop(Record):
    """Limits of the controller."""

    plateau: int = 3
    """Rounds without a better error before hand-over."""
    reopened: int = 2
    """Times one objection may come back before it counts as oscillation."""
    growth: float = 4.0
    """Most growth of the diff over the first round's."""
    reopen_cycles: int = 2
    """Times a ticket may be reopened after a failed smoke."""
    ci_fixes: int = 3


class Budget(Record):
    """Money and time; reaching it parks."""

    ticket_usd: float | None = 10.0
    session_idle_seconds: float = 60.0


class SandboxSettings(Record):
    """How commands are contained."""

    level: Literal["bubblewrap", "container", "microvm", "none"] = "bubblewrap"
    limits: CommandLimits = CommandLimits()
    readonly: tuple[str, ...] = ()
    """More host folders shown read-only (toolchains, caches)."""
    env: dict[str, str] = {}


class Worktree(Record):
    """What a fresh worktree needs before work starts."""

    setup: tuple[tuple[str, ...], ...] = ()
    """Commands run once in the sandbox after the worktree is made."""
    share: tuple[str, ...] = (".venv", "venv", "node_modules")
    """Git-ignored folders of the repository shown read-only inside (environments)."""


class ForgeSettings(Record):
    """Where changes are offered."""

    kind: Literal["local"] = "local"
    path: str = ""
    """The bare repository; empty: `.setpoint/forge.git`."""


class AgentSettings(Record):
    """Who does the work."""

    kind: Literal["native", "replay"] = "native"
    recording: str = ""
    """Recording to replay, relative to the repository or absolute."""


class Config(Record):
    """Everything configured, with defaults; frozen once read."""

    project: Project = Project()
    gates: dict[str, Gate] = {}
    models: dict[Size, tuple[str, ...]] = {}
    """Model and fallbacks (`provider/model`) of each size class."""
    providers: dict[str, Provider] = {}
    phase: dict[str, PhaseSettings] = {}
    loop: Loop = Loop()
    budget: Budget = Budget()
    sandbox: SandboxSettings = SandboxSettings()
    worktree: Worktree = Worktree()
    boundaries: Boundaries = Boundaries()
    forge: ForgeSettings = ForgeSettings()
    agent: AgentSettings = AgentSettings()
    environment: tuple[Environment, ...] = ()
    """In the order they are deployed to."""
    autonomy: Literal["plan+merge", "full"] = "plan+merge"
    """`plan+merge`: a person approves plan and change; `full`: nobody is asked (said in every record)."""
    approvers: tuple[Line, ...] = ()
    """Who may approve; empty: the owner of the machine account."""
    database_url: str = ""
    """PostgreSQL URL of a team; empty: `.setpoint/setpoint.db`."""
    concurrency: int = Field(default=3, ge=1, le=256)
    """Runs at once in one worker."""
    commit_trailer: Literal["assisted-by", "co-authored-by", "generated-by", "none"] = "assisted-by"

    def settings(self, phase: str) -> PhaseSettings:
        """The phase's own settings, or the defaults."""
        return self.phase.get(phase, PhaseSettings())


def parse(text: str, where: str) -> Config:
    """The configuration written in `text`. Raises ConfigError that names the place and the nearest known key."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{where}: not TOML: {error}", fix=f"mend {where} at the place named") from error
    if where.endswith("pyproject.toml"):
        raw = raw.get("tool", {}).get("setpoint", {})
    return validated(raw, where)


def validated(raw: Mapping[str, Any], where: str) -> Config:
    """`raw` as a Config; every problem in one ConfigError."""
    try:
        return Config.model_validate(raw)
    except ValidationError as error:
        problems = [_said(problem, where) for problem in error.errors()]
        raise ConfigError(
            "\n".join(problems), fix=f"mend {where}; `setpoint schema config` prints what may stand there"
        ) from error


def _said(problem: Any, where: str) -> str:
    path = ".".join(str(part) for part in problem["loc"])
    if problem["type"] != "extra_forbidden":
        return f"{where}: {path}: {problem['msg']}"
    known = _keys_beside(problem["loc"])
    near = difflib.get_close_matches(str(problem["loc"][-1]), known, n=1, cutoff=0.4)
    hint = f"; did you mean `{near[0]}`?" if near else f"; known here: {', '.join(sorted(known))}"
    return f"{where}: unknown key `{path}`{hint}"


def _keys_beside(location: tuple[Any, ...]) -> list[str]:
    here: Any = Config
    for part in location[:-1]:
        fields = getattr(here, "model_fields", None)
        annotation = fields[part].annotation if fields and part in fields else here
        here = _record_in(annotation)
    return list(getattr(here, "model_fields", {}))


def _record_in(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, Record):
        return annotation
    for inner in getattr(annotation, "__args__", ()):
        found = _record_in(inner)
        if found is not None:
            return found
    return None


def load(repository: Path) -> Config:
    """The configuration of `repository`'s working tree: `setpoint.toml`, else `[tool.setpoint]`, else defaults."""
    own = repository / "setpoint.toml"
    shared = repository / "pyproject.toml"
    if own.is_file():
        config = parse(own.read_text(encoding="utf-8"), "setpoint.toml")
    elif shared.is_file():
        config = parse(shared.read_text(encoding="utf-8"), "pyproject.toml")
    else:
        config = Config()
    return with_environment(config, os.environ)


KEYS = {"anthropic": "ANTHROPIC_API_KEY", "openai": "OPENAI_API_KEY"}
URLS = {"anthropic": "ANTHROPIC_BASE_URL", "openai": "OPENAI_BASE_URL"}
APIS: dict[str, Api] = {"anthropic": "anthropic", "openai": "openai-responses"}
DEFAULT_MODELS: dict[str, dict[Size, str]] = {
    "anthropic": {
        "large": "claude-opus-4-5",
        "medium": "claude-sonnet-4-5",
        "small": "claude-haiku-4-5",
        "tiny": "claude-haiku-4-5",
    },
    "openai": {"large": "gpt-5.1", "medium": "gpt-5.1-codex", "small": "gpt-5-mini", "tiny": "gpt-5-nano"},
}


def with_environment(config: Config, environ: Mapping[str, str]) -> Config:
    """`config` with what one key in the environment is enough for: a provider and a model of each size class."""
    providers = dict(config.providers)
    for name, key in KEYS.items():
        if environ.get(key) and name not in providers:
            providers[name] = Provider(api=APIS[name], base_url=environ.get(URLS[name], ""), key_env=key)
    models = dict(config.models)
    for size in ("large", "medium", "small", "tiny"):
        if size not in models:
            found = tuple(f"{name}/{DEFAULT_MODELS[name][size]}" for name in providers if name in DEFAULT_MODELS)
            if found:
                models[size] = found
    return config.model_copy(update={"providers": providers, "models": models})

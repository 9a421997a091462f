"""`setpoint.toml`, the policy of the trusted base branch and the environment, read once into a frozen `Config`."""

import difflib
import os
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from .errors import ConfigError, UsageError
from .inputs import read_bytes, read_text, text_of
from .model.agent_settings import programs
from .model.record import Record
from .model.release import level_of_place
from .model.settings import PHASES as PHASES
from .model.settings import Api, Config, Provider, Size
from .model.sign_in import SIGN_INS, SignInName, is_loopback

if TYPE_CHECKING:
    from .model.policy import Layer, PolicyFile


def parse(text: str | bytes, where: str) -> Config:
    """The configuration written in `text`. Raises ConfigError that names the place and the nearest known key."""
    if isinstance(text, bytes):
        text = text_of(text, called=where, wrong=ConfigError)
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
        return _names_there(_in_order(Config.model_validate(raw), where), where)
    except ValidationError as error:
        problems = [_said(problem, where, Config) for problem in error.errors()]
        raise ConfigError(
            "\n".join(problems), fix=f"mend {where}; `setpoint schema config` prints what may stand there"
        ) from error


POLICY_FILE = ".setpoint/policy.toml"


def parse_policy(content: bytes, where: str) -> "PolicyFile":
    """The policy written in `content`. Raises ConfigError that names the place and the nearest known key."""
    from .model.policy import PolicyFile
    from .policy.sense import senseless

    text = text_of(content, called=where, wrong=ConfigError)
    try:
        said = PolicyFile.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{where}: not TOML: {error}", fix=f"mend {where} at the place named") from error
    except ValidationError as error:
        problems = [_said(problem, where, PolicyFile) for problem in error.errors()]
        fix = f"mend {where}; `setpoint schema policy` prints what may stand there"
        raise ConfigError("\n".join(problems), fix=fix) from error
    wrong = senseless(said)
    if wrong:
        raise ConfigError(
            "\n".join(f"{where}: {problem}" for problem in wrong),
            why="what means nothing would be taken for a limit that holds",
            fix=f"mend {where}; docs/policy.md says what each part means",
        )
    return said


def own_policy(environ: Mapping[str, str]) -> "Layer | None":
    """The policy of the person at this machine: `setpoint/policy.toml` in their configuration folder; None without
    one. Raises ConfigError."""
    from .model.policy import Layer

    folder = Path(environ.get("XDG_CONFIG_HOME") or Path(environ.get("HOME", "/"), ".config"))
    path = folder / "setpoint" / "policy.toml"
    if not os.path.lexists(path):
        return None
    said = parse_policy(read_bytes(path, called=str(path), wrong=ConfigError), str(path))
    if said.trust.confidence:
        raise ConfigError(
            f"{path}: trust.confidence counts on the base branch alone", fix=f"write it into {POLICY_FILE} there"
        )
    return Layer(whose="user", said=said)


def _in_order(config: Config, where: str) -> Config:
    """`config`, its first environment one for acceptance. Raises ConfigError."""
    levels = [(place.name, level_of_place(place)) for place in config.environment]
    first = next((at for at, (_, level) in enumerate(levels) if level == "prod"), len(levels))
    later = next((name for name, level in levels[first:] if level != "prod"), "")
    if first == len(levels) or (first and not later):
        return config
    fix = f"put [[environment]] {later} first" if later else 'add [[environment]] name = "pre-staging" before it'
    raise ConfigError(
        f"{where}: environment {levels[first][0]} would be deployed to {f'before {later}' if first else 'first'}",
        why="a release is accepted in a pre-staging environment before it reaches production",
        fix=fix,
    )


def _names_there(config: Config, where: str) -> Config:
    """`config`, whose phases and agents are all known by their names. Raises ConfigError."""
    for name in config.phase:
        if name not in PHASES:
            near = difflib.get_close_matches(name, PHASES, n=1)
            hint = f"; did you mean `{near[0]}`?" if near else ""
            fix = f"one of: {', '.join(PHASES)}"
            raise ConfigError(f"{where}: phase.{name}: there is no phase `{name}`{hint}", fix=fix)
    known = ("native", "replay", "person", *programs(config.agents))
    asked = {f"phase.{name}.agent": one.agent for name, one in config.phase.items()}
    for place, name in {"agent.kind": config.agent.kind, **asked}.items():
        if name and name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean `{near[0]}`?" if near else f"; known: {', '.join(known)}"
            fix = f"mend {where}, or say under [agents.{name}] which program that is"
            raise ConfigError(f"{where}: {place}: there is no agent `{name}`{hint}", fix=fix)
    return config


def _said(problem: Any, where: str, root: type[Record]) -> str:
    path = ".".join(str(part) for part in problem["loc"])
    if problem["type"] != "extra_forbidden":
        said = _PLAINLY.get(problem["type"]) or problem["msg"].replace("Input should be", "should be")
        return f"{where}: {path}: {said}"
    known = _keys_beside(problem["loc"], root)
    near = difflib.get_close_matches(str(problem["loc"][-1]), known, n=1, cutoff=0.4)
    hint = f"; did you mean `{near[0]}`?" if near else f"; known here: {', '.join(sorted(known))}"
    return f"{where}: unknown key `{path}`{hint}"


_PLAINLY = {
    "missing": "is missing",
    "tuple_type": 'should be a list: ["…", "…"]',
    "list_type": 'should be a list: ["…", "…"]',
    "dict_type": "should be a table",
    "model_type": "should be a table",
}
"""What the checker says in words of its own trade."""


def _keys_beside(location: tuple[Any, ...], root: type[Record]) -> list[str]:
    here: Any = root
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


def read(path: Path, where: str) -> Config:
    """The configuration in a file. Raises ConfigError."""
    return parse(read_text(path, called=where, wrong=ConfigError), where)


def load(repository: Path) -> Config:
    """The configuration of `repository`'s working tree: `setpoint.toml`, else `[tool.setpoint]`, else defaults."""
    own = repository / "setpoint.toml"
    shared = repository / "pyproject.toml"
    if os.path.lexists(own):
        config = read(own, "setpoint.toml")
    elif shared.is_file():
        config = read(shared, "pyproject.toml")
    else:
        config = Config()
    return with_environment(config, os.environ)


KEYS = {"anthropic": "ANTHROPIC_API_KEY", "openai": "OPENAI_API_KEY", "google": "GEMINI_API_KEY"}
URLS = {"anthropic": "ANTHROPIC_BASE_URL", "openai": "OPENAI_BASE_URL", "google": "GOOGLE_GEMINI_BASE_URL"}
APIS: dict[str, Api] = {"anthropic": "anthropic", "openai": "openai-responses", "google": "google"}
DEFAULT_MODELS: dict[str, dict[Size, str]] = {
    "anthropic": {
        "large": "claude-opus-4-5",
        "medium": "claude-sonnet-4-5",
        "small": "claude-haiku-4-5",
        "tiny": "claude-haiku-4-5",
    },
    "openai": {"large": "gpt-5.1", "medium": "gpt-5.1-codex", "small": "gpt-5-mini", "tiny": "gpt-5-nano"},
    "google": {
        "large": "gemini-3.1-pro-preview",
        "medium": "gemini-2.5-pro",
        "small": "gemini-3-flash-preview",
        "tiny": "gemini-2.5-flash-lite",
    },
}


CHEAPEST = ("openai", "google", "anthropic")
"""Whose `tiny` model comes first where a key of each is there: validators are to be ten times cheaper than the rest."""


def signed_in_here(name: SignInName, environ: Mapping[str, str]) -> bool:
    """Whether there is a sign-in of the agent `name`; it is not read."""
    kind = SIGN_INS[name]
    return bool(environ.get(kind.variable)) or os.access(kind.place(environ), os.R_OK)


def _with_sign_in(config: Config, environ: Mapping[str, str]) -> Config:
    """`config`, which has no provider, with the sign-in of the agent it names, or where it names none, of the first
    that is installed and signed in. Never where the environment leads that maker's requests elsewhere."""
    known = programs(config.agents)
    for name, kind in SIGN_INS.items():
        wanted = [agent for agent in kind.agents if config.agent.named in ("", agent)]
        here = next((agent for agent in wanted if known[agent].found(environ)), None)
        url = environ.get(URLS[kind.provider], "")
        if here and signed_in_here(name, environ) and (not url or is_loopback(url)):
            provider = Provider(api=kind.api, base_url=url, sign_in=name, billing="subscription")
            own = config.agent.model_copy(update={"kind": here})
            return config.model_copy(update={"providers": {kind.provider: provider}, "agent": own})
    return config


def _default_models(name: str, provider: Provider) -> Mapping[str, str]:
    """The models by size class of a provider that none were named for."""
    if provider.sign_in is not None:
        return SIGN_INS[provider.sign_in].models
    return {str(size): model for size, model in DEFAULT_MODELS.get(name, {}).items()}


def with_environment(config: Config, environ: Mapping[str, str]) -> Config:
    """`config` with what one key in the environment is enough for, or one agent that is signed in where there is no
    key: a provider and a model of each size class."""
    for name in (*KEYS.values(), *URLS.values()):
        if any("\ud800" <= letter <= "\udfff" for letter in environ.get(name, "")):
            raise ConfigError(f"the environment variable {name} is not UTF-8 text", fix=f"set {name} anew")
    providers = dict(config.providers)
    for name, key in KEYS.items():
        if environ.get(key) and name not in providers:
            providers[name] = Provider(api=APIS[name], base_url=environ.get(URLS[name], ""), key_env=key)
    if not providers and (config := _with_sign_in(config, environ)).providers:
        providers = dict(config.providers)
    models = dict(config.models)
    for size in ("large", "medium", "small", "tiny"):
        if size not in models:
            names = dict.fromkeys([*CHEAPEST, *providers] if size == "tiny" else providers)
            offered = [(name, _default_models(name, providers[name])) for name in names if name in providers]
            found = tuple(f"{name}/{defaults[size]}" for name, defaults in offered if size in defaults)
            if found:
                models[size] = found
    return config.model_copy(update={"providers": providers, "models": models})


def with_models(config: Config, choices: Sequence[str]) -> Config:
    """`config` with phases moved to other models: `PHASE=MODEL`, or `PHASE=SIZE`. Raises UsageError."""
    phases = dict(config.phase)
    for choice in choices:
        phase, equals, model = choice.partition("=")
        if not equals or phase not in PHASES or not model:
            known = ", ".join(PHASES)
            raise UsageError(f"`{choice}` chooses no model", why=f"phases are {known}", fix="--model planning=large")
        phases[phase] = config.settings(phase).model_copy(update={"model": model})
    return config.model_copy(update={"phase": phases})

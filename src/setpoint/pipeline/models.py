"""Which model works where. Decided from the settings alone, before a token is spent."""

from collections.abc import Iterable

from ..errors import NotSignedInError
from ..model.agent_settings import programs
from ..model.record import Record
from ..model.session import ModelRef, Role
from ..model.settings import Config, Size
from ..model.sign_in import lends

SIZES: tuple[Size, ...] = ("tiny", "small", "medium", "large")
"""From the lightest up."""

PHASE_SIZE = {
    "discovery": "large",
    "tech_spec": "large",
    "planning": "large",
    "split": "large",
    "diagnosis": "large",
    "tests": "medium",
    "implementation": "medium",
    "edge_tests": "medium",
    "review": "medium",
    "ci_fix": "medium",
}
"""Architecture, plan and diagnosis go to the most capable model; scoped work to a lighter one."""

VALIDATOR_SIZE = "tiny"
_REVIEWING: tuple[Size, ...] = ("large", "medium", "small")
"""Sizes another reviewer may come from, the best first."""


class Chosen(Record):
    """The models of one session, and how independent its judgement is."""

    models: tuple[ModelRef, ...]
    independence: str = ""
    """For reviewers: `full` (another provider), `reduced` (another model of the same), `none`."""


def ways_out(config: Config) -> str:
    """How somebody without a model comes to one."""
    sign_in = "sign an agent in (`claude`, `codex login`; `setpoint doctor` says what it lacks)"
    if config.agent.named == "native":
        sign_in = (
            'take `kind = "native"` out of [agent]: then one that is signed in works (`setpoint doctor` says which is)'
        )
    return f"set ANTHROPIC_API_KEY or OPENAI_API_KEY, or {sign_in}"


def choose_models(config: Config, phase: str, role: Role, level: int = 0) -> Chosen:
    """Model and fallbacks of a session. Raises NotSignedInError when none is configured."""
    if role is Role.VALIDATOR:
        return Chosen(models=_asked(config, phase, config.settings(phase).validator or VALIDATOR_SIZE))
    if role is Role.REVIEWER:
        return _reviewer(config, phase, config.settings(phase).model or PHASE_SIZE["review"])
    size = config.settings(phase).model or PHASE_SIZE.get(phase, "medium")
    return Chosen(models=_asked(config, phase, _stronger(size, level)))


def agent_of(config: Config, phase: str) -> str:
    """Who works in a phase, by name."""
    return config.settings(phase).agent or config.agent.kind


def _asked(config: Config, phase: str, choice: str) -> tuple[ModelRef, ...]:
    """The models of a choice that the phase's agent can ask; where it can ask none, all of them: it says why."""
    models = _named(config, choice)
    return tuple(_within_reach(config, phase, models)) or models


def _within_reach(config: Config, phase: str, models: Iterable[ModelRef]) -> list[ModelRef]:
    """Those of `models` that the phase's agent can ask: it speaks their format, and no sign-in is another agent's."""
    name = agent_of(config, phase)
    program = programs(config.agents).get(name)
    found = []
    for model in models:
        provider = config.providers.get(model.provider)
        silent = program is not None and provider is not None and provider.api not in program.speaks
        foreign = provider is not None and not lends(provider.sign_in, name)
        if not silent and not foreign:
            found.append(model)
    return found


def _stronger(size: str, level: int) -> str:
    return SIZES[min(SIZES.index(size) + level, len(SIZES) - 1)] if size in SIZES else size


def _named(config: Config, choice: str) -> tuple[ModelRef, ...]:
    size = next((size for size in SIZES if size == choice), None)
    names = config.models.get(size, ()) if size else (choice,)
    if not names and config.sensitive.because:
        raise NotSignedInError(
            f"the ticket is sensitive ({config.sensitive.because}), and no model in the house is configured",
            why="it is never sent to a market provider, not even as a fallback",
            fix="add your own endpoint as [providers.NAME] with `in_house = true`, and name its models in [models]",
        )
    if not names:
        raise NotSignedInError(
            f"no model is configured for size class `{choice}`",
            why="neither setpoint.toml nor the environment names a provider",
            fix=f"{ways_out(config)}, or write [providers] and [models] in setpoint.toml",
        )
    return tuple(ref(name) for name in names)


def ref(name: str) -> ModelRef:
    """`provider/model` as a reference."""
    provider, _, model = name.partition("/")
    return ModelRef(provider=provider, model=model)


def _reviewer(config: Config, phase: str, choice: str) -> Chosen:
    builder = choose_models(config, "implementation", Role.PRODUCER).models[0]
    own = _asked(config, phase, choice)
    others = _within_reach(config, phase, [model for size in _REVIEWING for model in _known(config, size)])
    pool = [*own, *others]
    elsewhere = [model for model in pool if model.provider != builder.provider]
    if elsewhere:
        return Chosen(models=_unique([*elsewhere, *_different(pool, builder)]), independence="full")
    different = _different(pool, builder)
    if different:
        return Chosen(models=_unique(different), independence="reduced")
    return Chosen(models=own, independence="none")


def _known(config: Config, size: Size) -> tuple[ModelRef, ...]:
    return tuple(ref(name) for name in config.models.get(size, ()))


def _different(pool: list[ModelRef], builder: ModelRef) -> list[ModelRef]:
    return [model for model in pool if model != builder]


def _unique(models: list[ModelRef]) -> tuple[ModelRef, ...]:
    return tuple(dict.fromkeys(models))

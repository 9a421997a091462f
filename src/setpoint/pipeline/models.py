"""Which model works where. Decided from the settings alone, before a token is spent."""

from ..errors import NotSignedInError
from ..model.record import Record
from ..model.session import ModelRef, Role
from ..model.settings import Config, Size

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


def choose_models(config: Config, phase: str, role: Role, level: int = 0) -> Chosen:
    """Model and fallbacks of a session. Raises NotSignedInError when none is configured."""
    if role is Role.VALIDATOR:
        return Chosen(models=_named(config, config.settings(phase).validator or VALIDATOR_SIZE))
    if role is Role.REVIEWER:
        return _reviewer(config, config.settings(phase).model or PHASE_SIZE["review"])
    size = config.settings(phase).model or PHASE_SIZE.get(phase, "medium")
    return Chosen(models=_named(config, _stronger(size, level)))


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
            fix="set ANTHROPIC_API_KEY, OPENAI_API_KEY or GEMINI_API_KEY, "
            "or write [providers] and [models] in setpoint.toml",
        )
    return tuple(ref(name) for name in names)


def ref(name: str) -> ModelRef:
    """`provider/model` as a reference."""
    provider, _, model = name.partition("/")
    return ModelRef(provider=provider, model=model)


def _reviewer(config: Config, choice: str) -> Chosen:
    builder = choose_models(config, "implementation", Role.PRODUCER).models[0]
    own = _named(config, choice)
    others = [model for size in _REVIEWING for model in _known(config, size)]
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

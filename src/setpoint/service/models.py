"""The models that are configured: who is used where, what each costs and holds."""

from collections.abc import Iterator

from ..config import PHASES
from ..errors import NotSignedInError
from ..model.record import Line, Record
from ..model.session import ModelRef, Role
from ..model.settings import Config
from ..pipeline.models import SIZES, choose_models, ref
from ..prices import rates
from .forecast import own_price


class ModelLine(Record):
    """One configured model."""

    model: Line
    api: str
    """Its provider's wire format; empty: the provider is not configured."""
    in_house: bool
    classes: tuple[str, ...]
    """Size classes that name it, the largest first."""
    used_by: tuple[str, ...]
    """Phases it works in, validators and the reviewer among them; as a fallback where that is said."""
    input_usd: float | None
    """Dollars a million input tokens at list prices; None: nobody lists it."""
    output_usd: float | None
    context_window: int | None
    """Tokens it can hold; None: not known."""


def model_lines(config: Config) -> list[ModelLine]:
    """All models that `config` names, in the order of its classes."""
    uses: dict[str, list[str]] = {name: [] for name in _named(config)}
    for job, models in _jobs(config):
        for number, model in enumerate(models):
            uses.setdefault(str(model), []).append(f"{job} (fallback)" if number else job)
    return [_line(config, name, tuple(used)) for name, used in uses.items()]


def _named(config: Config) -> list[str]:
    sizes = [name for size in reversed(SIZES) for name in config.models.get(size, ())]
    phases = [name for s in config.phase.values() for name in (s.model, s.validator) if "/" in name]
    return list(dict.fromkeys([*sizes, *phases]))


def _jobs(config: Config) -> Iterator[tuple[str, tuple[ModelRef, ...]]]:
    for phase in PHASES:
        roles = [Role.REVIEWER] if phase == "review" else [Role.PRODUCER]
        roles += [Role.VALIDATOR] if phase not in ("review", "implementation", "edge_tests", "ci_fix") else []
        for role in roles:
            try:
                chosen = choose_models(config, phase, role)
            except NotSignedInError:
                continue
            yield (f"{phase} validator" if role is Role.VALIDATOR else phase), chosen.models


def _line(config: Config, name: str, used: tuple[str, ...]) -> ModelLine:
    model = ref(name)
    provider = config.providers.get(model.provider)
    price = rates(model, own_price(config, model))
    return ModelLine(
        model=name,
        api=provider.api if provider else "",
        in_house=provider.in_house if provider else False,
        classes=tuple(size for size in reversed(SIZES) if name in config.models.get(size, ())),
        used_by=used,
        input_usd=price[0] if price else None,
        output_usd=price[1] if price else None,
        context_window=_context_window(model),
    )


def _context_window(model: ModelRef) -> int | None:
    from genai_prices import Usage, calc_price

    try:
        return calc_price(Usage(input_tokens=1), model.model, provider_id=model.provider).model.context_window
    except LookupError:
        return None

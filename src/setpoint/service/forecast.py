"""What a run will cost, said before it starts: from the repository's own runs, else from the size of the prompts."""

import json
from collections.abc import Sequence
from statistics import median

from ..model.money import Forecast, PhaseForecast, Range
from ..model.record import Record
from ..model.session import ModelRef, Role, Usage
from ..model.settings import Config, Price
from ..model.ticket import Kind, Ticket
from ..pipeline.models import choose_models
from ..pipeline.prompts import names, prompt
from ..pipeline.routes import ROUTES, Phase
from ..ports import Store
from ..prices import cost
from .history import Past, pasts

BYTES_A_TOKEN = 4
TOOLS = 2_400
"""Bytes of the tools' own schemas."""
HANDED_ON = 8_000
"""Bytes of a deliverable that a phase is given, where nobody has seen it yet."""
LOW, WORST = 0.5, 3.0
"""Of the rule of thumb, around what is expected."""


class Shape(Record):
    """How a session of a phase usually goes: each request reads all that came before again."""

    requests: int
    grows: int
    """Tokens that each request adds to the next."""
    says: int
    """Tokens of each reply."""


SHAPES: dict[str, Shape] = {
    "discovery": Shape(requests=6, grows=1_300, says=500),
    "tech_spec": Shape(requests=6, grows=1_300, says=500),
    "planning": Shape(requests=6, grows=1_300, says=830),
    "diagnosis": Shape(requests=8, grows=1_300, says=400),
    "split": Shape(requests=4, grows=1_300, says=1_250),
    "tests": Shape(requests=10, grows=1_000, says=600),
    "implementation": Shape(requests=20, grows=750, says=500),
    "review": Shape(requests=12, grows=1_000, says=330),
}
"""A rule of thumb, for as long as a repository has no runs of its own."""
VALIDATOR = Shape(requests=1, grows=0, says=800)
VALIDATED = {
    "discovery": "functional_spec",
    "tech_spec": "tech_spec",
    "planning": "plan",
    "diagnosis": "diagnosis",
    "split": "split",
    "tests": "tests",
    "implementation": "change",
}
"""What the validator of a phase judges."""


def own_price(config: Config, model: ModelRef) -> Price | None:
    """The price that the configuration gives a model."""
    provider = config.providers.get(model.provider)
    return provider.prices.get(model.model) if provider else None


def covered(config: Config, model: ModelRef) -> bool:
    """Whether a subscription pays for the model."""
    provider = config.providers.get(model.provider)
    return provider is not None and provider.billing == "subscription"


def forecast(config: Config, store: Store | None, repository: str, ticket: Ticket, kind: Kind) -> Forecast:
    """What a run of `ticket` will cost, phase by phase. Without a store nothing is known of earlier runs."""
    past = pasts(store, repository, kind.value) if store is not None else ()
    phases = [
        _phase(config, ticket, step, [one for one in past if step.name in one.phases])
        for step in ROUTES[kind].steps
        if isinstance(step, Phase)
    ]
    mending = [one for one in past if one.finished]
    beside = [step.name for step in ROUTES[kind].beside if any(step.name in one.phases for one in mending)]
    phases += [_measured(config, name, mending) for name in beside]
    runs = min((phase.runs for phase in phases), default=0)
    return Forecast(route=kind.value, phases=tuple(phases), runs=runs)


def _phase(config: Config, ticket: Ticket, step: Phase, past: Sequence[Past]) -> PhaseForecast:
    if past:
        measured = _measured(config, step.name, past)
        if measured.usd is not None:
            return measured
    return PhaseForecast(phase=step.name, usd=_rule_of_thumb(config, ticket, step))


def _measured(config: Config, phase: str, past: Sequence[Past]) -> PhaseForecast:
    """From what earlier runs used, at the prices of the models of today. Few runs make the range wider."""
    sums = [_at_prices_of_today(config, phase, one.phases.get(phase, {})) for one in past]
    known = sorted(usd for usd in sums if usd is not None)
    if len(known) < len(sums):
        return PhaseForecast(phase=phase, usd=None)
    wider = 1 + 1 / len(known)
    usd = Range(low=known[0] / wider, expected=median(known), worst=known[-1] * wider)
    return PhaseForecast(phase=phase, usd=usd, runs=len(known))


def _at_prices_of_today(config: Config, phase: str, roles: dict[Role, Usage]) -> float | None:
    total = 0.0
    for role, used in roles.items():
        model = choose_models(config, phase, role).models[0]
        usd = _usd(config, model, used.input_tokens, used.output_tokens, used.cached_tokens)
        if usd is None:
            return None
        total += usd
    return total


def _usd(config: Config, model: ModelRef, given: int, said: int, cached: int = 0) -> float | None:
    if covered(config, model):
        return 0.0
    return cost(model, input_tokens=given, output_tokens=said, cached=cached, own=own_price(config, model))


def _rule_of_thumb(config: Config, ticket: Ticket, step: Phase) -> Range | None:
    role = Role.REVIEWER if step.name == "review" else Role.PRODUCER
    schema = len(json.dumps(step.gives.model_json_schema()))
    given = len(ticket.text.encode()) + HANDED_ON * len(step.needs)
    first = TOOLS + schema + len(prompt(step.name).text) + given
    usd = _session(config, choose_models(config, step.name, role).models[0], SHAPES[step.name], first)
    judged = f"validate_{VALIDATED.get(step.name, '')}"
    if usd is not None and judged in names():
        judging = _session(
            config,
            choose_models(config, step.name, Role.VALIDATOR).models[0],
            VALIDATOR,
            TOOLS + len(prompt(judged).text) + given + HANDED_ON,
        )
        usd = None if judging is None else usd + judging
    return None if usd is None else Range(low=usd * LOW, expected=usd, worst=usd * WORST)


def _session(config: Config, model: ModelRef, shape: Shape, first: int) -> float | None:
    """A session whose first request is `first` bytes."""
    requests = shape.requests
    given = requests * first // BYTES_A_TOKEN + shape.grows * requests * (requests - 1) // 2
    return _usd(config, model, given, shape.says * requests)

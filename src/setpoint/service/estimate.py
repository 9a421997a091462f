"""`setpoint plan`: what a run would do and cost, without a model call."""

from collections.abc import Mapping
from decimal import Decimal

from ..errors import NotSignedInError
from ..gates.tests_gate import tests_gate
from ..model.record import Record
from ..model.session import ModelRef, Role
from ..model.settings import Config
from ..model.ticket import Kind, Ticket
from ..pipeline.models import SIZES, choose_models
from ..pipeline.routes import ROUTES, Decision, Phase
from .views import PlanView, StageView

Price = Mapping[str, Decimal]
"""Dollars a million tokens: `input`, `output`."""


class Shape(Record):
    """Tokens a session of a phase usually takes: the fixed part, and by how many requests it is read again."""

    requests: int
    input_tokens: int
    output_tokens: int


SHAPES: dict[str, Shape] = {
    "discovery": Shape(requests=6, input_tokens=40_000, output_tokens=3_000),
    "tech_spec": Shape(requests=6, input_tokens=45_000, output_tokens=3_000),
    "planning": Shape(requests=6, input_tokens=50_000, output_tokens=5_000),
    "diagnosis": Shape(requests=8, input_tokens=60_000, output_tokens=3_000),
    "split": Shape(requests=4, input_tokens=30_000, output_tokens=5_000),
    "tests": Shape(requests=10, input_tokens=90_000, output_tokens=6_000),
    "implementation": Shape(requests=20, input_tokens=220_000, output_tokens=10_000),
    "review": Shape(requests=12, input_tokens=130_000, output_tokens=4_000),
}
"""Starting values until a repository has runs of its own to measure."""
VALIDATOR = Shape(requests=1, input_tokens=8_000, output_tokens=800)
LOW, WORST = 0.5, 3.0
VALIDATOR_FACTOR = 10.0


def price_of(model: ModelRef) -> Price | None:
    """List price of a model; None when nobody lists one."""
    from genai_prices import Usage, calc_price

    try:
        million = calc_price(
            Usage(input_tokens=1_000_000, output_tokens=1_000_000), model_ref=model.model, provider_id=model.provider
        )
    except LookupError:
        return None
    return {"input": million.input_price, "output": million.output_price}


def _usd(model: ModelRef, shape: Shape) -> float | None:
    price = price_of(model)
    if price is None:
        return None
    return float((price["input"] * shape.input_tokens + price["output"] * shape.output_tokens) / 1_000_000)


def plan_view(config: Config, ticket: Ticket, kind: Kind, because: str) -> PlanView:
    """The whole preview of a run. Raises ConfigError when the gates there are could not prove a test."""
    if config.gates:
        tests_gate(config.gates)
    route = ROUTES[kind]
    replayed = config.agent.kind == "replay"
    modelless = replayed or not _models_there(config)
    phases, costs = [], []
    for step in route.steps:
        word = "phase" if isinstance(step, Phase) else "decision" if isinstance(step, Decision) else "effect"
        model = ""
        if isinstance(step, Phase) and not modelless:
            role = Role.REVIEWER if step.name == "review" else Role.PRODUCER
            chosen = choose_models(config, step.name, role).models[0]
            model = str(chosen)
            costs.append(_usd(chosen, SHAPES[step.name]))
            if step.name not in ("implementation", "review"):
                costs.append(_usd(choose_models(config, step.name, Role.VALIDATOR).models[0], VALIDATOR))
        phases.append(StageView(name=step.name, status="ahead", kind=word, model=model))
    expected = (
        None if modelless or any(cost is None for cost in costs) else sum(cost for cost in costs if cost is not None)
    )
    ratio = None if modelless else validator_ratio(config)
    return PlanView(
        ticket=ticket.id,
        title=ticket.title,
        route=kind.value,
        because=because,
        phases=tuple(phases),
        criteria=tuple(f"{criterion.id} {criterion.text}" for criterion in ticket.criteria),
        must_stay=ticket.must_stay,
        required_tests=ticket.required_tests,
        uncheckable=ticket.uncheckable,
        boundaries=_boundaries(config, ticket),
        gates={name: " ".join(gate.run) for name, gate in config.gates.items()},
        independence=_independence(config, replayed, modelless),
        validator_ratio=ratio,
        estimate_usd=None if expected is None else (expected * LOW, expected, expected * WORST),
        budget_usd=config.budget.ticket_usd,
        warnings=tuple(_warnings(config, ratio, expected)),
    )


def _models_there(config: Config) -> bool:
    try:
        choose_models(config, "planning", Role.PRODUCER)
    except NotSignedInError:
        return False
    return True


def _independence(config: Config, replayed: bool, modelless: bool) -> str:
    if modelless:
        return "recorded" if replayed else "unknown"
    return choose_models(config, "review", Role.REVIEWER).independence


def validator_ratio(config: Config) -> float | None:
    """How many times cheaper a validator's input token is than the planner's."""
    producer = price_of(choose_models(config, "planning", Role.PRODUCER).models[0])
    validator = price_of(choose_models(config, "planning", Role.VALIDATOR).models[0])
    if not producer or not validator or not validator["input"]:
        return None
    return float(producer["input"] / validator["input"])


def _boundaries(config: Config, ticket: Ticket) -> dict[str, object]:
    both = (config.boundaries, ticket.boundaries)
    migrations = all(part.migrations for part in both)
    dependencies = all(part.dependencies for part in both)
    frozen = [name for part in both for name in part.frozen]
    words = [
        "files: named by the plan",
        f"dependencies {'allowed' if dependencies else 'forbidden'}",
        f"migrations {'allowed' if migrations else 'forbidden'}",
        "network off",
        f"frozen: {', '.join(frozen) or 'nothing named'}",
    ]
    told = {"dependencies": dependencies, "migrations": migrations, "frozen": frozen}
    return {"summary": "; ".join(words), **told, "paths": list(config.boundaries.paths)}


def _warnings(config: Config, ratio: float | None, expected: float | None) -> list[str]:
    found = []
    if config.sensitive.because:
        found.append(f"sensitive ({config.sensitive.because}): only models in the house are asked")
    if ratio is not None and ratio < VALIDATOR_FACTOR:
        found.append(f"the validator is only {ratio:.1f} times cheaper than the planner; ten times is the aim")
    budget = config.budget.ticket_usd
    if expected is not None and budget is not None and expected > budget:
        found.append(f"the expected cost ${expected:.2f} is above the budget ${budget:.2f}")
    if config.agent.kind != "replay" and not _models_there(config):
        found.append("no model is configured: set ANTHROPIC_API_KEY or OPENAI_API_KEY before `setpoint run`")
    if not config.gates:
        found.append("no gate is configured: `setpoint init`")
    large = config.models.get(SIZES[-1])
    if large and config.settings("implementation").model == "large":
        found.append("implementation works with the largest model although its work is scoped by plan and tests")
    return found

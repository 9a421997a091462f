"""`setpoint plan`: what a run would do and cost, without a model call."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from ..errors import ConfigError, NotSignedInError
from ..gates.auditors import require_decided
from ..gates.tests_gate import tests_gate
from ..model.boundary import Boundaries
from ..model.money import Forecast
from ..model.session import ModelRef, Role
from ..model.settings import Config
from ..model.ticket import Kind, Ticket
from ..pipeline.bench import PERSON
from ..pipeline.models import PHASE_SIZE, choose_models, ways_out
from ..pipeline.purse import price_fix
from ..pipeline.routes import ROUTES, Decision, Phase
from ..policy.action import ActionKind
from ..policy.compile import closed_by
from ..policy.decide import Policy
from ..ports import Store
from ..prices import rates
from .feedback import feedback_gaps
from .forecast import covered, forecast, own_price
from .guidance import configuration_alone
from .views import PlanView, StageView

VALIDATOR_FACTOR = 10.0
"""How many times cheaper than the producer a validator should be."""


def plan_view(
    config: Config,
    ticket: Ticket,
    kind: Kind,
    because: str,
    *,
    held: Policy,
    store: Store | None,
    repository: str,
    sign_ins: Sequence[str] = (),
) -> PlanView:
    """The whole preview of a run, which `held` limits before there is a plan; `sign_ins`: what is told of the agents'
    own that it works with. Raises ConfigError when the gates there are could not prove a test."""
    if config.gates:
        tests_gate(config.gates)
    route = ROUTES[kind]
    replayed = config.agent.kind == "replay"
    modelless = replayed or not _models_there(config)
    phases = []
    for step in route.steps:
        word = "phase" if isinstance(step, Phase) else "decision" if isinstance(step, Decision) else "effect"
        model = ""
        if step.name in ticket.phases_by_person or config.settings(step.name).agent == PERSON:
            model = "a person"
        elif isinstance(step, Phase) and not modelless:
            role = Role.REVIEWER if step.name == "review" else Role.PRODUCER
            chosen = choose_models(config, step.name, role).models[0]
            model = str(chosen)
        phases.append(StageView(name=step.name, status="ahead", kind=word, model=model))
    expected = None if modelless else forecast(config, store, repository, ticket, kind)
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
        boundaries=_boundaries(held, ticket.boundaries),
        gates={name: " ".join(gate.run) for name, gate in config.gates.items()},
        feedback_gaps=feedback_gaps(config, ticket, Path(repository)),
        independence=_independence(config, replayed, modelless),
        validator_ratio=ratio,
        estimate_usd=_range(expected),
        forecast=expected,
        budget_usd=config.budget.ticket_usd,
        sign_ins=tuple(sign_ins),
        warnings=(
            *_undecided(config, Path(repository)),
            *warnings(config, kind, ratio, expected),
            *filter(None, (configuration_alone(ticket),)),
        ),
    )


def _range(expected: Forecast | None) -> tuple[float, float, float] | None:
    usd = expected.usd if expected else None
    return (usd.low, usd.expected, usd.worst) if usd else None


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


def validator_ratio(config: Config, phase: str = "planning") -> float | None:
    """How many times cheaper a validator's token is than its producer's; None when a price is unknown."""
    producer = token_price(config, choose_models(config, phase, Role.PRODUCER).models[0])
    validator = token_price(config, choose_models(config, phase, Role.VALIDATOR).models[0])
    return producer / validator if producer is not None and validator else None


def token_price(config: Config, model: ModelRef) -> float | None:
    """Dollars of a million tokens read and a million said; None when nobody lists the model."""
    found = rates(model, own_price(config, model))
    return None if found is None else sum(found)


def _undecided(config: Config, root: Path) -> Iterator[str]:
    try:
        require_decided(config.gates.values(), config.checks.unaudited, root)
    except ConfigError as error:
        yield f"a run does not start: {error.what}; {error.fix}"


_STANCE = {"allowed": "allowed", "ask": "ask a person", "never": "forbidden"}


def _boundaries(held: Policy, ticket: Boundaries) -> dict[str, object]:
    """What policy and ticket leave open: a plan can only narrow it, and ask a person for what is not closed."""
    bounds, rules, closed = held.boundaries, held.rules, closed_by(ticket)
    stances = {
        "dependencies": "never" if ActionKind.DEPENDENCY in closed else rules.dependencies,
        "migrations": "never" if ActionKind.MIGRATION in closed else rules.migrations,
    }
    hosts = [host for host in bounds.network if host != "*"]
    words = [
        "files: " + (f"of {', '.join(bounds.paths[:5])}, " if bounds.paths != ("**",) else "") + "named by the plan",
        *(f"{name} {_STANCE[stance]}" for name, stance in stances.items()),
        f"network {', '.join(hosts) or 'off'}",
        f"frozen: {', '.join(bounds.frozen) or 'nothing named'}",
        f"protected: {', '.join(bounds.protected)}" if bounds.protected else "",
        f"commands: {', '.join(bounds.commands)}" if "*" not in bounds.commands else "",
        f"at most {bounds.max_files} files and {bounds.max_lines} lines",
    ]
    return {"summary": "; ".join(filter(None, words)), **bounds.model_dump(mode="json"), **stances}


def warnings(config: Config, kind: Kind, ratio: float | None, expected: Forecast | None) -> list[str]:
    """What a person should know of money and models before a run."""
    found = []
    if config.sensitive.because:
        found.append(f"sensitive ({config.sensitive.because}): only models in the house are asked")
    if ratio is not None and ratio < VALIDATOR_FACTOR:
        found.append(f"the validator is only {ratio:.1f} times cheaper than the planner; ten times is the aim")
    budget, usd = config.budget.ticket_usd, expected.usd if expected else None
    if usd is not None and budget is not None and usd.expected > budget:
        found.append(f"the expected cost ${usd.expected:.2f} is above the budget ${budget:.2f}")
    if config.agent.kind == "replay":
        return [*found, *([] if config.gates else ["no gate is configured: `setpoint init`"])]
    if not _models_there(config):
        found.append(f"no model is configured: {ways_out(config)}, before `setpoint run`")
    else:
        found += _about_models(config, kind)
    if not config.gates:
        found.append("no gate is configured: `setpoint init`")
    return found


def _about_models(config: Config, kind: Kind) -> list[str]:
    """Phases that pay top rates for scoped work, and models that nobody can price."""
    found = []
    for phase in scoped(config, kind):
        model = choose_models(config, phase, Role.PRODUCER).models[0]
        if str(model) in config.models.get("large", ()):
            found.append(f"{phase} works with {model}, a large model, although plan and tests scope its work")
    if config.budget.unpriced:
        unknown = [model for model in models_of(config, kind) if not _held(config, model)]
        if unknown and any(cap is not None for cap in caps_of(config)):
            named = ", ".join(str(model) for model in unknown)
            found.append(f"no price is known for {named}: what it costs is unknown, and no budget holds it")
    return found


def scoped(config: Config, kind: Kind) -> list[str]:
    """Phases of a route whose work plan and tests have scoped."""
    names = [step.name for step in ROUTES[kind].steps if isinstance(step, Phase)]
    return [name for name in names if PHASE_SIZE.get(name) == "medium" and name != "review"]


def models_of(config: Config, kind: Kind) -> list[ModelRef]:
    """The first choice of every session of a route."""
    found: dict[ModelRef, None] = {}
    for step in ROUTES[kind].steps:
        if isinstance(step, Phase):
            role = Role.REVIEWER if step.name == "review" else Role.PRODUCER
            found[choose_models(config, step.name, role).models[0]] = None
            found[choose_models(config, step.name, Role.VALIDATOR).models[0]] = None
    return list(found)


def caps_of(config: Config) -> tuple[float | None, ...]:
    """Every dollar cap that a run may meet."""
    budget = config.budget
    return (
        budget.ticket_usd,
        budget.day_usd,
        budget.repository_usd,
        *(phase.usd for phase in config.phase.values()),
    )


def require_priced(config: Config, kind: Kind) -> None:
    """Raises ConfigError when a model without a known price would work under a cap that somebody wrote."""
    caps = [usd for usd in caps_of(config) if usd is not None]
    if config.budget.unpriced or not caps:
        return
    unknown = [model for model in models_of(config, kind) if not _held(config, model)]
    if unknown:
        named = ", ".join(str(model) for model in unknown)
        raise ConfigError(
            f"no price is known for {named}, so no budget can hold it",
            why="setpoint.toml sets a budget in dollars",
            fix=price_fix(str(unknown[0])),
        )


def _held(config: Config, model: ModelRef) -> bool:
    return covered(config, model) or token_price(config, model) is not None


def told_before(config: Config, kind: Kind, expected: Forecast | None) -> list[str]:
    """The warnings of a run that begins now."""
    if config.agent.kind == "replay":
        return []
    return warnings(config, kind, validator_ratio(config), expected)

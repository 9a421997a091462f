"""The cost report flags what was too dear for its work, and forecasts rest on what was used."""

from setpoint.config import with_environment
from setpoint.model.money import Forecast, Range
from setpoint.model.session import Role, Usage
from setpoint.model.settings import Config, PhaseSettings
from setpoint.model.ticket import Kind, Ticket
from setpoint.pipeline.models import PHASE_SIZE
from setpoint.service.costs import too_large
from setpoint.service.doctor import models as examined
from setpoint.service.estimate import require_priced, validator_ratio, warnings
from setpoint.service.forecast import forecast
from setpoint.testing.stores import sample_run

ONE = with_environment(Config(), {"ANTHROPIC_API_KEY": "k"})
TWO = with_environment(Config(), {"ANTHROPIC_API_KEY": "k", "OPENAI_API_KEY": "k"})
USED = Usage(requests=4, input_tokens=100_000, output_tokens=5_000)
LARGE, MEDIUM = "anthropic/claude-opus-4-5", "anthropic/claude-sonnet-4-5"


def flag(phase: str, model: str, role: Role = Role.PRODUCER) -> str:
    return too_large(ONE, ("r1", phase, role.value, model), USED)


def test_top_rates_for_scoped_work_are_flagged_with_what_less_would_have_cost() -> None:
    assert flag("implementation", LARGE) == f"a large model on scoped work: $0.6250, with {MEDIUM} $0.3750"
    assert "large model" in flag("planning", LARGE, Role.VALIDATOR)


def test_a_large_model_where_thinking_is_asked_for_is_not_flagged() -> None:
    assert {phase: flag(phase, LARGE) for phase, size in PHASE_SIZE.items() if size == "large"} == dict.fromkeys(
        ("discovery", "tech_spec", "planning", "split", "diagnosis"), ""
    )
    assert flag("review", LARGE, Role.REVIEWER) == ""
    assert flag("implementation", MEDIUM) == ""
    assert flag("implementation", "anthropic/claude-haiku-4-5") == ""


def test_a_large_model_without_a_price_is_flagged_by_its_place() -> None:
    models = {**ONE.models, "large": ("local/huge",)}
    config = ONE.model_copy(update={"models": models})
    assert too_large(config, ("r1", "tests", "producer", "local/huge"), USED).startswith("a large model on scoped work")


def warned(config: Config) -> str:
    return "\n".join(warnings(config, Kind.FEATURE, validator_ratio(config), None))


def test_scoped_phases_that_are_set_to_a_large_model_are_warned_of_before_a_run() -> None:
    config = ONE.model_copy(update={"phase": {"tests": PhaseSettings(model="large")}})
    assert f"tests works with {LARGE}" in warned(config)
    assert "scope its work" not in warned(ONE)


def test_a_validator_that_is_not_ten_times_cheaper_is_warned_of() -> None:
    assert "only 5.0 times cheaper" in warned(ONE)
    assert [check.found for check in examined(ONE) if check.name == "validator"] == [
        "only 5.0 times cheaper than the planner; 10 times is the aim"
    ]


def test_with_two_keys_the_validator_is_an_order_of_magnitude_cheaper() -> None:
    assert (validator_ratio(TWO) or 0) > 10
    assert "cheaper" not in warned(TWO)


TICKET = sample_run().ticket


def told(config: Config, ticket: Ticket = TICKET) -> Forecast:
    return forecast(config, None, "/somewhere", ticket, Kind.FEATURE)


def test_a_longer_ticket_is_said_to_cost_more() -> None:
    short, long = told(ONE).usd, told(ONE, TICKET.model_copy(update={"text": "More. " * 4000})).usd
    assert short is not None
    assert long is not None
    assert short.low < short.expected < short.worst
    assert long.expected > short.expected * 1.1


def test_what_has_no_price_has_no_forecast_and_what_a_subscription_covers_costs_nothing() -> None:
    unknown = ONE.model_copy(update={"models": {**ONE.models, "medium": ("local/x",)}})
    assert told(unknown).usd is None
    providers = {name: each.model_copy(update={"billing": "subscription"}) for name, each in ONE.providers.items()}
    covered = told(ONE.model_copy(update={"providers": providers})).usd
    assert covered == Range(low=0, expected=0, worst=0)


def test_no_cap_needs_no_price() -> None:
    models = dict.fromkeys(("large", "medium", "small", "tiny"), ("local/x",))
    budget = Config().budget.model_copy(update={"ticket_usd": None, "unpriced": False})
    require_priced(ONE.model_copy(update={"models": models, "budget": budget}), Kind.FEATURE)

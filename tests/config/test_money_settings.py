"""Numbers of money and of circuits that could hold nothing are refused."""

import pytest

from setpoint.config import parse
from setpoint.errors import ConfigError

WRONG = [
    "[budget]\nticket_usd = nan",
    "[budget]\nticket_usd = inf",
    "[budget]\nday_usd = 0",
    "[budget]\nrepository_usd = -5",
    "[phase.review]\nusd = nan",
    "[breaker]\nrest_seconds = inf",
    "[breaker]\nfailures = 0",
    '[providers.x]\napi = "anthropic"\nbilling = "free"',
    '[providers.x]\napi = "anthropic"\n[providers.x.prices.y]\ninput = -1\noutput = 1',
]


@pytest.mark.parametrize("text", WRONG)
def test_what_could_hold_nothing_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        parse(text, "setpoint.toml")


def test_a_cap_that_is_written_is_hard_and_the_default_is_not() -> None:
    assert parse("", "setpoint.toml").budget.unpriced
    assert not parse("[budget]\nday_usd = 5", "setpoint.toml").budget.unpriced
    assert parse("[budget]\nday_usd = 5\nunpriced = true", "setpoint.toml").budget.unpriced
    kept = parse("[budget]\nday_usd = 5", "setpoint.toml").model_dump(mode="json")
    assert not type(parse("", "setpoint.toml")).model_validate(kept).budget.unpriced

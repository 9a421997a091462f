"""Who works and who judges is decided before a token is spent."""

import pytest

from setpoint.config import with_environment, with_models
from setpoint.errors import NotSignedInError, UsageError
from setpoint.model.session import Role
from setpoint.model.settings import Config, PhaseSettings
from setpoint.pipeline.models import choose_models

ONE = with_environment(Config(), {"ANTHROPIC_API_KEY": "k"})
TWO = with_environment(Config(), {"ANTHROPIC_API_KEY": "k", "OPENAI_API_KEY": "k"})


def first(config: Config, phase: str, role: Role = Role.PRODUCER, level: int = 0) -> str:
    return str(choose_models(config, phase, role, level).models[0])


def test_plans_go_to_the_strongest_and_scoped_work_to_a_lighter_model() -> None:
    assert first(ONE, "planning") == ONE.models["large"][0]
    assert first(ONE, "implementation") == ONE.models["medium"][0]


def test_the_reviewer_is_of_another_provider_where_there_are_two() -> None:
    chosen = choose_models(TWO, "review", Role.REVIEWER)
    assert chosen.models[0].provider != choose_models(TWO, "implementation", Role.PRODUCER).models[0].provider
    assert chosen.independence == "full"


@pytest.mark.parametrize("key", ["ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY"])
def test_with_one_provider_the_reviewer_is_another_model_and_that_is_said(key: str) -> None:
    config = with_environment(Config(), {key: "k"})
    chosen = choose_models(config, "review", Role.REVIEWER)
    assert chosen.models[0] != choose_models(config, "implementation", Role.PRODUCER).models[0]
    assert chosen.independence == "reduced"


def test_the_validator_is_the_cheapest() -> None:
    assert first(ONE, "planning", Role.VALIDATOR) == ONE.models["tiny"][0]


def test_an_escalated_stage_gets_a_stronger_model() -> None:
    assert first(ONE, "implementation", level=1) == ONE.models["large"][0]


def test_one_setting_moves_a_phase() -> None:
    config = ONE.model_copy(update={"phase": {"implementation": PhaseSettings(model="local/llama")}})
    assert first(config, "implementation") == "local/llama"


def test_backups_follow_the_first_model() -> None:
    models = choose_models(TWO, "planning", Role.PRODUCER).models
    assert [model.provider for model in models] == ["anthropic", "openai"]


def test_no_model_is_an_error_that_says_how_to_get_one() -> None:
    with pytest.raises(NotSignedInError) as caught:
        choose_models(Config(), "planning", Role.PRODUCER)
    assert caught.value.exit_code == 5
    assert "ANTHROPIC_API_KEY" in caught.value.fix


def test_a_ticket_can_move_a_phase_for_itself() -> None:
    config = with_models(ONE, ["implementation=local/llama", "planning=small"])
    assert first(config, "implementation") == "local/llama"
    assert first(config, "planning") == ONE.models["small"][0]


@pytest.mark.parametrize("choice", ["implementation", "coding=large", "planning="])
def test_a_choice_of_no_phase_or_no_model_is_refused(choice: str) -> None:
    with pytest.raises(UsageError, match="chooses no model"):
        with_models(ONE, [choice])

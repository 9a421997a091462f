"""Configuration is closed, says what is wrong where, and is complete with one key in the environment."""

from pathlib import Path

import pytest

from setpoint.config import load, parse, with_environment
from setpoint.errors import ConfigError
from setpoint.model.settings import Config


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[gates.x]\nkind = "tests"\nrun = ["a"]\ntimout = 3', "did you mean `timeout`?"),
        ("[loop]\nplateu = 2", "did you mean `plateau`?"),
        ("[budgte]\nticket_usd = 2", "did you mean `budget`?"),
        ('[gates.x]\nkind = "tests"', "gates.x.run: Field required"),
        ('[sandbox]\nlevel = "chroot"', "sandbox.level"),
        ("[loop", "not TOML"),
        ("concurrency = 0", "concurrency"),
        ('[[environment]]\nname = "uat"\nsmok = ["a"]', "did you mean `smoke`?"),
    ],
)
def test_a_wrong_key_or_value_is_named_with_its_place(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text, "setpoint.toml")
    assert said in str(caught.value)
    assert caught.value.exit_code == 2


def test_every_problem_is_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        parse("foo = 1\n[loop]\nplateu = 2", "setpoint.toml")
    assert "foo" in caught.value.what
    assert "plateu" in caught.value.what


def test_the_projects_own_table_is_read_where_there_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.setpoint.loop]\nplateau = 7\n")
    assert load(tmp_path).loop.plateau == 7


@pytest.mark.parametrize(("key", "provider"), [("ANTHROPIC_API_KEY", "anthropic"), ("OPENAI_API_KEY", "openai")])
def test_one_key_is_enough_for_every_size(key: str, provider: str) -> None:
    config = with_environment(Config(), {key: "k", f"{provider.upper()}_BASE_URL": "http://127.0.0.1:1"})
    assert set(config.models) == {"large", "medium", "small", "tiny"}
    assert config.providers[provider].base_url == "http://127.0.0.1:1"


def test_the_key_itself_is_never_part_of_the_configuration() -> None:
    config = with_environment(Config(), {"ANTHROPIC_API_KEY": "sk-very-secret"})
    assert "sk-very-secret" not in config.model_dump_json()


def test_what_is_configured_wins_over_the_environment() -> None:
    mine = parse('[models]\nlarge = ["local/llama"]', "setpoint.toml")
    assert with_environment(mine, {"OPENAI_API_KEY": "k"}).models["large"] == ("local/llama",)

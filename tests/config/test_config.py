"""Configuration is closed, says what is wrong where, and is complete with one key in the environment."""

import os
from pathlib import Path

import pytest

from setpoint.config import load, parse, with_environment
from setpoint.errors import ConfigError
from setpoint.model.settings import Config
from setpoint.pipeline.kept import restored, without_secrets


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[gates.x]\nkind = "tests"\nrun = ["a"]\ntimout = 3', "did you mean `timeout`?"),
        ("[loop]\nplateu = 2", "did you mean `plateau`?"),
        ("[budgte]\nticket_usd = 2", "did you mean `budget`?"),
        ('[gates.x]\nkind = "tests"', "gates.x.run: is missing"),
        ('[sandbox]\nlevel = "chroot"', "sandbox.level"),
        ("[loop", "not TOML"),
        ('[gates.x]\nkind = "tests"\nrun = "npm test"', 'gates.x.run: should be a list: ["'),
        ("loop = 3", "loop: should be a table"),
        ("concurrency = 0", "concurrency"),
        ('[[environment]]\nname = "uat"\nsmok = ["a"]', "did you mean `smoke`?"),
    ],
)
def test_a_wrong_key_or_value_is_named_with_its_place(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text, "setpoint.toml")
    assert said in str(caught.value)
    assert caught.value.exit_code == 2


def places(*names: str) -> str:
    return "".join(
        f'[[environment]]\nname = "{name}"\ndeploy = ["a"]\nsmoke = ["a"]\nrollback = ["a"]\n' for name in names
    )


@pytest.mark.parametrize(
    ("names", "fix"),
    [
        (("production", "pre-staging"), "put [[environment]] pre-staging first"),
        (("eu-prod", "us-prod", "uat"), "put [[environment]] uat first"),
        (("live",), 'add [[environment]] name = "pre-staging" before it'),
    ],
)
def test_production_never_comes_first(names: tuple[str, ...], fix: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(places(*names), "setpoint.toml")
    assert caught.value.what == f"setpoint.toml: environment {names[0]} would be deployed to first"
    assert "accepted in a pre-staging environment before it reaches production" in caught.value.why
    assert caught.value.fix == fix


@pytest.mark.parametrize(
    "names",
    [("pre-staging", "production"), ("pre-production", "prod"), ("staging",), ("prod-like", "live"), ("delivery",)],
)
def test_an_environment_for_acceptance_comes_before_it(names: tuple[str, ...]) -> None:
    assert [place.name for place in parse(places(*names), "setpoint.toml").environment] == list(names)


def test_no_lower_place_stands_after_production() -> None:
    with pytest.raises(ConfigError) as caught:
        parse(places("staging", "live", "qa"), "setpoint.toml")
    assert caught.value.what == "setpoint.toml: environment live would be deployed to before qa"
    said = places("staging", "live", "qa") + 'level = "prod"\n'
    assert parse(said, "setpoint.toml").environment[2].level == "prod"


def test_every_problem_is_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        parse("foo = 1\n[loop]\nplateu = 2", "setpoint.toml")
    assert "foo" in caught.value.what
    assert "plateu" in caught.value.what


def test_the_projects_own_table_is_read_where_there_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.setpoint.loop]\nplateau = 7\n")
    assert load(tmp_path).loop.plateau == 7


@pytest.mark.parametrize(
    ("key", "url", "provider"),
    [
        ("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "anthropic"),
        ("OPENAI_API_KEY", "OPENAI_BASE_URL", "openai"),
        ("GEMINI_API_KEY", "GOOGLE_GEMINI_BASE_URL", "google"),
    ],
)
def test_one_key_is_enough_for_every_size(key: str, url: str, provider: str) -> None:
    config = with_environment(Config(), {key: "k", url: "http://127.0.0.1:1"})
    assert set(config.models) == {"large", "medium", "small", "tiny"}
    assert config.providers[provider].base_url == "http://127.0.0.1:1"


def test_the_key_itself_is_never_part_of_the_configuration() -> None:
    config = with_environment(Config(), {"ANTHROPIC_API_KEY": "sk-very-secret"})
    assert "sk-very-secret" not in config.model_dump_json()


@pytest.mark.parametrize("name", ["ANTHROPIC_API_KEY", "OPENAI_BASE_URL"])
def test_an_environment_that_is_not_text_is_named(name: str) -> None:
    with pytest.raises(ConfigError, match=f"{name} is not UTF-8 text"):
        with_environment(Config(), {name: os.fsdecode(b"\xff")})


def test_what_is_configured_wins_over_the_environment() -> None:
    mine = parse('[models]\nlarge = ["local/llama"]', "setpoint.toml")
    assert with_environment(mine, {"OPENAI_API_KEY": "k"}).models["large"] == ("local/llama",)


@pytest.mark.parametrize("name", ["setpoint.toml", "pyproject.toml"])
def test_settings_that_are_not_utf_8_are_told_with_their_place(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes('# Größe\n[project]\nowner = "Jürgen"\n'.encode("latin-1"))
    with pytest.raises(ConfigError, match=f"{name} is not UTF-8 text") as caught:
        load(tmp_path)
    assert "byte 4 (line 1, byte 5 of it) is 0xf6" in caught.value.why
    assert "save it as UTF-8" in caught.value.fix


def test_a_byte_order_mark_is_no_matter(tmp_path: Path) -> None:
    (tmp_path / "setpoint.toml").write_bytes(b"\xef\xbb\xbf[loop]\nplateau = 7\n")
    assert load(tmp_path).loop.plateau == 7


def test_settings_that_are_no_file_are_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "setpoint.toml").mkdir()
    with pytest.raises(ConfigError, match=r"setpoint.toml is a folder, not a file"):
        load(tmp_path)
    (tmp_path / "setpoint.toml").rmdir()
    (tmp_path / "setpoint.toml").symlink_to("gone.toml")
    with pytest.raises(ConfigError, match=r"setpoint.toml cannot be read"):
        load(tmp_path)


def test_what_may_be_a_secret_is_neither_kept_nor_shown_and_comes_back_from_the_settings() -> None:
    now = parse(
        'database_url = "postgresql://me:hunter2@db.example/x"\n[providers.p]\napi = "anthropic"\n'
        'base_url = "https://me:hunter2@models.example/v1"\nheaders = { X-Key = "hunter2", X-Team = "blue" }\n',
        "setpoint.toml",
    )
    kept = without_secrets(now)
    assert "hunter2" not in str(kept)
    assert restored(kept, now) == now
    shown = without_secrets(now, "(hidden)")
    assert shown["providers"]["p"]["base_url"] == "https://(hidden)@models.example/v1"
    elsewhere = parse('[providers.p]\napi = "anthropic"\nbase_url = "https://other.example"\n', "setpoint.toml")
    back = restored(kept, elsewhere).providers["p"]
    assert (back.base_url, back.headers) == ("https://models.example/v1", {"X-Key": "", "X-Team": ""})


@pytest.mark.parametrize("named", ["", "native"])
def test_an_agent_that_nobody_named_is_not_named_by_being_kept(named: str) -> None:
    now = parse(f'[agent]\nkind = "{named}"\n' if named else "", "setpoint.toml")
    assert restored(without_secrets(now), now).agent.named == now.agent.named == named

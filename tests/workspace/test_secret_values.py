"""Which values of an environment, and of `.env` files, must not be told."""

from pathlib import Path

from setpoint.adapters.secrets import secrets_in, secrets_of
from setpoint.model.settings import Config
from setpoint.redacting import redactor

ENVIRONMENT = {
    "FORGE_TOKEN": "value-of-a-token",
    "DB_PASSWORD": "value-of-a-password",
    "STRIPE_API_KEY": "value-of-a-key",
    "DATABASE_URL": "postgresql://app:value-in-an-address@db/shop",
    "GOOGLE_APPLICATION_CREDENTIALS": "/home/ada/key.json",
    "TOKEN": "short",
    "EDITOR": "value-of-no-secret",
    "KEYBOARD": "value-of-a-layout",
}


def test_names_tell_which_values_are_secret() -> None:
    assert secrets_of(ENVIRONMENT) == (
        "value-of-a-token",
        "value-of-a-password",
        "value-of-a-key",
        "value-in-an-address",
    )


def test_the_env_files_of_the_repository_are_read_and_its_examples_are_not(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("# words\nexport API_KEY='value-of-dot-env'\nPORT=8000\nnonsense\n")
    (tmp_path / ".env.local").write_text('SESSION_SECRET="value-of-local"\n')
    (tmp_path / ".env.example").write_text("API_KEY=value-of-an-example\n")
    (tmp_path / ".env.link").symlink_to(tmp_path / ".env.example")
    (tmp_path / ".env.folder").mkdir()
    for below, value in (("web", "value-below"), ("a/b/c", "value-far-below"), ("node_modules/x", "value-of-others")):
        (tmp_path / below).mkdir(parents=True)
        (tmp_path / below / ".env").write_text(f"API_KEY={value}\n")
    found = ("value-of-dot-env", "value-of-local", "value-below", "value-far-below")
    assert secrets_in(tmp_path) == found
    assert secrets_in(tmp_path / "nowhere") == ()


def test_all_of_them_are_taken_out_of_what_is_written_down(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("API_KEY=value-of-dot-env\n")
    clean = redactor(Config(), ENVIRONMENT, tmp_path)
    told = clean({"said": ["value-of-a-token", "value-of-dot-env", "value-of-no-secret", 7]})
    assert told == {"said": ["[redacted]", "[redacted]", "value-of-no-secret", 7]}
    assert clean({"value-of-a-token": {"x value-of-dot-env": 1}}) == {"[redacted]": {"x [redacted]": 1}}, "names, too"

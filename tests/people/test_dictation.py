"""A ticket from words that are spoken: any command that writes what it hears."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from setpoint.errors import ConfigError, UsageError
from setpoint.service.dictation import DictationError, dictated, file_name, listening, said, tell
from setpoint.testing.projects import commit_all, python_project, write_files

HEARD = "Add a function rounded to shop/price.py that rounds a price to two decimals."
RECORDER = f"""import pathlib, signal, sys
def end(*_):
    print({HEARD!r}, flush=True)
    sys.exit(0)
signal.signal(signal.SIGINT, end)
pathlib.Path(sys.argv[1]).touch()
signal.pause()
"""


def setpoint(folder: Path, *words: str, config: str = "", **more: str) -> "subprocess.CompletedProcess[str]":
    python_project(folder)
    write_files(folder, {"setpoint.toml": config})
    commit_all(folder, "settings")
    clean = {name: value for name, value in os.environ.items() if not name.endswith(("_API_KEY", "_BASE_URL"))}
    return subprocess.run(
        [sys.executable, "-m", "setpoint.cli", *words], cwd=folder, env={**clean, **more}, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_what_a_command_hears_becomes_a_ticket_file(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    voice = f"[voice]\ncommand = ['sh', '-c', 'echo \"{HEARD}$HOUSE_MODEL\"']\n"
    provider = "[providers.house]\napi = 'openai-chat'\nbase_url = 'http://127.0.0.1:9'\nkey_env = 'HOUSE_MODEL'\n"
    done = setpoint(folder, "new", "--voice", config=f"{voice}{provider}", HOUSE_MODEL="k-123")
    assert done.returncode == 0, done.stderr
    file = folder / done.stdout.strip()
    assert file.read_text() == f"{HEARD}\n"
    assert file.name == "add-a-function-rounded-to-shop.md"
    assert "it does not say who uses it" in done.stderr


def test_a_key_starts_and_ends_the_listening(tmp_path: Path) -> None:
    pipe = tmp_path / "talk"
    with pytest.raises(UsageError, match="nobody listens"):
        tell(pipe, "start")
    with listening(pipe) as heard:
        with pytest.raises(UsageError, match="listens already"), listening(pipe):
            pass
        tell(pipe, "start")
        assert said(heard) == "start"
        told: list[str] = []
        ready = tmp_path / "ready"
        command = [sys.executable, "-c", RECORDER, str(ready)]
        speaking = threading.Thread(target=lambda: told.append(dictated(command, os.environ, 60, heard)))
        speaking.start()
        while speaking.is_alive() and not ready.exists():
            speaking.join(0.05)
        tell(pipe, "stop")
        speaking.join(30)
        assert told == [HEARD]
    assert not pipe.exists()


@pytest.mark.parametrize(
    ("command", "wrong", "told"),
    [
        ((), ConfigError, "no speech-to-text command"),
        (("no-such-ear",), ConfigError, "cannot be started"),
        (("false",), DictationError, "nothing was heard"),
    ],
)
def test_a_command_that_hears_nothing_is_a_clear_error(
    command: tuple[str, ...], wrong: type[Exception], told: str
) -> None:
    with pytest.raises(wrong, match=told):
        dictated(command, os.environ, 5)


def test_keys_of_models_are_not_handed_to_the_command() -> None:
    environ = {**os.environ, "ANTHROPIC_API_KEY": "k-1", "EARS": "two"}
    assert dictated(["sh", "-c", 'echo "$ANTHROPIC_API_KEY$EARS"'], environ, 5) == "two"


def test_escapes_in_what_was_heard_are_made_visible() -> None:
    assert dictated(["printf", r"a\033[31mb"], os.environ, 5) == "a[U+001B][31mb"


def test_words_name_the_file() -> None:
    assert file_name("Fix: the Total, please!") == "fix-the-total-please.md"
    assert file_name("…") == "ticket.md"

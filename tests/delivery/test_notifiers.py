"""A person is told where there is one, and nothing that goes wrong with telling stops a run."""

import io
import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from setpoint.adapters.notifiers.command import CommandNotifier
from setpoint.adapters.notifiers.terminal import TerminalNotifier
from setpoint.model.run import Position, Run
from setpoint.model.settings import Config
from setpoint.model.ticket import Kind, Ticket
from setpoint.parts import notifier_of

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RUN = Run(
    id="3c91aa00ff",
    ticket=Ticket(id="signup", title="Sign up", kind=Kind.FEATURE, text="Sign up."),
    repository="/srv/service",
    base_branch="main",
    base="0" * 40,
    branch="setpoint/signup",
    route_because="a feature",
    position=Position(route=Kind.FEATURE, stage="plan"),
    owner="Ada",
    created=NOW,
    updated=NOW,
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class GoneTerminal(Terminal):
    def write(self, _text: str) -> int:
        raise BrokenPipeError


async def test_a_terminal_rings_and_shows_one_line_without_control_characters() -> None:
    terminal = Terminal()
    await TerminalNotifier(terminal).tell(RUN, "Plan waits\x1b[2J\nfor you", "Long text")
    assert terminal.getvalue() == "\a3c91aa00 Plan waits [2J for you\n"


async def test_a_stream_that_is_no_terminal_stays_silent() -> None:
    stream = io.StringIO()
    await TerminalNotifier(stream).tell(RUN, "Plan waits", "")
    assert stream.getvalue() == ""


async def test_a_terminal_that_is_gone_stops_nothing() -> None:
    await TerminalNotifier(GoneTerminal()).tell(RUN, "Plan waits", "")
    closed = Terminal()
    closed.close()
    await TerminalNotifier(closed).tell(RUN, "Plan waits", "")


async def test_a_command_gets_the_message_as_json(tmp_path: Path) -> None:
    await CommandNotifier(("sh", "-c", f"cat > {tmp_path}/told")).tell(RUN, "Plan waits", "Say yes or no.")
    told = json.loads((tmp_path / "told").read_text())
    assert (told["run"], told["stage"], told["subject"]) == (RUN.id, "plan", "Plan waits")


async def test_the_configured_command_is_told_and_sees_no_secret(tmp_path: Path) -> None:
    config = Config.model_validate(
        {"notify": {"command": ["sh", "-c", f"env > {tmp_path}/seen; cat > {tmp_path}/told"]}}
    )
    environ = {"PATH": os.environ["PATH"], "ANTHROPIC_API_KEY": "sk-not-for-commands"}
    await notifier_of(config, environ).tell(RUN, "Plan waits", "Say yes or no.")
    assert json.loads((tmp_path / "told").read_text())["title"] == "Sign up"
    assert "sk-not-for-commands" not in (tmp_path / "seen").read_text()
    assert isinstance(notifier_of(Config(), environ), TerminalNotifier)


@pytest.mark.parametrize("argv", [("no-such-command-here",), ("false",), ("true",), ("sleep", "60"), ("a\0b",)])
async def test_a_command_that_fails_hangs_or_is_missing_stops_nothing(argv: tuple[str, ...]) -> None:
    await CommandNotifier(argv, seconds=0.2).tell(RUN, "Plan waits", "x" * 200_000)

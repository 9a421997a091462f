"""On a terminal the author of a ticket is asked what it does not say."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from commanded import GIT, setpoint

from setpoint.testing import terminals

REQUIRES = '[intake]\nrequires = ["users"]\n'

# The terminal's keys are signals to whoever it belongs to.
AS_A_LOGIN = (
    "import fcntl, os, signal, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
    "signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])"
)
"""Begins a program at a terminal of its own, and minds Ctrl-C, however these tests were begun."""


def require(repository: Path) -> None:
    settings = repository / "setpoint.toml"
    settings.write_text(REQUIRES + settings.read_text())


def typed(folder: Path, *words: str, answers: str, **env: str) -> tuple[int, str]:
    """Exit code and all that `setpoint WORDS` showed to a person who typed `answers`."""
    clean = {k: v for k, v in os.environ.items() if not k.endswith(("_API_KEY", "_BASE_URL"))}
    command = [sys.executable, "-m", "setpoint.cli", *words]
    return terminals.typed(command, folder, {**clean, **GIT, "TERM": "dumb", **env}, answers)


def test_a_required_answer_is_asked_for_and_the_ticket_goes_on_with_it(repository: Path) -> None:
    require(repository)
    code, said = typed(repository, "run", "ticket.md", answers="Shoppers.\n\nThe whisper function.\n")
    assert "the ticket does not say who uses it" in said
    assert "the ticket does not say what must stay intact" in said
    assert "not said: what can break (found out before the plan" in said
    assert (code, "leaves out" in said) == (2, False)
    assert "uncommitted changes: setpoint.toml" in said


@pytest.mark.parametrize("env", [{}, {"SETPOINT_ASK": "0"}])
def test_a_required_answer_that_is_not_given_refuses_the_ticket(repository: Path, env: dict[str, str]) -> None:
    require(repository)
    code, said = typed(repository, "run", "ticket.md", answers="\n\n\n", **env)
    assert code == 2
    assert "the ticket leaves out what this repository requires of every ticket" in said
    assert "found out before the plan" not in said


def test_off_a_terminal_nothing_is_asked_and_it_is_said_who_finds_out(repository: Path) -> None:
    done = setpoint(repository, "run", "ticket.md")
    assert "does not say" not in done.stderr
    assert "not said: who uses it; what can break; what must stay intact (found out before the plan" in done.stderr


def test_a_plan_of_a_ticket_that_leaves_out_what_is_required_is_refused(repository: Path) -> None:
    require(repository)
    done = setpoint(repository, "plan", "ticket.md")
    assert (done.returncode, "- users: who uses it" in done.stderr) == (2, True)


@pytest.mark.parametrize("key", [b"\x03", b"\x04"], ids=["Ctrl-C", "Ctrl-D"])
def test_who_does_not_want_to_answer_is_let_go_at_once(repository: Path, key: bytes) -> None:
    ours, theirs = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", AS_A_LOGIN, sys.executable, "-m", "setpoint.cli", "run", "ticket.md"],
        cwd=repository,
        env={**os.environ, **GIT, "TERM": "dumb"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    said = b""
    while b"your answer" not in said:
        said += terminals.heard(ours)
    os.write(ours, key)
    assert process.wait(60) == 130
    while piece := terminals.heard(ours):
        said += piece
    os.close(ours)
    assert b"interrupted" in said

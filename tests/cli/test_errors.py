"""Bad input gets a clear error on stderr with its exit code, nothing on stdout, and nothing is lost."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from commanded import GIT, git, setpoint


def refused(done: subprocess.CompletedProcess[str], code: int, *said: str) -> None:
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    for words in said:
        assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_outside_a_repository(tmp_path: Path) -> None:
    refused(setpoint(tmp_path, "list"), 2, "not in a git repository", "next:")


def test_an_unknown_key_names_the_nearest(repository: Path) -> None:
    (repository / "setpoint.toml").write_text("[loop]\nplateu = 3\n")
    refused(setpoint(repository, "list"), 2, "did you mean `plateau`?")


@pytest.mark.parametrize("words", ["Improve the app.", "Make it better", "---\nkind: [\n---\nx"])
def test_a_vague_or_malformed_ticket(repository: Path, words: str) -> None:
    refused(setpoint(repository, "plan", "-", stdin=words), 2, "next:")


def test_a_ticket_file_that_is_not_there(repository: Path) -> None:
    refused(setpoint(repository, "run", "tickets/none.md"), 2, "none.md")


def test_a_dirty_base(repository: Path) -> None:
    (repository / "shop.py").write_text("x = 1\n")
    refused(setpoint(repository, "run", "ticket.md"), 2, "uncommitted", "shop.py", "stash")


def test_no_model(repository: Path) -> None:
    refused(setpoint(repository, "run", "ticket.md"), 5, "no model", "ANTHROPIC_API_KEY", "`codex login`")


def test_no_test_command(repository: Path) -> None:
    (repository / "setpoint.toml").write_text("")
    git(repository, "commit", "-qam", "no gates")
    refused(
        setpoint(repository, "run", "ticket.md", ANTHROPIC_API_KEY="dummy"), 2, "no gate runs tests", "setpoint init"
    )


SILENT = ["python", "-m", "pytest", "-q"]


@pytest.mark.parametrize("words", [("plan", "ticket.md"), ("run", "ticket.md")])
@pytest.mark.parametrize(
    ("command", "fix"),
    [(SILENT, '--junit-xml={report}", '), (["make", "test"], 'report = "junit"'), (["npm", "test"], "--junit-xml")],
)
def test_a_gate_that_could_not_prove_a_test_is_refused_at_the_start(
    repository: Path, words: tuple[str, ...], command: list[str], fix: str
) -> None:
    (repository / "setpoint.toml").write_text(f'[gates.tests]\nkind = "tests"\nrun = {json.dumps(command)}\n')
    git(repository, "commit", "-qam", "a gate that says yes or no")
    done = setpoint(repository, *words, ANTHROPIC_API_KEY="dummy")
    refused(done, 2, "gate tests does not report its tests one by one", "[gates.tests]", fix)
    assert setpoint(repository, "list").stdout == ""


def test_the_doctor_names_a_gate_that_could_not_prove_a_test(repository: Path) -> None:
    (repository / "setpoint.toml").write_text(f'[gates.tests]\nkind = "tests"\nrun = {json.dumps(SILENT)}\n')
    git(repository, "commit", "-qam", "a gate that says yes or no")
    done = setpoint(repository, "doctor", "--json")
    found = {check["name"]: check for check in json.loads(done.stdout)}
    assert (done.returncode, found["red proof"]["state"]) == (1, "bad")
    assert 'report = "junit"' in found["red proof"]["fix"]


def test_a_phases_own_rules_must_be_in_the_base(repository: Path) -> None:
    with (repository / "setpoint.toml").open("a") as config:
        config.write('\n[phase.tests]\nprompt = "docs/tests.md"\n')
    git(repository, "commit", "-qam", "rules for tests")
    (repository / "docs").mkdir()
    (repository / "docs" / "tests.md").write_text("Test names are sentences.")
    done = setpoint(repository, "run", "ticket.md", ANTHROPIC_API_KEY="dummy")
    refused(done, 2, "phase.tests.prompt: docs/tests.md is not in commit", "commit docs/tests.md")


def test_a_red_base(repository: Path) -> None:
    (repository / "shop.py").write_text("def whisper(text):\n    return text\n")
    git(repository, "commit", "-qam", "break it")
    refused(setpoint(repository, "run", "ticket.md", ANTHROPIC_API_KEY="dummy"), 14, "test_whisper")


def test_a_recording_that_cannot_be_read(repository: Path) -> None:
    with (repository / "setpoint.toml").open("a") as config:
        config.write('\n[agent]\nkind = "replay"\nrecording = "gone.json"\n')
    git(repository, "commit", "-qam", "replay")
    done = setpoint(repository, "run", "ticket.md")
    assert done.returncode == 1, done.stderr
    assert "gone.json" in done.stderr
    assert setpoint(repository, "list").stdout.count("\n") == 1


def test_a_run_that_is_not_there(repository: Path) -> None:
    refused(setpoint(repository, "show", "ffff"), 2, "ffff")


def test_an_unknown_command_or_option(repository: Path) -> None:
    refused(setpoint(repository, "shwo"), 2)
    refused(setpoint(repository, "list", "--jsno"), 2)


def test_a_folder_that_cannot_be_written_is_said(repository: Path) -> None:
    (repository / ".setpoint").write_text("a file where the folder should be")
    done = setpoint(repository, "list")
    assert done.returncode in (1, 2)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "Usage: setpoint [OPTIONS]"),
        (("gates",), "Usage: setpoint gates"),
        (("show",), "`setpoint show --help`"),
        (("resume", "x", "--budget", "much"), "'--budget'"),
        (("gates", "rnu"), "`setpoint gates --help`"),
    ],
)
def test_a_command_line_that_is_wrong_is_answered_with_the_help_that_fits(
    tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    refused(setpoint(tmp_path, *words), 2, said)


@pytest.mark.parametrize("words", [("show", "\udcff"), ("plan", "Add \udcff"), ("cancel", "x", "-m", "\udcff")])
def test_arguments_that_are_not_text(repository: Path, words: tuple[str, ...]) -> None:
    refused(setpoint(repository, *words), 2, "is not UTF-8 text")


@pytest.mark.parametrize(("words", "said"), [("", "the ticket is empty"), ("tests", "a folder"), ("./", "a folder")])
def test_words_that_are_no_ticket(repository: Path, words: str, said: str) -> None:
    refused(setpoint(repository, "run", words), 2, said)


@pytest.mark.parametrize("name", ["setpoint.toml", "policy.toml", "ticket.md"])
def test_files_that_are_not_utf_8_are_told_with_the_place(repository: Path, name: str) -> None:
    (repository / name).write_bytes(b"# one\n# \xe9\n")
    words = ("sandbox", "exec", "--policy", name, "--", "true") if name == "policy.toml" else ("plan", "ticket.md")
    refused(setpoint(repository, *words), 2, f"{name} is not UTF-8 text", "byte 8 (line 2, byte 3 of it) is 0xe9")


def test_a_ticket_comes_through_a_pipe_of_the_shell(repository: Path) -> None:
    command = f"exec {shlex.quote(sys.executable)} -m setpoint.cli plan --json <(cat ticket.md)"
    done = subprocess.run(["bash", "-c", command], cwd=repository, env={**os.environ, **GIT}, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert "shout" in json.loads(done.stdout)["title"]


def test_a_database_out_of_reach_does_not_keep_the_doctor_from_the_rest(repository: Path) -> None:
    settings = repository / "setpoint.toml"
    settings.write_text('database_url = "postgresql://127.0.0.1:1/x"\n' + settings.read_text())
    found = {check["name"]: check for check in json.loads(setpoint(repository, "doctor", "--json").stdout)}
    assert found["database"]["state"] == "bad"
    assert {"git", "sandbox", "models", "deploy"} <= set(found)

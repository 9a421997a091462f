"""`setpoint context`: what would be sent, part by part, without a model; and whose words instruct it."""

import json
from pathlib import Path
from typing import Any

import pytest
from commanded import git, setpoint

from setpoint.pipeline.prompts import prompt

TICKET = "# Add shout\n\nAdd a `shout` function to `src/api/shop.py` that returns its text in upper case."


@pytest.fixture
def ruled(repository: Path) -> Path:
    """The repository, with what teams have."""
    files = {
        "CLAUDE.md": "Root rule. @docs/style.md and @../outside.md\n",
        "docs/style.md": "Four spaces.\n",
        "src/api/AGENTS.md": "Api rule.\n",
        "src/api/shop.py": "def whisper(text):\n    return text.lower()\n",
        "web/AGENTS.md": "Web rule.\n",
        ".claude/context/words.md": "\n".join(f"Word {n} means something." for n in range(300)),
    }
    for path, text in files.items():
        (repository / path).parent.mkdir(parents=True, exist_ok=True)
        (repository / path).write_text(text)
    with (repository / "setpoint.toml").open("a") as file:
        file.write("[context]\nrules_tokens = 400\n")
    git(repository, "add", "-A")
    git(repository, "commit", "-q", "-m", "rules")
    return repository


def shown(repository: Path, *words: str, **env: str) -> Any:
    done = setpoint(repository, "context", "show", *words, "--json", **env)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_ticket_shows_each_part_with_tokens_source_and_what_was_cut(ruled: Path) -> None:
    view = shown(ruled, "--phase", "planning", TICKET, ANTHROPIC_API_KEY="k")
    parts = {part["part"]: part for part in view["parts"]}
    assert view["tokens"] == sum(part["tokens"] for part in view["parts"])
    assert view["model"] == "anthropic/claude-opus-4-5"
    assert (view["sent"], view["run"]) == (False, "")
    assert parts["instructions"]["source"] == "setpoint v2"
    assert "submit_plan" in parts["tools"]["text"]
    assert parts["Rules: src/api/AGENTS.md"]["source"].startswith("src/api/AGENTS.md at ")
    assert "Word 0 means" in parts["Rules: .claude/context/words.md"]["text"]
    assert "gives the rest" in parts["Rules: .claude/context/words.md"]["cut"]
    assert "src/api/shop.py: whisper()" in parts["Files"]["text"]
    assert "- functional_spec" in parts["Not made yet"]["text"]
    assert view["not_shown"] == ["web/AGENTS.md (for web/)"]
    assert view["not_followed"] == ["CLAUDE.md: @../outside.md was not followed: it lies outside the repository"]


@pytest.mark.parametrize("phase", ["discovery", "tech_spec", "diagnosis", "split", "tests", "implementation", "review"])
def test_every_phase_can_be_looked_at_before_any_run(ruled: Path, phase: str) -> None:
    view = shown(ruled, "--phase", phase)
    assert [part["part"] for part in view["parts"]][:2] == ["instructions", "tools"]
    assert not (ruled / ".setpoint" / "worktrees").exists()


def test_the_terminal_says_it_in_a_line_a_part(ruled: Path) -> None:
    done = setpoint(ruled, "context", "show", "--phase", "planning", TICKET)
    assert "planning  about " in done.stdout
    assert "named only: web/AGENTS.md (for web/)" in done.stdout
    assert "cut: " in done.stdout
    assert "Root rule." not in done.stdout
    assert "Root rule." in setpoint(ruled, "context", "show", "-p", "planning", TICKET, "--text").stdout


def test_a_phase_that_is_none_is_refused_with_those_there_are(repository: Path) -> None:
    done = setpoint(repository, "context", "show", "--phase", "plan")
    assert done.returncode == 2
    assert "planning" in done.stderr


def test_the_packaged_words_can_be_taken_edited_and_committed(repository: Path) -> None:
    assert "review" in setpoint(repository, "context", "prompt").stdout.split()
    told = setpoint(repository, "context", "prompt", "review").stdout
    assert told.rstrip() == f"<!-- prompt: review v{prompt('review').version} -->\n{prompt('review').text}"
    team = repository / ".setpoint" / "prompts" / "review.md"
    team.parent.mkdir(parents=True)
    team.write_text(told.replace("very strict", "merciless"))
    git(repository, "add", "-f", "-A")
    git(repository, "commit", "-q", "-m", "our reviewer")
    part = shown(repository, "--phase", "review")["parts"][0]
    assert part["source"].startswith(".setpoint/prompts/review.md at ")
    assert "merciless principal engineer" in part["text"]
    assert setpoint(repository, "context", "prompt", "reviewer").returncode == 2

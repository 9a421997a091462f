"""Fixtures of the command line."""

from pathlib import Path

import pytest
from commanded import TICKET, git


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A small repository with its gates and a ticket."""
    folder = tmp_path / "shop"
    (folder / "tests").mkdir(parents=True)
    (folder / "shop.py").write_text("def whisper(text):\n    return text.lower()\n")
    (folder / "tests" / "test_shop.py").write_text(
        "import shop\n\n\ndef test_whisper():\n    assert shop.whisper('A') == 'a'\n"
    )
    (folder / "setpoint.toml").write_text(
        '[gates.tests]\nkind = "tests"\nreport = "junit"\n'
        'run = ["python", "-m", "pytest", "-q", "-o", "junit_family=xunit1", "--junit-xml={report}"]\n'
    )
    (folder / "ticket.md").write_text(TICKET)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "config", "user.name", "Ann")
    git(folder, "config", "user.email", "ann@example.invalid")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "shop")
    return folder

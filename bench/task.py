"""The six-step task both sides do: list, read, test (red), edit, test (green), diff; then hand in and commit.

A tiny git repository with one failing test. Each run of it has a worktree of its own, made by `git worktree add`.
"""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SYSTEM = "You mend a small Python package. Work with the tools; finish with submit_change."
TEST = "python3 -m unittest -q"
FILES = {
    "calculator.py": "def add(a, b):\n    return a - b\n",
    "test_calculator.py": (
        "import unittest\n\nfrom calculator import add\n\n\nclass AddTest(unittest.TestCase):\n"
        "    def test_adds(self):\n        self.assertEqual(add(2, 3), 5)\n\n\n"
        'if __name__ == "__main__":\n    unittest.main()\n'
    ),
    "README.md": "# Calculator\n\nAdds two numbers.\n",
    ".gitignore": "__pycache__/\n.setpoint/\n",
}


@dataclass(frozen=True)
class Call:
    """What the scripted model wants next."""

    tool: str
    arguments: dict[str, Any]


STEPS = (
    Call("shell", {"command": "ls -a"}),
    Call("read", {"path": "calculator.py"}),
    Call("shell", {"command": TEST}),
    Call("edit", {"path": "calculator.py", "old": "a - b", "new": "a + b"}),
    Call("shell", {"command": TEST}),
    Call("shell", {"command": "git diff --stat"}),
    Call("submit_change", {"summary": "add() adds.", "ran": [f"{TEST}: passed"]}),
)
"""One reply each: six steps, then the end."""


def lay_out(folder: Path, files: dict[str, str] | None = None) -> str:
    """Make the repository; its first commit."""
    for name, text in (files or FILES).items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "config", "user.name", "Bench")
    git(folder, "config", "user.email", "bench@example.invalid")
    git(folder, "config", "gc.auto", "0")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "A calculator that cannot add")
    return git(folder, "rev-parse", "HEAD")


def git(folder: Path, *arguments: str) -> str:
    """Run git; its words."""
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()

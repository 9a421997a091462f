"""A small repository with its own gates, and the command line on it."""

import os
import subprocess
import sys
from pathlib import Path

GIT = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
FILES = {
    "pyproject.toml": "[tool.pytest.ini_options]\n[tool.ruff.lint]\nselect = ['F']\n",
    "shop.py": "import os\n\n\ndef whisper(text):\n    return text.lower()\n",
    "tests/test_shop.py": "import shop\n\n\ndef test_whisper():\n    assert shop.whisper('A') == 'a'\n",
    ".gitignore": ".setpoint/\n",
}


class GateRepository:
    """The repository; its tools are those of this environment."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name, text in FILES.items():
            self.put(name, text)
        self._git("init", "-q", "-b", "main")
        self.commit()

    def put(self, name: str, text: str) -> None:
        """Write a file."""
        place = self.folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)

    def commit(self) -> None:
        """Commit all that is there."""
        self._git("add", "-A")
        self._git("-c", "user.name=Ann", "-c", "user.email=ann@example.invalid", "commit", "-qm", "shop")

    def setpoint(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the command line in the repository."""
        tools = str(Path(sys.executable).parent)
        env = {**os.environ, **GIT, "PATH": f"{tools}:{os.environ['PATH']}"}
        return subprocess.run(
            [sys.executable, "-m", "setpoint.cli", *arguments],
            cwd=self.folder,
            env=env,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def _git(self, *arguments: str) -> None:
        subprocess.run(["git", *arguments], cwd=self.folder, env={**os.environ, **GIT}, check=True, capture_output=True)

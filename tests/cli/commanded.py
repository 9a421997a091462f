"""The command line as its own process, in any folder."""

import os
import subprocess
import sys
from pathlib import Path

GIT = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
TICKET = "Add a `shout` function to shop.py that returns its text in upper case. Add tests for shout."


def setpoint(folder: Path, *arguments: str, stdin: str = "", **env: str) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if not k.endswith(("_API_KEY", "_BASE_URL"))}
    command = [sys.executable, "-m", "setpoint.cli", *arguments]
    return subprocess.run(
        command,
        cwd=folder,
        env={**clean, **GIT, **env},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, env={**os.environ, **GIT}, check=True, capture_output=True)

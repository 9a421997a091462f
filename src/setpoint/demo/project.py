"""Where the demo's parts lie, and how its service is laid out in a folder of one's own."""

import shutil
from pathlib import Path

HERE = Path(__file__).resolve().parent
SERVICE = HERE / "service"
TICKET = HERE / "ticket.md"
RECORDING = HERE / "recording.json"

_MADE = shutil.ignore_patterns("__pycache__", ".venv", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".setpoint")


def lay_out(target: Path) -> None:
    """Copy the service's files into `target`, which may exist already; caches and environments stay behind."""
    shutil.copytree(SERVICE, target, ignore=_MADE, dirs_exist_ok=True)

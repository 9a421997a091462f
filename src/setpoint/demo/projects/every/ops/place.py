"""Where releases and environments live: below `$SETPOINT_STATE`."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def asked(name: str) -> str:
    """The environment variable `SETPOINT_<name>`; ends the command when it is not set."""
    value = os.environ.get(f"SETPOINT_{name}", "")
    if not value:
        raise SystemExit(f"SETPOINT_{name} is not set")
    return value


def release(sha: str) -> Path:
    """The folder of the release made from commit `sha`."""
    return Path(asked("STATE")) / "releases" / sha


def current() -> Path:
    """The link that says which release the environment runs."""
    return Path(asked("STATE")) / asked("ENVIRONMENT") / "current"


def switch(target: Path) -> None:
    """Point the environment at `target`; a reader sees the old release or the new one."""
    link = current()
    link.parent.mkdir(parents=True, exist_ok=True)
    beside = link.with_name("next")
    beside.unlink(missing_ok=True)
    beside.symlink_to(os.path.relpath(target, link.parent), target_is_directory=True)
    beside.replace(link)

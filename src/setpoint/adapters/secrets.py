"""Names of files that hold secrets, whose content is shown to nobody inside; and the values that must not be told."""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

# A template holds no secret; a test's own certificate is part of the test, and a package's of the package.
SECRET = re.compile(
    r"(?:.*/)?\.env(?:rc)?(?:\.(?!example$|sample$|template$|dist$|defaults$)[^/]*)?"
    r"|(?:.*/)?(?:id_(?:rsa|dsa|ecdsa|ed25519)|[._]netrc|\.pypirc|\.pgpass|\.git-credentials)"
    r"|(?:.*/)?[^/]*\.(?:p12|pfx|jks|kdbx|keystore)|(?:.*/)?\.(?:ssh|aws|gnupg)/.*|(?:.*/)?\.docker/config\.json"
    r"|(?!(?:.*/)?(?:tests?|testing|testdata|fixtures|examples?|node_modules|site-packages)/)(?:.*/)?[^/]*\.(?:pem|key)",
    re.IGNORECASE,
)
"""A path below the workspace whose file is masked."""


def is_secret(path: str) -> bool:
    """Whether the file at `path` is one whose content must not be seen."""
    return SECRET.fullmatch(path) is not None


_TELLING = re.compile(r"(?i)token|secret|passw|passphrase|api_?key|access_?key|private_?key|credential|_key$|^key$")
_ASSIGNED = re.compile(r"^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(.*?)\s*$")
_IN_ADDRESS = re.compile(r"://[^\s:/@]*:([^\s:/@]+)@")
_SHORTEST = 8
_DEPTH, _LOOKED_AT = 3, 20_000
"""How far below the top, and among how many entries, they are looked for."""
_NOT_OURS = ("node_modules", "venv", "__pycache__", "site-packages", "target", "build", "dist")
_LARGEST = 65_536


def secrets_of(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Values of an environment that are secrets by their names, and passwords in its addresses."""
    return tuple(dict.fromkeys(value for name, held in environ.items() for value in _values(name, held)))


def secrets_in(folder: Path) -> tuple[str, ...]:
    """The same of the `.env` files in `folder`, also of its parts: `web/.env`, `services/mail/.env.local`."""
    found: dict[str, str] = {}
    waiting, seen = [(folder, 0)], 0
    while waiting and seen < _LOOKED_AT:
        here, depth = waiting.pop(0)
        with suppress(OSError):
            for entry in sorted(os.scandir(here), key=lambda entry: entry.name):
                seen += 1
                if entry.is_dir(follow_symlinks=False):
                    below = depth < _DEPTH and not entry.name.startswith(".") and entry.name not in _NOT_OURS
                    waiting += [(Path(entry.path), depth + 1)] if below else []
                elif entry.name.startswith(".env") and is_secret(entry.name) and not entry.is_symlink():
                    with suppress(OSError):
                        found |= dict(_assigned(Path(entry.path), entry.path))
    return secrets_of(found)


def _assigned(file: Path, prefix: str) -> Iterator[tuple[str, str]]:
    with file.open(encoding="utf-8", errors="replace") as lines:
        for line in lines.read(_LARGEST).splitlines():
            if said := _ASSIGNED.match(line):
                value = said[2]
                yield f"{prefix}/{said[1]}", value[1:-1] if value[:1] in "'\"" and value[-1:] == value[:1] else value


def _values(name: str, value: str) -> Iterator[str]:
    # A path is where a secret lies, not what it is.
    if _TELLING.search(name) and len(value) >= _SHORTEST and not value.startswith(("/", "~", ".")):
        yield value
    yield from (password for password in _IN_ADDRESS.findall(value) if len(password) >= _SHORTEST)

"""Files that hold keys by their nature, and random-looking strings on added lines.

The shapes of well-known secrets are `secrets`' business; this is for those that have no shape. What was found is never
repeated.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import PurePosixPath

from ..model.evidence import GateKind
from ..model.judgement import Measured
from ..model.objection import Deviation, Objection, Severity
from .change_set import ChangeSet, Delta
from .frozen import is_test_path
from .measured import built_in, minded
from .package_locks import LOCKS

NAME = "tokens"
ENTROPY = 4.3
"""Bits a letter from which a string looks random."""
_KEY_FILE = re.compile(
    r"(?:^|/)(?:id_(?:rsa|dsa|ecdsa|ed25519)|\.netrc|\.pypirc|\.pgpass|\.htpasswd|credentials|\.git-credentials"
    r"|service[-_]account.*\.json|(?:client_)?secrets?\.(?:json|ya?ml|toml))$|\.(?:p12|pfx|jks|keystore|kdbx|ppk|asc\.key)$",
    re.IGNORECASE,
)
_PEM = re.compile(r"\.(?:pem|key)$", re.IGNORECASE)
_SIGN_IN = re.compile(
    r"^\s*(?:(?://\S+:)?_(?:authToken|auth|password)\s*=|(?:login|password)\s+\S)\s*(?!\$\{)\S", re.IGNORECASE
)
_QUIET = re.compile(
    r"\.(?:svg|ipynb|map|snap|lock|sum|min\.js|min\.css|pem|crt|cer|pub|b64|bin|har|cassette)$"
    r"|(?:^|/)(?:__snapshots__|cassettes)/"
)
_STRING = re.compile(r"['\"`=:\s]([A-Za-z0-9+/_\-]{24,120}={0,2})(?=['\"`\s,;)\]}]|$)")
_INNOCENT = re.compile(
    r"^(?:sha\d{1,3}[-:])|^[0-9a-fA-F\-]+$|^[a-z]+(?:[_\-/][a-z0-9]+)+$|^[A-Z]+(?:[_\-/][A-Z0-9]+)+$|^/|//"
    r"|abcdef|ABCDEF|12345|example|EXAMPLE|test|TEST|dummy|fake|xxxx|^[A-Za-z]+$|https?"
)
_DIGEST = re.compile(r"integrity|sha\d{1,3}|digest|checksum|hash|fingerprint|etag|nonce|uuid|guid", re.IGNORECASE)


def check_tokens(change: ChangeSet) -> Measured:
    """An objection for each key file that a change brings, and each added line with a string that looks random."""
    found: list[Objection] = []
    lines = 0
    for delta in change.deltas:
        if not delta.deleted:
            found += _file(delta)
            if not _QUIET.search(delta.path) and PurePosixPath(delta.path).name not in LOCKS:
                lines += len(delta.added_lines)
                found += _lines(delta)
    return built_in(NAME, found, examined=lines, unit="added lines", tree=change.head, kind=GateKind.SECRETS)


def _file(delta: Delta) -> Iterator[Objection]:
    name = PurePosixPath(delta.path).name
    private = _PEM.search(delta.path) and (not delta.text_after or "PRIVATE KEY" in delta.text_after)
    if (delta.added or delta.was) and (_KEY_FILE.search(delta.path) or private):
        yield _mind("key-file", f"{name} holds keys by its nature and is committed", delta, None)
    if name in (".npmrc", ".netrc", ".pypirc", "_netrc", "pip.conf"):
        for at, text in delta.added_lines.items():
            if _SIGN_IN.search(text):
                yield _mind("sign-in", "a sign-in to a registry is committed", delta, at)


def _lines(delta: Delta) -> Iterator[Objection]:
    severity = Severity.LOW if is_test_path(delta.path) else Severity.MEDIUM
    for at, text in delta.added_lines.items():
        if len(text) < 2000 and not _DIGEST.search(text) and any(map(looks_random, _STRING.findall(text))):
            yield _mind("random", "a string on an added line looks like a key", delta, at, severity)


def looks_random(text: str) -> bool:
    """Whether nobody would write `text`: all kinds of letters in no order."""
    mixed = all(re.search(kind, text) for kind in ("[a-z]", "[A-Z]", r"\d"))
    return mixed and not _INNOCENT.search(text) and entropy(text) >= ENTROPY and not _worded(text)


def _worded(text: str) -> bool:
    """Whether it is made of words, as names are: short parts, or few changes between kinds of letters."""
    kinds = ["d" if letter.isdigit() else "u" if letter.isupper() else "l" for letter in text]
    turns = sum(1 for one, other in pairwise(kinds) if one != other)
    return turns < len(text) / 4 or max(map(len, re.split(r"[\-_/]", text))) < 18


def entropy(text: str) -> float:
    """Bits a letter."""
    return -sum(count / len(text) * math.log2(count / len(text)) for count in Counter(text).values())


def _mind(rule: str, what: str, delta: Delta, at: int | None, severity: Severity = Severity.HIGH) -> Objection:
    return minded(
        f"{NAME}/{rule}",
        what,
        delta.path,
        line_=at,
        cause="what is in a commit is published; take it out, make it void, and read it from the environment",
        deviation=Deviation.BOUNDARY,
        severity=severity,
    )

"""Secrets on added lines, by a few precise shapes; and the same shapes taken out of what is journaled.

Shapes find what is published carelessly, not what is hidden on purpose: no green here says that there is no secret.
"""

import base64
import math
import re
from collections import Counter
from collections.abc import Collection, Iterator
from functools import lru_cache
from urllib.parse import quote

from ..model.evidence import GateKind
from ..model.judgement import Measured
from ..model.objection import Deviation, Objection
from .change_set import ChangeSet
from .measured import built_in, minded

SHAPES: dict[str, re.Pattern[str]] = {
    "private key": re.compile(r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"),
    "AWS access key": re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    "GitHub token": re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{60,255})\b"),
    "GitLab token": re.compile(r"\bgl(?:pat|ptt|rt|dt)-[A-Za-z0-9_\-]{20,60}\b"),
    "Anthropic key": re.compile(r"\bsk-ant-[A-Za-z0-9_\-]{20,200}"),
    "OpenAI key": re.compile(r"\bsk-(?:proj-|svcacct-|admin-)?[A-Za-z0-9_\-]{32,200}"),
    "Slack token": re.compile(r"\bxox[abeoprs]-[A-Za-z0-9\-]{10,250}"),
    "Slack webhook": re.compile(r"https://hooks\.slack\.com/services/T\w{6,20}/B\w{6,20}/\w{20,40}"),
    "Google key": re.compile(r"\bAIza[0-9A-Za-z_\-]{35}\b"),
    "Stripe key": re.compile(r"\b[rs]k_live_[0-9A-Za-z]{20,200}\b"),
    "npm token": re.compile(r"\bnpm_[A-Za-z0-9]{36}\b"),
    "PyPI token": re.compile(r"\bpypi-AgE[A-Za-z0-9_\-]{50,300}"),
    "JSON web token": re.compile(r"\beyJ[A-Za-z0-9_\-]{10,2000}\.eyJ[A-Za-z0-9_\-]{10,4000}\.[A-Za-z0-9_\-]{10,1000}"),
    "password in an address": re.compile(
        r"\b[a-z][a-z0-9+.\-]{1,20}://[^\s:/@'\"{}$<>]{1,100}:[^\s:/@'\"{}$<>]{6,200}@"
    ),
}
_ANCHOR = re.compile(
    r"PRIVATE KEY|A[KS]IA|gh[pousr]_|github_pat_|gl(?:pat|ptt|rt|dt)-|sk-|xox|hooks\.slack|AIza|k_live_|npm_|pypi-|eyJ|://"
)
"""Every shape has one of these in it, and most texts have none."""
_ASSIGNED = re.compile(
    r"(?i)[\w.\-]{0,40}(?:password|passwd|secret|token|api_?key|access_?key|private_?key|credential)[\w.\-]{0,20}['\"]?"
    r"\s{0,4}(?::|=|=>|:=)\s{0,4}['\"]([^'\"\s]{16,200})['\"]"
)
_PLACEHOLDER = re.compile(
    r"(?i)example|placeholder|changeme|change-me|your[_-]|dummy|fake|xxxx|\.\.\.|\*\*\*|<|\$\{|\{\{|%\("
)
_ENV_FILE = re.compile(r"(?:^|/)\.env(?:\.(?!example$|sample$|template$|dist$)[\w.\-]+)?$")
_ENV_CAUSE = "settings of one machine, and often its secrets, are published with it; commit an example instead"
LINE_LIMIT = 4000
"""Characters of one line that are looked at; longer ones are looked at in overlapping pieces of this size."""


def suspects(text: str) -> Iterator[str]:
    """Kinds of secret that stand in one line."""
    step = LINE_LIMIT - 400
    for piece in (text[at : at + LINE_LIMIT] for at in range(0, max(len(text), 1), step)):
        for kind, shape in SHAPES.items():
            found = shape.search(piece)
            if found and not (kind == "password in an address" and _PLACEHOLDER.search(found[0])):
                yield kind
        for value in _ASSIGNED.findall(piece):
            if _entropy(value) >= 3.5 and re.search(r"\d", value) and not _PLACEHOLDER.search(value):
                yield "secret assigned in the clear"


def _entropy(value: str) -> float:
    return -sum(count / len(value) * math.log2(count / len(value)) for count in Counter(value).values())


def secrets(change: ChangeSet) -> Measured:
    """An objection for each secret on an added line, and for `.env` files; it never repeats what it found."""
    found: list[Objection] = []
    for delta in change.deltas:
        if delta.deleted:
            continue
        if _ENV_FILE.search(delta.path) and (delta.added or delta.was):
            found.append(minded("secrets/env-file", "an environment file is committed", delta.path, cause=_ENV_CAUSE))
        for number, text in delta.added_lines.items():
            found += [_suspect(kind, delta.path, number) for kind in dict.fromkeys(suspects(text))]
    examined = sum(len(delta.added_lines) for delta in change.deltas)
    return built_in("secrets", found, examined=examined, unit="added lines", tree=change.head, kind=GateKind.SECRETS)


def _suspect(kind: str, path: str, number: int) -> Objection:
    return minded(
        "secrets/known-shape",
        f"an added line looks like it holds: {kind}",
        path,
        line_=number,
        cause="what is in a commit is published; take it out and make the secret void",
        deviation=Deviation.BOUNDARY,
    )


# -- redaction -------------------------------------------------------------------------------------------------------

HIDDEN = "[redacted]"
_SHORTEST = 6
"""Shorter values are no secrets worth the damage to the text."""
_BETWEEN = r"(?:\x1b\[[0-9;]{0,16}[A-Za-z]|\r?\n[ \t]{0,40}){0,4}"
"""What may stand inside a value that was printed in colours, or broken into lines."""
_HEX_BETWEEN = rf"(?:[ :]|{_BETWEEN})"
_CUT = r"(?=\n… |\n\[\.\.\. | \[\.\.\.\])"
"""Behind a value whose end was left out, as output and long arguments are cut."""
_CUT_BEFORE = r"(?<= left out …\n)"
_LEAST_PART = 8
"""Characters of a cut value that are still worth hiding."""


def redact(text: str, known: Collection[str] = ()) -> str:
    """`text` without the `known` values (plain, reversed, hex, URL, base64 once and twice; also broken by colours or
    line breaks, or cut where output was left out) and without anything of a secret's shape."""
    if known:
        pattern = _known_pattern(tuple(sorted(set(known))))
        if pattern is not None:
            text = pattern.sub(HIDDEN, text)
    if not _ANCHOR.search(text):
        return text
    for kind, shape in SHAPES.items():
        text = (_KEY_BLOCK if kind == "private key" else shape).sub(HIDDEN, text)
    return text


_KEY_BLOCK = re.compile(
    r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----.{0,20000}?(?:-----END [A-Z0-9 ]{1,60}-----|\Z)", re.DOTALL
)


@lru_cache(maxsize=32)
def _known_pattern(known: tuple[str, ...]) -> re.Pattern[str] | None:
    values = sorted((value for value in known if len(value) >= _SHORTEST), key=len, reverse=True)
    if not values:
        return None
    plain = [form for value in values for form in (value, value[::-1])]
    encoded = {form for value in values for form in _encoded(value)} - set(plain)
    whole = [_BETWEEN.join(map(re.escape, form)) for form in (*plain, *sorted(encoded, key=len, reverse=True))]
    hexed = [_HEX_BETWEEN.join(f"{byte:02x}" for byte in value.encode()) for value in values]
    cut = [part for value in values if len(value) > _LEAST_PART for part in (_beginning(value), _end(value))]
    return re.compile("|".join([*whole, *(f"(?i:{form})" for form in hexed), *cut]))


def _beginning(value: str) -> str:
    """A pattern for `value` without its end, where that was left out."""
    more = ""
    for letter in reversed(value[_LEAST_PART:-1]):
        more = f"(?:{re.escape(letter)}{more})?"
    return f"{re.escape(value[:_LEAST_PART])}{more}{_CUT}"


def _end(value: str) -> str:
    """A pattern for `value` without its beginning, where that was left out."""
    more = ""
    for letter in value[1:-_LEAST_PART]:
        more = f"(?:{more}{re.escape(letter)})?"
    return f"{_CUT_BEFORE}{more}{re.escape(value[-_LEAST_PART:])}"


def _encoded(value: str) -> Iterator[str]:
    raw = value.encode()
    yield quote(value, safe="")
    yield from ("".join(f"%{byte:{case}}" for byte in raw) for case in ("02x", "02X"))
    for once in _base64(raw):
        yield once
        yield once.replace("+", "-").replace("/", "_")
        yield from _base64(once.encode())


def _base64(raw: bytes) -> Iterator[str]:
    """What is certain of the encoding inside a longer text: its first and last characters mix with the neighbours."""
    for offset in range(3):
        padded = base64.b64encode(b"\0" * offset + raw).decode().rstrip("=")
        middle = padded[(0, 2, 3)[offset] : len(padded) - (1 if (len(raw) + offset) % 3 else 0)]
        if len(middle) >= _SHORTEST:
            yield middle

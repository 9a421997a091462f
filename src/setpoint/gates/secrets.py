"""Secrets on added lines, by a few precise shapes.

Shapes find what is published carelessly, not what is hidden on purpose: no green here says that there is no secret.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator

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
ANCHOR = re.compile(
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

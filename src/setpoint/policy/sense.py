"""What a policy file says that could never hold: a kind there is not, a glob that matches nothing, a laxer risk."""

import difflib
from collections.abc import Iterator

from ..model.policy import PolicyFile
from .action import RISK, ActionKind, Risk
from .paths import NOTHING, canonical_glob
from .rules import BY_NAME, stricter_risk

_KINDS = tuple(kind.value for kind in ActionKind)
_ENVIRONMENT = "deploy:"


def senseless(said: PolicyFile) -> list[str]:
    """Each thing that means nothing, in one line."""
    return [
        *_globs("paths.allowed", said.paths.allowed or ()),
        *_globs("paths.protected", said.paths.protected),
        *_patterns("people.needed", said.people.needed),
        *_patterns("people.never", said.people.never),
        *_risks(said),
        *_trust(said),
    ]


def _globs(where: str, globs: tuple[str, ...]) -> Iterator[str]:
    for glob in globs:
        if canonical_glob(glob) == NOTHING:
            yield f"{where}: `{glob}` matches no file of a repository"


def _patterns(where: str, patterns: tuple[str, ...]) -> Iterator[str]:
    for pattern in patterns:
        kind, colon, about = pattern.partition(":")
        if kind not in _KINDS:
            yield f"{where}: `{pattern}` begins with no kind of action{_near(kind)}"
        elif colon and (not about.strip() or (kind not in BY_NAME and canonical_glob(about) == NOTHING)):
            yield f"{where}: `{pattern}` matches nothing"
        elif kind == ActionKind.TEST:
            yield f"{where}: `{pattern}`: tests and gates always run"


def _risks(said: PolicyFile) -> Iterator[str]:
    for kind, risk in said.risk.items():
        if kind not in _KINDS:
            yield f"risk: there is no kind of action `{kind}`{_near(kind)}"
        elif kind == ActionKind.TEST:
            yield "risk: tests and gates always run"
        elif stricter_risk(RISK[ActionKind(kind)], Risk(risk)) is not Risk(risk):
            yield f"risk.{kind}: `{risk}` is laxer than `{RISK[ActionKind(kind)].value}`, which it is"


def _trust(said: PolicyFile) -> Iterator[str]:
    for one in said.trust.confidence:
        if one.step != "merge" and not one.step.startswith(_ENVIRONMENT):
            yield f"trust.confidence: `{one.step}` is neither `merge` nor `deploy:ENVIRONMENT`"


def _near(kind: str) -> str:
    near = difflib.get_close_matches(kind, _KINDS, n=1, cutoff=0.4)
    return f"; did you mean `{near[0]}`?" if near else f"; there are {', '.join(_KINDS)}"

"""Waivers: a named person's word that an objection is accepted, for a reason, until a day.

They are read from the trusted base alone. A waived objection leaves the verdict and stays visible; a waiver that is
over holds for nothing and is told.
"""

from collections.abc import Sequence
from datetime import date

from ..model.judgement import Waived, Waiver
from ..model.objection import Objection, Severity
from .entries import read_entries
from .measured import minded

FILE = ".setpoint/waivers.toml"
NEVER = frozenset(("gate", "frozen", "boundary", "base", "proof/tripwire", "proof/patched-runner"))
"""Checks whose word nobody overrules: what must be red stays red. A boundary is moved in the ticket or the policy."""
_FORM = 'rule = "check/rule", path = "glob", reason, by (a name) and until = 2030-01-31'


def read_waivers(text: str) -> tuple[Waiver, ...]:
    """The `[[waiver]]` entries of `text`. Raises ConfigError that names what is wrong with which."""
    return read_entries(text, "waiver", Waiver, where=FILE, form=_FORM)


Weighed = tuple[tuple[Objection, ...], tuple[Waived, ...]]
"""Standing objections and waived ones."""


def split(objections: Sequence[Objection], waivers: Sequence[Waiver], today: date) -> Weighed:
    """Which of `objections` stand, which a waiver took out, and what must be said of waivers that hold no more."""
    standing: list[Objection] = []
    waived: list[Waived] = []
    over: dict[str, Objection] = {}
    for objection in objections:
        fitting = [waiver for waiver in waivers if _fits(waiver, objection)] if objection.blocks else []
        holding = [waiver for waiver in fitting if waiver.until >= today]
        if holding and not never(objection):
            waived.append(Waived(objection=objection, waiver=holding[0]))
            continue
        standing.append(objection)
        for waiver in fitting:
            over[waiver.digest()] = _no_help(waiver, over=not holding)
    return (*standing, *over.values()), tuple(waived)


def never(objection: Objection) -> bool:
    """Whether nobody overrules what `objection` minds."""
    return objection.rule in NEVER or objection.rule.partition("/")[0] in NEVER


def _fits(waiver: Waiver, objection: Objection) -> bool:
    check, _, rule = waiver.rule.partition("/")
    own_check, _, own_rule = objection.rule.partition("/")
    if check != own_check or rule not in ("*", own_rule):
        return False
    if waiver.path in ("**", "*"):
        return True
    return objection.place is not None and _matches(waiver.path, objection.place.path)


def _matches(glob: str, path: str) -> bool:
    from pathspec import GitIgnoreSpec

    # Anchored: a waiver holds for what it names, not for every file of that name.
    return bool(GitIgnoreSpec.from_lines([f"/{glob.lstrip('/')}"]).match_file(path))


def _no_help(waiver: Waiver, *, over: bool) -> Objection:
    if over:
        what, cause = f"{waiver.by}'s waiver of {waiver.rule} is over", f"it held until {waiver.until}: {waiver.reason}"
    else:
        what, cause = f"{waiver.by}'s waiver of {waiver.rule} does not help", "nobody overrules this check"
    return minded("waivers/no-help", what, FILE, cause=cause, severity=Severity.LOW)

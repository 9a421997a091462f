"""New findings only: what a gate minds on the change, without what it minded on the base already.

A finding of the change is an old one when the base had it at the same line, at the line it was moved from, or at the
line it was written over. A copy of an old finding in a new place is new, and so is one that got worse.
"""

from collections.abc import Sequence

from ..model.evidence import Finding, GateKind, GateResult, Outcome
from ..model.judgement import Measured
from ..model.numbers import counted
from ..model.objection import Objection
from .change_set import ChangeSet
from .objections import objections
from .reading import line
from .scope import narrowed
from .sites import Answers, Site, Sites, same_place, similar, standing, telling
from .tools import SYNTAX

FRESH = frozenset((GateKind.LINT, GateKind.FORMAT, GateKind.TYPES, GateKind.SECURITY))
"""Kinds of gates whose findings on the base are told from new ones."""
RULE = "findings/new"


def comparable(base: GateResult) -> bool:
    """Whether a red base says all it minds, one by one, so that a change can be judged by what is new."""
    return base.kind in FRESH and base.outcome is Outcome.FAILED and bool(base.findings) and not base.partial


def fresh(head: GateResult, base: GateResult | None, change: ChangeSet) -> Measured:
    """What gate `head` says of the change, old findings taken out; green when all are old. Whatever cannot be compared
    counts as new, and a gate that looks at less than on the base objects."""
    less = narrowed(head, base, change) if base is not None and head.kind in FRESH else ()
    if head.outcome is not Outcome.FAILED or base is None or not comparable(base) or not head.findings:
        return Measured(result=head, objections=(*_objections(head), *less))
    new, old = split(head.findings, base.findings, change, strict=head.kind is GateKind.SECURITY)
    result = _told(head, new, old)
    return Measured(result=result, objections=(*_objections(result), *less))


def _objections(result: GateResult) -> tuple[Objection, ...]:
    return objections(result, rule=RULE if result.kind in FRESH else "")


def _told(head: GateResult, new: Sequence[Finding], old: Sequence[Finding]) -> GateResult:
    count = counted(head.evidence.examined, head.evidence.unit)
    known = f"{counted(len(old), 'findings')} that the base has too"
    if new:
        first = new[0]
        at = f"{first.path}{f':{first.line}' if first.line else ''}"
        reason = f"{len(new)} new in {count}, first {at}: {first.rule} {first.message}; beside {known}"
        return head.model_copy(update={"findings": tuple(new), "reason": line(reason)})
    if head.partial:
        reason = f"it says {known}, and stopped early: what else is wrong cannot be told"
        return head.model_copy(update={"outcome": Outcome.REFUSED, "reason": reason})
    reason = f"nothing new in {count}: {known}"
    return head.model_copy(update={"outcome": Outcome.PASSED, "reason": reason})


def split(
    head: Sequence[Finding], base: Sequence[Finding], change: ChangeSet, *, strict: bool = False
) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
    """`head` parted into new and old. Each finding of the base answers for one of the change. When `strict`, a line
    that was written over answers for nothing."""
    sites = Sites(change)
    left: _Left = {}
    for finding in base:
        site = sites.of_base(finding)
        left.setdefault(site.said, {}).setdefault(site.path, []).append(site)
    waiting = [sites.of_head(finding) for finding in head]
    for answers in (standing, same_place, telling) if strict else (standing, same_place, similar, telling):
        waiting = [site for site in waiting if not _answered(site, left, sites, answers)]
    new = {id(site.finding) for site in waiting}
    return (
        tuple(finding for finding in head if id(finding) in new),
        tuple(finding for finding in head if id(finding) not in new),
    )


_Left = dict[str, dict[str, list[Site]]]
"""Findings of the base that answer for none yet, by what they say and by file."""


def _answered(site: Site, left: _Left, sites: Sites, answers: Answers) -> bool:
    """Whether a finding of the base answers for `site`; that one answers for no other then."""
    if _blind(site.finding) and sites.changed(site.finding.path):
        return False  # whatever else is wrong in a file that cannot be parsed stays unseen
    files = left.get(site.said, {})
    known = [old for found in files.values() for old in found] if answers is telling else files.get(site.path, [])
    weighed = ((answers(site, old, sites), -abs(old.number - site.number), at) for at, old in enumerate(known))
    weight, _, at = max(weighed, default=(0.0, 0, 0))
    if not weight or not site.no_worse_than(known[at]):
        return False
    files[known[at].path].remove(known[at])
    return True


def _blind(finding: Finding) -> bool:
    return finding.rule in SYNTAX or (finding.rule.startswith("TS1") and len(finding.rule) == 6)

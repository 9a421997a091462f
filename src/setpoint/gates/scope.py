"""Whether a gate still looks at all it looked at on the base: an exclusion is the quietest way to green."""

from pathlib import PurePosixPath

from ..model.evidence import GateResult, Outcome
from ..model.numbers import counted
from ..model.objection import Deviation, Objection, Severity, Source
from .change_set import ChangeSet
from .measured import minded

SHOWN = 5
"""Most files that are named one by one."""


def narrowed(head: GateResult, base: GateResult, change: ChangeSet) -> tuple[Objection, ...]:
    """An objection for what the gate looked at on the base and no longer does, though it is still there."""
    if Outcome.REFUSED in (head.outcome, base.outcome) or head.evidence.unit != base.evidence.unit:
        return ()
    if head.looked_at and base.looked_at:
        return _unseen(head, base, change)
    gone = len(change.base_files - change.head_files)
    less = base.evidence.examined - head.evidence.examined
    if head.partial or base.partial or less <= gone:
        return ()
    what = f"gate {head.gate} looks at fewer {head.evidence.unit} than on the base, more than were deleted"
    told = f"{base.evidence.examined} on the base, {head.evidence.examined} now, {gone} deleted or moved"
    return (_minded(head, "findings/examined-less", what, "", told),)


def _unseen(head: GateResult, base: GateResult, change: ChangeSet) -> tuple[Objection, ...]:
    moved = {delta.was: delta.path for delta in change.deltas if delta.was}
    seen = frozenset(head.looked_at)
    now = [moved.get(path, path) for path in base.looked_at]
    lost = [path for path in now if path in change.head_files and path not in seen]
    kinds = {PurePosixPath(path).suffix for path in base.looked_at}
    added = [delta.path for delta in change.deltas if delta.added and delta.suffix in kinds and delta.path not in seen]
    found = [
        _minded(
            head, "findings/not-examined", f"gate {head.gate} no longer looks at {path}", path, "it did on the base"
        )
        for path in lost[:SHOWN]
    ]
    if len(lost) > SHOWN:
        found.append(_minded(head, "findings/not-examined", f"gate {head.gate} no longer looks at more files", "", ""))
    folders = {str(PurePosixPath(path).parent) for path in base.looked_at}
    for path in added[:SHOWN]:
        # Where the base looks at the neighbours, a new file was left out on purpose.
        beside = str(PurePosixPath(path).parent) in folders
        weight = Severity.HIGH if beside else Severity.LOW
        what = f"gate {head.gate} does not look at the new {path}"
        found.append(_minded(head, "findings/not-examined", what, path, "", weight))
    return tuple(found)


def _minded(
    head: GateResult, rule: str, what: str, path: str, evidence: str, severity: Severity = Severity.HIGH
) -> Objection:
    return minded(
        rule,
        what,
        path,
        cause="what a gate does not look at, it cannot mind: put its scope back",
        evidence=evidence or f"not among the {counted(len(head.looked_at), 'files')} it names",
        source=Source.GATE,
        deviation=Deviation.BOUNDARY,
        severity=severity,
    )

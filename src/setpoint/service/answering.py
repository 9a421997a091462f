"""What a person is told whose answer would not count, before it is written down."""

from datetime import datetime

from ..errors import DeniedError, StaleError, UsageError
from ..model.approval import POINTS, Answer, Approval, Bound, Point
from ..policy.approvals import Fault, Voices, faults

MEANS: dict[Point, str] = {
    "requirement": "read the ticket once more: does the change do what it asks, and leave alone what must stay?",
    "diff": "read the diff, every line of it (`setpoint diff`): do you understand and want it?",
    "tests": "look at the tests: would they fail if the change were wrong, and do they test what the ticket says?",
    "debt": "is no architectural debt hidden: no copy, no way round a layer, nothing that the next change pays for?",
}
"""What a person looks at, at each point."""
_ALWAYS = frozenset(("answer", "four-eyes", "inspection"))
"""Faults that a no has not: whoever may answer may object."""


def insist_on(approval: Approval, due: Bound, voices: Voices, now: datetime) -> None:
    """Go on only with an answer that counts. Raises DeniedError, UsageError, StaleError."""
    found = faults(approval, due, voices, now)
    if approval.answer is not Answer.GRANTED:
        found = tuple(fault for fault in found if fault.code not in _ALWAYS)
    if not found:
        return
    why = "; ".join(fault.what for fault in found)
    codes = {fault.code for fault in found}
    if codes == {"inspection"}:
        left = [point for point in voices.settings.inspection if point not in approval.inspection]
        raise UsageError(
            f"approving a change wants an answer on {', '.join(left)}",
            why="; ".join(f"{point}: {MEANS[point]}" for point in left),
            fix=f"look, then `setpoint approve {approval.run} --checked {','.join(voices.settings.inspection)}`, "
            "or --all-checked 'what you found'; on a terminal you are asked one by one",
        )
    if any(fault.forged for fault in found) or "four-eyes" in codes:
        raise DeniedError(f"{approval.by} may not approve {approval.about}", why=why, fix=_fix(found, voices))
    raise StaleError(f"the answer to {approval.about} would not count", why=why, fix="look again, then answer again")


def _fix(found: tuple[Fault, ...], voices: Voices) -> str:
    if any(fault.code == "key" for fault in found) and voices.settings.approvers:
        known = ", ".join(voices.settings.approvers)
        return f"one of {known} answers; or the base names your key: [approvals.approvers], `setpoint approvals key`"
    return "somebody else answers, in their own name" if voices.settings.approvers else "git config user.name YOURS"


def points_of(text: str) -> tuple[Point, ...]:
    """The points that a list with commas names. Raises UsageError."""
    found = [word.strip() for word in text.split(",") if word.strip()]
    unknown = [word for word in found if word not in POINTS]
    if unknown:
        raise UsageError(f"nobody inspects `{', '.join(unknown)}`", fix=f"--checked {','.join(POINTS)}")
    return tuple(point for point in POINTS if point in found)

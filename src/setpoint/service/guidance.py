"""Who is the right one for what is left: a session, a person's own hands, or a ticket of its own."""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from ..errors import DeniedError
from ..model.numbers import counted
from ..model.objection import Deviation, Objection
from ..model.run import Run, Waits
from ..model.ticket import Ticket
from ..policy.action import ActionKind
from ..policy.paths import classify_path
from ..ports import Store

FEW = 2
"""Objections in one file that a person mends faster than a session."""
MANY = 5
"""Objections from which a change lacks more than an edit."""
IN_FILES = ("tests", "edge_tests", "implementation", "review", "ci_fix")
"""Stages whose objections lie in files; those of a paper lie in its fields."""
SHORT = 600
"""Characters of a ticket that may be no more than one line of configuration."""
_PATH = re.compile(r"(?<![\w/.-])(?:[\w.@-]+/)*(?:\.env[\w.]*|[\w@-][\w.@-]*\.(?:toml|ya?ml|ini|cfg|conf|json|env))\b")
_CODE = re.compile(r"\b[\w/.-]+\.(?:py|[cm]?[jt]sx?|go|rs|java|rb|sql)\b")
BY_HAND = "by hand"
FORWARD = "fix forward"


def advised(open_: Sequence[Objection]) -> tuple[str, str]:
    """Who should go on with what is open, and why; empty where nothing speaks against a session."""
    blocking = [objection for objection in open_ if objection.blocks]
    paths = sorted({objection.place.path for objection in blocking if objection.place})
    values = [path for path in paths if _kind(path) is ActionKind.SECRET]
    if values:
        return BY_HAND, f"{values[0]} holds values that no session may see"
    wide = [o for o in blocking if o.deviation in (Deviation.REQUIREMENT, Deviation.ARCHITECTURE)]
    if len(blocking) >= MANY or len(wide) > FEW:
        return FORWARD, f"{counted(len(blocking), 'objections')} in {counted(len(paths), 'files')}: more than an edit"
    if blocking and len(blocking) <= FEW and len(paths) == 1 and not wide:
        return BY_HAND, f"small and local: {counted(len(blocking), 'objections')} in {paths[0]}"
    return "", ""


def at_hand_over(store: Store, run: Run) -> tuple[str, str]:
    """The same for a run that called a person."""
    of_files = run.position.waits is Waits.HANDOVER and run.position.stage in IN_FILES
    packet = store.packet(run.id) if of_files else None
    return advised(packet.open) if packet else ("", "")


def configuration_alone(ticket: Ticket) -> str:
    """Why a person would do the ticket faster than a run; empty for any other."""
    named = _PATH.findall(ticket.text)
    if not named or len(ticket.text) > SHORT or _CODE.search(ticket.text) or ticket.phases_by_person:
        return ""
    path = named[0]
    if _kind(path) is ActionKind.SECRET:
        return f"{path} is never read by a session and is no part of a change: set the value yourself"
    return (
        f"it names configuration alone ({path}): by hand is quicker. `phases_by_person: [implementation]` in the front "
        "matter makes it yours, judged like any other"
    )


def _kind(path: str) -> ActionKind:
    try:
        return classify_path(str(PurePosixPath(path)))
    except DeniedError:
        return ActionKind.EDIT

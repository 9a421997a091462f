"""A look at the running app: it is started in the sandbox, its pages are used, and pictures of them kept."""

from collections.abc import Sequence

from pydantic import ValidationError

from ..errors import UsageError
from ..model.evidence import GateResult
from ..model.plan import Check
from ..ports import Room
from .checks import task_gate
from .run import Keep
from .steps import take_steps

SECONDS = 300.0


async def look(
    room: Room,
    steps: Sequence[str],
    *,
    keep: Keep,
    tree: str = "unsaved",
    environment: str = "",
    seconds: float = SECONDS,
) -> GateResult:
    """What came of `steps`, written as in a plan's checks, on `room`. Raises UsageError for what is no such step."""
    try:
        check = Check(then=tuple(steps))
    except ValidationError as error:
        raise UsageError(
            "; ".join(problem["msg"].removeprefix("Value error, ") for problem in error.errors())[:800],
            fix='first Serve `python3 -m http.server 8000` on 8000, then Page / - shows "Orders"',
        ) from error
    gate = task_gate(check, timeout=seconds)
    return await take_steps("look", gate, room, tree=tree, environment=environment or "unsaved", keep=keep)

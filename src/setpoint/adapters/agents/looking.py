"""The built-in agent's look at a page: no server of anybody's, offered by the same lists as tools of servers are."""

from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase

from ...errors import UsageError
from ...gates.look import SECONDS, look
from ...model.evidence import Outcome
from ...model.session import ToolCall
from ...model.tool_servers import OWN, Offered
from ...policy.action import Action, ActionKind
from ..tool_servers.names import BETWEEN
from .further import Broker
from .tools import Used, shortened
from .wire.answer import ToolSpec, clean

NAME = f"{OWN}{BETWEEN}look"
LOOK = ToolSpec(
    NAME,
    "Start the app in the sandbox, use its pages in Chromium, keep a picture of each as evidence. `steps`, in order: "
    '"Serve `CMD` on PORT", then "Page /path - click \\"Save\\"; shows \\"Saved\\"; 2 rows; no console errors".',
    {
        "type": "object",
        "properties": {"steps": {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 20}},
        "required": ["steps"],
    },
)


class Looking:
    """Keeps what `tools.More` promises, for the one tool."""

    specs = (LOOK,)

    def __init__(self, room: Broker, keep: Callable[[bytes], str]) -> None:
        self._room = room
        self._keep = keep

    async def use(self, call: ToolCall, seconds: float) -> Used:
        """Take the steps on the session's files as they are."""
        self._room.permit(Action(kind=ActionKind.TOOL, subject=NAME))
        steps = call.arguments.get("steps")
        if not isinstance(steps, list):
            return Used("error: `steps` must be a list of lines", failed=True)
        try:
            async with self._room.serving(OWN, (), workspace=True) as (room, _):
                result = await look(room, [str(one) for one in steps], keep=self._keep, seconds=min(SECONDS, seconds))
        except UsageError as error:
            return Used(clean(f"error: {error}"), failed=True)
        kept = [f"[a picture, kept in the evidence as {name}]" for name in result.pictures]
        text = shortened("\n".join([f"{result.outcome.value}: {result.reason}", result.tail, *kept]))
        failed = result.outcome is not Outcome.PASSED
        return Used(clean(text), failed=failed, touched=True, pictures=result.pictures)


def looks(offered: Sequence[Offered]) -> bool:
    """Whether a session is offered the look."""
    mine = (one for one in offered if one.name == OWN)
    return any(all(any(fnmatchcase("look", glob) for glob in globs) for globs in one.allowed) for one in mine)

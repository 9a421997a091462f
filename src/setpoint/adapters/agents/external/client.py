"""Our side of ACP: hears what the agent says and does, answers its requests for permission by policy, serves files."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from acp import RequestError
from acp.schema import (
    AgentMessageChunk,
    AllowedOutcome,
    DeniedOutcome,
    PermissionOption,
    ReadTextFileResponse,
    RequestPermissionResponse,
    TextContentBlock,
    ToolCallProgress,
    ToolCallStart,
    ToolCallUpdate,
    WriteTextFileResponse,
)

from ....errors import DeniedError
from ....model.session import Task
from ....policy.action import Action, ActionKind
from ....policy.commands import programs
from ....policy.decide import Allow, Decision, Deny, Policy, decide, strictest
from ....ports import Room
from .deeds import Deed, below, named
from .doorway import Limiting
from .handing import SERVER

LONGEST_FILE = 4 * 1024 * 1024
MOST_SAID = 1_000_000
"""Characters said between two requests that are kept."""
_YES, _NO = ("allow_once",), ("reject_once", "reject_always")


@dataclass
class Heard:
    """What the agent told since it was last taken."""

    said: list[str] = field(default_factory=list)
    deeds: dict[str, Deed] = field(default_factory=dict)
    """By id, in the order they began."""
    size: int = 0
    """Characters that were said."""

    def hear(self, words: str) -> None:
        """Keep what is said, to a limit: nobody else bounds what an agent says between two requests."""
        if self.size < MOST_SAID:
            self.said.append(words[: MOST_SAID - self.size])
            self.size += len(words)


class Ears:
    """Keeps what `acp.Client` must, for one session: terminals are not on offer."""

    def __init__(self, task: Task, room: Room, own: tuple[str, ...], moved: Callable[[], None]) -> None:
        self._task = task
        self._room = room
        self._own = own
        """The tools of our own server."""
        self._moved = moved
        self.heard = Heard()
        self._over: set[str] = set()
        """Deeds that were refused and taken: whatever is told of them later."""
        self.cwd = room.inside
        self.deaf = False
        """While an earlier conversation is played back to us."""

    # -- what it tells ----------------------------------------------------------------------------------------------

    async def session_update(self, session_id: str, update: Any, **_: Any) -> None:
        """Words and deeds; all else is passed over."""
        if self.deaf:
            return
        if isinstance(update, AgentMessageChunk) and isinstance(update.content, TextContentBlock):
            self.heard.hear(update.content.text)
        elif isinstance(update, ToolCallStart | ToolCallProgress):
            self.does(ToolCallUpdate.model_validate(update.model_dump()))
        self._moved()

    def says(self, words: str) -> None:
        """It said `words`."""
        self.heard.hear(words)
        self._moved()

    def does(self, update: ToolCallUpdate) -> Deed:
        """It told of a call: that it began, or what came of it."""
        name = named(update.tool_call_id)
        if name in self._over:
            return Deed(name)
        deed = self.heard.deeds.setdefault(name, Deed(name))
        deed.learn(update)
        self._moved()
        return deed

    def take(self) -> tuple[str, list[Deed]]:
        """What was said, and what was done to its end or refused, since the last time. Not every agent tells the end of
        what was refused."""
        said, self.heard.said, self.heard.size = "".join(self.heard.said), [], 0
        done = self.done()
        over = [deed for deed in self.heard.deeds.values() if deed.closed or deed.denied]
        for deed in over:
            del self.heard.deeds[deed.id]
        self._over |= {deed.id for deed in over if not deed.closed}
        return said, done

    def done(self) -> list[Deed]:
        """What was done to its end or refused since the last time, without the calls that are noted where they
        arrive."""
        over = [deed for deed in self.heard.deeds.values() if deed.closed or deed.denied]
        return [deed for deed in over if not deed.is_one_of(self._own, SERVER)]

    # -- what it asks -----------------------------------------------------------------------------------------------

    async def request_permission(
        self, session_id: str, tool_call: ToolCallUpdate, options: list[PermissionOption], **_: Any
    ) -> RequestPermissionResponse:
        """Yes or no by policy, for this one time: no answer here outlives its call."""
        wanted = _YES if not self.refusal(self.does(tool_call)) else _NO
        chosen = next((option for kind in wanted for option in options if option.kind == kind), None)
        if chosen is None:
            return RequestPermissionResponse(outcome=DeniedOutcome(outcome="cancelled"))
        return RequestPermissionResponse(outcome=AllowedOutcome(outcome="selected", option_id=chosen.option_id))

    def refusal(self, deed: Deed) -> str:
        """Why `deed`, which it asks for, may not be done, which is noted; empty where it may."""
        deed.asked = True
        decision = self._decided(deed)
        if not isinstance(decision, Allow):
            deed.denied = decision.reason
        return deed.denied

    def _decided(self, deed: Deed) -> Decision:
        policy = Policy(boundaries=self._task.boundaries)
        if deed.is_one_of(self._own, SERVER):
            return Allow(reason="it is decided where it arrives")
        if deed.kind == "execute":
            shells = [Action(kind=ActionKind.SHELL, subject=name) for name in programs(["bash", "-c", deed.command])]
            found = (strictest(decide(policy, one), self._permitted(one)) for one in shells)
            return strictest(Allow(reason="the sandbox is its boundary"), *found)
        if deed.kind in ("edit", "delete", "move"):
            return self._edits(policy, deed.paths(self.cwd))
        if deed.kind in ("read", "search", "think"):
            return Allow(reason="it changes nothing")
        return Deny(reason=f"{deed.title or deed.kind} is none of the things a session does"[:500])

    def _permitted(self, action: Action) -> Decision:
        """What the room's broker says, where it limits commands."""
        if isinstance(self._room, Limiting) and self._room.limits_commands:
            try:
                self._room.permit(action)
            except DeniedError as denied:
                return Deny(reason=(denied.why or denied.what)[:500], fix=denied.fix)
        return Allow(reason="the broker leaves it to the sandbox")

    def _edits(self, policy: Policy, paths: Sequence[str]) -> Decision:
        if not self._task.writes:
            return Deny(reason="this session only reads")
        if not paths:
            return Deny(reason="it does not say which file")
        return strictest(*(decide(policy, Action(kind=ActionKind.EDIT, subject=path)) for path in paths))

    # -- what it wants served ---------------------------------------------------------------------------------------

    async def read_text_file(
        self, session_id: str, path: str, line: int | None = None, limit: int | None = None, **_: Any
    ) -> ReadTextFileResponse:
        """A file of the room. Raises RequestError in ACP's own words: an agent that reads others stumbles."""
        try:
            content = self._room.read(below(path, self.cwd))
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            raise RequestError.resource_not_found(path) from error
        except DeniedError as denied:
            raise RequestError.invalid_params({"path": path, "why": str(denied)}) from denied
        text = content[:LONGEST_FILE].decode("utf-8", "replace")
        if line is not None or limit is not None:
            start = max((line or 1) - 1, 0)
            lines = text.splitlines(keepends=True)[start:]
            text = "".join(lines if limit is None else lines[:limit])
        return ReadTextFileResponse(content=text)

    async def write_text_file(self, session_id: str, path: str, content: str, **_: Any) -> WriteTextFileResponse:
        """A file of the room, through its boundaries."""
        if not self._task.writes:
            raise RequestError.invalid_params({"path": path, "why": "this session only reads"})
        try:
            self._room.write(below(path, self.cwd), content.encode("utf-8", "replace"))
        except DeniedError as denied:
            raise RequestError.invalid_params({"path": path, "why": str(denied)}) from denied
        return WriteTextFileResponse()

    # -- what it is not given ---------------------------------------------------------------------------------------

    async def ext_method(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """None is known."""
        raise RequestError.method_not_found(method)

    async def ext_notification(self, method: str, params: dict[str, Any]) -> None:
        """Passed over."""

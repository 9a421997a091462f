"""Claude Code by its maker's SDK (extra `claude-sdk`). The SDK runs here and starts nothing: its transport is the line
to the command that runs in the sandbox. Its hook lets the boundaries answer for every call, not only for those it asks
of."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict
from typing import Any, cast

from claude_agent_sdk import (
    AssistantMessage,
    ClaudeAgentOptions,
    ClaudeSDKClient,
    ClaudeSDKError,
    ContentBlock,
    HookJSONOutput,
    HookMatcher,
    PermissionResultAllow,
    PermissionResultDeny,
    ResultMessage,
    TextBlock,
    ToolPermissionContext,
    ToolResultBlock,
    ToolUseBlock,
    Transport,
    UserMessage,
)
from claude_agent_sdk._errors import MessageParseError

from ....model.session import Task
from .claude_json import ClaudeTalk
from .client import Ears
from .doorway import Doorway, Start
from .headless import Json
from .lines import Lines

_KINDS = frozenset(("assistant", "user", "result", "system", "control_request", "control_response"))


class Line(Transport):
    """The SDK's way to the command in the sandbox."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self.heard: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        """What the command said; None: no more."""

    async def connect(self) -> None:
        """Nothing is started on this side: the line is there already."""

    async def write(self, data: str) -> None:
        """Pass on what the SDK says."""
        await self._lines.send({"say": data})

    async def read_messages(self) -> AsyncIterator[dict[str, Any]]:
        """What the command says, to its end."""
        while (message := await self.heard.get()) is not None:
            yield message

    async def close(self) -> None:
        """Whoever reads is told that no more comes."""
        self.heard.put_nowait(None)

    def is_ready(self) -> bool:
        """Whether the command may be spoken to."""
        return not self._lines.over.is_set()

    async def end_input(self) -> None:
        """The command is told its end elsewhere."""


class SdkTalk(ClaudeTalk):
    """With `claude -p`, in the SDK's words."""

    def __init__(self, task: Task, start: Start, way: Doorway, ears: Ears, moved: Callable[[], None]) -> None:
        super().__init__(task, start, way, ears, moved)
        self._line: Line | None = None
        self._client: ClaudeSDKClient | None = None
        self._reading: asyncio.Task[None] | None = None

    async def _greeted(self) -> bool:
        await self._put_down()
        self._line = line = Line(self._way.lines)
        hooks = {"PreToolUse": [HookMatcher(hooks=[cast(Any, self._before_each)])]}
        options = ClaudeAgentOptions(can_use_tool=self._may, hooks=cast(Any, hooks))
        client = self._client = ClaudeSDKClient(options, transport=line)
        connecting = asyncio.create_task(client.connect())
        either: list[asyncio.Future[Any]] = [connecting, self._end]
        try:
            await asyncio.wait(either, return_when="FIRST_COMPLETED")
            if not connecting.done():
                return False
            await connecting
        except ClaudeSDKError:
            return False
        finally:
            connecting.cancel()
            await asyncio.gather(connecting, return_exceptions=True)
        self._reading = asyncio.create_task(self._read(client))
        return True

    async def _tell_prompt(self, words: str) -> None:
        assert self._client is not None
        await self._client.query(words, session_id=self.session)

    async def _hang_up(self) -> None:
        await self._put_down()
        await super()._hang_up()

    async def _put_down(self) -> None:
        reading, self._reading = self._reading, None
        client, self._client = self._client, None
        if reading is not None:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
        if client is not None:
            await client.disconnect()

    # -- what it tells ----------------------------------------------------------------------------------------------

    async def _event(self, event: Json) -> bool:
        if self._line is None or event.get("type") not in _KINDS:
            return await super()._event(event)
        self._line.heard.put_nowait(dict(event))
        return True

    async def _read(self, client: ClaudeSDKClient) -> None:
        while not self._way.lines.over.is_set():
            try:
                async for message in client.receive_messages():
                    self._heard(message)
                return
            except MessageParseError as error:
                data = error.data or {}
                if data.get("type") == "result":
                    self._result(data)  # the turn is over, whatever else it says
                self._keep(data)
            except ClaudeSDKError:
                return  # its command is over

    def _heard(self, message: Any) -> None:
        match message:
            case AssistantMessage() | UserMessage():
                for block in message.content if isinstance(message.content, list) else ():
                    self._piece(block, aside=message.parent_tool_use_id is not None)
            case ResultMessage():
                self._result(asdict(message))

    def _piece(self, block: ContentBlock, *, aside: bool) -> None:
        match block:
            case TextBlock() if not aside:
                self._ears.says(block.text)
            case ToolUseBlock():
                self._call(block.id, block.name, block.input)
            case ToolResultBlock():
                self._came_of(block.tool_use_id, block.content, failed=bool(block.is_error))

    async def _may(
        self, tool: str, given: dict[str, Any], context: ToolPermissionContext
    ) -> PermissionResultAllow | PermissionResultDeny:
        reason = self._ears.refusal(self._call(context.tool_use_id or tool, tool, given))
        return PermissionResultDeny(message=reason) if reason else PermissionResultAllow(updated_input=given)

    async def _before_each(self, told: Json, name: str | None, context: Json) -> HookJSONOutput:
        """No to what the boundaries forbid; about all else it asks as it would."""
        deed = self._call(str(told["tool_use_id"]), str(told["tool_name"]), told["tool_input"])
        if deed.kind == "other" or not (reason := self._ears.refusal(deed)):
            return {}
        return {
            "hookSpecificOutput": {
                "hookEventName": "PreToolUse",
                "permissionDecision": "deny",
                "permissionDecisionReason": reason,
            }
        }

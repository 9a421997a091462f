"""Claude Code without a terminal: one command for a whole sitting, prompts and events as JSON lines (`claude -p
--input-format stream-json --output-format stream-json`), permission asked over the same lines."""

import asyncio
import json
import re
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from ....model.session import Message
from ..wire.answer import Stop
from .deeds import Deed
from .doorway import Inside
from .handing import SERVER
from .headless import Headless, Json
from .homes import Known

_MODE = ("-p", "--verbose", "--input-format", "stream-json", "--output-format", "stream-json")
_ASKING = ("--permission-prompt-tool", "stdio")
_KINDS: Mapping[str, str] = {
    "Bash": "execute",
    "Edit": "edit",
    "MultiEdit": "edit",
    "Write": "edit",
    "NotebookEdit": "edit",
    "Read": "read",
    "Grep": "search",
    "Glob": "search",
    "WebFetch": "fetch",
    "WebSearch": "fetch",
    "Task": "think",
    "TodoWrite": "think",
    "TaskCreate": "think",
    "TaskUpdate": "think",
    "TaskList": "think",
    "TaskGet": "think",
}
_PASSED_OVER = frozenset(
    ("system", "stream_event", "keep_alive", "rate_limit_event", "tool_progress", "control_cancel_request")
)
_STOPS: Mapping[str, Stop] = {"refusal": "refused", "max_tokens": "truncated"}
_EXIT = re.compile(r"Exit code (\d{1,3})\b")


class ClaudeTalk(Headless):
    """With `claude -p`."""

    _end: asyncio.Future[Json]
    """Of its command."""

    async def _open(self, known: Known, inside: Inside) -> None:
        await self._tell_version()
        if known.acp and await self._begun(inside, "--resume", known.acp):
            self.session, self.resumed, self._known_to_it = known.acp, True, True
            return
        self.session = str(uuid.uuid4())
        if not await self._begun(inside, "--session-id", self.session):
            raise await self._lost()

    async def _begun(self, inside: Inside, *which: str) -> bool:
        """Whether it began; it does not where it forgot the session that is named."""
        servers = {}
        if self._start.program.hand_in == "mcp":
            command, *arguments = inside.hand_in
            servers = {SERVER: {"command": command, "args": arguments}}
        given = ("--strict-mcp-config", "--mcp-config", json.dumps({"mcpServers": servers}))
        self._end = await self._started((*_MODE, *_ASKING, *given, *which))
        return await self._greeted()

    async def _greeted(self) -> bool:
        """Whether it answers before it ends."""
        answer = await self._asked({"subtype": "initialize"})
        await asyncio.wait([answer, self._end], return_when="FIRST_COMPLETED")
        return bool(answer.done() and answer.result())

    async def _asked(self, request: Json) -> asyncio.Future[Json]:
        name = uuid.uuid4().hex
        answer = self._awaited(name)
        await self._tell({"type": "control_request", "request_id": name, "request": request})
        return answer

    async def _tell(self, message: Json) -> None:
        await self._way.lines.send({"say": json.dumps(message) + "\n"})

    async def _say(self, messages: Sequence[Message]) -> Stop:
        self._turn = asyncio.get_running_loop().create_future()
        await self._tell_prompt(self._words(messages))
        either: list[asyncio.Future[Any]] = [self._turn, self._end]
        await asyncio.wait(either, return_when="FIRST_COMPLETED")
        if not self._turn.done():
            raise await self._lost()
        return self._turn.result()

    async def _tell_prompt(self, words: str) -> None:
        said = {"role": "user", "content": words}
        await self._tell({"type": "user", "message": said, "parent_tool_use_id": None, "session_id": self.session})

    async def _interrupt(self) -> None:
        await self._asked({"subtype": "interrupt"})

    # -- what it tells ----------------------------------------------------------------------------------------------

    async def _event(self, event: Json) -> bool:
        match event.get("type"):
            case "assistant" | "user":
                for block in event["message"]["content"]:
                    self._block(block, aside=event.get("parent_tool_use_id") is not None)
            case "result":
                self._result(event)
            case "control_request":
                await self._asks(event["request_id"], event["request"])
            case "control_response":
                self._answered(event["response"].get("request_id"), event["response"])
            case other:
                return other in _PASSED_OVER
        return True

    def _block(self, block: Any, *, aside: bool) -> None:
        """A piece of a message. `aside`: of an agent that works for it, whose words go to it alone."""
        kind = block.get("type") if isinstance(block, dict) else None
        if kind == "text" and not aside:
            self._ears.says(str(block["text"]))
        elif kind == "tool_use":
            self._call(block["id"], block["name"], block["input"])
        elif kind == "tool_result":
            self._came_of(block["tool_use_id"], block.get("content"), failed=bool(block.get("is_error")))

    def _came_of(self, name: str, content: Any, *, failed: bool) -> None:
        """Note what came of a call."""
        text = _text(content)
        found = _EXIT.match(text) if failed else None
        self._did(name, text, failed=failed, code=int(found[1]) if found else None)

    def _call(self, name: str, tool: str, given: Any) -> Deed:
        """Note that it called `tool`."""
        path = given.get("file_path") or given.get("notebook_path") if isinstance(given, dict) else None
        kind = _KINDS.get(tool, "other")
        title = tool if kind == "other" else f"{tool} {path or given.get('pattern') or ''}".strip()
        return self._does(name, kind, title, given, paths=[path] if isinstance(path, str) else [])

    def _result(self, event: Json) -> None:
        """Its turn is over, one way or the other."""
        said = str(event.get("result") or "; ".join(map(str, event.get("errors") or ())) or event.get("subtype"))
        if event.get("is_error"):
            self._turn_failed(said, sign_in="/login" in said)
        else:
            self._turn_over(_STOPS.get(str(event.get("stop_reason")), "done"))

    async def _asks(self, name: str, request: Json) -> None:
        """Yes or no by policy, for this one time; to all else that it might want, no."""
        told: dict[str, Any] = {"request_id": name}
        if request.get("subtype") == "can_use_tool":
            deed = self._call(request["tool_use_id"], request["tool_name"], request["input"])
            reason = self._ears.refusal(deed)
            answer: dict[str, Any] = {"behavior": "allow", "updatedInput": request["input"]}
            told |= {"subtype": "success", "response": {"behavior": "deny", "message": reason} if reason else answer}
        else:
            told |= {"subtype": "error", "error": "this is not answered here"}
        await self._tell({"type": "control_response", "response": told})


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    blocks = content if isinstance(content, list) else []
    return "\n".join(str(block["text"]) for block in blocks if isinstance(block, dict) and "text" in block)

"""Codex without a terminal: one command a turn that tells what it does as JSON lines (`codex exec --json`), and goes
back to its thread in the next (`codex exec resume`)."""

import asyncio
import json
import shlex
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from ....model.session import Message
from ..wire.answer import Stop, clean
from .doorway import Inside
from .handing import SERVER
from .headless import Headless, Json
from .homes import Known

_MODE = ("exec", "--json", "--skip-git-repo-check")
_LONGEST_CALL = 3600
"""Seconds that it waits for a tool of ours."""
_PASSED_OVER = frozenset(("turn.started", "todo_list", "reasoning"))
_SIGNED_OUT = ("401 Unauthorized", "Not logged in")


class CodexTalk(Headless):
    """With `codex exec`."""

    _servers: Sequence[str] = ()
    _mark = ""
    """Of the turn: its items are numbered from 0 in each."""
    _thread_began = False

    async def _open(self, known: Known, inside: Inside) -> None:
        await self._tell_version()
        if self._start.program.hand_in == "mcp":
            command, *arguments = inside.hand_in
            told = {"command": command, "args": arguments, "tool_timeout_sec": _LONGEST_CALL}
            # A TOML value is written as JSON writes it, where it is text, a number or a list of texts.
            words = [f"mcp_servers.{SERVER}.{name}={json.dumps(value)}" for name, value in told.items()]
            self._servers = [part for word in words for part in ("-c", word)]
        if known.acp:
            self.session, self.resumed, self._known_to_it = known.acp, True, True

    async def _say(self, messages: Sequence[Message]) -> Stop:
        back = bool(self.session)
        turn = await self._exec(messages)
        if back and not self._thread_began:
            # It forgot, which is its right: it is told what was.
            self.session, self.resumed, self._known_to_it = "", False, False
            self.told["resumed"] = False
            turn = await self._exec(messages)
        if not turn.done():
            raise await self._lost()
        return turn.result()

    async def _exec(self, messages: Sequence[Message]) -> asyncio.Future[Stop]:
        """One start of its command, to the end: what it says after its turn is over is written down by then."""
        turn = self._turn = asyncio.get_running_loop().create_future()
        self._mark, self._thread_began = uuid.uuid4().hex[:8], False
        which = ("resume", self.session) if self.session else ()
        end = await self._started((*_MODE, *self._servers, *which, "-"), say=self._words(messages), last=True)
        await end
        return turn

    async def _interrupt(self) -> None:
        await self._way.lines.send({"stop": True})

    # -- what it tells ----------------------------------------------------------------------------------------------

    async def _event(self, event: Json) -> bool:
        match event.get("type"):
            case "thread.started":
                self.session, self._thread_began = clean(str(event["thread_id"]))[:200], True
            case "item.started" | "item.updated" | "item.completed":
                return self._item(event["item"], over=event["type"] == "item.completed")
            case "turn.completed":
                self._turn_over("done")
            case "turn.failed":
                said = str(event["error"]["message"])
                self._turn_failed(said, sign_in=any(words in said for words in _SIGNED_OUT))
            case other:
                return other in _PASSED_OVER
        return True

    def _item(self, item: Mapping[str, Any], *, over: bool) -> bool:
        name, kind = f"{self._mark}-{item['id']}", item["type"]
        match kind:
            case "agent_message":
                if over:
                    self._ears.says(str(item["text"]))
                return True
            case "command_execution":
                told = {"command": _words(str(item["command"]))}
                self._does(name, "execute", str(item["command"]), told)
                text, code = str(item.get("aggregated_output") or ""), item.get("exit_code")
            case "file_change":
                paths = [str(change["path"]) for change in item["changes"]]
                self._does(name, "edit", "apply_patch", None, paths=paths)
                text, code = "", None
            case "mcp_tool_call":
                self._does(name, "other", f"mcp__{item['server']}__{item['tool']}", item.get("arguments"))
                text, code = _told(item), None
            case "web_search":
                self._does(name, "fetch", str(item.get("query") or kind), None)
                text, code = "", None
            case other:
                return other in _PASSED_OVER
        if over:
            failed = item.get("status") in ("failed", "declined")
            self._did(name, text, failed=failed, code=code if isinstance(code, int) else None)
        return True


def _words(line: str) -> list[str] | str:
    """The words of a command line that it runs by a shell; as it is where it has none."""
    try:
        return shlex.split(line)
    except ValueError:
        return line


def _told(item: Mapping[str, Any]) -> str:
    error, result = item.get("error"), item.get("result")
    if isinstance(error, dict):
        return str(error.get("message"))
    blocks = result.get("content") if isinstance(result, dict) else None
    texts = (block.get("text") for block in blocks or () if isinstance(block, dict))
    return "\n".join(text for text in texts if isinstance(text, str))

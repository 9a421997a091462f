"""Agents in their headless modes: a command that is started for one turn or for many, and tells what it does in JSON,
a line for each event. What it tells becomes the same deeds that ACP tells of."""

import asyncio
import json
import re
import uuid
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from acp.helpers import text_block, tool_content
from acp.schema import ToolCallLocation, ToolCallUpdate

from ....model.session import Task
from ..wire.answer import Stop, clean
from .client import Ears
from .deeds import Deed
from .doorway import Doorway, Start
from .talking import GaveUpError, Talk

MOST_OTHERS, LONGEST_OTHER = 8, 300
"""Events of a step that nobody knows here: how many are kept, and how many characters of each."""
_VERSION = re.compile(r"\d+\.\d[\w.+-]*")
Json = Mapping[str, Any]


class Headless(Talk):
    """With an agent that is started by the program in its place (`inside.TURNS`)."""

    def __init__(self, task: Task, start: Start, way: Doorway, ears: Ears, moved: Callable[[], None]) -> None:
        super().__init__(task, start, way, ears, moved)
        self._marks: dict[str, asyncio.Future[Json]] = {}
        """What is waited for, by the mark that the answer bears."""
        self._turn: asyncio.Future[Stop] | None = None
        self._listening = asyncio.create_task(self._listen())

    # -- what it tells ----------------------------------------------------------------------------------------------

    @abstractmethod
    async def _event(self, event: Json) -> bool:
        """Take one event; whether it is known. May raise what strange content raises."""

    async def _listen(self) -> None:
        while (event := await self._way.lines.receive()) is not None:
            if self._answered(event.get("mark"), event):
                continue
            try:
                known = await self._event(event)
            except (KeyError, TypeError, AttributeError, ValueError):
                known = False
            except ConnectionError:
                break
            if not known:
                self._keep(event)
        for waited in self._marks.values():
            if not waited.done():
                waited.set_result({})

    def _answered(self, mark: object, answer: Json) -> bool:
        """Whether somebody waited for what bears this mark."""
        waited = self._marks.pop(mark, None) if isinstance(mark, str) else None
        if waited is not None and not waited.done():
            waited.set_result(answer)
        return waited is not None

    def _keep(self, event: Json) -> None:
        """For people: the step's entry in the journal holds the beginning of what is not known here."""
        others = self.told.setdefault("other_events", [])
        if len(others) < MOST_OTHERS:
            others.append(clean(json.dumps(event))[:LONGEST_OTHER])
        self._moved()

    def _does(
        self, name: str, kind: str, title: str, told: Any, *, paths: Sequence[str] = (), status: str = "in_progress"
    ) -> Deed:
        """Note that a call began."""
        places = [ToolCallLocation(path=path) for path in paths]
        words = {"tool_call_id": name, "kind": kind, "title": title, "raw_input": told, "status": status}
        return self._ears.does(ToolCallUpdate.model_validate({**words, "locations": places}))

    def _did(self, name: str, text: str, *, failed: bool, code: int | None = None) -> None:
        """Note what came of a call."""
        update = ToolCallUpdate(
            tool_call_id=name,
            status="failed" if failed else "completed",
            content=[tool_content(text_block(text))] if text else None,
            raw_output=None if code is None else {"exit_code": code},
        )
        self._ears.does(update)

    # -- what it is told --------------------------------------------------------------------------------------------

    def _awaited(self, mark: str) -> asyncio.Future[Json]:
        answer: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        if self._listening.done():
            answer.set_result({})
        else:
            self._marks[mark] = answer
        return answer

    async def _started(self, argv: Sequence[str], **more: Any) -> asyncio.Future[Json]:
        """Start the agent's command; the future is its end."""
        mark = uuid.uuid4().hex
        end = self._awaited(mark)
        await self._way.lines.send({"start": [*self._start.argv, *argv], "mark": mark, **more})
        return end

    async def _tell_version(self) -> None:
        mark = uuid.uuid4().hex
        answer = self._awaited(mark)
        await self._way.lines.send({"version": [*self._start.argv, "--version"], "mark": mark})
        told = str((await answer).get("version", ""))
        found = _VERSION.search(told)
        self.version = clean(f"{self._start.name} {found[0] if found else '?'}")[:200]

    def _turn_over(self, stop: Stop) -> None:
        if self._turn is not None and not self._turn.done():
            self._turn.set_result(stop)

    def _turn_failed(self, words: str, *, sign_in: bool = False) -> None:
        if self._turn is not None and not self._turn.done():
            self._turn.set_exception(GaveUpError(words, sign_in=sign_in))

    async def _lost(self) -> ConnectionError:
        """Its command is over: nobody is spoken with any more, so that its last words come out."""
        await self._way.lines.close()
        return ConnectionError("its command ended")

    async def _hang_up(self) -> None:
        self._listening.cancel()
        await asyncio.gather(self._listening, return_exceptions=True)
        if self._turn is not None and self._turn.done() and not self._turn.cancelled():
            self._turn.exception()  # it was looked at, or nobody waits for it any more

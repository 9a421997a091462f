"""A session of an agent that works by itself, seen as the replies of a model: each model request it makes, with what it
did after it, is one step, and the next request waits until that step is saved.
"""

import asyncio
import contextlib
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx2
from pydantic import ValidationError

from ....accounts import SessionLog
from ....errors import ParkedError, TransientError
from ....model.session import Message, ModelRef, Part, Task, ToolCall
from ....ports import Room
from ..conversation import QUESTION, ModelReply
from ..endpoint import Endpoint
from ..fallback import Fallbacks, Whom
from ..own_run import Pending, reminder
from ..relay import KEY, Relay
from ..tools import ASK, Used, offered, submit_name
from ..wire.answer import Stop, said
from .client import Ears
from .deeds import Deed
from .doorway import Start, doorway
from .handing import HandIn
from .homes import Home, Known
from .served import Served
from .talking import Talk
from .talks import talk_with
from .turnstile import Turnstile

_MOMENT = 0.02
"""Seconds for words that were said before a request and come another way."""
MOST_FAILURES = 10
"""Requests in a row without a reply before a model counts as out of reach; each may be asked so often."""


class Observed:
    """Keeps `conversation.Model` and `conversation.Tools` over one sitting of an agent."""

    def __init__(
        self,
        start: Start,
        task: Task,
        room: Room,
        log: SessionLog,
        home: Home,
        models: Mapping[ModelRef, Endpoint],
        client: httpx2.AsyncClient,
        served: Served,
        whom: Whom,
    ) -> None:
        self._start, self._task, self._room, self._log, self._home = start, task, room, log, home
        self._models, self._client = models, client
        self._moved = asyncio.Event()
        self._gate = Turnstile(self._moved.set, lambda paid: log.let_go(paid=paid))
        self._fallbacks = Fallbacks(models, whom, log.messages())
        self._served = served
        served.moved = self._moved.set
        own = (submit_name(task.deliverable), ASK.name, *served.names)
        self._ears = Ears(task, room, own, self._moved.set)
        self._results: dict[str, Used] = {}
        self._closing: ToolCall | None = None
        self._sent_back: list[ToolCall] = []
        """Hand-ins of this step that were not taken."""
        self._talk: Talk | None = None
        self._stack = contextlib.AsyncExitStack()
        self._since = time.monotonic()
        self._in_step = False
        self._saved = 0
        """Messages that were saved when the last request was let through."""
        self._known = home.known()

    # -- what the session asks --------------------------------------------------------------------------------------

    async def reply(self, messages: Sequence[Message]) -> ModelReply:
        """The agent's next step: a model request that was let through, and all it did until it wants the next."""
        self.settle()
        self._since, self._in_step = time.monotonic(), True
        if self._talk is None:
            self._talk = await self._begin()
        if not self._talk.going:
            await self._talk.prompt(messages)
        step = await self._step(self._talk)
        self._in_step = False
        return step

    def saw(self, call: ToolCall, result: Any) -> None:
        """It has seen them before us."""

    async def use(self, call: ToolCall, seconds_left: float) -> Used:
        """What came of a call that the agent made itself."""
        return self._results.pop(call.id)

    def refusal(self, call: ToolCall) -> str:
        """What arrives here was in form."""
        return ""

    async def close(self) -> None:
        """End the agent. What it does at the end of its turn it may still do, but ask no model."""
        try:
            if self._talk is not None and self._talk.going:
                await self._talk.cancel()
        finally:
            self._gate.close()
            await self._stack.aclose()

    @property
    def unanswered(self) -> bool:
        """Whether the last model request had no reply."""
        return self._gate.failures > 0

    def settle(self) -> None:
        """Note whether all that the agent remembers is saved."""
        began = self._talk is not None
        if began and self._known.ahead and not self._in_step and len(self._log.messages()) > self._saved:
            self._remember(self._known.model_copy(update={"ahead": False}))

    # -- the agent --------------------------------------------------------------------------------------------------

    async def _begin(self) -> Talk:
        ref = next(iter(self._models))
        maker = self._models[ref].api.partition("-")[0]
        words = {"model": ref.model, "maker": maker, "key": KEY}
        tools = tuple(tool for tool in offered(self._task) if tool.name in (submit_name(self._task.deliverable), "ask"))
        hand = HandIn((*tools, *self._served.specs), self._take)
        way = await self._stack.enter_async_context(
            doorway(self._start, self._room, self._home, words, self._relay, hand)
        )
        talk = talk_with(self._task, self._start, way, self._ears, self._moved.set)
        self._stack.push_async_callback(talk.close)
        await talk.open(self._known, way.inside)
        before = self._known
        self._remember(Known(acp=talk.session, version=talk.version))
        talk.told = {"agent": talk.version, "resumed": talk.resumed}
        if before.version and before.version != talk.version:
            talk.told["agent_before"] = before.version
        return talk

    def _relay(self, folder: Path) -> Relay:
        return Relay(self._models, self._gate, self._client, folder, self._fallbacks)

    def _remember(self, known: Known) -> None:
        if known != self._known:
            self._known = known
            self._home.keep(known)

    # -- one step ---------------------------------------------------------------------------------------------------

    async def _step(self, talk: Talk) -> ModelReply:
        gate = self._gate
        while True:
            self._moved.clear()
            if self._served.trouble is not None:
                raise self._served.trouble
            if not gate.under_way:
                if gate.trouble is not None:
                    raise gate.trouble
                if self._closing is not None or talk.ended:
                    return await self._whole(talk)
                if gate.wanted is not None and gate.paid:
                    return await self._whole(talk)
                if gate.wanted is not None:
                    await self._let_through()
            await talk.lives(gate.failures)
            if gate.failures >= MOST_FAILURES * len(self._models):
                raise _out_of_reach(self._start.name, gate.failures)
            await self._wait()

    async def _let_through(self) -> None:
        quote = self._gate.wanted
        assert quote is not None
        await self._log.reserve(quote)
        if self._gate.wanted is not quote:
            self._log.let_go(paid=False)  # whoever asked is gone
            return
        self._saved = len(self._log.messages())
        self._remember(self._known.model_copy(update={"ahead": True}))
        self._gate.let_through()

    async def _wait(self) -> None:
        busy = self._gate.under_way or self._served.under_way
        longest = None if busy else self._start.program.silence_seconds
        try:
            async with asyncio.timeout(longest) as limit:
                await self._moved.wait()
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise TransientError(
                f"agent `{self._start.name}` has said nothing for {longest:g} s",
                why="it neither asked a model nor told of anything it does",
                fix="`setpoint resume` starts it again; `silence_seconds` under [agents] says how long it may be quiet",
            ) from error

    async def _whole(self, talk: Talk) -> ModelReply:
        await asyncio.sleep(_MOMENT)
        self._remember(self._known.model_copy(update={"acp": talk.session}))
        words, deeds = self._ears.take()
        if self._closing is None and talk.ended:
            self._closing = talk.by_file(self._home)
        if self._start.limited:
            _all_asked(self._start.name, deeds)
        calls = [self._noted(deed) for deed in deeds]
        for call, used in self._served.take():
            self._results[call.id] = used
            calls.append(call)
        calls += self._sent_back
        self._sent_back = []
        closing, self._closing = self._closing, None
        calls += [closing] if closing is not None else []
        usage, over = self._gate.take(), talk.ended and closing is None
        parts: list[Part] = [*said([words]), *calls]
        told, talk.told = talk.told, {}
        model = self._gate.model or str(next(iter(self._models)))
        self._say_who_answers(model)
        seconds = usage.seconds if usage is not None else 0.0
        return ModelReply(
            Message(role="assistant", parts=tuple(parts), usage=usage, model=model),
            talk.stop if over and not calls else _DONE,
            "",
            seconds,
            elapsed=max(0.0, time.monotonic() - self._since - seconds),
            aside=not calls and not over,
            told=told,
        )

    def _say_who_answers(self, model: str) -> None:
        """Note a change of models in the journal."""
        ours = [str(ref) for ref in self._models]
        spoke = [message.model for message in self._log.messages() if message.role == "assistant"]
        before = next((name for name in reversed(spoke) if name in ours), ours[0])
        if before != model:
            why = self._fallbacks.why or f"{model} answers again"
            self._log.append(notes=[("switched", {"from": before, "to": model, "why": why})])

    def _noted(self, deed: Deed) -> ToolCall:
        call = deed.call(self._ears.cwd)
        asked = self._gate.asked(deed.names, deed.command) if call.name == "shell" else ""
        if asked:
            call = call.model_copy(update={"arguments": {"command": asked}})
        self._results[call.id] = deed.used(self._ears.cwd)
        return call

    async def _take(self, name: str, arguments: dict[str, Any]) -> tuple[str, bool]:
        """What the agent hands in, or asks."""
        if self._closing is not None:
            return "error: this turn was ended by your call before", True
        if name in self._served.names:
            return await self._served.use(name, arguments)
        if name == ASK.name:
            try:
                QUESTION.validate_python(arguments.get("question"))
            except ValidationError:
                return "error: `question` must be a text of 1 to 20000 characters", True
        call = ToolCall(id=f"{name}-{time.monotonic_ns()}", name=name, arguments=arguments)
        if name != ASK.name and (words := reminder(self._task, self._log.messages(), self._unsaved())):
            self._sent_back.append(call)
            return words, True
        self._closing = call
        self._moved.set()
        passed = "Passed on; the answer comes with the next message." if name == ASK.name else "Handed in."
        return f"{passed} End your turn now.", False

    def _unsaved(self) -> Pending:
        """The calls of this step so far."""
        deeds = [(deed.call(self._ears.cwd), deed.used(self._ears.cwd).failed) for deed in self._ears.done()]
        return [
            *deeds,
            *((call, used.failed) for call, used in self._served.done),
            *((c, True) for c in self._sent_back),
        ]


_DONE: Stop = "done"


def _all_asked(name: str, deeds: Sequence[Deed]) -> None:
    """Raises ParkedError where a command was run that nobody was asked about: what it did is not kept."""
    for deed in deeds:
        if deed.kind == "execute" and not deed.asked:
            raise ParkedError(
                f"agent `{name}` ran a command unasked, and which may be run is limited here",
                why=deed.command[:300],
                fix='use `agent = "native"` in the phase, then `setpoint resume`',
            )


def _out_of_reach(name: str, failures: int) -> TransientError:
    return TransientError(
        f"agent `{name}` got no reply from its model",
        why=f"{failures} requests in a row had none",
        fix="`setpoint models test` asks it; then `setpoint resume`",
    )

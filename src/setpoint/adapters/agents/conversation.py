"""One session from its last saved message to its end: ask the model, run its tools, save, until it hands in.

Knows no provider: a `Model` answers, live or from a recording. Knows no phase: the task says all there is.
"""

import asyncio
import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from pydantic import TypeAdapter, ValidationError

from ...accounts import SessionLog
from ...errors import BugError, LostLeaseError, ParkedError, SetpointError
from ...model.record import Text, digest_of
from ...model.session import (
    Asked,
    Limits,
    Message,
    Reply,
    Said,
    Submitted,
    Task,
    ToolCall,
    ToolReturn,
    Usage,
)
from ...model.unsaved import Unsaved
from ...ports import Room
from .own_run import Pending, reminder, unrun, unrun_note
from .risks import risk, risk_class
from .tools import Used, brief_arguments, requests, submit_name, words
from .turns import NOTICE, calls_of, closing_call, notice, open_calls, turns, used
from .wire.answer import Stop, clean

HOLLOW_REPLIES = 3
"""How often in a row a model is asked again after a reply without a tool call."""
MOST_TOLD = 10
"""How many things that cannot be saved a session is told of at once."""
FEW_REQUESTS = 5
"""From here on the model is told how many requests are left."""

QUESTION: TypeAdapter[str] = TypeAdapter(Text)
RESUME = "`setpoint resume` gives it another try"


@dataclass(frozen=True, slots=True)
class ModelReply:
    """A reply, as the loop takes it."""

    message: Message
    stop: Stop
    prompt_sha256: str
    """Of the request's bytes; empty when there was none."""
    seconds: float
    elapsed: float = 0.0
    """Further seconds of the step that had gone by then."""
    aside: bool = False
    """A request beside the conversation: it is kept and counted, and nothing is said to it."""
    told: Mapping[str, Any] = field(default_factory=dict)
    """More for its entry in the journal."""


class Model(Protocol):
    """Answers a conversation."""

    async def reply(self, messages: Sequence[Message]) -> ModelReply:
        """The next assistant message after `messages`."""
        ...

    def saw(self, call: ToolCall, result: ToolReturn) -> None:
        """Hear what a tool gave back, before it is saved; a recording compares it and raises RecordingError."""
        ...


class Tools(Protocol):
    """Carries out the calls of a session, or tells what came of them."""

    async def use(self, call: ToolCall, seconds_left: float) -> Used:
        """What came of one call; what the model can mend is a failed result."""
        ...

    def refusal(self, call: ToolCall) -> str:
        """Why `call` cannot be carried out; empty when it can."""
        ...


@runtime_checkable
class Saving(Protocol):
    """A room that keeps autosaves."""

    async def autosave(self, label: str) -> str: ...

    def unsaved(self) -> Sequence[Unsaved]: ...


class Conversation:
    """The state of one call of `Agent.work`."""

    def __init__(
        self, task: Task, room: Room, log: SessionLog, model: Model, tools: Tools, *, reminds: bool = True
    ) -> None:
        """`reminds`: whether a hand-in without a run of its own is sent back once; a recording cannot answer that."""
        self._task, self._room, self._log, self._model, self._tools = task, room, log, model, tools
        self._messages = list(log.messages())
        self._submit = submit_name(task.deliverable)
        self._reminds = reminds
        self._before = used(self._messages)
        self._usage = self._before
        self._started = time.monotonic()
        self._hollow = 0
        self._repeated, self._last_call = 0, ""
        self._unsaved: Sequence[Unsaved] = ()
        """What the session was told is not saved."""

    async def hold(self) -> Reply:
        """Go on until the session hands in or asks."""
        if open_calls(self._messages):
            await self._run_open_calls()
        if turns(self._messages) == len(self._task.turns):
            ended = self._ended()
            if ended is not None:
                return ended
        self._open_turns()
        while True:
            self._within_limits()
            self._log.afford()
            reply = await self._ask()
            ended = await self._take(reply)
            if ended is not None:
                return ended

    # -- where the session stands ---------------------------------------------------------------------------------

    def _ended(self) -> Reply | None:
        """What the session handed in or asked with its last message, where it did."""
        found = closing_call(self._messages, frozenset({self._submit, "ask"}))
        if found is None:
            return None
        call, message = found
        model = message.model or "unknown"
        if call.name == "ask":
            why = str(call.arguments.get("why", ""))
            question, wanted = str(call.arguments["question"]), requests(str(call.arguments.get("requests", "")))
            return Asked(question=question, why=why, requests=wanted, usage=self._usage, model=model)
        return Submitted(content=call.arguments, usage=self._usage, model=model)

    def _open_turns(self) -> None:
        """Append the turns the log does not hold yet."""
        begun = turns(self._messages)
        if begun > len(self._task.turns) or not self._task.turns:
            raise BugError(f"session {self._task.session}: {begun} turns saved, {len(self._task.turns)} given")
        for number, text in enumerate(self._task.turns[begun:], begun + 1):
            data: dict[str, Any] = {"turn": number, "sha256": _sha256(text), "text": text}
            if number == 1:
                system = self._task.instructions
                schema = digest_of(self._task.deliverable_schema)
                data |= {"system": system, "system_sha256": _sha256(system), "schema_sha256": schema}
            self._save(Message(role="user", parts=(Said(text=text),)), notes=[("prompt", data)])

    def _seconds(self) -> float:
        """Wall time of the whole session so far."""
        return self._before.seconds + time.monotonic() - self._started

    def _within_limits(self) -> None:
        limits = self._task.limits
        if self._usage.requests >= limits.requests:
            raise _over(f"{limits.requests} model requests", "requests", limits)
        if self._seconds() >= limits.seconds:
            raise _over(f"{limits.seconds / 60:g} minutes", "minutes", limits)

    async def _ask(self) -> ModelReply:
        left = self._task.limits.seconds - self._seconds()
        try:
            async with asyncio.timeout(max(left, 0.0)):
                return await self._model.reply(self._messages)
        except TimeoutError as error:
            limits = self._task.limits
            raise _over(f"{limits.seconds / 60:g} minutes", "minutes", limits) from error

    # -- one step -------------------------------------------------------------------------------------------------

    async def _take(self, reply: ModelReply) -> Reply | None:
        if reply.stop in ("refused", "full"):
            self._save(_without_calls(reply.message), notes=[self._model_note(reply)])
            raise _cannot_go_on(reply)
        if reply.aside:
            self._save(reply.message, notes=[self._model_note(reply)])
            return None
        calls = calls_of(reply.message)
        if not calls or reply.stop == "truncated":
            self._again(reply)
            return None
        self._hollow = 0
        started = time.monotonic()
        if self._over_repeats(calls):
            returns: list[ToolReturn] = [_not_run(call, "the same call again and again") for call in calls]
            self._finish_step(reply, returns, [self._model_note(reply)], "", started)
            raise ParkedError(
                f"the same call was repeated {self._repeated} times: {words(calls[0])}",
                why="the session goes round in a circle",
                fix=f"see `setpoint log`; {RESUME}",
            )
        try:
            returns, notes, touched = await self._run(calls)
            commit, told = await self._autosave() if touched else ("", "")
            returns = list(_with_words(returns, told))
        except LostLeaseError:
            raise
        except SetpointError:
            # The reply was paid for; only its cost is kept, and the model is asked again another time.
            self._save(reply.message.model_copy(update={"parts": ()}), notes=[self._model_note(reply)])
            raise
        self._finish_step(reply, returns, [self._model_note(reply), *notes], commit, started)
        return self._ended()

    def _finish_step(
        self,
        reply: ModelReply,
        returns: Sequence[ToolReturn],
        notes: Sequence[tuple[str, dict[str, Any]]],
        commit: str,
        started: float,
    ) -> None:
        usage = reply.message.usage or Usage()
        usage = usage.model_copy(
            update={"seconds": reply.seconds + reply.elapsed + time.monotonic() - started, "tool_calls": len(returns)}
        )
        message = reply.message.model_copy(update={"usage": usage})
        results = Message(role="user", parts=self._with_hints(returns), autosave=commit)
        self._save(message, results, notes=notes)

    def _again(self, reply: ModelReply) -> None:
        """Keep what a reply without a (whole) call said, and tell the model how to go on."""
        self._hollow += 1
        message = _without_calls(reply.message)
        if reply.stop == "truncated":
            what = "was cut at the output limit"
            said = "Your reply was cut at the output limit and nothing of it was run. Do it again in smaller pieces."
        elif not message.parts:
            what = "was empty"
            said = f"Your reply was empty. Go on with a tool; finish with {self._submit}."
        else:
            what = "called no tool"
            said = f"Without a tool call nothing happens. Go on with a tool; the only way to finish is {self._submit}."
        self._save(message, notice(said), notes=[self._model_note(reply)])
        if self._hollow > HOLLOW_REPLIES:
            raise ParkedError(
                f"the model gave {self._hollow} replies in a row without a tool call",
                why=f"the last one {what}",
                fix=f"choose another model for the phase, or {RESUME}",
            )

    def _over_repeats(self, calls: Sequence[ToolCall]) -> bool:
        key = digest_of([[call.name, call.arguments, call.malformed] for call in calls])
        self._repeated = self._repeated + 1 if key == self._last_call else 1
        self._last_call = key
        return self._repeated > self._task.limits.repeats

    # -- tools ----------------------------------------------------------------------------------------------------

    async def _run(self, calls: Sequence[ToolCall]) -> tuple[list[ToolReturn], list[tuple[str, dict[str, Any]]], bool]:
        returns: list[ToolReturn] = []
        notes: list[tuple[str, dict[str, Any]]] = []
        touched = ended = False
        for call in calls:
            if ended:
                returns.append(_not_run(call, "the session had ended with the call before"))
                continue
            started = time.monotonic()
            done = [(one, back.failed) for one, back in zip(calls, returns, strict=False)]
            result = self._close(call, done) if call.name in (self._submit, "ask") else await self._use(call)
            ended = call.name in (self._submit, "ask") and not result.failed
            touched = touched or result.touched
            returns.append(ToolReturn(call_id=call.id, name=call.name, content=result.content, failed=result.failed))
            notes.append(tool_note(call, result, time.monotonic() - started))
            if ended and call.name == self._submit and (why := unrun(self._task, self._messages, done)):
                notes.append(unrun_note(self._task, why))
            self._model.saw(call, returns[-1])
        return returns, notes, touched

    async def _use(self, call: ToolCall) -> Used:
        return await self._tools.use(call, self._task.limits.seconds - self._seconds())

    def _close(self, call: ToolCall, done: Pending) -> Used:
        refusal = self._tools.refusal(call)
        if refusal:
            return Used(refusal, failed=True)
        if call.name == self._submit:
            words = reminder(self._task, self._messages, done) if self._reminds else ""
            return Used(words, failed=True) if words else Used("Handed in.")
        try:
            QUESTION.validate_python(call.arguments["question"])
        except ValidationError:
            return Used("error: `question` must be a text of 1 to 20000 characters", failed=True)
        return Used("Passed on; the answer comes with the next message.")

    async def _run_open_calls(self) -> None:
        """A reply was saved without results: run its calls once more, on the tree that was put back."""
        returns, notes, touched = await self._run(open_calls(self._messages))
        commit, told = await self._autosave() if touched else ("", "")
        parts = _with_words(returns, told)
        self._save(Message(role="user", parts=parts, autosave=commit), notes=notes)

    async def _autosave(self) -> tuple[str, str]:
        """The commit that holds the files, and what the session must be told of what it does not hold."""
        if not self._task.writes or not isinstance(self._room, Saving):
            return "", ""
        commit = await self._room.autosave(f"{self._task.session} step {self._usage.requests + 1}")
        before, self._unsaved = self._unsaved, self._room.unsaved()
        new = [one for one in self._unsaved if one not in before]
        more = [f"{NOTICE}{len(new) - MOST_TOLD} more are not saved."] if len(new) > MOST_TOLD else []
        return commit, clean("\n".join([*(f"{NOTICE}Not saved: {one}" for one in new[:MOST_TOLD]), *more]))

    # -- saving ---------------------------------------------------------------------------------------------------

    def _with_hints(self, returns: Sequence[ToolReturn]) -> tuple[ToolReturn, ...]:
        hints = []
        left = self._task.limits.requests - self._usage.requests - 1
        if 0 < left <= FEW_REQUESTS:
            hints.append(f"{NOTICE}{left} requests are left; finish with {self._submit}.")
        if self._repeated == self._task.limits.repeats:
            hints.append(
                f"{NOTICE}You made this very call {self._repeated} times in a row; once more ends the session."
            )
        return _with_words(returns, *hints)

    def _save(self, *messages: Message, notes: Sequence[tuple[str, dict[str, Any]]]) -> None:
        self._messages += self._log.append(*messages, notes=notes)
        self._usage = self._usage.plus(used(messages))

    def _model_note(self, reply: ModelReply) -> tuple[str, dict[str, Any]]:
        usage = reply.message.usage or Usage()
        return "model", {
            "model": reply.message.model,
            "request": self._usage.requests + 1,
            "input_tokens": usage.input_tokens,
            "output_tokens": usage.output_tokens,
            "cached_tokens": usage.cached_tokens,
            "usd": usage.usd,
            "covered_usd": usage.covered_usd,
            "ms": round(reply.seconds * 1000, 1),
            "stop": reply.stop,
            "prompt_sha256": reply.prompt_sha256,
            **reply.told,
        }


def _with_words(returns: Sequence[ToolReturn], *said: str) -> tuple[ToolReturn, ...]:
    """The results of a step, `said` below the last of them."""
    *others, last = returns
    return (*others, last.model_copy(update={"content": "\n".join([last.content, *filter(None, said)])}))


def _without_calls(message: Message) -> Message:
    """Only the prose: a cut call must not run, and reasoning without what followed it is refused by its provider."""
    return message.model_copy(update={"parts": tuple(part for part in message.parts if isinstance(part, Said))})


def _not_run(call: ToolCall, why: str) -> ToolReturn:
    return ToolReturn(call_id=call.id, name=call.name, content=f"not run: {why}", failed=True)


def tool_note(call: ToolCall, used_: Used, seconds: float) -> tuple[str, dict[str, Any]]:
    """The journal's entry of one call, with what answered it: the sandbox's level, or a boundary's refusal."""
    return "tool", {
        "name": call.name,
        "arguments": {} if call.name.startswith("submit_") else brief_arguments(call),
        "failed": used_.failed,
        "exit_code": used_.exit_code,
        "ms": round((seconds if used_.seconds is None else used_.seconds) * 1000, 1),
        "risk": risk(call),
        "class": risk_class(call),
        "changed": list(used_.changed),
        **{name: told for name in ("level", "limit", "denied", "pictures") if (told := getattr(used_, name))},
    }


def _over(what: str, setting: str, limits: Limits) -> ParkedError:
    return ParkedError(
        f"the session reached its limit of {what}",
        why=f"limits: {limits.requests} requests, {limits.seconds:g} s",
        fix=f"raise `{setting}` of the phase in setpoint.toml, then `setpoint resume`",
    )


def _cannot_go_on(reply: ModelReply) -> ParkedError:
    if reply.stop == "full":
        return ParkedError(
            f"the context of {reply.message.model} is full",
            fix="set a model with a larger context for the phase, then `setpoint resume`",
        )
    return ParkedError(f"{reply.message.model} declined to answer", fix=f"set another model for the phase, or {RESUME}")


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()

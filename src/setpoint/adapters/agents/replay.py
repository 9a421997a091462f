"""The replay agent: recorded replies, everything else real. Loud when the recording no longer fits."""

from collections.abc import Sequence
from pathlib import Path

from ...accounts import SessionLog
from ...errors import RecordingError
from ...model.command import CommandLimits
from ...model.numbers import counted
from ...model.session import Message, ModelRef, Part, Reply, Said, Task, ToolCall, ToolReturn, Usage
from ...ports import Room
from ...prices import cost
from .conversation import Conversation, ModelReply
from .recording import Entry, Place, Recording, Step, load, named
from .tools import Toolbox
from .turns import steps_in_turn, turns

FIX = "record the session anew, or go back to the code the recording was made on"


class ReplayAgent:
    """Keeps the promises of `ports.Agent` with the replies of a recording."""

    name = "replay"

    def __init__(self, recording: Path | Recording, *, command_limits: CommandLimits | None = None) -> None:
        self._recording = load(recording) if isinstance(recording, Path) else recording
        self._entries = {entry.place: entry for entry in self._recording.sessions}
        self._limits = command_limits or CommandLimits()

    @property
    def notice(self) -> str:
        """The one line a person is told."""
        return f"replayed: the model's replies ({self._recording.about}); tools, tests, gates and git are real"

    async def work(self, task: Task, room: Room, log: SessionLog) -> Reply:
        """Play the session of `task`. Raises RecordingError where the recording does not fit."""
        tools = Toolbox(task, room, self._limits)
        return await Conversation(task, room, log, _RecordedModel(task, self._entries), tools, reminds=False).hold()


def _place(task: Task, turn: int) -> Place:
    session = task.session
    return (session.phase, session.cycle, session.task, session.role.value, session.fresh, turn)


class _RecordedModel:
    def __init__(self, task: Task, entries: dict[Place, Entry]) -> None:
        self._task = task
        self._entries = entries
        self._at: tuple[Place, Step] | None = None

    async def reply(self, messages: Sequence[Message]) -> ModelReply:
        """The recorded reply that belongs to this point of the conversation."""
        place = _place(self._task, turns(messages))
        entry = self._entries.get(place)
        if entry is None:
            raise RecordingError(
                f"the recording has no session for {named(place)}",
                why=f"it has {counted(len(self._entries), 'entries')}, none for this point; the run took another way",
                fix=FIX,
            )
        index = steps_in_turn(messages)
        if index >= len(entry.steps):
            raise RecordingError(
                f"the recording ends too early: {named(place)}",
                why=f"it has {counted(len(entry.steps), 'steps')} and was asked for one more; its end was not accepted",
                fix=FIX,
            )
        step = entry.steps[index]
        self._at = (place, step)
        return ModelReply(_message(entry, step), "done", "", 0.0)

    def saw(self, call: ToolCall, result: ToolReturn) -> None:
        """Compare the real result with what the recording expects."""
        if self._at is None:  # a call saved without its result, run again before any reply
            return
        place, step = self._at
        expected = step.expectation(call.id)
        wanted = [
            f"a {'failed' if expected.failed else 'successful'} result" if result.failed != expected.failed else ""
        ]
        wanted.append(f"the text {expected.contains!r}" if expected.contains not in result.content else "")
        missed = " with ".join(part for part in wanted if part)
        if missed:
            raise RecordingError(
                f"the recording no longer fits: {named(place)}, step {step.step_id}, {call.name} ({call.id})",
                why=f"expected {missed}; came ({'failed' if result.failed else 'successful'}): {result.content[:1500]}",
                fix=FIX,
            )


def _message(entry: Entry, step: Step) -> Message:
    parts: list[Part] = [Said(text=step.message)] if step.message.strip() else []
    parts += [
        ToolCall(id=call.tool_call_id, name=call.function_name, arguments=call.arguments) for call in step.tool_calls
    ]
    return Message(role="assistant", parts=tuple(parts), usage=_usage(entry, step), model=entry.model_name)


def _usage(entry: Entry, step: Step) -> Usage:
    """Recorded tokens at today's list prices; nothing was spent where none are recorded."""
    metrics = step.metrics
    counted = metrics.prompt_tokens + metrics.completion_tokens > 0
    provider, _, model = entry.model_name.partition("/")
    return Usage(
        requests=1,
        input_tokens=metrics.prompt_tokens,
        cached_tokens=metrics.cached_tokens,
        output_tokens=metrics.completion_tokens,
        usd=cost(
            ModelRef(provider=provider, model=model),
            input_tokens=metrics.prompt_tokens,
            cached=metrics.cached_tokens,
            output_tokens=metrics.completion_tokens,
        )
        if counted
        else 0.0,
    )

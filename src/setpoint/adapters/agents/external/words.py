"""What an agent is told: its instructions and turns, how to hand in, and what was done before it came."""

import json
from collections.abc import Sequence

from ....model.session import Message, Said, Task, ToolCall, ToolReturn
from ..own_run import REMINDER
from ..tools import submit_name
from ..turns import NOTICE, calls_of, is_turn
from .handing import SERVER

HANDED, ASKED = "hand-in.json", "ask.json"
"""Files in its home by which an agent without MCP hands in or asks."""
LONGEST_RESULT = 600
LONGEST_STORY = 24_000
STORY = "This was done before, step by step; the files are as the last of these steps left them:"
"""Opens what a fresh session is told of the one before it."""


def opening(task: Task, messages: Sequence[Message], *, by_file: str = "") -> str:
    """The first prompt of a fresh session: all that the task holds, and what was done already. `by_file`: its home,
    where it hands in by a file."""
    turns = [part.text for message in messages if is_turn(message) for part in message.parts if isinstance(part, Said)]
    told = [task.instructions, _way_out(task, by_file), *turns]
    story = _story(messages)
    return "\n\n".join([*told, *([story] if story else [])])


def going_on(task: Task, messages: Sequence[Message]) -> str:
    """The prompt of a session that knows what was before: the turn that was just opened, or to go on."""
    last = messages[-1]
    for part in last.parts:
        if isinstance(part, ToolReturn) and part.content.startswith(REMINDER):
            return part.content
    if last.role == "user" and last.parts and isinstance(last.parts[0], Said):
        return last.parts[0].text
    return f"{NOTICE}You were interrupted. The files are as you left them. Go on; finish with {_closing(task)}."


def _way_out(task: Task, home: str) -> str:
    submit = submit_name(task.deliverable)
    if not home:
        return (
            f"{NOTICE}The tools `{submit}` and `ask` are those of the MCP server `{SERVER}`. Nothing counts until you "
            f"call `{submit}`. You work in the repository at your working folder; git commands are not for you."
        )
    schema = json.dumps(task.deliverable_schema, ensure_ascii=False)
    return (
        f"{NOTICE}Where you are told to call `{submit}`, write its arguments as one JSON object to {home}/{HANDED} and "
        f'end your turn. To ask a person, write {{"question": …, "why": …}} to {home}/{ASKED} instead. The object '
        f"must fit this schema:\n{schema}"
    )


def _closing(task: Task) -> str:
    return submit_name(task.deliverable)


def _story(messages: Sequence[Message]) -> str:
    lines: list[str] = []
    results = {part.call_id: part for message in messages for part in message.parts if isinstance(part, ToolReturn)}
    for message in messages:
        for call in calls_of(message):
            found = results.get(call.id)
            lines.append(f"{len(lines) + 1}. {_told(call)}: {_clipped(found.content) if found else 'not run'}")
    text = "\n".join(lines)
    if len(text) > LONGEST_STORY:
        text = f"[the first of {len(lines)} steps left out]\n{text[-LONGEST_STORY:]}"
    return f"{NOTICE}{STORY}\n{text}" if lines else ""


def _told(call: ToolCall) -> str:
    arguments = ", ".join(f"{name} {str(value)[:200]!r}" for name, value in call.arguments.items())
    return f"{call.name} ({arguments})"


def _clipped(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= LONGEST_RESULT else f"{words[:LONGEST_RESULT]} [...]"

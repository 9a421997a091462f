"""Reading a session's saved messages: which turn it is in, what is still open, what was handed in."""

from collections.abc import Sequence

from ...model.session import Message, Said, ToolCall, ToolReturn, Usage

NOTICE = "[setpoint] "
"""Opens all that setpoint itself says to a model inside a turn; a turn never begins so."""


def notice(text: str) -> Message:
    """A user message that is not a turn."""
    return Message(role="user", parts=(Said(text=NOTICE + text),))


def is_turn(message: Message) -> bool:
    """Whether `message` opens a turn: the brief, a round of objections, an answered question."""
    if message.role != "user" or not message.parts:
        return False
    first = message.parts[0]
    return isinstance(first, Said) and not first.text.startswith(NOTICE)


def turns(messages: Sequence[Message]) -> int:
    """How many turns have begun."""
    return sum(is_turn(message) for message in messages)


def steps_in_turn(messages: Sequence[Message]) -> int:
    """How many replies with tool calls the model gave since the last turn began."""
    count = 0
    for message in reversed(messages):
        if is_turn(message):
            break
        count += bool(calls_of(message))
    return count


def calls_of(message: Message) -> tuple[ToolCall, ...]:
    """The tool calls of a reply."""
    return tuple(part for part in message.parts if isinstance(part, ToolCall))


def open_calls(messages: Sequence[Message]) -> tuple[ToolCall, ...]:
    """Calls of the last message that have no result yet."""
    return calls_of(messages[-1]) if messages and messages[-1].role == "assistant" else ()


def closing_call(messages: Sequence[Message], names: frozenset[str]) -> tuple[ToolCall, Message] | None:
    """The call that ended the last turn and the reply it stood in; None while the turn is open."""
    if len(messages) < 2 or messages[-1].role != "user":
        return None
    taken = {
        part.call_id
        for part in messages[-1].parts
        if isinstance(part, ToolReturn) and part.name in names and not part.failed
    }
    found = [call for call in calls_of(messages[-2]) if call.id in taken and call.name in names]
    return (found[0], messages[-2]) if found else None


def used(messages: Sequence[Message]) -> Usage:
    """What all replies used together."""
    total = Usage()
    for message in messages:
        if message.usage is not None:
            total = total.plus(message.usage)
    return total

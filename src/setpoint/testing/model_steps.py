"""What a scripted model says: one reply, in no format yet."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

PIECE = 24
"""Characters of one delta."""


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call of a reply; arguments given as text are sent as they are."""

    name: str
    arguments: dict[str, Any] | str = field(default_factory=dict)
    id: str = ""
    custom: bool = False
    """Of a tool that takes text, in OpenAI Responses alone."""


@dataclass(frozen=True, slots=True)
class Step:
    """One reply."""

    text: str = ""
    calls: tuple[Call, ...] = ()
    thinking: str = ""
    """An opaque part before the rest, which must come back unchanged."""
    input_tokens: int = 1000
    output_tokens: int = 50
    cached_tokens: int = 0
    stop: str = ""
    """`truncated` or `refused`; empty: as the content says."""


Items = Sequence[tuple[str, str, bool]]
"""Role, text and whether it is a tool's result, of each item."""


def identified(step: Step, number: int) -> list[tuple[Call, str]]:
    """The calls of the reply to request `number`, each with its id."""
    return [(call, call.id or f"call_{number}_{at}") for at, call in enumerate(step.calls)]


def pieces(text: str) -> list[str]:
    """`text` as it is streamed; nothing of an empty one."""
    size = max(PIECE, len(text) // 40)
    return [text[at : at + size] for at in range(0, len(text), size)]

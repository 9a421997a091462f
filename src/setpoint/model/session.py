"""An agent session: what it is asked, what it may use, what it answers."""

from enum import StrEnum
from typing import Any, Literal

from pydantic import Field

from .boundary import Boundaries
from .record import Line, Record, Text
from .tool_servers import Offered


class Role(StrEnum):
    """Who the session is."""

    PRODUCER = "producer"
    VALIDATOR = "validator"
    REVIEWER = "reviewer"


class SessionId(Record):
    """Names one session for all time; a resumed session keeps its name, a fresh one differs in `fresh`."""

    run: Line
    cycle: int = 1
    """1, and one more each time the ticket was reopened."""
    phase: Line
    task: str = ""
    """Plan task id, in implementation."""
    role: Role = Role.PRODUCER
    fresh: int = 1
    """Counts fresh sessions of one role and phase: a reviewer has a new one each round."""

    def __str__(self) -> str:
        parts = [self.run, f"c{self.cycle}", self.phase, self.task, self.role, str(self.fresh)]
        return ":".join(part for part in parts if part)


class ModelRef(Record):
    """A model at a provider, written `provider/model`."""

    provider: Line
    model: Line

    def __str__(self) -> str:
        return f"{self.provider}/{self.model}"


class Limits(Record):
    """Bounds of one session; reaching one parks, it kills nothing."""

    requests: int = 120
    seconds: float = 3600.0
    """Wall time, the model's included."""
    idle_seconds: float = 60.0
    """Longest silence of a model before it counts as out of reach."""
    repeats: int = 5
    """How often the very same tool call may come in a row."""


class Deciding(Record):
    """A command that decides about a session's work."""

    name: Line
    """The gate's or the check's."""
    command: Line
    """As it is typed at the repository's root."""
    begins: str = ""
    """What a command line that runs it holds; empty: only what is known to run tests counts."""


class Task(Record):
    """All that a session is given. Nothing else reaches the model."""

    session: SessionId
    instructions: str
    """System text."""
    turns: tuple[str, ...]
    """User messages so far: the brief, then one for each round of objections or answered question."""
    deliverable: Line
    """`functional_spec`, `plan`, ...: the session's one way to finish is the tool `submit_<deliverable>`."""
    deliverable_schema: dict[str, Any]
    models: tuple[ModelRef, ...]
    """The model, then its fallbacks."""
    writes: bool
    """Whether the session may change files in the workspace."""
    boundaries: Boundaries
    servers: tuple[Offered, ...] = ()
    """Servers of further tools."""
    runs: tuple[Deciding, ...] = ()
    """What a session that hands in code should have run by then; empty: nothing is asked of it."""
    limits: Limits = Limits()


class Usage(Record):
    """What a session used. Unknown is None, never 0."""

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    usd: float | None = 0.0
    """Money at list prices; None when a model's price is unknown."""
    covered_usd: float | None = 0.0
    """What a subscription covers, at list prices: not spent, and under no cap."""
    seconds: float = 0.0
    tool_calls: int = 0

    def plus(self, other: "Usage") -> "Usage":
        """The sum; unknown money stays unknown."""
        usd = None if self.usd is None or other.usd is None else self.usd + other.usd
        covered = (self.covered_usd, other.covered_usd)
        return Usage(
            requests=self.requests + other.requests,
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            usd=usd,
            covered_usd=None if covered[0] is None or covered[1] is None else covered[0] + covered[1],
            seconds=self.seconds + other.seconds,
            tool_calls=self.tool_calls + other.tool_calls,
        )


class Submitted(Record):
    """The session handed in its deliverable (not yet checked against anything but being JSON)."""

    kind: Literal["submitted"] = "submitted"
    content: dict[str, Any]
    usage: Usage
    model: Line
    """The model that answered, `provider/model`."""


class Asked(Record):
    """The session needs a person's answer before it can go on."""

    kind: Literal["asked"] = "asked"
    question: Text
    why: str = ""
    requests: tuple[Line, ...] = ()
    """Actions it needs a yes for, `KIND:SUBJECT` each."""
    usage: Usage
    model: Line


Reply = Submitted | Asked


class ToolCall(Record):
    """The model wants a tool run."""

    kind: Literal["tool_call"] = "tool_call"
    id: Line
    name: Line
    arguments: dict[str, Any]
    malformed: str = ""
    """The raw argument text when it was not JSON; the tool is not run."""


class Said(Record):
    """Text of a message."""

    kind: Literal["text"] = "text"
    text: str


class ToolReturn(Record):
    """What a tool gave back."""

    kind: Literal["tool_return"] = "tool_return"
    call_id: Line
    name: Line
    content: str
    failed: bool = False


class Opaque(Record):
    """A provider's own part (reasoning, signature) that must go back to it unchanged."""

    kind: Literal["opaque"] = "opaque"
    provider: Line
    data: dict[str, Any]


Part = Said | ToolCall | ToolReturn | Opaque


class Message(Record):
    """One message of a session, as it is saved and as it is sent again: append-only."""

    role: Literal["user", "assistant"]
    parts: tuple[Part, ...] = Field(default=())
    autosave: str = ""
    """Commit that holds the workspace as it was when this message was complete; empty when unchanged."""
    usage: Usage | None = None
    """Of the request that produced an assistant message."""
    model: str = ""

"""Doubles for an agent at work: a session's log in memory, a room with autosaves, a task."""

import hashlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ..adapters.agents.native import by_content, nothing
from ..adapters.agents.tools import as_it_is, shortened
from ..adapters.row_values import kept_of
from ..adapters.tool_servers.hands import Hands
from ..errors import ParkedError, UnpricedError
from ..loop.breaker import CLOSED, Circuit, failed, probed, rest_left, rested
from ..model.boundary import Boundaries
from ..model.command import CommandLimits
from ..model.money import Quote
from ..model.session import Limits, Message, ModelRef, Role, SessionId, Task
from ..model.settings import Breaker
from ..model.unsaved import Unsaved
from .gate_rooms import FolderRoom

SCHEMA = {
    "type": "object",
    "properties": {"summary": {"type": "string"}},
    "required": ["summary"],
    "additionalProperties": False,
}

NO_HANDS = Hands(nothing, by_content, as_it_is, shortened, CommandLimits())
"""What servers of tools are given where nobody has anything to give."""


def a_task(
    *turns: str,
    models: Sequence[str] = ("anthropic/claude-opus-4-5",),
    writes: bool = True,
    deliverable: str = "change",
    phase: str = "implementation",
    role: Role = Role.PRODUCER,
    limits: Limits | None = None,
) -> Task:
    """A task with a small deliverable; without turns it has one brief."""
    refs = tuple(ModelRef(provider=name.partition("/")[0], model=name.partition("/")[2]) for name in models)
    return Task(
        session=SessionId(run="r1", phase=phase, task="T001" if phase == "implementation" else "", role=role),
        instructions="You mend the greeting.",
        turns=turns or ("Say hello to the world.",),
        deliverable=deliverable,
        deliverable_schema=SCHEMA,
        models=refs,
        writes=writes,
        boundaries=Boundaries(),
        limits=limits or Limits(),
    )


class Crash(BaseException):
    """The process died here; nothing catches it."""


class MemoryLog:
    """A session's log. Survives the agent; may die before or after its `at`th append, and may have no money left."""

    def __init__(self, redact: Callable[[Any], Any] = as_it_is) -> None:
        """`redact` takes secrets out of messages, as the store does."""
        self._redact = redact
        self.saved: list[Message] = []
        self.notes: list[tuple[str, dict[str, Any]]] = []
        self.appends = 0
        self.asked = 0
        """How often money was asked for."""
        self.broke = False
        self.quotes: list[Quote] = []
        """What was reserved, request by request."""
        self.unpriced: frozenset[str] = frozenset()
        """Models that may not work under its caps."""
        self.unanswered: list[bool] = []
        """Of each request without a reply: whether it may have been paid for."""
        self._crash: tuple[int, bool] | None = None

    def crash(self, at: int, *, saved: bool) -> None:
        """Die at the `at`th append from now: with it saved, or not."""
        self._crash = (self.appends + at, saved)

    def messages(self) -> tuple[Message, ...]:
        """What was saved, as it comes back from a database."""
        return tuple(Message.model_validate_json(message.model_dump_json()) for message in self.saved)

    def append(self, *messages: Message, notes: Sequence[tuple[str, dict[str, Any]]] = ()) -> tuple[Message, ...]:
        """Save all of it, or die."""
        kept = tuple(kept_of(message, self._redact)[1] for message in messages)
        self.appends += 1
        dies, saved = self._crash if self._crash is not None else (0, False)
        if self.appends != dies or saved:
            self.saved += kept
            self.notes += notes
        if self.appends == dies:
            self._crash = None
            raise Crash
        return kept

    def afford(self) -> None:
        """Raises ParkedError when the double has no money left."""
        self.asked += 1
        if self.broke:
            raise ParkedError("the run's budget is used up", fix="raise it, then `setpoint resume`")

    async def reserve(self, quote: Quote) -> None:
        """Write it down, unless nobody may pay for the model."""
        if quote.model in self.unpriced:
            raise UnpricedError(f"no price is known for {quote.model}", fix="write one")
        self.quotes.append(quote)

    def let_go(self, *, paid: bool) -> None:
        """Write it down."""
        self.unanswered.append(paid)

    def of(self, kind: str) -> list[dict[str, Any]]:
        """The notes of one kind."""
        return [data for name, data in self.notes if name == kind]


class Weather:
    """Circuits in memory, under the real law, whose clock a test turns."""

    def __init__(self, law: Breaker | None = None) -> None:
        self.law = law or Breaker()
        self.now = datetime(2026, 1, 2, 12, tzinfo=UTC)
        self.known: dict[str, Circuit] = {}

    def later(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)

    def rest(self, names: Sequence[str]) -> float:
        """Seconds until they may be asked; 0: now."""
        mine = {name: self.known[name] for name in names if name in self.known}
        rest = max((rest_left(circuit, self.now, self.law) for circuit in mine.values()), default=0.0)
        if not rest:
            self.known |= {name: probed(circuit, self.now, self.law) for name, circuit in mine.items()}
        return rest

    def failed(self, name: str, why: str) -> float:
        """One more outage."""
        self.known[name] = failed(self.known.get(name, CLOSED), self.now, self.law, why)
        return self.known[name].rest(self.now)

    def rests(self, name: str, seconds: float, why: str) -> None:
        """Left alone."""
        self.known[name] = rested(self.known.get(name, CLOSED), self.now, seconds, self.law, why)

    def answered(self, names: Sequence[str]) -> None:
        """Well."""
        for name in names:
            self.known.pop(name, None)


class SavingRoom(FolderRoom):
    """A folder whose content can be saved and put back, as a workspace's can."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.saves: dict[str, dict[str, bytes]] = {"": self._content()}
        """Content by autosave; the empty name is the content it began with."""
        self.labels: list[str] = []
        self.left: tuple[Unsaved, ...] = ()
        """What it says it cannot save."""

    def _content(self) -> dict[str, bytes]:
        return {name: self.read(name) for name in self.files()}

    async def autosave(self, label: str) -> str:
        """Keep the content; the same name for the same content."""
        content = self._content()
        name = hashlib.sha256(repr(sorted(content.items())).encode()).hexdigest()
        self.saves[name] = content
        self.labels.append(label)
        return name

    def unsaved(self) -> tuple[Unsaved, ...]:
        """What the last autosave left out."""
        return self.left

    async def restore(self, commit: str) -> None:
        """Put the content back."""
        for name in self.files():
            (self.path / name).unlink()
        for name, content in self.saves[commit].items():
            self.write(name, content)


async def put_back(room: SavingRoom, log: MemoryLog) -> None:
    """What the caller of an agent does after a crash: the room as the last saved message knew it."""
    saves = [message.autosave for message in log.messages() if message.autosave]
    await room.restore(saves[-1] if saves else "")

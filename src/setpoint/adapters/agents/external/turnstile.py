"""The meter of one session's relay: each model request waits here until the session lets it through, one at a time.

So what an agent did is saved before it asks for more, caps are checked before each request, and no request is made that
is not written down.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from ....errors import ParkedError, SetpointError
from ....model.money import Quote
from ....model.session import Part, ToolCall, Usage

_BLACKENED = "[REDACTED_SECRET]"
"""What Codex writes where it takes something for a secret."""


class Turnstile:
    """Keeps `metering.Meter`; its other side is the session's."""

    def __init__(self, moved: Callable[[], None], lost: Callable[[bool], None]) -> None:
        self._moved = moved
        self._lost = lost
        """Told of a request without a reply: whether it may have been paid for."""
        self._waiting: deque[tuple[Quote, asyncio.Future[None]]] = deque()
        self.under_way = False
        """Whether a request that was let through has no end yet."""
        self.failures = 0
        """Requests in a row without a reply."""
        self._settled: Usage | None = None
        self.commands: dict[str, str] = {}
        """Command lines by the model's name of the call."""
        self.trouble: SetpointError | None = None
        """Why no request will be let in any more."""
        self.model = ""
        """The model asked last, `provider/model`."""

    async def reserve(self, quote: Quote) -> None:
        """Wait to be let through."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((quote, turn))
        self._moved()
        await turn

    def heard(self, parts: Sequence[Part]) -> None:
        """Keep the command lines that the model asked for, word by word: some agents blacken theirs when they tell."""
        for part in parts:
            said = part.arguments.get("command", part.arguments.get("cmd")) if isinstance(part, ToolCall) else None
            if isinstance(part, ToolCall) and isinstance(said, str):
                self.commands[part.id] = said

    def asked(self, names: Sequence[str], told: str) -> str:
        """The command line behind the call that has one of these `names`, of which the agent tells `told`, as its model
        asked for it: by the model's name of the call, or, where the agent has names of its own, by its words; once.
        Empty: there is none."""
        fitting = (key for key, asked in self.commands.items() if _fits(told, asked))
        name = next((name for name in names if name in self.commands), "") or next(fitting, "")
        return self.commands.pop(name, "")

    def settle(self, quote: Quote, usage: Usage) -> None:
        """The request that was let through had this reply."""
        self.under_way, self.failures = False, 0
        self._settled = usage
        self._moved()

    def let_go(self, quote: Quote, *, paid: bool) -> None:
        """It had none."""
        self.under_way, self.failures = False, self.failures + 1
        self._lost(paid)
        self._moved()

    def turned_away(self, error: SetpointError) -> None:
        """What it is asked with does not do: nothing the agent tries will help."""
        self.trouble = error

    @property
    def wanted(self) -> Quote | None:
        """What the next waiting request may cost; None when nobody waits."""
        while self._waiting and self._waiting[0][1].done():
            self._waiting.popleft()
        return self._waiting[0][0] if self._waiting else None

    @property
    def paid(self) -> bool:
        """Whether a reply has come that nobody has taken yet."""
        return self._settled is not None

    def let_through(self) -> None:
        """The waiting request may be made: it is held under every cap."""
        quote, turn = self._waiting.popleft()
        self.under_way, self.model = True, quote.model
        turn.set_result(None)

    def take(self) -> Usage | None:
        """What the last reply used; once."""
        usage, self._settled = self._settled, None
        return usage

    def close(self) -> None:
        """Nobody is let through any more: who waits is told that the turn is over."""
        while self.wanted is not None:
            over = ParkedError("the turn is over", why="the session handed in or was stopped", fix="end your turn")
            self._waiting.popleft()[1].set_exception(over)


def _fits(told: str, asked: str) -> bool:
    """Whether `told` is `asked`, blackened or not."""
    first, *others = told.split(_BLACKENED)
    if not others:
        return told == asked
    at = len(first) if asked.startswith(first) else -1
    for piece in others[:-1]:
        found = asked.find(piece, at) if at >= 0 else -1
        at = found + len(piece) if found >= 0 else -1
    return 0 <= at <= len(asked) - len(others[-1]) and asked.endswith(others[-1])

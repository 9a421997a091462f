"""The seams of what counts once: money and answers. What a session keeps and pays through, the ledger behind it, and
whom to leave alone; what people answered, and what their answers were used for.

They promise that no request to a model is made that is not written down before, and that no answer is used twice,
whoever dies in between.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from .model.approval import Approval, Used
from .model.money import Charge, Quote, Scope, Spent
from .model.session import Message


class Spending(Protocol):
    """A look at the ledger."""

    def spent(self, scope: Scope, now: datetime) -> Spent:
        """What the model requests of a scope came to, at `now`."""
        ...


class Ledger(Spending, Protocol):
    """Model requests, each held before it is made and settled by the reply that is saved."""

    def hold(self, charge: Charge) -> int:
        """Write a model request down before it is made; its number."""
        ...

    def lose(self, run_id: str, session: str) -> None:
        """What the session still held is lost: a session makes one request at a time, and its maker is gone."""
        ...

    def let_go(self, charge: int, *, paid: bool) -> None:
        """A request had no reply; `paid`: it may have been charged for, and counts as its worst case."""
        ...


class SessionLog(Protocol):
    """The durable side of one session."""

    def messages(self) -> tuple[Message, ...]:
        """All messages saved so far, in order."""
        ...

    def append(self, *messages: Message, notes: Sequence[tuple[str, dict[str, Any]]] = ()) -> tuple[Message, ...]:
        """Save messages and journal notes (`kind`, `data`) in one transaction, one sync. The messages as they were
        saved, without secrets: the session goes on with these. Raises LostLeaseError."""
        ...

    def afford(self) -> None:
        """Raises ParkedError when the run's budget is used up; called before each reply is asked for."""
        ...

    async def reserve(self, quote: Quote) -> None:
        """Hold the worst case of one model request under every cap; called before each. Waits while others under way
        hold what is left. The next `append` of a reply settles it. Raises CapError, UnpricedError, LostLeaseError."""
        ...

    def let_go(self, *, paid: bool) -> None:
        """The request that was reserved last had no reply; `paid`: it may have been charged for all the same."""
        ...


class Circuits(Protocol):
    """Which providers and models are left alone for a while, as all processes on one database see it."""

    def rest(self, names: Sequence[str]) -> float:
        """Seconds until somebody may ask who goes by all of `names`; 0: now. Whoever is let through after a rest is
        alone with it for a while."""
        ...

    def failed(self, name: str, why: str) -> float:
        """One more outage of `name`: seconds it is left alone for from now on, 0 when it may be asked again."""
        ...

    def rests(self, name: str, seconds: float, why: str) -> None:
        """Leave `name` alone for at least so long."""
        ...

    def answered(self, names: Sequence[str]) -> None:
        """They are well."""
        ...


class Answers(Protocol):
    """A look at what people answered."""

    def approvals(self, run_id: str, cycle: int, about: str = "") -> Sequence[Approval]:
        """The answers of a cycle in order, at one decision or at all, as they were signed."""
        ...

    def uses(self, run_id: str) -> Sequence[Used]:
        """What the answers of a run were used for."""
        ...


class Answering(Protocol):
    """Answers, each used once."""

    def approve(self, run_id: str, cycle: int, approval: Approval) -> None:
        """Write down an answer."""
        ...

    def use(self, nonce: str, run_id: str, effect: str) -> bool:
        """Use an answer's nonce for `effect`; false when it was used before for anything else. The same again is the
        same use."""
        ...

"""Money of model requests: what is asked for before one, what is kept of it, and the caps it must stay below."""

from .record import Line, Record, Time


class Quote(Record):
    """What one request may cost, said before it is made."""

    model: Line
    worst_usd: float | None
    """None: no price is known. 0 where a subscription covers it."""
    seconds: float
    """Longest time the request may take."""


class Charge(Record):
    """One request in the ledger: held before it is made, settled with the reply that is saved."""

    run: Line
    repository: Line
    phase: Line
    session: Line
    model: Line
    at: Time
    until: Time
    """When it cannot be under way any more."""
    worst_usd: float | None


class Scope(Record):
    """Which requests count; an empty field takes all."""

    run: str = ""
    phase: str = ""
    repository: str = ""
    day: str = ""
    """`2026-11-21`, in UTC."""


class Spent(Record):
    """What the requests of a scope came to."""

    settled: float = 0.0
    """Dollars of replies that were saved, and the worst case of requests that were lost."""
    held: float = 0.0
    """Worst case of requests under way."""
    lost: int = 0
    """Requests that may have been paid for and whose reply never arrived."""
    lost_usd: float = 0.0
    """Their worst case."""


class Cap(Record):
    """Most dollars of a scope."""

    name: Line
    usd: float
    scope: Scope

"""Money of model requests: what is asked for before one, what is kept of it, and the caps it must stay below."""

from collections.abc import Sequence

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


class Range(Record):
    """Dollars between which something will come to."""

    low: float
    expected: float
    worst: float

    def plus(self, other: "Range") -> "Range":
        """Both together."""
        return Range(low=self.low + other.low, expected=self.expected + other.expected, worst=self.worst + other.worst)

    def less(self, usd: float) -> "Range":
        """What is left of it when `usd` was spent."""
        low, expected, worst = (max(0.0, part - usd) for part in (self.low, self.expected, self.worst))
        return Range(low=low, expected=expected, worst=worst)


class PhaseForecast(Record):
    """What one phase of a run will cost, its judges included."""

    phase: Line
    usd: Range | None
    """None: a price is unknown."""
    runs: int = 0
    """Own runs it is measured on; 0: a rule of thumb on the size of the prompts."""


class Forecast(Record):
    """What a run will cost, said before it starts."""

    route: Line
    phases: tuple[PhaseForecast, ...] = ()
    runs: int = 0
    """Fewest own runs that a phase is measured on; 0: there is no data of this repository for some."""

    @property
    def usd(self) -> Range | None:
        """All phases together; None: a price is unknown, or there is no model."""
        return together(self.phases)


def together(phases: Sequence[PhaseForecast]) -> Range | None:
    """What several phases will cost; None when that of one is unknown, or there is none."""
    total: Range | None = None
    for phase in phases:
        if phase.usd is None:
            return None
        total = phase.usd if total is None else total.plus(phase.usd)
    return total


class Standing(Record):
    """Where a run that was stopped stands: enough to decide whether it is worth more."""

    done: tuple[Line, ...] = ()
    """Deliverables that were accepted."""
    left: tuple[Line, ...] = ()
    """Steps from the present one on."""
    spent_usd: float | None = None
    more_usd: Range | None = None
    """What the steps left would cost; None: no data."""
    cap: str = ""
    """The cap that was reached: `ticket`, `phase`, `day` or `repository`."""
    cap_usd: float | None = None
    raise_usd: float | None = None
    """Dollars the cap must be for the run to go on to its end, as far as that is known."""

"""When a provider that does not answer is left alone. Pure; the law is in docs/money.md.

Closed: everybody asks. After so many outages in a row it opens: nobody asks for a rest. When the rest is over it is
half open: one session tries with its own next request, and the others wait for what comes of it. An answer closes it,
another outage opens it again for twice as long.
"""

from datetime import datetime, timedelta

from ..model.record import Record, Time
from ..model.settings import Breaker


class Circuit(Record):
    """What is known of one provider or model."""

    failures: int = 0
    """Outages in a row."""
    opened: int = 0
    """Rests since it answered last."""
    until: Time | None = None
    """Nobody asks before; None: closed."""
    probed: bool = False
    """Whether one session tries it until then."""
    why: str = ""

    def rest(self, now: datetime) -> float:
        """Seconds until somebody may ask; 0: now."""
        return 0.0 if self.until is None else max(0.0, (self.until - now).total_seconds())

    def state(self, now: datetime) -> str:
        """`closed`, `open` or `half-open`."""
        if self.until is None:
            return "closed"
        return "half-open" if self.probed or self.until <= now else "open"


CLOSED = Circuit()


def probed(circuit: Circuit, now: datetime, law: Breaker) -> Circuit:
    """Somebody asks. After a rest that is a probe, for which others wait; one that never ends gives way to the next."""
    if circuit.until is None:
        return circuit
    return circuit.model_copy(update={"until": now + timedelta(seconds=law.probe_seconds), "probed": True})


def rest_left(circuit: Circuit, now: datetime, law: Breaker) -> float:
    """Seconds until somebody may ask; 0: now. A rest longer than the law knows is none: a clock was set back."""
    seconds = circuit.rest(now)
    return 0.0 if seconds > max(law.longest_rest_seconds, law.probe_seconds) else seconds


def rest_ended(circuit: Circuit, now: datetime) -> Circuit:
    """A person wants it tried now."""
    return circuit if circuit.until is None else circuit.model_copy(update={"until": now, "probed": False})


def failed(circuit: Circuit, now: datetime, law: Breaker, why: str) -> Circuit:
    """One more outage. What others had under way when it opened does not make the rest longer."""
    failures = circuit.failures + 1
    resting = circuit.until is not None and now < circuit.until and not circuit.probed
    if resting or (circuit.until is None and failures < law.failures):
        return circuit.model_copy(update={"failures": failures, "why": why})
    seconds = min(law.rest_seconds * 2.0 ** min(circuit.opened, 30), law.longest_rest_seconds)
    until = now + timedelta(seconds=seconds)
    return Circuit(failures=failures, opened=circuit.opened + 1, until=until, why=why)


def rested(circuit: Circuit, now: datetime, seconds: float, law: Breaker, why: str) -> Circuit:
    """Left alone for `seconds`, at most as long as the law allows; a rest never becomes shorter."""
    until = now + timedelta(seconds=min(seconds, law.longest_rest_seconds))
    if circuit.until is not None and not circuit.probed and circuit.until >= until:
        return circuit
    return circuit.model_copy(update={"until": until, "probed": False, "why": why})

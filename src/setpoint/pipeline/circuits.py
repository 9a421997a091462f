"""The circuits of all providers, in the store: every process on one database leaves a dead one alone together."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from ..loop.breaker import CLOSED, Circuit, failed, probed, rest_ended, rest_left, rested
from ..model.settings import Breaker
from ..ports import Store, Transaction

PLACE, KEY = "circuits", "all"
"""Where they stand among the store's facts."""
TOLD = 300
"""Longest reason that is kept."""


def circuits(store: Store) -> Mapping[str, Circuit]:
    """Every circuit that is not well, by the provider's or the model's name."""
    kept = store.recall(PLACE, KEY) or {}
    return {name: Circuit.model_validate(circuit) for name, circuit in kept.items()}


def ask_again(store: Store, now: datetime) -> Callable[[Transaction], None]:
    """A person goes on: whoever is left alone is tried at once, by one session."""

    def write(tx: Transaction) -> None:
        tx.alone(PLACE)
        found = {name: rest_ended(circuit, now) for name, circuit in circuits(store).items()}
        if found:
            tx.remember(PLACE, KEY, _dumped(found))

    return write


class KeptCircuits:
    """Keeps the promises of `accounts.Circuits`."""

    def __init__(
        self,
        store: Store,
        law: Breaker,
        now: Callable[[], datetime],
        clean: Callable[[str], str] = str,
        *,
        look_seconds: float = 0.0,
    ) -> None:
        """`clean` takes secrets out of a reason: a provider's words may hold the key that it refused. Who was well
        within the last `look_seconds` is asked without another look at what other processes met."""
        self._store, self._law, self._now, self._clean = store, law, now, clean
        self._seen: Mapping[str, Circuit] = {}
        self._look_seconds = look_seconds
        self._looked = -math.inf

    def rest(self, names: Sequence[str]) -> float:
        """Seconds until somebody may ask who goes by all of `names`; 0: now."""
        if time.monotonic() - self._looked >= self._look_seconds or any(name in self._seen for name in names):
            self._seen, self._looked = circuits(self._store), time.monotonic()
        if not any(name in self._seen for name in names):
            return 0.0
        with self._store.transaction() as tx:
            tx.alone(PLACE)
            found, now = dict(circuits(self._store)), self._now()
            rest = max((rest_left(found[name], now, self._law) for name in names if name in found), default=0.0)
            if rest > 0:
                return rest
            found |= {name: probed(found[name], now, self._law) for name in names if name in found}
            tx.remember(PLACE, KEY, _dumped(found))
        return 0.0

    def failed(self, name: str, why: str) -> float:
        """One more outage of `name`: seconds it is left alone for from now on."""
        now = self._now()
        return self._change(name, lambda circuit: failed(circuit, now, self._law, self._clean(why)[:TOLD])).rest(now)

    def rests(self, name: str, seconds: float, why: str) -> None:
        """Leave `name` alone for at least so long."""
        now = self._now()
        self._change(name, lambda circuit: rested(circuit, now, seconds, self._law, self._clean(why)[:TOLD]))

    def answered(self, names: Sequence[str]) -> None:
        """They are well."""
        # What was seen when it was let through: most replies write nothing here.
        if not any(name in self._seen for name in names):
            return
        with self._store.transaction() as tx:
            tx.alone(PLACE)
            found = {name: circuit for name, circuit in circuits(self._store).items() if name not in names}
            tx.remember(PLACE, KEY, _dumped(found))

    def _change(self, name: str, change: Callable[[Circuit], Circuit]) -> Circuit:
        with self._store.transaction() as tx:
            tx.alone(PLACE)
            found = dict(circuits(self._store))
            found[name] = change(found.get(name, CLOSED))
            tx.remember(PLACE, KEY, _dumped(found))
        self._seen = found
        return found[name]


def _dumped(found: Mapping[str, Circuit]) -> dict[str, object]:
    return {name: circuit.model_dump(mode="json") for name, circuit in found.items()}

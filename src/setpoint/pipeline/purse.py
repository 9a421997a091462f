"""What a session is kept in and pays from: its log in the store, and the caps it works under."""

import asyncio
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from ..errors import CapError, LostLeaseError, ParkedError, UnpricedError
from ..loop.money import Admission, admission
from ..model.money import Cap, Charge, Quote, Scope, Spent
from ..model.numbers import counted, dollars
from ..model.run import State
from ..model.session import Message, SessionId
from .bench import Ground
from .models import agent_of

POLL_SECONDS = 0.2
LONGEST_WAIT = 600.0
"""Seconds a request waits for others under way that hold what is left of a cap."""

RAISED_BY = {
    "ticket": "`setpoint approve {run}` to let it go on for what more it would take, or `setpoint resume {run} "
    "--budget` for what you say",
    "phase": "`setpoint approve {run}`, or raise `usd` of the phase in setpoint.toml and `setpoint resume {run}`",
    "day": "`setpoint resume {run}` tomorrow (UTC), or `setpoint approve {run}` to go past it with this run",
    "repository": "`setpoint approve {run}` to go past it with this run, or raise `repository_usd` in setpoint.toml",
}
"""What a person does about a cap that was reached."""


def caps(ground: Ground, phase: str, day: str) -> tuple[Cap, ...]:
    """Every cap that a request of `phase` on `day` must stay below."""
    run, place, budget = ground.run.id, ground.run.repository, ground.config.budget
    found = (
        ("ticket", budget.ticket_usd, Scope(run=run)),
        ("phase", ground.config.settings(phase).usd, Scope(run=run, phase=phase)),
        ("day", budget.day_usd, Scope(repository=place, day=day)),
        ("repository", budget.repository_usd, Scope(repository=place)),
    )
    return tuple(Cap(name=name, usd=usd, scope=scope) for name, usd, scope in found if usd is not None)


class StoredLog:
    """The durable side of one session, in the store. Refuses to write once the run has moved on without it."""

    def __init__(self, ground: Ground, session: SessionId, longest_wait: float = LONGEST_WAIT) -> None:
        self._ground = ground
        self._session = session
        self._longest_wait = longest_wait
        self._messages = list(ground.bench.store.session(session))
        self._charge: int | None = None
        """The request under way."""

    def messages(self) -> tuple[Message, ...]:
        """All saved messages, in order."""
        return tuple(self._messages)

    def append(self, *messages: Message, notes: Sequence[tuple[str, dict[str, Any]]] = ()) -> tuple[Message, ...]:
        """Save messages and journal notes in one transaction; a reply settles the request under way. The messages as
        they were saved. Raises LostLeaseError once the run has moved on."""
        named = [(kind, {"session": str(self._session), **data}) for kind, data in notes]
        charge = self._charge if any(message.usage is not None for message in messages) else None
        saved = self._ground.bench.store.say(self._session, messages, named, self._ground.position.serial, charge)
        self._charge = None if charge is not None else self._charge
        self._messages += saved
        return saved

    def afford(self) -> None:
        """For one that reserves nothing, as replay. Raises CapError when the run's budget is used up, LostLeaseError
        when the run has moved on. Who reserves is held to both with each request."""
        config, stage = self._ground.config, self._ground.position.stage
        if agent_of(config, stage) != "replay":
            return
        cap, spent = config.budget.ticket_usd, self._still_ours()
        if cap is not None and spent is not None and spent >= cap:
            raise _reached(self._ground, Cap(name="ticket", usd=cap, scope=Scope()), Spent(settled=spent))

    async def reserve(self, quote: Quote) -> None:
        """Hold the worst case of one request under every cap. Waits while others under way hold what is left. Raises
        CapError, UnpricedError, LostLeaseError; ParkedError when they hold it for too long, which is no outage."""
        deadline = time.monotonic() + self._longest_wait
        while not self._held(quote):
            if time.monotonic() > deadline:
                raise ParkedError(
                    "other requests under way hold what is left of a cap on money",
                    why=f"they did not end within {self._longest_wait:g} s; what a killed process held is free after "
                    "half an hour",
                    fix=f"`setpoint list` shows what else runs here; then `setpoint resume {self._ground.run.id}`",
                )
            await asyncio.sleep(POLL_SECONDS)

    def let_go(self, *, paid: bool) -> None:
        """The request that was reserved last had no reply."""
        if self._charge is None:
            return
        with self._ground.bench.store.transaction() as tx:
            tx.let_go(self._charge, paid=paid)
        self._charge = None

    def _held(self, quote: Quote) -> bool:
        """Whether the request may be made now; then it stands in the ledger."""
        ground, now = self._ground, self._ground.bench.now()
        charge = Charge(
            run=ground.run.id,
            repository=ground.run.repository,
            phase=self._session.phase,
            session=str(self._session),
            model=quote.model,
            at=now,
            until=now + timedelta(seconds=quote.seconds),
            worst_usd=quote.worst_usd,
        )
        limits = caps(ground, self._session.phase, now.date().isoformat())
        if quote.worst_usd is None and limits and not ground.config.budget.unpriced:
            raise unpriced(quote.model, limits)
        with ground.bench.store.transaction(late=True) as tx:
            tx.alone("money")
            tx.works_at(ground.run.id, ground.position.serial)
            tx.lose(ground.run.id, str(self._session))
            # What a subscription covers is under no cap.
            sums = [(cap, tx.spent(cap.scope, now)) for cap in limits] if quote.worst_usd != 0 else []
            for cap, spent in sums:
                if admission(cap, spent, quote.worst_usd or 0.0) is Admission.STOP:
                    raise _reached(ground, cap, spent)
            if any(admission(cap, spent, quote.worst_usd or 0.0) is Admission.WAIT for cap, spent in sums):
                return False
            self._charge = tx.hold(charge)
        return True

    def _still_ours(self) -> float | None:
        name = self._ground.run.id
        serial, state, usd = self._ground.bench.store.standing(name)
        if serial != self._ground.position.serial or state is not State.RUNNING:
            raise LostLeaseError(f"run {name} has moved on; this session stops")
        return usd


def _reached(ground: Ground, cap: Cap, spent: Spent) -> CapError:
    what = {
        "ticket": "the ticket's budget",
        "phase": f"the budget of {ground.position.stage}",
        "day": "the repository's budget of the day",
        "repository": "the repository's budget",
    }[cap.name]
    lost, most = counted(spent.lost, "requests"), dollars(spent.lost_usd)
    return CapError(
        f"{what} is used up: {dollars(spent.settled)} of {dollars(cap.usd)}",
        why=f"{lost} without a reply: the most they can have cost, {most}, counts" if spent.lost else "",
        fix=RAISED_BY[cap.name].format(run=ground.run.id),
        cap=cap.name,
        usd=cap.usd,
    )


def unpriced(model: str, limits: Sequence[Cap]) -> UnpricedError:
    """That nobody can hold `model` to a cap."""
    return UnpricedError(
        f"no price is known for {model}, so it cannot be held to a budget",
        why=f"a cap is set: {', '.join(f'{cap.name} ${cap.usd:g}' for cap in limits)}",
        fix=price_fix(model),
    )


def price_fix(model: str) -> str:
    """What a person does about a model without a known price."""
    provider, _, name = model.partition("/")
    return (
        f'write [providers.{provider}.prices."{name}"] with input and output, in dollars a million tokens, or consent '
        "with unpriced = true in [budget]"
    )

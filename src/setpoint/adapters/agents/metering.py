"""What one model request may cost, and what it did."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ...errors import CapError, SetpointError, UnpricedError
from ...model.money import Quote
from ...model.session import ModelRef, Part, Usage
from ...prices import cost, worst
from .endpoint import Endpoint
from .wire.answer import Tokens

LONGEST_REQUEST = 1800.0
"""Seconds one request may take, however steadily its reply comes in."""


def quote_of(ref: ModelRef, request_bytes: int, endpoint: Endpoint, longest_reply: int = 0) -> Quote:
    """The worst that a request can cost. What a subscription covers costs nothing more. `longest_reply` in tokens,
    where the request asks for another than the endpoint's."""
    if endpoint.billing == "subscription":
        return Quote(model=str(ref), worst_usd=0.0, seconds=LONGEST_REQUEST)
    most = worst(
        ref,
        request_bytes=request_bytes,
        longest_reply=max(longest_reply, endpoint.max_output_tokens),
        own=endpoint.prices.get(ref.model),
    )
    return Quote(model=str(ref), worst_usd=most, seconds=LONGEST_REQUEST)


def usage_of(ref: ModelRef, tokens: Tokens, seconds: float, endpoint: Endpoint) -> Usage:
    """What one reply used, with its money; None where the provider did not count or no price is known."""
    usd = None
    if tokens.counted:
        usd = cost(
            ref,
            input_tokens=tokens.input,
            output_tokens=tokens.output,
            cached=tokens.cached,
            written=tokens.cache_written,
            own=endpoint.prices.get(ref.model),
        )
    covered = endpoint.billing == "subscription"
    return Usage(
        requests=1,
        input_tokens=tokens.input,
        output_tokens=tokens.output,
        cached_tokens=tokens.cached,
        usd=0.0 if covered else usd,
        covered_usd=usd if covered else 0.0,
        seconds=seconds,
    )


class Meter(Protocol):
    """Who pays."""

    async def reserve(self, quote: Quote) -> None:
        """Hold the worst case of one request. Raises CapError or UnpricedError."""
        ...

    def settle(self, quote: Quote, usage: Usage) -> None:
        """The request that was held as `quote` had this reply."""
        ...

    def heard(self, parts: Sequence[Part]) -> None:
        """What the model said in it, before it is settled."""
        ...

    def let_go(self, quote: Quote, *, paid: bool) -> None:
        """It had none; `paid`: it may have been charged for all the same."""
        ...

    def turned_away(self, error: SetpointError) -> None:
        """The provider lets nobody in with what it is asked with; told before the request is let go."""
        ...


@dataclass
class Allowance:
    """A meter of its own: so many dollars and no more. Without a limit, unpriced models may be asked too."""

    usd: float | None = None
    spent: Usage = field(default_factory=Usage)
    lost: float = 0.0
    """Worst case of requests that may have been charged for and had no reply, or one that was not counted."""
    _held: float = 0.0
    _settled: float = 0.0

    async def reserve(self, quote: Quote) -> None:
        if self.usd is not None and quote.worst_usd is None:
            raise UnpricedError(
                f"no price is known for {quote.model}",
                why="under a limit each request must be paid for before it is made",
                fix="give its price in [providers.NAME.prices], or leave the limit out",
            )
        worst = quote.worst_usd or 0.0
        gone = self._settled + self.lost + self._held
        if self.usd is not None and gone + worst > self.usd:
            raise CapError(
                f"the limit of ${self.usd:g} is reached",
                why=f"${gone:.4f} are spent or held, and this request may cost ${worst:.4f}",
                fix="give a higher --usd",
                cap="command",
                usd=self.usd,
            )
        self._held += worst

    def heard(self, parts: Sequence[Part]) -> None:
        """Words cost nothing."""

    def turned_away(self, error: SetpointError) -> None:
        """Whoever asked sees the provider's answer."""

    def settle(self, quote: Quote, usage: Usage) -> None:
        self._held -= quote.worst_usd or 0.0
        self.spent = self.spent.plus(usage)
        # What nobody counted is the dearest it can have been, never nothing.
        self._settled += usage.usd or 0.0
        self.lost += (quote.worst_usd or 0.0) if usage.usd is None else 0.0

    def let_go(self, quote: Quote, *, paid: bool) -> None:
        self._held -= quote.worst_usd or 0.0
        self.lost += (quote.worst_usd or 0.0) if paid else 0.0

"""What one model request may cost, and what it did."""

from ...model.money import Quote
from ...model.session import ModelRef, Usage
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

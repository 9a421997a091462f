"""What tokens cost. Unknown is None, never 0."""

from .model.session import ModelRef
from .model.settings import Price

MILLION = 1_000_000
ORDINARY = 10_000
"""Tokens of a request that no price list takes for a long one."""


def cost(
    model: ModelRef,
    *,
    input_tokens: int,
    output_tokens: int,
    cached: int = 0,
    written: int = 0,
    own: Price | None = None,
) -> float | None:
    """US dollars of tokens at `own` price, else at the list price; None when nobody lists the model. `cached` and
    `written` of the input were read from the provider's cache, or written to it."""
    if own is not None:
        read = own.input if own.cached is None else own.cached
        return ((input_tokens - cached) * own.input + cached * read + output_tokens * own.output) / MILLION
    from genai_prices import Usage, calc_price  # a tenth of a second that only a session pays

    usage = Usage(
        input_tokens=input_tokens,
        cache_read_tokens=cached or None,
        cache_write_tokens=written or None,
        output_tokens=output_tokens,
    )
    try:
        return float(calc_price(usage, model.model, provider_id=model.provider).total_price)
    except LookupError:
        return None


def rates(model: ModelRef, own: Price | None = None) -> tuple[float, float] | None:
    """US dollars of a million tokens read and of a million said, in requests of an ordinary length: some lists ask more
    for very long ones. None when nobody lists the model."""
    read = cost(model, input_tokens=ORDINARY, output_tokens=0, own=own)
    said = cost(model, input_tokens=0, output_tokens=ORDINARY, own=own)
    return None if read is None or said is None else (read * MILLION / ORDINARY, said * MILLION / ORDINARY)


def worst(model: ModelRef, *, request_bytes: int, longest_reply: int, own: Price | None = None) -> float | None:
    """Most that one request can cost: a token is at least a byte, and all of them may be written to the cache."""
    plain = cost(model, input_tokens=request_bytes, output_tokens=longest_reply, own=own)
    dear = cost(model, input_tokens=request_bytes, written=request_bytes, output_tokens=longest_reply, own=own)
    return None if plain is None or dear is None else max(plain, dear)

"""What a request cost at list prices. Unknown is None, never 0."""

from ...model.session import ModelRef
from .wire.answer import Tokens


def cost(ref: ModelRef, tokens: Tokens) -> float | None:
    """US dollars of one request; None when the model has no known price or the provider did not count."""
    if not tokens.counted:
        return None
    from genai_prices import Usage, calc_price  # a tenth of a second that only a session pays

    usage = Usage(
        input_tokens=tokens.input,
        cache_read_tokens=tokens.cached or None,
        cache_write_tokens=tokens.cache_written or None,
        output_tokens=tokens.output,
    )
    try:
        return float(calc_price(usage, ref.model, provider_id=ref.provider).total_price)
    except LookupError:
        return None

"""What a provider's refusal means for the run. Judged by status, type and code only, never by prose."""

import json
import random
from collections.abc import Iterator, Mapping
from typing import Any

from ...errors import ConfigError, NotSignedInError, ParkedError, SetpointError, TransientError
from .resets import retry_after

BACK_OFF = (0.5, 1.0, 2.0, 4.0)
"""Seconds before each repeat of a failed request: four failures in a row are survived within ten seconds."""

LONGEST_WAIT = 60.0
"""Seconds a provider may ask us to wait inside a session; asked for more, it counts as out of reach."""

RATE_LIMITED = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 60.0, 60.0)
"""Seconds before each repeat of a request that met a rate limit, where the provider names none."""

AT_ONCE = 4
"""How often in a row a provider is believed that says it may be asked again at once."""

PATIENCE = 300.0
"""Seconds one request waits for rate limits in all, before the model counts as out of reach."""

OUT_OF_MONEY = frozenset(
    {
        "insufficient_quota",
        "quota_exceeded",
        "billing_error",
        "billing_hard_limit_reached",
        "billing_not_active",
        "insufficient_credits",
        "insufficient_balance",
        "exceeded_current_quota_error",
        "payment_required",
    }
)
NOT_SIGNED_IN = frozenset(
    {
        "authentication_error",
        "permission_error",
        "invalid_api_key",
        "invalid_authentication",
        "API_KEY_INVALID",
        "UNAUTHENTICATED",
        "PERMISSION_DENIED",
    }
)
AGAIN = frozenset(
    {
        "overloaded_error",
        "api_error",
        "server_error",
        "timeout_error",
        "server_is_overloaded",
        "slow_down",
        "server_overloaded",
        "vector_store_timeout",
        "UNAVAILABLE",
        "INTERNAL",
        "DEADLINE_EXCEEDED",
    }
)
TOO_FAST = frozenset({"rate_limit_error", "rate_limit_exceeded", "RESOURCE_EXHAUSTED", "too_many_requests"})
TOO_LONG = frozenset({"context_length_exceeded", "request_too_large", "string_above_max_length"})
INVALID = frozenset(
    {"invalid_request_error", "invalid_prompt", "bad_request", "invalid_encrypted_content", "INVALID_ARGUMENT"}
)
NO_SUCH_MODEL = frozenset({"not_found_error", "model_not_found", "NOT_FOUND"})
_FOR_TODAY = "PerDay"
"""In the id of a quota: it is full again tomorrow, not in a minute."""


class SilentError(TransientError):
    """No byte came for as long as a model may be silent."""


class UnreachableError(TransientError):
    """No connection to the provider came about: none of its models will answer."""


class RateLimitedError(TransientError):
    """The provider is well, and wants to be asked less often."""


class UnsupportedError(SetpointError):
    """The provider refused a named field of the request."""

    def __init__(self, what: str, *, why: str, fix: str, field: str) -> None:
        super().__init__(what, why=why, fix=fix)
        self.field = field


def judged(who: str, body: Any, *, status: int = 0, headers: Mapping[str, str] | None = None) -> SetpointError:
    """The error to raise for a provider's answer `body` (its JSON, or None) that was not a reply."""
    body = body[0] if isinstance(body, list) and body else body
    told = body.get("error") if isinstance(body, dict) and isinstance(body.get("error"), dict) else body
    told = told if isinstance(told, dict) else {}
    names = {str(told.get(key) or "") for key in ("type", "code", "status")} | set(_reasons(told))
    why = _words(told, status)
    if names & OUT_OF_MONEY or status == 402 or any(_FOR_TODAY in name for name in names):
        return ParkedError(
            f"{who} has no quota or money left", why=why, fix="raise it at the provider, then `setpoint resume`"
        )
    if names & NOT_SIGNED_IN or status in (401, 403):
        return NotSignedInError(
            f"{who} does not accept the key", why=why, fix="set a valid key (`setpoint doctor` checks it)"
        )
    if names & TOO_LONG or status == 413:
        return ParkedError(
            f"the session no longer fits {who}",
            why=why,
            fix="set a model with a larger context, then `setpoint resume`",
        )
    if names & TOO_FAST or status == 429:
        return RateLimitedError(f"{who} is asked too often", why=why, retry_after=retry_after(headers or {}, told))
    unknown_inside_stream = not status and not names & (NO_SUCH_MODEL | INVALID)
    if names & AGAIN or status in (408, 409, 425) or status >= 500 or unknown_inside_stream:
        return TransientError(f"{who} could not answer", why=why, retry_after=retry_after(headers or {}, told))
    if names & NO_SUCH_MODEL or status == 404:
        return ConfigError(
            f"{who} is not there", why=why, fix="mend the model's name or the provider's `base_url` in setpoint.toml"
        )
    field = "reasoning" if "invalid_encrypted_content" in names else str(told.get("param") or "")
    return UnsupportedError(
        f"{who} refused the request",
        why=why,
        fix="check the model and the provider's `api` in setpoint.toml; a refused request is not repeated",
        field=field,
    )


def _reasons(told: Mapping[str, Any]) -> Iterator[str]:
    """What Google's details of an error name: why it is one, and which quotas are used up."""
    details = told.get("details")
    for detail in details if isinstance(details, list) else ():
        if not isinstance(detail, dict):
            continue
        yield str(detail.get("reason") or "")
        used_up = detail.get("violations")
        for one in used_up if isinstance(used_up, list) else ():
            yield str(one.get("quotaId") if isinstance(one, dict) else "")


def _words(told: dict[str, Any], status: int) -> str:
    message = told.get("message")
    text = message[:1000] if isinstance(message, str) and message else "no reason given"
    kind = told.get("type") or told.get("status") or told.get("code") or ""
    said = ": ".join(part for part in (f"HTTP {status}" if status else "", str(kind)[:200], text) if part)
    # It is shown on terminals, and kept: no control character of a provider gets there.
    return "".join(letter if letter.isprintable() else " " for letter in said)


def wait(failures: int, error: TransientError) -> float | None:
    """Seconds to wait after the `failures`th failure in a row; None when the model counts as out of reach."""
    if failures > len(BACK_OFF) or isinstance(error, SilentError):
        return None
    if error.retry_after is not None:
        return error.retry_after if error.retry_after <= LONGEST_WAIT else None
    return _spread(BACK_OFF[failures - 1])


def _spread(seconds: float) -> float:
    return seconds * random.uniform(0.8, 1.2)  # noqa: S311 - spreads repeats, guards nothing


def rate_wait(limits: int, waited: float, error: RateLimitedError) -> float | None:
    """Seconds to wait after the `limits`th rate limit in a row, `waited` before; None when it goes on for too long."""
    if limits > len(RATE_LIMITED):
        return None
    # Who says "at once" again and again is asked less and less.
    least = RATE_LIMITED[limits - 1 - AT_ONCE] if limits > AT_ONCE else 0.0
    delay = _spread(RATE_LIMITED[limits - 1]) if error.retry_after is None else max(error.retry_after, least)
    return delay if delay <= LONGEST_WAIT and waited + delay <= PATIENCE else None


def parsed(body: bytes) -> Any:
    """JSON of an error answer, None when it is none."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None

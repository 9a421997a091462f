"""When a provider wants to be asked again, from the fields it says it in; never from its words."""

import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?")
_PARTS = (86_400.0, 3_600.0, 60.0, 1.0, 0.001)
_RESET = re.compile(r"(anthropic-|x-)?rate-?limit-(reset-?(?P<after>[a-z-]*)|(?P<before>[a-z-]+)-reset)")
_MILLISECONDS, _EPOCH = 1e11, 1e9
"""Numbers from here on are moments, in milliseconds or seconds since 1970; smaller ones are seconds from now."""


def retry_after(headers: Mapping[str, str], told: Mapping[str, Any]) -> float | None:
    """Seconds until the provider wants to be asked again, by the headers of its answer or the error object `told` in
    it; None when it does not say."""
    now = datetime.now(UTC)
    lower = {name.lower(): str(value) for name, value in headers.items()} | _told_headers(told)
    for name, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        number = _number(lower.get(name, ""))
        if number is not None:
            return max(0.0, number * scale)
    date = _date(lower.get("retry-after", ""), now)
    if date is not None:
        return date
    told_delay = next(_delays(told), None)
    return _reset(lower, now) if told_delay is None else told_delay


def _told_headers(told: Mapping[str, Any]) -> dict[str, str]:
    """Headers of the provider behind a provider, which some hand on inside the error."""
    inner = told.get("metadata")
    found = inner.get("headers") if isinstance(inner, dict) else None
    return {str(name).lower(): str(value) for name, value in found.items()} if isinstance(found, dict) else {}


def _delays(told: Mapping[str, Any]) -> Iterator[float]:
    details = told.get("details")
    for detail in details if isinstance(details, list) else ():
        delay = detail.get("retryDelay") if isinstance(detail, dict) else None
        seconds = _duration(delay) if isinstance(delay, str) else None
        if seconds is not None:
            yield seconds


def _reset(headers: Mapping[str, str], now: datetime) -> float | None:
    """Until the limits that are used up are full again; where none says it is, until all are."""
    resets = {}
    for name, value in headers.items():
        found = _RESET.fullmatch(name)
        seconds = _seconds(value, now) if found else None
        if found and seconds is not None:
            resets[name] = (seconds, _remaining(headers, found))
    used_up = [seconds for seconds, left in resets.values() if left is not None and left <= 0]
    return max(used_up or (seconds for seconds, _ in resets.values()), default=None)


def _remaining(headers: Mapping[str, str], reset: re.Match[str]) -> float | None:
    return _number(headers.get(reset[0].replace("reset", "remaining"), ""))


def _seconds(value: str, now: datetime) -> float | None:
    number = _number(value)
    if number is None:
        return _duration(value) if _duration(value) is not None else _date(value, now)
    if number >= _MILLISECONDS:
        return max(0.0, number / 1000 - now.timestamp())
    return max(0.0, number - now.timestamp() if number >= _EPOCH else number)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _duration(text: str) -> float | None:
    """`6m0s`, `1.5s`, `20ms`, as seconds."""
    found = _DURATION.fullmatch(text.strip())
    if not found or not any(found.groups()):
        return None
    seconds = sum(float(part) * scale for part, scale in zip(found.groups(), _PARTS, strict=True) if part)
    return seconds if math.isfinite(seconds) else None


def _date(text: str, now: datetime) -> float | None:
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            when = read(text.strip())
        except (ValueError, OverflowError):
            continue
        when = when if when.tzinfo else when.replace(tzinfo=UTC)
        return max(0.0, (when - now).total_seconds())
    return None

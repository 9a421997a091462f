"""What every record is: frozen, closed, and known by the digest of its canonical JSON."""

import hashlib
import json
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints


class Record(BaseModel):
    """An immutable value with a closed set of fields; its field docstrings are the schema text an agent reads."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, ser_json_timedelta="float")

    def digest(self) -> str:
        """SHA-256 of the canonical JSON form, in hex: the same content always has the same digest."""
        return digest_of(self.model_dump(mode="json"))


def digest_of(value: Any) -> str:
    """SHA-256 of `value`'s canonical JSON (sorted keys, no spaces, UTF-8), in hex."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _aware(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("a time needs its zone")
    return value.astimezone(UTC)


Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20_000)]
"""Non-empty prose."""

Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
"""Non-empty prose of one line or a little more."""

Time = Annotated[datetime, AfterValidator(_aware)]
"""A moment, UTC."""

Nothing = Literal["none"]
"""Said in so many words: there is none. Absent is not an answer."""

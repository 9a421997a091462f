"""What one tiny real request showed of a model."""

from typing import Literal

from .record import Line, Record


class Trial(Record):
    """A configured model, tried. What could not be seen is None, never a yes."""

    model: Line
    state: Literal["ok", "warn", "bad"]
    found: Line
    """What was seen, in one line."""
    fix: str = ""
    reached: bool | None = None
    """Whether the provider answered at all."""
    signed_in: bool | None = None
    """Whether it took the key."""
    called: bool | None = None
    """Whether the model called the tool it was offered."""
    in_form: bool | None = None
    """Whether what it handed in has the asked form."""
    counted: bool | None = None
    """Whether the provider said how many tokens it took."""
    priced: bool = False
    """Whether a price is known for it."""
    seconds: float | None = None

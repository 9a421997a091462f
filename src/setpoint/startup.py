"""What a process does before it imports anything heavy."""

import gc

COLLECT_AFTER = 50_000
"""New objects between two looks for cycles. Imports make few cycles and hundreds of thousands of objects: the
interpreter's 700 would cost a sixth of a cold start."""


def prepare() -> None:
    """Let imports pass without collecting garbage at every turn."""
    gc.set_threshold(COLLECT_AFTER, 20, 20)

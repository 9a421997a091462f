"""What a process does before it imports anything heavy."""

import atexit
import gc

COLLECT_AFTER = 50_000
"""New objects between two looks for cycles. Imports make few cycles and hundreds of thousands of objects: the
interpreter's 700 would cost a sixth of a cold start."""


def prepare() -> None:
    """Let imports pass without collecting garbage at every turn, and the process end without looking through all that
    was imported, which would take as long as a command: files are closed and buffers written by then."""
    gc.set_threshold(COLLECT_AFTER, 20, 20)
    atexit.register(gc.freeze)

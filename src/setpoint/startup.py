"""What a process does before it imports anything heavy."""

import atexit
import gc
import importlib
import sys
import threading
from contextlib import suppress

COLLECT_AFTER = 50_000
"""New objects between two looks for cycles. Imports make few cycles and hundreds of thousands of objects: the
interpreter's 700 would cost a sixth of a cold start."""


def prepare() -> None:
    """Let imports pass without collecting garbage at every turn, and the process end without looking through all that
    was imported, which would take as long as a command: files are closed and buffers written by then."""
    gc.set_threshold(COLLECT_AFTER, 20, 20)
    atexit.register(gc.freeze)


SESSION = (
    "setpoint.adapters.agents.native",
    "httpcore2",
    "anyio._backends._asyncio",
    "genai_prices.data",
    "genai_prices.decompose",
    "genai_prices.validation",
)
"""What the built-in agent's first request needs, the late ones by name: an eighth of a second."""


def import_ahead(names: tuple[str, ...] = SESSION) -> None:
    """Begin to import `names` in a thread: the caller's next wait, for git or another program, pays for them."""
    if all(name in sys.modules for name in names):
        return
    threading.Thread(target=_import_all, args=(names,), name="setpoint-imports", daemon=True).start()


def _import_all(names: tuple[str, ...]) -> None:
    for name in names:
        with suppress(ImportError):  # whoever needs it is told
            importlib.import_module(name)

"""Opens a store whose tables are to be migrated, and dies in the middle: run as a process of its own."""

import os
import signal
import sys
from typing import Any

import sqlalchemy as sa

from setpoint.adapters.store import SqlStore


def die_at(url: str, statement: int) -> None:
    """Be killed right after so many statements that change tables or the revision."""
    seen = 0

    def count(_connection: Any, _cursor: Any, said: str, *_rest: Any) -> None:
        nonlocal seen
        seen += said.lstrip().upper().startswith(("CREATE", "ALTER", "DROP", "UPDATE"))
        if seen == statement:
            os.kill(os.getpid(), signal.SIGKILL)

    sa.event.listen(sa.Engine, "after_cursor_execute", count)
    SqlStore(url).close()


if __name__ == "__main__":
    die_at(sys.argv[1], int(sys.argv[2]))

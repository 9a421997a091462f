"""All escapes at one level: group by group, some groups at once."""

import asyncio
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

from ..adapters.store import SqlStore
from ..errors import SandboxError
from ..model.run import Position, Run
from ..model.sandbox_settings import STRENGTH, SandboxSettings
from ..model.ticket import Kind, Ticket
from ..parts import sandbox_at
from ..policy.containment import level_named
from ..ports import Sandbox
from .escape import Escape, Outcome, Report, Result
from .grounds import Grounds, grounds
from .trying import Breakout, Printed

BARE = "none"
AT_ONCE = 3
"""Groups under way at once."""
Tell = Callable[[Result], None]


def levels() -> tuple[str, ...]:
    """Every level there is by name, the one without a sandbox last."""
    return tuple(reversed(STRENGTH))


def here(level: str) -> Sandbox:
    """The sandbox of a level. Raises SandboxError when this machine does not have it, ConfigError for no level."""
    sandbox = sandbox_at(level_named(level), SandboxSettings())
    sandbox.layers()
    return sandbox


def containing() -> tuple[str, ...]:
    """The levels that this machine has and that contain anything."""
    found = []
    for level in levels():
        if level != BARE:
            try:
                here(level)
            except SandboxError:
                continue
            found.append(level)
    return tuple(found)


async def tried(sandbox: Sandbox, escapes: Sequence[Escape], printed: Printed, tell: Tell) -> Report:
    """What came of `escapes` in `sandbox`, in their order; `tell` hears of each at once."""
    started = time.monotonic()
    groups = [list(members) for _, members in groupby(escapes, key=lambda escape: escape.group)]
    limit = asyncio.Semaphore(AT_ONCE)
    with tempfile.TemporaryDirectory(prefix="setpoint-escape-journal-") as folder:
        store = SqlStore(f"sqlite:///{Path(folder) / 'journal.db'}")
        try:

            async def group(number: int, members: Sequence[Escape]) -> list[Result]:
                async with limit:
                    return await _group(sandbox, f"escape-{number}", members, store, printed, tell)

            found = await asyncio.gather(*(group(number, members) for number, members in enumerate(groups)))
        finally:
            store.close()
    return Report(
        level=sandbox.level,
        results=tuple(result for results in found for result in results),
        missing=tuple(layer for layer in sandbox.layers() if not layer.in_force),
        seconds=round(time.monotonic() - started, 2),
    )


async def _group(
    sandbox: Sandbox, name: str, members: Sequence[Escape], store: SqlStore, printed: Printed, tell: Tell
) -> list[Result]:
    """One after the other, on the same grounds until something got out there."""
    found: list[Result] = []
    _known(store, name)
    ground: Grounds | None = None
    async with AsyncExitStack() as stack:
        for escape in members:
            if escape.unsafe and sandbox.level == BARE:
                found.append(_left_out(escape))
                continue
            if ground is None:
                ground = await stack.enter_async_context(grounds(sandbox, name))
            result = await Breakout(escape, ground, store, printed).made()
            tell(result)
            found.append(result)
            if result.outcome is Outcome.OUT:
                await stack.aclose()
                ground = None
            else:
                await ground.put_back()
    return found


def _left_out(escape: Escape) -> Result:
    told = {"name": escape.name, "group": escape.group, "what": escape.what}
    how = "it would change the machine itself, and nothing would hold it"
    return Result(**told, outcome=Outcome.UNTRIED, layer="", how=how, logged="", seconds=0.0)


def _known(store: SqlStore, name: str) -> None:
    """The journal needs a run to be about."""
    now = datetime.now(UTC)
    with store.transaction() as tx:
        tx.create(
            Run(
                id=name,
                ticket=Ticket(id="escape", title="Attempts to get out", kind=Kind.HOTFIX, text="Attempts to get out."),
                repository="escape",
                base_branch="main",
                base="0" * 40,
                branch=f"setpoint/{name}",
                route_because="an escape test",
                position=Position(route=Kind.HOTFIX, stage="implementation"),
                owner="setpoint",
                created=now,
                updated=now,
            )
        )

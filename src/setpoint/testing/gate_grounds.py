"""A change between two sets of files, with plain folders as its rooms: what checks that run commands are tried on."""

import itertools
import shutil
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from ..gates.change_set import between
from ..gates.grounds import Grounds
from ..model.gate import Gate
from ..ports import Room
from .gate_rooms import FolderRoom

QUIET = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
"""Plugins of this environment are not the small projects' own."""


def grounds_of(
    root: Path,
    before: Mapping[str, str],
    after: Mapping[str, str],
    gates: Mapping[str, Gate] | None = None,
    *,
    env: Mapping[str, str] = QUIET,
) -> Grounds:
    """Grounds on the change from `before` to `after`; rooms are folders below `root`, tools those of this Python."""
    sides = {"base": before, "head": after}
    counter = itertools.count()

    @asynccontextmanager
    async def checkout(revision: str, overlay: dict[str, bytes | None] | None = None) -> AsyncIterator[Room]:
        folder = root / f"room-{next(counter)}"
        folder.mkdir(parents=True)
        room = FolderRoom(folder, tools=[Path(sys.executable).parent], env=env)
        files: dict[str, bytes | None] = {path: text.encode() for path, text in sides[revision].items()}
        for path, content in {**files, **(overlay or {})}.items():
            if content is not None:
                room.write(path, content)
        try:
            yield room
        finally:
            shutil.rmtree(folder)

    change = between(
        {path: text.encode() for path, text in before.items()},
        {path: text.encode() for path, text in after.items()},
        base="base",
        head="head",
    )
    return Grounds(change, checkout, gates or {}, "environment")

"""The containers of one life of a stack: brought up in their order, each once those it depends on are far enough."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

from ...errors import StackError
from ...model.compose import Contained
from .containers import Containers

LOOK = 0.2
KEPT = 262_144
"""Most characters of a container's words that are kept."""


class Beside:
    """Containers of one life, of a compose file."""

    def __init__(self, containers: Containers, wanted: Sequence[Contained]) -> None:
        self.containers = containers
        self._wanted = {one.name: one for one in wanted}
        self._done = {name for one in wanted for name, when in one.after.items() if when == "done"}
        """Those that are to end before others begin."""

    async def start(self, seconds: float) -> None:
        """Bring all up. Raises StackError with the last words of the one that does not come up."""
        until = time.monotonic() + seconds
        for one in self._wanted.values():
            await asyncio.to_thread(self.containers.start, one)
            while not await self._is_up(one):
                if time.monotonic() > until:
                    raise StackError(f"service {one.name} was not ready in time", why=await self._said(one.name))
                await asyncio.sleep(LOOK)

    async def _is_up(self, one: Contained) -> bool:
        ended = (await asyncio.to_thread(self.containers.ended)).get(one.name)
        if ended is not None and (ended or one.name not in self._done):
            raise StackError(f"service {one.name} ended with {ended} at its start", why=await self._said(one.name))
        if one.name in self._done:
            return ended == 0
        return not one.health or await asyncio.to_thread(self.containers.passes, one.name, one.health)

    async def trouble(self) -> tuple[str, str]:
        """What is wrong with them now, and the last words of the one; empty: nothing."""
        for name, code in (await asyncio.to_thread(self.containers.ended)).items():
            if code or name not in self._done:
                return f"service {name} ended with {code}", await self._said(name)
        return "", ""

    async def close(self, logs: Path) -> None:
        """End all; the last words of each are kept in the folder `logs`."""
        try:
            for name in self._wanted:
                if said := await self._said(name):
                    await asyncio.to_thread(_keep, logs / f"{name}.log", said)
        finally:
            await asyncio.to_thread(self.containers.close)

    async def _said(self, name: str) -> str:
        return await asyncio.to_thread(self.containers.said, name)


def _keep(place: Path, said: str) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(f"{said[-KEPT:]}\n", encoding="utf-8")

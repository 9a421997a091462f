"""Telling what happens, as it is written: each entry of a journal once."""

import asyncio
from collections.abc import Callable

from ..model.run import Event
from ..ports import Store

Tell = Callable[[Event], None]

FOLLOW_SECONDS = 0.1
"""How often journals are looked into."""


class Telling:
    """What of each run's journal was told already."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._told: dict[str, int] = {}

    def rest(self, run_id: str, tell: Tell) -> None:
        """Tell what a run's journal holds beyond what was told."""
        for event in self._store.events(run_id, self._told.get(run_id, 0)):
            self._told[run_id] = event.seq
            tell(event)

    def all_rest(self, tell: Tell) -> None:
        """The rest of every run that anything was told of."""
        for name in list(self._told):
            self.rest(name, tell)

    async def follow(self, run_id: str, tell: Tell) -> None:
        """Tell what is written from now on, of one run or (empty) of all, until cancelled."""
        if not run_id:
            self._told |= {run.id: self._last(run.id) for run in self._store.runs()}
        before: set[str] = set()
        while True:
            now = {run_id} if run_id else {run.id for run in self._store.runs(active=True)}
            for name in before | now:  # a run that has just ended has last words
                self.rest(name, tell)
            before = now
            await asyncio.sleep(FOLLOW_SECONDS)

    def _last(self, run_id: str) -> int:
        seq = 0
        while events := self._store.events(run_id, seq):
            seq = events[-1].seq
        return seq

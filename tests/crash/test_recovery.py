"""A run is killed again while it recovers, and by the commits of the engine underneath; it ends the same."""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence

import pytest
import sqlalchemy as sa
from ending import ending, lost_autosaves
from lives import Life, Place, carry_on, lives
from undisturbed import Undisturbed

from setpoint.testing.crashes import START, Boundaries, Death
from setpoint.testing.processes import Child

pytestmark = pytest.mark.slow

AGAIN = (1, 2, 4, 6)
"""Boundaries of a life that begins in the middle of a part: journal, workspace, the way back to the last autosave."""


@pytest.mark.parametrize(
    ("part", "number"),
    [("tests running", 43), ("implementation running", 31), ("review running", 20), ("merge running", 8)],
)
async def test_a_run_killed_while_it_recovers_ends_the_same(
    place: Place, undisturbed: Undisturbed, part: str, number: int
) -> None:
    recovering: list[Life] = [(Death("", again), "") for again in AGAIN]
    await lives(place, (Death(part, number), START), *recovering, (None, ""))
    assert await ending(place) == undisturbed.ending
    assert lost_autosaves(place) == []


def die_at_commit(place: Place, number: int) -> None:
    """In a child: carry on, and die at the commit `number` of any connection, the job engine's included."""
    seen = 0

    def count(_connection: sa.Connection) -> None:
        nonlocal seen
        seen += 1
        if seen == number:
            os.kill(os.getpid(), signal.SIGKILL)

    sa.event.listen(sa.Engine, "commit", count)
    asyncio.run(carry_on(place, Boundaries(place.notes)))
    sys.exit(0)


@pytest.mark.parametrize("numbers", [(40, 1, 2, 3), (90, 4, 5, 6), (140, 7, 8, 9), (60, 10, 12, 14), (180, 17, 20, 24)])
async def test_a_run_killed_in_the_middle_of_the_engine_ends_the_same(
    place: Place, undisturbed: Undisturbed, numbers: Sequence[int]
) -> None:
    for number in numbers:
        async with Child(die_at_commit, place, number) as child:
            assert await child.end() == -signal.SIGKILL, number
    await lives(place, (None, ""))
    assert await ending(place) == undisturbed.ending
    assert lost_autosaves(place) == []

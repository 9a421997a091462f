"""No room for the state: the run stops with a clear word and goes on once there is room."""

import asyncio
import sys

import pytest
import sqlalchemy as sa
from ending import ending, lost_autosaves
from lives import Place, carry_on, lives
from undisturbed import Undisturbed

from setpoint.errors import DiskFullError
from setpoint.model.run import State
from setpoint.testing.crashes import START, Boundaries, Death
from setpoint.testing.processes import Child

pytestmark = pytest.mark.slow


def pages(place: Place) -> int:
    """How many pages the database has."""
    with sa.create_engine(f"sqlite:///{place.folder / '.setpoint' / 'setpoint.db'}").connect() as connection:
        return int(connection.exec_driver_sql("PRAGMA page_count").scalar_one())


def live_without_room(place: Place, most: int) -> None:
    """In a child: carry on with a database that may not grow beyond `most` pages; leave with 3 when it is full."""
    sa.event.listen(sa.Engine, "connect", lambda c, _record: c.execute(f"PRAGMA max_page_count={most}"))
    try:
        run = asyncio.run(carry_on(place, Boundaries(place.notes)))
    except DiskFullError:
        sys.exit(3)
    sys.exit(3 if run.position.state is State.PARKED else 1)


@pytest.mark.parametrize("more", [0, 1, 4, 16])
async def test_a_run_stops_when_the_disk_is_full_and_goes_on_when_it_is_not(
    place: Place, undisturbed: Undisturbed, more: int
) -> None:
    await lives(place, (Death("tests running", 20), START))
    async with Child(live_without_room, place, pages(place) + more) as child:
        assert await child.end() == 3
    await lives(place, (None, ""))
    assert (await ending(place)).essence() == undisturbed.ending.essence()
    assert lost_autosaves(place) == []

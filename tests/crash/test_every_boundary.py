"""A run is killed by SIGKILL at every boundary it has: before and after each commit and each effect outside.

Killed once in each of its parts, at the same place of each, a run meets all boundaries in as many runs as its longest
part has; each life is shown to have ended exactly where it was to end.
"""

import pytest
from ending import ending, lost_autosaves
from lives import Life, Place, deaths_told, lives, series
from small import REQUESTS
from undisturbed import Undisturbed

from setpoint.testing.databases import VERSIONS
from setpoint.testing.postgres import PostgresServer

LONGEST = 60
"""Boundaries of the longest part."""
ON_POSTGRESQL = (4, 15)


async def same_end(place: Place, undisturbed: Undisturbed, these: list[Life]) -> None:
    await lives(place, *these)
    assert deaths_told(place) == [
        f"{death.part}\t{undisturbed.parts[death.part][death.number - 1]}" for death, _ in these if death
    ]
    assert await ending(place) == undisturbed.ending
    assert lost_autosaves(place) == []


def test_an_undisturbed_run_does_everything_once(undisturbed: Undisturbed) -> None:
    end = undisturbed.ending
    assert (end.state, end.at_rest, end.untouched, end.current) == ("done", True, True, True)
    assert (len(end.pulls), len(end.merges), len(end.branch)) == (1, 2, 2)
    assert end.steps == ["deploy merged True", "smoke merged True"]
    assert end.ran == ["deploy merged", "smoke merged"]
    assert end.cost[0] == end.once["model"] == REQUESTS
    assert end.progress is not None


def test_no_boundary_is_left_out(undisturbed: Undisturbed) -> None:
    """A new boundary in the longest part raises LONGEST."""
    assert max(map(len, undisturbed.parts.values())) == LONGEST


@pytest.mark.slow
@pytest.mark.parametrize("number", range(1, LONGEST + 1))
async def test_a_run_killed_in_every_part_ends_the_same(place: Place, undisturbed: Undisturbed, number: int) -> None:
    await same_end(place, undisturbed, series(undisturbed.parts, number))


@pytest.mark.slow
@pytest.mark.parametrize("number", ON_POSTGRESQL)
async def test_a_run_killed_on_postgresql_ends_the_same(
    place: Place, undisturbed: Undisturbed, postgres_server: PostgresServer, ready_database: str, number: int
) -> None:
    there = Place(place.folder, postgres_server.emptied(ready_database, VERSIONS))
    await same_end(there, undisturbed, series(undisturbed.parts, number))

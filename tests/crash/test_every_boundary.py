"""A run is killed by SIGKILL at every boundary it has: before and after each commit and each effect outside.

Killed once in each of its parts, at the same place of each, a run meets all boundaries in as many runs as its longest
part has; each life is shown to have ended exactly where it was to end.
"""

from pathlib import Path

import pytest
from ending import ending, lost_autosaves
from lives import Life, Place, deaths_told, lives, renewed, series
from small import REQUESTS
from undisturbed import Undisturbed

from setpoint.testing.crashes import START, Death
from setpoint.testing.databases import VERSIONS
from setpoint.testing.postgres import PostgresServer

LONGEST = 56
"""Boundaries of the longest part, where gates have judged the same trees before and answer from evidence."""
BY_GATES = range(39, 45)
"""More boundaries of that part, where they have not: what the gates said is kept."""
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


def test_no_boundary_is_left_out(undisturbed: Undisturbed, untried_run: tuple[Place, Undisturbed]) -> None:
    """A new boundary in the longest part raises LONGEST; one that a gate brings lies in BY_GATES."""
    assert max(map(len, undisturbed.parts.values())) == LONGEST
    untried = untried_run[1].parts
    assert {part for part in untried if untried[part] != undisturbed.parts[part]} == {"implementation running"}
    passed = list(untried["implementation running"])
    del passed[BY_GATES.start - 1 : BY_GATES.stop - 1]
    assert passed == undisturbed.parts["implementation running"]


@pytest.mark.slow
@pytest.mark.parametrize("number", range(1, LONGEST + 1))
async def test_a_run_killed_in_every_part_ends_the_same(place: Place, undisturbed: Undisturbed, number: int) -> None:
    await same_end(place, undisturbed, series(undisturbed.parts, number))


@pytest.mark.slow
@pytest.mark.parametrize("number", BY_GATES)
async def test_a_run_killed_while_gates_answer_ends_the_same(
    untried: Path, untried_run: tuple[Place, Undisturbed], tmp_path: Path, number: int
) -> None:
    _, undisturbed = untried_run
    place = renewed(Place(tmp_path / "repository"), untried)
    part = "implementation running"
    await same_end(place, undisturbed, [(Death(part, number), START), (None, "")])


@pytest.mark.slow
@pytest.mark.parametrize("number", ON_POSTGRESQL)
async def test_a_run_killed_on_postgresql_ends_the_same(
    place: Place, undisturbed: Undisturbed, postgres_server: PostgresServer, ready_database: str, number: int
) -> None:
    there = Place(place.folder, postgres_server.emptied(ready_database, VERSIONS))
    await same_end(there, undisturbed, series(undisturbed.parts, number))

"""The lives of one run: each in a process of its own, all but the last cut short."""

import asyncio
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import small

from setpoint.model.run import Run, State, Waits
from setpoint.testing.crashes import Boundaries, MortalHouse
from setpoint.testing.processes import Child


@dataclass(frozen=True)
class Place:
    """Where a run happens: a repository, and its database where that is not the file beside it."""

    folder: Path
    database_url: str = ""

    @property
    def notes(self) -> Path:
        """What all lives noted, in order."""
        return self.folder.parent / "notes.txt"

    async def house(self, boundaries: Boundaries | None = None) -> MortalHouse:
        """The house there, for this process to look at or to carry on in."""
        return await MortalHouse.around(self.folder, boundaries or Boundaries(), self.database_url)


def renewed(place: Place, template: Path) -> Place:
    """The same place with nothing done there yet."""
    for path in (place.folder, place.notes):
        if path.is_dir():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)
    shutil.copytree(template, place.folder, symlinks=True)
    return place


def live(place: Place, die_at: int = 0) -> None:
    """In a child: carry the ticket to its end, whatever was done before; die at boundary `die_at`."""
    asyncio.run(carry_on(place, Boundaries(place.notes, die_at)))
    sys.exit(0)


async def carry_on(place: Place, boundaries: Boundaries) -> Run:
    """Start the run or go on with it, say yes where a person is asked, until it is over or handed to a person."""
    boundaries.note("begins")
    house = await place.house(boundaries)
    try:
        found = house.store.runs()
        run = found[0] if found else await begun(house)
        while True:
            run = await house.carry(run.id, lambda _event: None)
            if run.position.waits is not Waits.DECISION:
                break
            await house.commands.approve(run.id, because="it holds")
    finally:
        await house.close()
    boundaries.note("ends")
    return run


async def begun(house: MortalHouse) -> Run:
    """A new run of the small ticket."""
    return (await house.submit(small.TICKET, name="blank-name", kind=None, detach=False)).run


async def lives(place: Place, *deaths: int) -> None:
    """One life a number, each killed at that boundary; then one more, to the end."""
    for die_at in deaths:
        async with Child(live, place, die_at) as child:
            code = await child.end()
            assert code == -9, f"boundary {die_at} was not reached: exit code {code}\n{told(place)[-3:]}"
    async with Child(live, place) as child:
        code = await child.end()
        assert code == 0, f"exit code {code}"


def told(place: Place) -> list[str]:
    """The notes, without their times."""
    return [line.partition("\t")[2] for line in place.notes.read_text(encoding="utf-8").splitlines()]


def boundaries(notes: Sequence[str]) -> list[str]:
    """The boundaries passed, in words."""
    return [line.partition("\t")[2] for line in notes if "\t" in line]


def first_progress(place: Place) -> list[float]:
    """Seconds from the beginning of each life to its first commit."""
    found: list[float] = []
    waiting = False
    for line in place.notes.read_text(encoding="utf-8").splitlines():
        seconds, _, said = line.partition("\t")
        if said == "begins":
            waiting = True
        elif waiting and "after commit" in said:
            found.append(float(seconds))
            waiting = False
    return found


def over(run: Run) -> bool:
    """Whether nothing follows."""
    return run.position.state is State.DONE

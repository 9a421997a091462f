"""The lives of one run: each in a process of its own, all but the last cut short."""

import asyncio
import shutil
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import small

from setpoint.model.approval import POINTS
from setpoint.model.run import Run, State, Waits
from setpoint.testing.crashes import START, Boundaries, Death, MortalHouse
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


def live(place: Place, death: Death | None = None, part: str = START) -> None:
    """In a child: carry the ticket to its end, whatever was done before, or die where told. `part` is where the run
    stands when the process begins, where that is the beginning of a part."""
    asyncio.run(carry_on(place, Boundaries(place.notes, death, part)))
    sys.exit(0)


async def carry_on(place: Place, boundaries: Boundaries) -> Run:
    """Start the run or go on with it, say yes where a person is asked, until it is over, parked, or handed to a
    person."""
    boundaries.note("begins")
    house = await place.house(boundaries)
    try:
        found = house.store.runs()
        run = found[0] if found else await begun(house)
        if run.position.state is State.PARKED:
            run = await house.commands.resume(run.id)
        while True:
            run = await house.carry(run.id, lambda _event: None)
            if run.position.waits is not Waits.DECISION:
                break
            await house.commands.approve(run.id, because="it holds", inspected=INSPECTED)
    finally:
        await house.close()
    boundaries.note("ends")
    return run


async def begun(house: MortalHouse) -> Run:
    """A new run of the small ticket."""
    return (await house.submit(small.TICKET, name="blank-name", kind=None, detach=False)).run


INSPECTED = dict.fromkeys(POINTS, "it holds")
"""What the person found who approves the change."""

Life = tuple[Death | None, str]
"""Where a life ends (None: with the run), and the part that it begins with, if it begins at a part's beginning."""

WHOLE: tuple[Life, ...] = ((None, START),)
"""Undisturbed."""


def series(whole: dict[str, list[str]], number: int) -> list[Life]:
    """Lives that end at boundary `number` of each part that has so many, then one to the end; `whole` are the
    boundaries of an undisturbed run."""
    names, found, begins = list(whole), [], START
    for part, following in zip(names, [*names[1:], ""], strict=True):
        if number <= len(whole[part]):
            found.append((Death(part, number), begins))
            # The last boundary of a part lies behind the commit that leads into the next one.
            begins = following if number == len(whole[part]) else ""
    return [*found, (None, begins)]


async def lives(place: Place, *these: Life) -> None:
    """One life after the other."""
    for death, part in these:
        await one_life(place, death, part)


async def one_life(place: Place, death: Death | None = None, part: str = "") -> None:
    """A life that ends as told; AssertionError when it ends otherwise."""
    async with Child(live, place, death, part) as child:
        code = await child.end()
    last = told(place)[-1:]
    if death is None:
        assert (code, last) == (0, ["ends"])
    else:
        assert code == -signal.SIGKILL, f"{death} was not reached: exit code {code}, last {last}"


def told(place: Place) -> list[str]:
    """The notes, without their times."""
    return [line.partition("\t")[2] for line in place.notes.read_text(encoding="utf-8").splitlines()]


def parts(notes: Sequence[str]) -> dict[str, list[str]]:
    """The boundaries passed, in words, by part."""
    found: dict[str, list[str]] = {}
    for part, tab, what in (line.partition("\t") for line in notes):
        if tab:
            found.setdefault(part, []).append(what)
    return found


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


def deaths_told(place: Place) -> list[str]:
    """The last note of each life but the last."""
    notes = told(place)
    return [before for before, after in pairwise(notes) if after == "begins"]

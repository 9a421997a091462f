"""How far a review reaches: the delta, what it touches, and the criteria. What lies outside becomes a follow-up.

Doubt counts as inside: only a finding about a file that stood there before, did not change, has nothing to do with a
changed file by name, and that no probe shows to be new, is set aside. It is kept, and offered as a ticket.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from ..errors import DeniedError
from ..model.objection import Deviation, Objection
from ..model.run import Run
from ..ports import Room, Store
from .probes import Probes

READ = 200
"""Changed files that are looked into for names."""
CAP = 400_000
"""Characters looked into of one file."""
FOLLOW_UPS = "follow_ups"
"""Name of the run's fact that keeps them."""
_CRITERION = re.compile(r"\b[A-Z]{2,4}-\d{3}\b")
_NAMELESS = frozenset({"__init__", "__main__", "index", "main", "mod", "readme", "test", "tests"})


@dataclass(frozen=True)
class Surface:
    """The delta of a change and the names that lead into it and out of it."""

    changed: Mapping[str, str]
    """Text of each changed file, by path; empty for what cannot be read."""

    def touches(self, path: str, text: str) -> bool:
        """Whether a file and a changed one speak of each other by name."""
        own = _name(path)
        if own and any(_speaks(changed, own) for changed in self.changed.values()):
            return True
        return any(_speaks(text, name) for name in map(_name, self.changed) if name)


def surface_of(room: Room, changed: Sequence[str]) -> Surface:
    """The surface of a change whose tree is in `room`."""
    read = {path: text_of(room, path) or "" for path in changed[:READ]}
    return Surface({**dict.fromkeys(changed, ""), **read})


def text_of(room: Room, path: str) -> str | None:
    """A file's text; None when there is no such file."""
    try:
        return room.read(path)[:CAP].decode("utf-8", "replace")
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError, DeniedError, ValueError):
        return None


async def split_by_surface(
    found: Sequence[Objection], room: Room, changed: Sequence[str], probes: Probes, base: str
) -> tuple[tuple[Objection, ...], tuple[Objection, ...]]:
    """What drives the loop, and what becomes a follow-up."""
    surface = surface_of(room, changed)
    inside, outside = [], []
    for objection in found:
        far = _is_far(objection, surface, room)
        if far and not (objection.shown and await probes.passes(objection, base)):
            outside.append(objection)
        else:
            inside.append(objection)
    return tuple(inside), tuple(outside)


def _is_far(objection: Objection, surface: Surface, room: Room) -> bool:
    path = objection.place.path.removeprefix("./") if objection.place else ""
    asked = objection.deviation in (Deviation.REQUIREMENT, Deviation.BOUNDARY) or objection.about_plan
    if not path or asked or path in surface.changed or _CRITERION.search(f"{objection.what} {objection.cause}"):
        return False
    text = text_of(room, path)
    return text is not None and not surface.touches(path, text)


def _name(path: str) -> str:
    """What other files call this one; empty when that says nothing."""
    place = PurePosixPath(path)
    stem = place.stem if place.stem.casefold() not in _NAMELESS else place.parent.name
    return stem if len(stem) >= 3 and stem.casefold() not in _NAMELESS else ""


def _speaks(text: str, name: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) is not None


def follow_ups(store: Store, run: Run) -> tuple[Objection, ...]:
    """What reviews of this run found outside its change."""
    kept = store.recall(run.id, FOLLOW_UPS)
    return tuple(Objection.model_validate(each) for each in kept["objections"]) if kept else ()


def ticket_of(objection: Objection) -> str:
    """A follow-up as the text of a ticket."""
    where = f"`{objection.place.path}`" if objection.place else "the code"
    at = f"{where}, line {objection.place.line}" if objection.place and objection.place.line else where
    what = " ".join(objection.what.split()).rstrip(".")
    first = re.split(r"(?<=[.;])\s", what)[0].rstrip(".;")
    title = first if len(first) <= 90 else f"{first[:89].rsplit(' ', 1)[0]} …"
    expected = (
        f"`{objection.probe}` exits with code 0."
        if objection.probe
        else f"{where} does not show this any more: {what}."
    )
    parts = [f"# Fix: {title}", f"{what}. Seen in {at}, outside of the change that was reviewed."]
    parts += [f"## Evidence\n\n{_quoted(objection.evidence)}"] if objection.evidence else []
    return "\n\n".join([*parts, f"**Expected:** {expected}"]) + "\n"


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}" for line in text.strip().splitlines()[:40])

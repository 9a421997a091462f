"""The story of the profile page. `python -m setpoint.demo.avatar.storyboard` writes recording.json from it."""

from typing import Any

from ..authoring import recording, save
from ..project import AVATAR
from . import building, planning, reviewing

ABOUT = (
    "A profile page with avatar upload in TypeScript: real pictures, their limits, and two things no test had asked."
)
TURNS = (
    *planning.TURNS,  # the first plan's order is sent back
    *building.TURNS,  # the third task is stopped by the type checker
    reviewing.FIRST_TURN,  # two High
    building.rework(reviewing.UPRIGHT_ID, reviewing.GONE_ID),
    reviewing.SECOND_TURN,
)


def build() -> dict[str, Any]:
    """The whole recording."""
    return recording(ABOUT, "Profile page with avatar upload", TURNS)


if __name__ == "__main__":
    save(build(), AVATAR.recording)

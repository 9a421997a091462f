"""The story of POST /orders in its order. `python -m setpoint.demo.orders.storyboard` writes recording.json from it."""

from typing import Any

from ..authoring import recording, save
from ..project import ORDERS
from . import building, planning, reviewing

ABOUT = "POST /orders in five tasks, each stopped or passed by its own checks: scenarios, database, log, end to end."
TURNS = (
    *planning.TURNS,  # the first plan's order is sent back
    *building.TURNS,  # the third task is stopped by a scenario
    reviewing.FIRST_TURN,  # one High, one Medium
    building.rework(reviewing.OPEN),
    reviewing.SECOND_TURN,
)


def build() -> dict[str, Any]:
    """The whole recording."""
    return recording(ABOUT, "POST /orders", TURNS)


if __name__ == "__main__":
    save(build(), ORDERS.recording)

"""The demo's story in its order. `python -m setpoint.demo.storyboard` writes recording.json from it."""

from typing import Any

from .authoring import recording, save
from .project import SIGNUP
from .scenes import discovery, hotfix, implementation, planning, review, tests_first

ABOUT = "Signup gets server-side validation: planned, built, reviewed, stopped by a smoke test, and fixed forward."
TICKET = "Validate signup on the server"

TURNS = (
    *discovery.TURNS,  # and the tech spec
    *planning.TURNS,  # the first plan is sent back
    *tests_first.TURNS,
    implementation.RULES_TURN,
    implementation.RULES_JUDGED,
    implementation.WIRING_TURN,
    implementation.WIRING_JUDGED,
    review.FIRST_TURN,  # one High
    implementation.REWORK_TURN,
    review.SECOND_TURN,
    *hotfix.TURNS,  # after the smoke test on pre-staging
)


def build() -> dict[str, Any]:
    """The whole recording."""
    return recording(ABOUT, TICKET, TURNS)


if __name__ == "__main__":
    save(build(), SIGNUP.recording)

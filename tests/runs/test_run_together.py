"""CI's word on integration tests counts where a change reaches the database, though the gate is optional."""

import pytest
import story
from playing import Play
from story import hand_in

from setpoint.model.run import State

pytestmark = pytest.mark.slow

PARTS = """
[loop]
ci_fixes = 0

[gates.parts]
kind = "integration"
run = ["sh", "-c", "echo Ran 1 test in 0s; ! python -c 'import rates'"]
required = false
"""
QUERY = story.edit(story.PRICE, "def discounted", 'GOODS = "SELECT name FROM goods"\n\n\ndef discounted')


@pytest.mark.parametrize(("edits", "state", "done"), [((), "green", True), ((QUERY,), "red", False)])
async def test_ci_requires_what_the_change_reaches(
    play: Play, edits: tuple[story.Step, ...], state: str, done: bool
) -> None:
    sessions = story.hotfix(change=[[[story.MEND, *edits, hand_in(story.CHANGE)]]])
    async with play(sessions, config=PARTS) as stage:
        run = await stage.run()
        assert run.position.stage == "change"
        (packages,) = (stage.folder / ".venv" / "lib").glob("python*/site-packages")
        (packages / "rates.py").write_text("", encoding="utf-8")  # what it runs against changes before CI
        run = await stage.approve(run)
        assert [event.data["state"] for event in stage.events(run, "ci")] == [state]
        assert (run.position.state is State.DONE) is done

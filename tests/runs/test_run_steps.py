"""A plan's check of several steps decides in a run: the change comes back until what it should have logged is there."""

import pytest
import story
from playing import Play
from story import PLAN, PRICE, ROUND, ROUND_CHANGE, edit, hand_in, plan_with

from setpoint.model.evidence import Outcome
from setpoint.model.plan import Check
from setpoint.model.run import State

pytestmark = pytest.mark.slow

RECEIPT = Check(
    standard="A receipt leaves its entry",
    then=("Run `python -m shop.price`", "Log `receipt.log` - all entries match `rounded=1[.]01`"),
)
TASK = PLAN.tasks[0].model_copy(update={"checks": (*PLAN.tasks[0].checks, RECEIPT)})
ENDS = "    return round(price, 2)\n"


def logging(what: str) -> str:
    """The module's end, with a receipt that writes `what` into its log."""
    return (
        f'{ENDS}\n\nif __name__ == "__main__":\n'
        f'    with open("receipt.log", "a") as receipt:\n        receipt.write(f"{what}\\n")\n'
    )


async def test_the_change_comes_back_until_every_entry_is_as_planned(play: Play) -> None:
    wrong, right = logging("{1.006}"), logging("rounded={rounded(1.006)}")
    sessions = story.feature(
        plan=[[[hand_in(plan_with(tasks=(TASK,)))]]],
        change=[
            [
                [ROUND, hand_in(ROUND_CHANGE)],
                [edit(PRICE, ENDS, wrong), hand_in(ROUND_CHANGE)],
                [edit(PRICE, wrong, right), hand_in(ROUND_CHANGE)],
            ]
        ],
    )
    async with play(sessions) as stage:
        run = await stage.to_the_end(await stage.run(story.FEATURE_TICKET))
        assert run.position.state is State.DONE
        told = [result for _, result in stage.house.store.results(run.id) if result.gate == "T001.2"]
        assert [result.outcome for result in told] == [Outcome.REFUSED, Outcome.FAILED, Outcome.PASSED]
        asked = stage.requests("change")
        assert "- Log `receipt.log` - all entries match" in str(asked[0].messages[0])
        assert "receipt.log cannot be read" in str(asked[-1].messages)
        assert "1 of 1 entry of receipt.log does not match" in str(asked[-1].messages)

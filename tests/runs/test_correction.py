"""Objections go back to the session that can mend them, all of them, until nothing above Low is open."""

import re
from itertools import pairwise

import pytest
import story
from playing import Play, Playing
from story import finding, guard, hand_in, minds, plan_with, reports

from setpoint.model.boundary import Boundaries
from setpoint.model.objection import Severity, Source
from setpoint.model.run import State, Waits
from setpoint.policy.guard import GuardedRoom
from setpoint.testing.gate_rooms import FolderRoom
from setpoint.testing.model_server import Seen

pytestmark = pytest.mark.slow


def continues(earlier: Seen, later: Seen) -> bool:
    """Whether a request is the earlier one with more messages at its end, byte for byte."""
    return later.raw.startswith(earlier.raw.removesuffix(b"]}"))


def one_session(requests: list[Seen]) -> bool:
    return all(continues(earlier, later) for earlier, later in pairwise(requests))


async def test_a_plan_sent_back_is_mended_by_the_same_session_with_all_objections(play: Play) -> None:
    first = finding("the plan does not say who calls rounded", path="tasks")
    second = finding("the plan does not say where negative prices go", path="tasks")
    sessions = story.feature(
        plan=[[[hand_in(plan_with(f"Add rounded, draft {n}."))] for n in (1, 2, 3)]],
        verdict=[
            [[hand_in(story.CONTENT)]],
            [[hand_in(story.CONTENT)]],
            minds(first),
            minds(second, guesses=("cents",)),
        ],
    )
    async with play(sessions) as stage:
        run = await stage.run(story.FEATURE_TICKET)
        assert (run.position.stage, run.position.waits) == ("plan", Waits.DECISION)
        assert stage.rounds(run, "planning") == 3

        asked = stage.requests("plan")
        assert len(asked) == 3
        assert one_session(asked)
        last_turn = str(asked[-1].messages[-1])
        assert all(words in last_turn for words in (first.what, second.what, "cents"))

        judges = stage.sessions("verdict")[2:]
        assert [len(session) for session in judges] == [1, 1, 1]
        assert {seen.body["model"] for session in judges for seen in session} == {"claude-haiku-4-5"}
        assert {seen.body["model"] for seen in asked} == {"claude-opus-4-5"}
        assert stage.house.store.deliverable(run.id, 1, "plan") == plan_with("Add rounded, draft 3.").model_dump(
            mode="json"
        )


async def test_a_high_finding_goes_to_the_builder_and_a_fresh_reviewer_closes_it(play: Play) -> None:
    high = finding("exactly 100.5 percent is let through")
    low = finding("the message does not name the percent", Severity.LOW)
    mended = story.edit(story.PRICE, "percent > 100:", "percent > 100.0:")
    sessions = story.hotfix(
        change=[[[story.MEND, hand_in(story.CHANGE)], [mended, hand_in(story.CHANGE)]]],
        review=[reports(high), reports(low, closed=(high.objection(Source.REVIEWER).fingerprint,))],
    )
    async with play(sessions) as stage:
        run = await stage.run()
        assert run.position.stage == "change"
        builder = stage.requests("change")
        assert len(builder) == 4
        assert one_session(builder)
        assert high.what in str(builder[2].messages[-1])
        assert "The change comes back from review with objections" in str(builder[2].messages[-1])
        assert "`submit_change`" in str(builder[2].messages[-1])
        assert "comes back from review" not in str(builder[1].messages)

        reviewers = stage.sessions("review")
        assert [len(session) for session in reviewers] == [2, 2]
        assert high.what in reviewers[1][0].first
        assert {seen.body["model"] for session in reviewers for seen in session} == {"claude-opus-4-5"}
        assert {seen.body["model"] for seen in builder} == {"claude-sonnet-4-5"}

        shown = stage.view(run)
        assert [(o.severity, o.what) for o in shown.objections] == [(Severity.LOW, low.what)]
        mark = high.objection(Source.REVIEWER).fingerprint
        silent = stage.objections(run, "implementation:~review")
        assert [(o.severity, mark in o.what) for o in silent] == [(Severity.LOW, True)], "nothing was said of it"
        assert shown.independence == "reduced"
        run = await stage.to_the_end(run)
        assert (run.position.state, stage.code(run)) == (State.DONE, 0)


async def test_a_wrong_plan_is_planned_anew_and_not_patched_in_code(play: Play) -> None:
    wrong = finding("the plan rounds before it adds, the ticket after", about_plan=True)
    sessions = story.feature(
        plan=[[[hand_in(story.PLAN)], [hand_in(story.plan_with("Round the sum, not the parts."))]]],
        review=[reports(wrong)],
    )
    async with play(sessions) as stage:
        run = await stage.approve(await stage.run(story.FEATURE_TICKET))
        asked = len(stage.requests("change"))
        assert (run.position.stage, run.position.waits) == ("plan", Waits.DECISION), "a person reads the new plan"
        assert "Round the sum" in str(stage.house.store.deliverable(run.id, 1, "plan"))
        planner = stage.requests("plan")
        assert one_session(planner)
        assert wrong.what in str(planner[-1].messages[-1])
        assert asked == 2, "the code is not touched meanwhile"


async def test_an_earlier_finding_that_nobody_accounts_for_stays_open(play: Play) -> None:
    high = finding("exactly 100.5 percent is let through")
    again = [story.edit(story.PRICE, "percent > 100:", "percent > 100.0:"), hand_in(story.CHANGE)]
    sessions = story.hotfix(
        change=[[[story.MEND, hand_in(story.CHANGE)], again, again[1:]]], review=[reports(high), reports()]
    )
    async with play(sessions) as stage:
        run = await stage.run()
        assert (run.position.stage, run.position.waits) != ("change", Waits.DECISION)
        assert high.what in [o.what for o in stage.objections(run, "review")[1:]]


async def test_work_that_is_claimed_and_not_done_is_never_accepted(play: Play) -> None:
    sessions = story.hotfix(change=[[[hand_in(story.CHANGE)]]])
    async with play(sessions) as stage:
        run = await stage.run()
        assert (run.position.stage, run.position.waits) == ("implementation", Waits.HANDOVER)
        assert stage.code(run) == 4
        assert "test_above_100_is_refused" in str(stage.objections(run, "implementation"))


async def test_wrong_work_is_mended_until_the_gates_are_green(play: Play) -> None:
    wrong = story.edit(story.PRICE, story.BARE, story.DOCSTRING + guard("percent > 1000"))
    right = story.edit(story.PRICE, "percent > 1000", "percent > 100")
    sessions = story.hotfix(change=[[[wrong, hand_in(story.CHANGE)], [right, hand_in(story.CHANGE)]]])
    async with play(sessions) as stage:
        run = await stage.run()
        assert run.position.stage == "change"
        assert stage.rounds(run, "implementation") == 2
        assert one_session(stage.requests("change"))
        assert "DID NOT RAISE" in str(stage.requests("change")[2].messages[-1])


async def test_the_whole_output_of_a_gate_can_be_read_by_who_mends(play: Play) -> None:
    noisy = f"{story.DOCSTRING}    for number in range(3000):\n        print('looked at', number)\n"
    wrong = story.edit(story.PRICE, story.BARE, noisy)
    right = story.edit(story.PRICE, noisy, story.DOCSTRING + guard("percent > 100"))
    sessions = story.hotfix(change=[[[wrong, hand_in(story.CHANGE)], [right, hand_in(story.CHANGE)]]])
    async with play(sessions) as stage:
        await stage.run()
        told = str(stage.requests("change")[2].messages[-1])
        assert "looked at 1500" not in told
        names = re.findall(r"`(output:[0-9a-f]{64})`", told)
        room = GuardedRoom(FolderRoom(stage.folder), Boundaries(), writes=False, outputs=stage.house.store.blob)
        assert any(b"looked at 1500\n" in room.read(name) for name in names)


async def the_form_is_wrong(stage: Playing) -> None:
    run = await stage.run()
    assert run.position.stage == "change"
    assert stage.rounds(run, "diagnosis") == 1
    assert one_session(stage.requests("diagnosis"))


async def test_a_wrong_form_is_mended_within_the_round(play: Play) -> None:
    sessions = story.hotfix(
        diagnosis=[[[story.raw_hand_in("diagnosis", {"symptom": "?"})], [hand_in(story.DIAGNOSIS)]]]
    )
    async with play(sessions) as stage:
        await the_form_is_wrong(stage)

"""Faults of a model inside a whole run: no work is lost, no attempt is burnt, and nothing undone ends as done."""

import pytest
import story
from playing import Play, Playing

from setpoint.model.run import Run, State, Waits
from setpoint.testing.model_server import Fault

pytestmark = pytest.mark.slow

EDITS = 6
"""The number of the request that edits the code: after diagnosis, its verdict, the tests' two and their verdict."""
QUICK = Fault("429", seconds=0.2)
FAULTS: dict[str, str | Fault] = {
    "429 with retry-after": QUICK,
    **{kind: kind for kind in ("529", "500", "500x4", "reset", "cut", "stream_error", "garbage")},
    **{kind: kind for kind in ("malformed", "unknown_tool", "empty", "truncated", "hang")},
}
IMPATIENT = "[budget]\nsession_idle_seconds = 1.0\n"


async def one_round_each(stage: Playing, run: Run) -> None:
    for phase in ("diagnosis", "tests", "implementation", "review"):
        assert stage.rounds(run, phase) == 1, phase


@pytest.mark.parametrize("name", FAULTS)
async def test_a_fault_costs_no_work_and_no_attempt(play: Play, name: str) -> None:
    async with play(story.hotfix(), config=IMPATIENT, faults={EDITS: FAULTS[name]}) as stage:
        run = await stage.run()
        assert (run.position.stage, run.position.waits) == ("change", Waits.DECISION)
        assert len(stage.model.requests) > len(GOOD_RUN)
        await one_round_each(stage, run)
        assert "percent > 100" in await stage.house.diff(run)
        run = await stage.to_the_end(run)
        assert (run.position.state, stage.code(run)) == (State.DONE, 0)


GOOD_RUN = ("diagnosis", "verdict", "tests", "tests", "verdict", "change", "change", "verdict", "review", "review")


@pytest.mark.parametrize("at", range(1, len(GOOD_RUN) + 1), ids=lambda at: f"{at}-{GOOD_RUN[at - 1]}")
async def test_a_connection_lost_at_any_request_is_made_good(play: Play, at: int) -> None:
    async with play(story.hotfix(), faults={at: "reset"}) as stage:
        run = await stage.run()
        assert (run.position.stage, run.position.waits) == ("change", Waits.DECISION)
        assert len(stage.model.requests) == len(GOOD_RUN) + 1
        await one_round_each(stage, run)


async def test_a_model_in_a_circle_is_stopped_and_parked(play: Play) -> None:
    async with play(story.hotfix(), faults={EDITS: "loop"}) as stage:
        run = await stage.run()
        assert (run.position.state, run.position.stage, stage.code(run)) == (State.PARKED, "implementation", 3)
        assert "repeated" in run.note
        assert len(stage.requests("change")) <= 6
        assert stage.rounds(run, "implementation") == 0
        assert stage.rounds(run, "tests") == 1


async def test_no_money_left_at_the_provider_parks_and_resume_goes_on(play: Play) -> None:
    async with play(story.hotfix(), faults={EDITS: "quota"}) as stage:
        run = await stage.run()
        assert (run.position.state, stage.code(run)) == (State.PARKED, 3)
        run = await stage.on(await stage.house.commands.resume(run.id))
        assert run.position.stage == "change"
        await one_round_each(stage, run)


async def test_a_refused_key_parks_with_code_5_and_resume_goes_on(play: Play) -> None:
    async with play(story.hotfix(), faults={EDITS: "401"}) as stage:
        run = await stage.run()
        assert (run.position.state, stage.code(run)) == (State.PARKED, 5)
        run = await stage.on(await stage.house.commands.resume(run.id))
        assert run.position.stage == "change"
        await one_round_each(stage, run)


async def test_a_refused_answer_parks_and_resume_goes_on(play: Play) -> None:
    async with play(story.hotfix(), faults={EDITS: "refused"}) as stage:
        run = await stage.run()
        assert (run.position.state, stage.code(run)) == (State.PARKED, 3)
        assert "declined" in run.note


async def test_a_refused_request_is_handed_over_and_not_repeated(play: Play) -> None:
    async with play(story.hotfix(), faults={EDITS: "400"}) as stage:
        run = await stage.run()
        assert (run.position.waits, stage.code(run) != 0) == (Waits.HANDOVER, True)
        assert len(stage.model.requests) == EDITS
        run = await stage.on(await stage.house.commands.retry(run.id))
        assert run.position.stage == "change"
        await one_round_each(stage, run)


async def test_a_judge_that_gives_no_verdict_is_never_a_yes(play: Play) -> None:
    mute = [[story.raw_hand_in("verdict", {"compared": []})]]
    async with play(story.hotfix(verdict=[mute, mute])) as stage:
        run = await stage.run()
        assert (run.position.stage, run.position.waits) == ("diagnosis", Waits.HANDOVER)
        assert "gave no verdict in form" in str(stage.objections(run, "diagnosis"))

"""A critical release is not worked on where it could not be watched or taken back."""

import pytest
import story
from playing import Play
from story import hand_in, plan_with

from setpoint.model.plan import Estimate
from setpoint.model.run import State, Waits

pytestmark = pytest.mark.slow

PLACE = """
[[environment]]
name = "pre-staging"
deploy = ["true"]
smoke = {smoke}
rollback = {rollback}
sandbox = true
seconds = 30.0
"""
CRITICAL = f"---\nlabels: [till, critical]\n---\n{story.HOTFIX_TICKET}"
RISKY = plan_with(estimate=Estimate(days=0.5, lines=10, risk="high"))
WATCHED = RISKY.model_copy(update={"telemetry": ("counter prices.rounded",)})


@pytest.mark.parametrize(
    ("smoke", "rollback", "cause"),
    [
        ('["true"]', "[]", "pre-staging has no rollback"),
        ("[]", '["true"]', "pre-staging has no smoke"),
        ("[]", "[]", "pre-staging has no smoke; pre-staging has no rollback"),
    ],
)
async def test_without_a_way_back_a_critical_ticket_goes_to_a_person_before_any_code(
    play: Play, smoke: str, rollback: str, cause: str
) -> None:
    config = PLACE.format(smoke=smoke, rollback=rollback)
    async with play(story.hotfix(), config=config) as stage:
        run = await stage.run(CRITICAL)
        assert (run.position.stage, run.position.waits) == ("tests", Waits.HANDOVER)
        told = str(stage.events(run, "stopped")[-1].data["error"])
        assert f"a critical release is not ready: {cause}" in told
        assert "the ticket is labelled critical" in told
        assert "[[environment]] in setpoint.toml" in told
        assert stage.requests("change") == []


async def test_with_smoke_and_rollback_a_critical_ticket_is_delivered(play: Play) -> None:
    async with play(story.hotfix(), config=PLACE.format(smoke='["true"]', rollback='["true"]')) as stage:
        run = await stage.to_the_end(await stage.run(CRITICAL))
        assert run.position.state is State.DONE


async def test_the_same_gaps_hold_nothing_up_where_nobody_calls_it_critical(play: Play) -> None:
    async with play(story.hotfix(), config=PLACE.format(smoke='["true"]', rollback="[]")) as stage:
        assert (await stage.run()).position.stage == "change"


async def test_a_plan_of_high_risk_names_what_will_be_watched(play: Play) -> None:
    sessions = story.feature(plan=[[[hand_in(RISKY)], [hand_in(WATCHED)]]])
    async with play(sessions) as stage:
        run = await stage.run(story.FEATURE_TICKET)
        assert (run.position.stage, run.position.waits) == ("plan", Waits.DECISION)
        (objected,) = stage.objections(run, "planning")
        assert objected.what == "telemetry: a critical release is planned without any"
        assert "the plan estimates its risk as high" in objected.cause

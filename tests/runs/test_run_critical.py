"""A critical release is not worked on where it could not be watched or taken back."""

from datetime import UTC, datetime

import pytest
import story
from playing import Play, Playing
from story import hand_in, plan_with

from setpoint.adapters.deployers.journal import Entry, StepJournal
from setpoint.model.plan import Check, Estimate
from setpoint.model.release import Release, StepResult
from setpoint.model.run import State, Waits
from setpoint.pipeline.readiness import unsent
from setpoint.testing.projects import git

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
NAMED = RISKY.model_copy(update={"telemetry": ("counter `prices.rounded`",)})
SEEN = Check(
    run="python -m pytest -q tests/test_rounded.py",
    then=("Log `prices.log` - at least one entry matches `prices\\.rounded`",),
)
WATCHED = NAMED.model_copy(update={"tasks": (NAMED.tasks[0].model_copy(update={"checks": (SEEN,)}),)})


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
    sessions = story.feature(plan=[[[hand_in(RISKY)], [hand_in(NAMED)], [hand_in(WATCHED)]]])
    async with play(sessions) as stage:
        run = await stage.run(story.FEATURE_TICKET)
        assert (run.position.stage, run.position.waits) == ("plan", Waits.DECISION)
        unnamed, unsent = stage.objections(run, "planning")
        assert unnamed.what == "telemetry: a critical release is planned without any"
        assert "the plan estimates its risk as high" in unnamed.cause
        assert unsent.what == "telemetry: no check looks whether `counter `prices.rounded`` is really sent"
        assert "Log `FILE` - at least one entry matches" in unsent.cause


@pytest.mark.parametrize(
    ("signal", "step", "sent"),
    [
        ("counter `prices.rounded`", "Log `a.log` - all entries match `prices\\.rounded`", True),
        ("log line prices.rounded at info", "Log `a.log` - at least one entry matches `^prices_rounded`", True),
        ("counter prices_rounded_total", "Request GET /metrics - 200 matching `^prices_rounded_total [1-9]`", True),
        ("counter prices_rounded", 'Request GET /health - 200 {"prices": {"rounded": 1}}', False),
        ("counter prices_rounded", 'Request GET /health - 200 {"prices_rounded": 1}', True),
        ("the rounding counter", "Log `a.log` - no entry matches `rounding`", True),
        ("the rounding counter", "Log `a.log` - all entries match `correlation`", False),
        ("a log line", "Log `a.log` - all entries match `line`", False),
    ],
)
def test_a_signal_is_looked_for_by_its_name(signal: str, step: str, sent: bool) -> None:
    check = (
        Check(run="true", then=("Serve `true` on 8000", step))
        if step.startswith("Req")
        else Check(run="true", then=(step,))
    )
    tasks = (RISKY.tasks[0].model_copy(update={"checks": (check,)}),)
    assert unsent(RISKY.model_copy(update={"telemetry": (signal,), "tasks": tasks})) == ([] if sent else [signal])


def test_an_alert_beside_a_signal_that_is_seen_stands_elsewhere() -> None:
    assert unsent(WATCHED.model_copy(update={"telemetry": (*NAMED.telemetry, "alert on prices.rounded.rate")})) == []
    assert unsent(WATCHED.model_copy(update={"telemetry": ("alert on the rate",)})) == ["alert on the rate"]


def ran_before(stage: Playing) -> str:
    """A release of the base was deployed to pre-staging before; its commit."""
    sha = git(stage.folder, "rev-parse", "main").strip()
    release = Release(sha=sha, tree=git(stage.folder, "rev-parse", "main^{tree}").strip(), ticket="earlier")
    journal = StepJournal(stage.folder / ".setpoint/environments/pre-staging")
    for step in ("deploy", "smoke"):
        done = StepResult(environment="pre-staging", step=step, ok=True, exit_code=0, at=datetime.now(UTC))
        journal.add(Entry(step=step, release=release, result=done))
    return sha


STAGES = """
[[environment]]
name = "pre-staging"
deploy = ["sh", "-c", "echo deploy $SETPOINT_SHA >>$SETPOINT_STATE/told"]
smoke = ["sh", "-c", "echo smoke >>$SETPOINT_STATE/told"]
rollback = ["sh", "-c", "echo rollback $SETPOINT_SHA >>$SETPOINT_STATE/told; {back}"]
sandbox = true
seconds = 30.0

[[environment]]
name = "production"
deploy = ["true"]
smoke = ["true"]
rollback = ["true"]
sandbox = true
seconds = 30.0
"""


@pytest.mark.parametrize(("ticket", "steps"), [(CRITICAL, 6), (story.HOTFIX_TICKET, 2)])
async def test_the_way_back_of_a_critical_release_is_rehearsed_before_production(
    play: Play, ticket: str, steps: int
) -> None:
    async with play(story.hotfix(), config=STAGES.format(back="true")) as stage:
        earlier = ran_before(stage)
        run = await stage.to_the_end(await stage.run(ticket))
        assert run.position.state is State.DONE
        done = [(e.data["environment"], e.data["step"]) for e in stage.events(run, "deploy")]
        rehearsal = ["deploy", "smoke", "rollback", "smoke", "deploy", "smoke"][:steps]
        assert done == [
            *(("pre-staging", step) for step in rehearsal),
            ("production", "deploy"),
            ("production", "smoke"),
        ]
        told = (stage.folder / ".setpoint/environments/pre-staging/files/told").read_text()
        assert (f"rollback {earlier}" in told) == (steps == 6)


async def test_a_way_back_that_does_not_work_keeps_a_critical_release_from_production(play: Play) -> None:
    async with play(story.hotfix(), config=STAGES.format(back="exit 1")) as stage:
        ran_before(stage)
        run = await stage.to_the_end(await stage.run(CRITICAL))
        assert run.position.waits is Waits.HANDOVER
        assert {e.data["environment"] for e in stage.events(run, "deploy")} == {"pre-staging"}
        packet = stage.view(run).handover
        assert packet is not None
        assert "the way back was rehearsed in pre-staging and its rollback failed" in packet.cause

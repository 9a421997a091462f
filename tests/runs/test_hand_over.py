"""A loop that does not converge ends at a person, who sees why and can go on in any of four ways."""

import json
from collections.abc import Sequence

import pytest
import story
from playing import Play, Playing, cli
from story import Session, finding, hand_in, minds

from setpoint.errors import UsageError
from setpoint.model.run import Run, State, Waits
from setpoint.model.spec import Diagnosis

pytestmark = pytest.mark.slow


def draft(number: int) -> Diagnosis:
    return story.DIAGNOSIS.model_copy(update={"approach": f"Raise ValueError, way {number}."})


def drafts(count: int) -> Session:
    return [[hand_in(draft(number))] for number in range(count)]


A, B = (finding(what, path="cause") for what in ("the cause is not shown", "the range is not said"))
C, D = (finding(what, path="places") for what in ("nobody is named", "the line is wrong"))
E = finding("the harm is not said", path="places")
PATIENT = "[phase.diagnosis]\nattempts = 9\n[loop]\nplateau = 9\n"
STUCK: dict[str, tuple[Session, list[Session], str]] = {
    "repeated diff": ([[hand_in(story.DIAGNOSIS)]], [minds(A), minds(B)], ""),
    "plateau": (drafts(9), [minds(f) for f in (A, B, C, A, A, A, A)], "[phase.diagnosis]\nattempts = 9\n"),
    "oscillation": (drafts(9), [minds(f) for f in (A, B, A, B, A)], PATIENT),
    "reversal": (drafts(9), [minds(A), minds(A, B), minds(A, B, C), minds(A, B, C, D), minds(A, B, C, D, E)], PATIENT),
    "limit": (drafts(9), [minds(A)], "[phase.diagnosis]\nattempts = 1\n"),
}


def stuck(cause: str, then: Sequence[Session] = ()) -> tuple[dict[str, Sequence[Session]], str]:
    producer, judges, config = STUCK[cause]
    return dict(story.hotfix(diagnosis=[producer], verdict=[*judges, *then])), config


@pytest.mark.parametrize("cause", STUCK)
async def test_a_loop_that_goes_nowhere_is_handed_over_with_the_reason(play: Play, cause: str) -> None:
    sessions, config = stuck(cause)
    async with play(sessions, config=config) as stage:
        run = await stage.run()
        assert (run.position.stage, run.position.waits) == ("diagnosis", Waits.HANDOVER)
        assert stage.code(run) == 4
        packet = stage.view(run).handover
        assert packet is not None
        assert cause in packet.cause
        assert len(packet.errors) == len(packet.tried) == stage.rounds(run, "diagnosis")
        assert packet.open
        assert stage.view(run).next[0] == f"setpoint retry {run.id}"


async def test_show_tells_why_on_the_command_line(play: Play) -> None:
    sessions, config = stuck("repeated diff")
    async with play(sessions, config=config) as stage:
        run = await stage.run()
        shown = cli(stage.folder, "show", run.id[:3])
        assert shown.returncode == 0
        assert "repeated diff" in shown.stdout
        assert A.what in shown.stdout or B.what in shown.stdout
        assert f"setpoint retry {run.id}" in shown.stderr


async def handed_over(stage: Playing) -> Run:
    run = await stage.run()
    assert run.position.waits is Waits.HANDOVER
    return run


async def test_a_person_lets_it_try_again_and_is_heard(play: Play) -> None:
    sessions, config = stuck("repeated diff")
    async with play(sessions, config=config) as stage:
        run = await handed_over(stage)
        run = await stage.on(await stage.house.commands.retry(run.id, because="The range is 0 to 100."))
        assert run.position.stage == "change"
        assert "Ada Owner" in str(stage.requests("diagnosis")[-1].messages[-1])
        assert "The range is 0 to 100." in str(stage.requests("diagnosis")[-1].messages[-1])


async def test_a_person_overrules_the_validator_by_name(play: Play) -> None:
    sessions, config = stuck("repeated diff")
    async with play(sessions, config=config) as stage:
        run = await stage.approve(await handed_over(stage))
        assert run.position.stage == "change"
        assert [(a.about, a.by) for a in stage.view(run).approvals] == [("handover", "Ada Owner")]
        assert stage.house.store.deliverable(run.id, 1, "diagnosis") == story.DIAGNOSIS.model_dump(mode="json")
        run = await stage.to_the_end(run)
        assert run.position.state is State.DONE


async def test_nobody_overrules_a_gate(play: Play) -> None:
    async with play(story.hotfix(change=[[[hand_in(story.CHANGE)]]])) as stage:
        run = await handed_over(stage)
        with pytest.raises(UsageError, match="its judge is a gate"):
            await stage.approve(run)
        assert stage.house.store.run(run.id) == run


async def test_a_person_sends_it_back_with_the_reason(play: Play) -> None:
    sessions, config = stuck("repeated diff")
    async with play(sessions, config=config) as stage:
        run = await handed_over(stage)
        run = await stage.on(await stage.house.commands.reject(run.id, because="Name the line."))
        assert run.position.stage == "change"
        assert "Name the line." in str(stage.requests("diagnosis")[-1].messages[-1])
        told = json.loads((stage.folder / ".setpoint" / "runs" / run.id / "progress.json").read_text("utf-8"))
        *done, now = [(step["step"], step["status"]) for step in told["steps"]]
        assert done == [(step, "complete") for step in ("diagnosis", "tests", "implementation", "review")]
        assert (now, told["steps"][-1]["assigned_to"]) == (("change", "in-progress"), "person")
        assert [failed["error"] for failed in told["failures"]] == [A.what, B.what]
        assert told["failures"][-1]["resolution"].startswith("repeated diff: ")
        assert told["decisions"] == ["Ada Owner said sent-back: Name the line."]


@pytest.mark.parametrize(
    ("state", "code"), [(State.DECLINED, 13), (State.CANCELLED, 130)], ids=lambda value: str(value)
)
async def test_a_person_ends_it(play: Play, state: State, code: int) -> None:
    sessions, config = stuck("repeated diff")
    async with play(sessions, config=config) as stage:
        run = await handed_over(stage)
        if state is State.DECLINED:
            run = await stage.house.commands.reject(run.id, because="not now", stop=True)
        else:
            run = await stage.house.commands.cancel(run.id)
        assert (run.position.state, stage.code(run)) == (state, code)
        with pytest.raises(UsageError, match="nothing follows"):
            await stage.house.commands.approve(run.id)
        assert (await stage.run()).id != run.id  # the ticket is free again

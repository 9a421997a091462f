"""Questions, budgets, work by hand, and a second run of the same ticket."""

import json
from collections.abc import Sequence

import pytest
import story
from playing import Play, Playing, cli, merged
from story import ask, hand_in, write

from setpoint.errors import BusyError, DeniedError, UsageError
from setpoint.model.plan import Check, PlanTask
from setpoint.model.run import Run, State, Waits
from setpoint.testing.projects import git

pytestmark = pytest.mark.slow

QUESTION = "Is exactly 100 percent allowed?"


async def test_a_question_waits_for_its_answer_and_the_same_session_goes_on(play: Play) -> None:
    sessions = story.hotfix(diagnosis=[[[ask(QUESTION)], [hand_in(story.DIAGNOSIS)]]])
    async with play(sessions) as stage:
        run = await stage.run()
        assert (run.position.waits, stage.code(run)) == (Waits.ANSWER, 4)
        assert [question.question for question in stage.view(run).questions] == [QUESTION]
        assert stage.view(run).next[0] == f"setpoint answer {run.id} '…'"
        with pytest.raises(UsageError, match="nothing waits for an approval"):
            await stage.house.commands.approve(run.id)
        run = await stage.on(await stage.house.commands.answer(run.id, "Yes, 100 is allowed."))
        assert run.position.stage == "change"
        first, second = stage.requests("diagnosis")
        assert second.raw.startswith(first.raw.removesuffix(b"]}"))
        assert "Yes, 100 is allowed." in str(second.messages[-1])
        (question,) = stage.view(run).questions
        assert (question.answer, question.by) == ("Yes, 100 is allowed.", "Ada Owner")
        (word,) = stage.house.store.approvals(run.id, 1)
        assert (word.about, word.because, word.arguments) == ("said:answer", question.answer, {"question": question.id})
        assert stage.view(run).approvals == (), "it decides nothing"
        assert stage.rounds(run, "diagnosis") == 1


async def test_what_the_ticket_did_not_say_is_confirmed_with_the_plan(play: Play) -> None:
    unsaid = story.FEATURE_TICKET.replace("Keep `total` and `discounted` as they are. ", "")
    async with play(story.feature()) as stage:
        run = await stage.run(unsaid)
        assert run.position.stage == "plan"
        shown = await stage.house.shown(run)
        at = shown.index("the ticket did not say what must stay intact; discovery found, and your yes confirms:")
        assert shown[at + 1 : at + 3] == ["  total", "  discounted"]
        assert not any("did not say who uses it" in line for line in shown)


async def test_a_question_in_the_middle_of_the_code_keeps_the_work(play: Play) -> None:
    sessions = story.hotfix(change=[[[story.MEND, ask(QUESTION)], [hand_in(story.CHANGE)]]])
    async with play(sessions) as stage:
        run = await stage.run()
        assert (run.position.stage, run.position.waits) == ("implementation", Waits.ANSWER)
        run = await stage.on(await stage.house.commands.answer(run.id, "Yes."))
        assert run.position.stage == "change"
        assert "percent > 100" in await stage.house.diff(run)


async def test_a_blocking_open_question_is_asked_before_the_document_counts(play: Play) -> None:
    doubtful = story.SPEC.model_copy(
        update={"open_questions": (story.open_question("Which way is half a cent rounded?"),)}
    )
    sessions = story.feature(functional_spec=[[[hand_in(doubtful)], [hand_in(story.SPEC)]]])
    async with play(sessions) as stage:
        run = await stage.run(story.FEATURE_TICKET)
        assert (run.position.stage, run.position.waits, stage.code(run)) == ("discovery", Waits.ANSWER, 4)
        assert stage.rounds(run, "discovery") == 0
        run = await stage.on(await stage.house.commands.answer(run.id, "Up."))
        assert run.position.stage == "plan"
        assert "Up." in str(stage.requests("functional_spec")[1].messages[-1])


async def test_a_question_asked_again_after_its_answer_does_not_go_round_for_ever(play: Play) -> None:
    doubtful = story.SPEC.model_copy(
        update={"open_questions": (story.open_question("Which way is half a cent rounded?"),)}
    )
    async with play(story.feature(functional_spec=[[[hand_in(doubtful)]]])) as stage:
        run = await stage.run(story.FEATURE_TICKET)
        run = await stage.on(await stage.house.commands.answer(run.id, "Up."))
        assert stage.code(run) == 4
        assert run.position.state is State.WAITING
        assert stage.view(run).next[0] != f"setpoint log {run.id} -f"


async def asked_and_taken(stage: Playing) -> Run:
    run = await stage.run()
    assert (run.position.stage, run.position.waits) == ("implementation", Waits.ANSWER)
    run = await stage.house.commands.take(run.id)
    assert run.position.waits is Waits.MANUAL
    assert stage.view(run).next == (
        f"setpoint give {run.id}", f"setpoint answer {run.id} '…'", f"setpoint answer {run.id} --waive",
    )  # fmt: skip
    return run


def edit_by_hand(stage: Playing, run: Run) -> None:
    price = stage.house.workspace_path(run) / story.PRICE
    price.write_text(price.read_text(encoding="utf-8").replace("is above", "is over"), encoding="utf-8")


ASKING = story.hotfix(change=[[[story.MEND, ask(QUESTION)], [hand_in(story.CHANGE)]]])


@pytest.mark.parametrize("edited", [False, True])
async def test_a_workspace_handed_back_at_an_open_question_still_waits_for_the_answer(play: Play, edited: bool) -> None:
    async with play(ASKING) as stage:
        run = await asked_and_taken(stage)
        if edited:
            edit_by_hand(stage, run)
        before = len(stage.model.requests)
        run = await stage.on(await stage.house.commands.give(run.id))
        assert (run.position.stage, run.position.waits, stage.code(run)) == ("implementation", Waits.ANSWER, 4)
        assert len(stage.model.requests) == before
        run = await stage.on(await stage.house.commands.answer(run.id, "Yes, 100 is allowed."))
        assert run.position.stage == "change"
        heard = str(stage.requests("change")[-1].messages)
        assert "Yes, 100 is allowed." in heard
        assert ("changed the workspace by hand" in heard) == edited
        assert ("is over" in await stage.house.diff(run)) == edited
        assert [(q.answer, q.by) for q in stage.view(run).questions] == [("Yes, 100 is allowed.", "Ada Owner")]


async def test_a_question_can_be_answered_while_the_workspace_is_taken(play: Play) -> None:
    async with play(ASKING) as stage:
        run = await asked_and_taken(stage)
        with pytest.raises(UsageError, match="works on this run by hand already"):
            await stage.house.commands.take(run.id)
        run = await stage.house.commands.answer(run.id, "Yes, 100 is allowed.")
        assert (run.position.waits, stage.view(run).next) == (Waits.MANUAL, (f"setpoint give {run.id}",))
        run = await stage.on(await stage.house.commands.give(run.id))
        assert run.position.stage == "change"
        assert "Yes, 100 is allowed." in str(stage.requests("change")[-1].messages)


async def test_a_retry_takes_the_question_back_in_the_persons_name(play: Play) -> None:
    async with play(ASKING) as stage:
        run = await stage.run()
        run = await stage.on(await stage.house.commands.retry(run.id, because="decide it yourself"))
        assert run.position.stage == "change"
        (question,) = stage.view(run).questions
        assert (question.by, "taken back" in question.answer) == ("Ada Owner", True)
        assert "decide it yourself" in str(stage.requests("change")[-1].messages)


async def test_the_command_line_shows_the_open_question_when_the_workspace_is_handed_back(play: Play) -> None:
    async with play(ASKING) as stage:
        run = await stage.run()
        taken = cli(stage.folder, "take", run.id)
        assert taken.returncode == 4
        assert "a question is open" in taken.stderr
        given = cli(stage.folder, "give", run.id)
        assert given.returncode == 4, given.stderr
        assert QUESTION in given.stderr
        assert f"next: setpoint answer {run.id}" in given.stderr
        waived = cli(stage.folder, "answer", run.id, "--waive")
        assert waived.returncode == 4, waived.stderr
        assert stage.house.store.run(run.id).position.stage == "change"


# -- money -----------------------------------------------------------------------------------------------------------


async def test_a_budget_parks_and_a_higher_one_goes_on(play: Play) -> None:
    async with play(story.hotfix(), config="[budget]\nticket_usd = 0.01\n") as stage:
        run = await stage.run()
        assert (run.position.state, stage.code(run)) == (State.PARKED, 3)
        assert "money" in run.note or "budget" in run.note
        asked = len(stage.model.requests)
        run = await stage.on(await stage.house.commands.resume(run.id))
        assert run.position.state is State.PARKED  # still nothing to spend
        assert len(stage.model.requests) == asked
        run = await stage.on(await stage.house.commands.resume(run.id, budget=5.0))
        assert run.position.stage == "change"
        shown = stage.view(run)
        assert shown.budget_usd == 5.0
        assert shown.cost.usd is not None
        assert 0.01 < shown.cost.usd < 5.0
        assert stage.rounds(run, "tests") == 1


async def test_an_unknown_price_is_unknown_and_not_nothing(play: Play) -> None:
    async with play(story.hotfix(), config='[phase.tests]\nmodel = "anthropic/of-our-own"\n') as stage:
        run = await stage.run()
        shown = json.loads(stage.view(run).model_dump_json())
        assert shown["cost"]["usd"] is None
        assert shown["cost"]["input_tokens"] > 0


async def test_a_limit_raised_in_the_settings_holds_for_a_parked_run(play: Play) -> None:
    async with play(story.hotfix(), config="[phase.implementation]\nrequests = 1\n") as stage:
        run = await stage.run()
        assert (run.position.state, stage.code(run)) == (State.PARKED, 3)
        assert "limit of 1 model requests" in run.note
        settings = stage.folder / "setpoint.toml"
        settings.write_text(settings.read_text(encoding="utf-8").replace("requests = 1", "requests = 9"), "utf-8")
        resumed = cli(stage.folder, "resume", run.id)
        assert resumed.returncode == 4, resumed.stderr
        run = stage.house.store.run(run.id)
        assert (run.position.stage, run.position.waits) == ("change", Waits.DECISION)
        assert stage.rounds(run, "implementation") == 1


# -- by hand ---------------------------------------------------------------------------------------------------------


async def test_work_by_hand_at_the_decision_is_judged_anew(play: Play) -> None:
    async with play(story.hotfix()) as stage:
        run = await stage.run()
        run = await stage.house.commands.take(run.id)
        assert (run.position.waits, stage.code(run)) == (Waits.MANUAL, 4)
        price = stage.house.workspace_path(run) / story.PRICE
        price.write_text(price.read_text(encoding="utf-8").replace("is above", "is over"), encoding="utf-8")
        run = await stage.on(await stage.house.commands.give(run.id, because="nicer words"))
        assert (run.position.stage, run.position.waits) == ("change", Waits.DECISION)
        assert len(stage.sessions("review")) == 2
        assert stage.events(run, "manual")[0].data["files"] == [story.PRICE]
        run = await stage.to_the_end(run)
        assert run.position.state is State.DONE
        assert "is over" in merged(stage.folder, story.PRICE)


async def test_a_red_change_by_hand_goes_back_to_the_builder(play: Play) -> None:
    mend = story.edit(story.PRICE, "percent > 1000", "percent > 100")
    sessions = story.hotfix(change=[[[story.MEND, hand_in(story.CHANGE)], [mend, hand_in(story.CHANGE)]]])
    async with play(sessions) as stage:
        run = await stage.house.commands.take((await stage.run()).id)
        price = stage.house.workspace_path(run) / story.PRICE
        price.write_text(price.read_text(encoding="utf-8").replace("> 100", "> 1000"), encoding="utf-8")
        run = await stage.on(await stage.house.commands.give(run.id))
        assert (run.position.stage, run.position.waits) == ("change", Waits.DECISION)
        assert "percent > 100:" in await stage.house.diff(run)
        assert "DID NOT RAISE" in str(stage.requests("change")[-2].messages)


async def test_what_was_not_reviewed_cannot_be_approved(play: Play) -> None:
    async with play(story.hotfix()) as stage:
        run = await stage.run()
        (stage.house.workspace_path(run) / story.PRICE).write_text("PRICE = 0\n", encoding="utf-8")
        with pytest.raises(Exception, match="not what was reviewed") as told:
            await stage.approve(run)
        assert getattr(told.value, "exit_code", 0) == 20


async def test_only_an_approver_answers(play: Play) -> None:
    async with play(story.hotfix(), config='approvers = ["Grace"]\n') as stage:
        run = await stage.run()
        with pytest.raises(DeniedError, match="Ada Owner may not answer"):
            await stage.approve(run)
        assert stage.house.store.run(run.id) == run


# -- going back -----------------------------------------------------------------------------------------------------


async def test_going_back_to_the_tests_takes_what_was_built_off_the_branch(play: Play) -> None:
    other = story.TEST.replace("150.0", "101.0")
    sessions = story.hotfix(
        tests=[[[write(story.TEST_PATH, text), hand_in(story.CLAIMS)]] for text in (story.TEST, other)],
        change=[[[story.MEND, hand_in(story.CHANGE)]]] * 2,
    )
    async with play(sessions) as stage:
        run = await stage.run()
        left = git(stage.folder, "rev-parse", run.branch).strip()
        run = await stage.on(await stage.house.commands.retry(run.id, stage="tests", because="101 is enough"))
        assert (run.position.stage, run.position.waits) == ("change", Waits.DECISION)
        assert "101 is enough" in str(stage.requests("tests")[2].messages)
        assert len(git(stage.folder, "log", "--format=%s", f"{run.base}..{run.branch}").splitlines()) == 2
        assert "150.0" not in await stage.house.diff(run)
        # What was said of the first tests is nothing for the second; both changes are asked about in the same words.
        assert len(stage.sessions("verdict")) == 4
        assert [len(session) for session in stage.sessions("review")] == [2, 2]
        kept = git(stage.folder, "for-each-ref", "--contains", left, "--format=%(refname)").split()
        assert f"refs/setpoint/{run.id}/left/{left}" in kept
        run = await stage.to_the_end(run)
        assert "101.0" in merged(stage.folder, story.TEST_PATH)


async def test_going_back_to_the_code_keeps_the_sealed_tests_and_nothing_else(play: Play) -> None:
    again = story.edit(story.PRICE, story.BARE, story.DOCSTRING + story.guard("100 < percent"))
    sessions = story.hotfix(change=[[[story.MEND, hand_in(story.CHANGE)]], [[again, hand_in(story.CHANGE)]]])
    async with play(sessions) as stage:
        run = await stage.run()
        run = await stage.on(await stage.house.commands.retry(run.id, stage="implementation"))
        assert (run.position.stage, run.position.waits) == ("change", Waits.DECISION)
        diff = await stage.house.diff(run)
        assert "100 < percent" in diff
        assert "percent > 100" not in diff
        assert len(git(stage.folder, "log", "--format=%s", f"{run.base}..{run.branch}").splitlines()) == 2


# -- two at once -----------------------------------------------------------------------------------------------------


async def test_a_second_run_of_the_same_ticket_is_refused(play: Play) -> None:
    async with play(story.hotfix()) as stage:
        run = await stage.run()
        with pytest.raises(BusyError, match=run.id) as told:
            await stage.run()
        assert told.value.exit_code == 2
        assert [other.id for other in stage.house.store.runs()] == [run.id]


TWO_TASKS = story.plan_with(
    tasks=(
        story.PLAN.tasks[0],
        PlanTask(
            id="T002",
            title="Say it in the module",
            steps=("name receipts in shop/price.py",),
            files=(story.PRICE,),
            criteria=("FR-001",),
            checks=(Check(run="grep -q receipt shop/price.py"),),
        ),
    )
)
SAID = story.edit(story.PRICE, story.RETURN, f"{story.RETURN}\n\n# What a receipt shows is rounded.\n")
TIDIER = story.edit(story.PRICE, '"""`price`, to the cent."""', '"""`price` to the cent, as it is printed."""')


def two_tasks(first: story.Session) -> dict[str, Sequence[story.Session]]:
    return story.feature(plan=[[[hand_in(TWO_TASKS)]]], change=[first, [[SAID, hand_in(story.CHANGE)]]])


async def test_each_task_waits_for_its_yes_where_that_is_asked_for(play: Play) -> None:
    first = [[story.ROUND, hand_in(story.ROUND_CHANGE)]]
    async with play(two_tasks(first), config='autonomy = "each-task"') as stage:
        run = await stage.approve(await stage.run(story.FEATURE_TICKET))
        assert (run.position.stage, run.position.task, run.position.waits) == ("implementation", 1, Waits.DECISION)
        assert stage.code(run) == 4
        shown = await stage.house.shown(run)
        assert "task 1 of 2 is done: Round prices" in shown
        assert any(line.startswith("+def rounded") for line in shown)
        assert any(line.startswith("your yes begins task 2") for line in shown)
        run = await stage.approve(run)
        assert run.position.stage == "change"
        (given,) = stage.house.store.approvals(run.id, 1, "task:T001")
        assert (given.by, bool(given.tree)) == ("Ada Owner", True)
        *_, of_first, of_second = (session[0].first for session in stage.sessions("verdict"))
        assert [("+def rounded" in told, "+# What a receipt" in told) for told in (of_first, of_second)] == [
            (True, False),
            (False, True),
        ]


async def test_what_is_taken_and_given_between_two_tasks_still_waits_for_its_yes(play: Play) -> None:
    first = [[story.ROUND, hand_in(story.ROUND_CHANGE)]]
    async with play(two_tasks(first), config='autonomy = "each-task"') as stage:
        run = await stage.approve(await stage.run(story.FEATURE_TICKET))
        run = await stage.house.commands.take(run.id)
        price = stage.house.workspace_path(run) / story.PRICE
        price.write_text(price.read_text().replace("to the cent", "to the cent, as printed"))
        run = await stage.on(await stage.house.commands.give(run.id, because="nicer words"))
        assert (run.position.stage, run.position.task, run.position.waits) == ("implementation", 1, Waits.DECISION)
        assert any("as printed" in line for line in await stage.house.shown(run))
        run = await stage.approve(run)
        assert run.position.stage == "change"
        assert "as printed" in await stage.house.diff(run)


async def test_a_task_that_is_sent_back_is_mended_by_its_own_session(play: Play) -> None:
    first = [[story.ROUND, hand_in(story.ROUND_CHANGE)], [TIDIER, hand_in(story.ROUND_CHANGE)]]
    async with play(two_tasks(first), config='autonomy = "each-task"') as stage:
        run = await stage.approve(await stage.run(story.FEATURE_TICKET))
        run = await stage.on(await stage.house.commands.reject(run.id, because="Say that it is printed."))
        assert (run.position.stage, run.position.task, run.position.waits) == ("implementation", 1, Waits.DECISION)
        (whole,) = stage.sessions("change")
        assert "Say that it is printed." in str(whole[-1].messages)
        assert "as it is printed" in await stage.house.diff(run)
        run = await stage.approve(run)
        assert run.position.stage == "change"
        assert len(stage.sessions("change")) == 2


async def test_tasks_follow_one_another_without_a_word_by_default(play: Play) -> None:
    async with play(two_tasks([[story.ROUND, hand_in(story.ROUND_CHANGE)]])) as stage:
        run = await stage.approve(await stage.run(story.FEATURE_TICKET))
        assert run.position.stage == "change"

"""Phases that a person does, edits that no session may make, and runs that begin with papers."""

import json
from pathlib import Path

import pytest
import story
from playing import Play, cli
from story import hand_in

from setpoint.errors import BusyError, UsageError
from setpoint.model.approval import CHANGE
from setpoint.model.run import State, Waits
from setpoint.service.forward import again, forward_ticket
from setpoint.service.manual import Written
from setpoint.service.origin import Origin, Taken
from setpoint.testing.projects import git

pytestmark = pytest.mark.slow

CI = ".github/workflows/ci.yml"
MINE = '[phase.diagnosis]\nagent = "person"\n[phase.implementation]\nagent = "person"\n'


async def test_a_person_does_two_phases_and_no_attempt_is_counted(play: Play, tmp_path: Path) -> None:
    async with play(story.hotfix(diagnosis=[], change=[]), config=MINE, files={CI: "on: push\njobs: {}\n"}) as stage:
        commands = stage.house.commands
        run = await stage.run()
        assert (run.position.stage, run.position.waits) == ("diagnosis", Waits.MANUAL)
        with pytest.raises(UsageError, match="hands in a diagnosis"):
            await commands.give(run.id)
        with pytest.raises(UsageError, match=r"paths: .*"):
            await commands.give(
                run.id, paper=Written(json.dumps({**story.DIAGNOSIS.model_dump(), "paths": []}), "d.json")
            )
        made_up = {"id": "FR-001", "text": "x", "source": "user", "quote": "nowhere in it"}
        wrong = story.DIAGNOSIS.model_dump(mode="json") | {"criteria": [made_up]}
        (tmp_path / "d.json").write_text(json.dumps(wrong), encoding="utf-8")
        given = cli(stage.folder, "give", run.id, "--paper", str(tmp_path / "d.json"))
        assert given.returncode == 4, given.stderr
        run = stage.house.store.run(run.id)
        assert (run.position.stage, run.position.waits, run.position.attempt) == ("diagnosis", Waits.MANUAL, 1)
        assert "not yet" in run.note
        right = story.DIAGNOSIS.model_dump_json()
        run = await stage.on(await commands.give(run.id, paper=Written(right, "d.json")))
        assert (run.position.stage, run.position.waits) == ("implementation", Waits.MANUAL)
        assert not stage.sessions("diagnosis")

        place = stage.house.workspace_path(run)
        sealed = (place / story.TEST_PATH).read_text(encoding="utf-8")
        (place / story.TEST_PATH).write_text(sealed.replace("150.0", "99.0"), encoding="utf-8")
        with pytest.raises(UsageError, match="is locked: an approved test"):
            await commands.give(run.id)
        (place / story.TEST_PATH).write_text(sealed, encoding="utf-8")
        (place / CI).write_text("on: [push, pull_request]\njobs: {}\n", encoding="utf-8")
        run = await stage.on(await commands.give(run.id, because="CI on pull requests too"))
        assert (run.position.stage, run.position.waits, run.position.attempt) == ("implementation", Waits.MANUAL, 1)

        price = place / story.PRICE
        mended = price.read_text(encoding="utf-8").replace(story.BARE, story.DOCSTRING + story.guard("percent > 100"))
        price.write_text(mended, encoding="utf-8")
        run = await stage.on(await commands.give(run.id, because="refuse it"))
        assert (run.position.stage, run.position.waits) == ("change", Waits.DECISION), run.note
        assert not stage.sessions("change")

        # What was typed on a file that no session may write counts by a signature, and is committed without a model.
        (signed,) = [yes for yes in stage.view(run).approvals if yes.about.startswith("hand:")]
        assert (signed.by, signed.arguments) == ("Ada Owner", {"opens": CI})
        log = git(stage.folder, "log", "--format=%an|%s|%b<", f"main..{run.branch}")
        mine = [entry for entry in log.split("<") if "by hand:" in entry]
        assert [entry.strip().splitlines()[0].split("|")[1] for entry in mine] == [
            "by hand: refuse it",
            "by hand: CI on pull requests too",
        ]
        assert not any("Assisted-by" in entry for entry in mine)

        # A session that touches the same file afterwards is judged as ever.
        (place / CI).write_text("on: never\njobs: {}\n", encoding="utf-8")
        run = await stage.on(await commands.retry(run.id, stage="review"))
        assert CI in {o.place.path for o in stage.objections(run, "review") if o.blocks and o.place}


async def test_what_a_session_had_written_stays_its_own_commit_and_hears_what_was_changed(play: Play) -> None:
    asks = story.hotfix(change=[[[story.MEND, story.ask("Is 100 allowed?")], [hand_in(story.CHANGE)]]])
    async with play(asks) as stage:
        run = await stage.house.commands.take((await stage.run()).id)
        (stage.house.workspace_path(run) / "README.md").write_text("Prices.\n", encoding="utf-8")
        run = await stage.house.commands.give(run.id, because="say it")
        run = await stage.on(await stage.house.commands.answer(run.id, "Yes."))
        assert run.position.stage == CHANGE
        assert "README.md" in str(stage.requests("change")[-1].messages)
        files = git(stage.folder, "log", "--format=>%s", "--name-only", f"main..{run.branch}").split(">")
        (theirs,) = [entry for entry in files if "by hand: say it" in entry]
        assert theirs.split("\n", 1)[1].split() == ["README.md"]
        assert any("work so far" in entry for entry in files)


PAPERS = Origin((
    Taken("functional_spec", story.SPEC, "specs/007/spec.md"), Taken("tech_spec", story.DESIGN, "specs/007/plan.md"),
    Taken("plan", story.PLAN, "specs/007/tasks.md"),
))  # fmt: skip


async def test_a_run_with_all_its_papers_waits_at_the_plan_and_follows_on_from_there(play: Play) -> None:
    async with play({}) as stage:
        house = stage.house
        started = await house.submit(story.FEATURE_TICKET, name="007-round", kind=None, detach=False, origin=PAPERS)
        run = await stage.on(started.run)
        assert (run.position.stage, run.position.waits, stage.code(run)) == ("plan", Waits.DECISION, 4)
        assert not stage.model.requests
        sources = [event.data.get("source") for event in stage.events(run, "deliverable")]
        assert sources == [taken.source for taken in PAPERS.papers]
        assert any("Add rounded" in line for line in await house.shown(run))

        # What is missing is a ticket of its own; it waits for the run that it follows from.
        more = forward_ticket(
            house.store, run, "Add a function `halved(price)` that returns a float, to shop/price.py."
        )
        with pytest.raises(BusyError, match="needs 007-round first"):
            await house.submit(more, name="", kind=None, detach=True)
        with pytest.raises(UsageError, match="needs words"):
            forward_ticket(house.store, run, " ")

        with pytest.raises(UsageError, match="was not abandoned"):
            again(house.store, run, keep_spec=True)
        run = await house.commands.cancel(run.id, because="abandoned: another way")
        origin = again(house.store, run, keep_spec=True)
        fresh = await house.submit(
            run.ticket.text, name=run.ticket.id, kind=run.ticket.kind, detach=True, origin=origin
        )
        assert (fresh.run.position.stage, fresh.run.position.state) == ("tech_spec", State.RUNNING)
        assert (fresh.run.ticket.parent, fresh.run.base) == (run.id, git(stage.folder, "rev-parse", "main").strip())
        assert fresh.run.branch != run.branch
        clean = forward_ticket(
            house.store, run, "Add a function `halved(price)` that returns a float, to shop/price.py."
        )
        follow = await house.submit(clean, name="", kind=None, detach=True)
        assert (follow.run.ticket.parent, follow.run.ticket.needs) == (run.id, ())

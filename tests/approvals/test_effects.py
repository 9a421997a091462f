"""At the moment of the effect the answer is judged again; what fails is void, on record, and asked again."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from setpoint.errors import DeniedError, UsageError
from setpoint.forging.stage import INSPECTED, PERSON, RUN, Stage, git
from setpoint.model.approval import POINTS
from setpoint.model.change_record import ChangeRecord
from setpoint.model.run import State, Waits
from setpoint.pipeline.change_record import FACT
from setpoint.pipeline.counting import voices_of
from setpoint.pipeline.delivery import merge
from setpoint.pipeline.permits import permit_of
from setpoint.policy.action import Action, ActionKind
from setpoint.policy.digest import policy_digest

At = Callable[..., Stage]


async def test_a_yes_that_expired_is_asked_for_again_and_the_next_one_merges(at: At) -> None:
    stage = at("merging", later=timedelta(days=30))
    old = stage.given()
    await stage.step()
    run = stage.store.run(RUN)
    assert (run.position.stage, run.position.waits) == ("change", Waits.DECISION)
    assert "it expired on" in run.note
    (void,) = [event.data for event in stage.store.events(RUN, limit=1000) if event.kind == "void"]
    assert (void["by"], void["faults"]) == (PERSON, ["expired"])
    assert stage.given() == old, "nothing is lost"
    withdrawn = stage.ground().fact("withdrawn:change")
    assert withdrawn is not None
    assert withdrawn["serial"] > old.serial, "with the clock set right it would not count either"
    await stage.commands.approve(RUN, inspected=INSPECTED)
    assert (await stage.step()).outcome.kind == "accepted", "it is published; what was reviewed stands"
    assert stage.given() != old


async def test_the_change_decision_wants_all_four_answers_and_names_those_that_are_missing(at: At) -> None:
    stage = at("waiting")
    with pytest.raises(UsageError, match="wants an answer on tests, debt") as refused:
        await stage.commands.approve(RUN, inspected={"requirement": "it does", "diff": "read"})
    assert "--checked requirement,diff,tests,debt" in refused.value.fix
    assert stage.store.approvals(RUN, 1) == []
    await stage.commands.approve(RUN, inspected=dict(zip(POINTS, ("a", "b", "c", "d"), strict=True)))
    assert stage.given().inspection == {"requirement": "a", "diff": "b", "tests": "c", "debt": "d"}


async def test_who_is_not_named_by_the_base_does_not_answer(at: At) -> None:
    stage = at("waiting")
    stranger = Stage(stage.folder, stage.repository, stage.store, stage.config, stage.other_key())
    with pytest.raises(DeniedError, match=f"{PERSON} may not approve change") as refused:
        await stranger.commands.approve(RUN, inspected=INSPECTED)
    assert "the key is not the one the base names" in refused.value.why
    with pytest.raises(DeniedError):
        await stranger.commands.reject(RUN, because="no")
    assert stage.store.approvals(RUN, 1) == []


async def test_the_answer_is_written_down_whole(at: At) -> None:
    stage = at("merging")
    run, given = stage.store.run(RUN), stage.given()
    assert (given.run, given.started, given.cycle, given.base) == (RUN, run.created, 1, run.base)
    assert given.arguments == {"merge": run.branch, "into": "main"}
    assert given.tree == git(stage.root, "rev-parse", f"{run.branch}^{{tree}}")
    assert given.until == given.at + timedelta(days=7)
    assert len(given.policy) == len(policy_digest(stage.config.boundaries)) == 64


async def test_a_merge_leaves_a_record_that_proves_the_five_stages(at: At) -> None:
    stage = at("merging")
    before = stage.main()
    done = await merge(stage.ground())
    with stage.store.transaction() as tx:
        for write in done.writes:
            write(tx)
    record = ChangeRecord.model_validate(stage.ground().fact(FACT))
    assert (record.merged, record.base) == (stage.main(), before)
    assert record.missing == ()
    proofs = {proof.stage: proof for proof in record.stages}
    assert list(proofs) == ["planning", "implementation", "review", "validation", "human approval"]
    assert all(len(proof.sha256) == 64 for proof in record.stages)
    assert {proof.tree for proof in record.stages if proof.stage != "planning"} == {record.tree}
    assert proofs["human approval"].by == (PERSON,)
    assert proofs["human approval"].sha256 == stage.given().digest()
    assert "tests 1 tests" in proofs["implementation"].what
    assert record.inspection == INSPECTED
    pull = await stage.ground().bench.forge.find(stage.store.run(RUN).branch)
    assert pull is not None
    for words in ("Change record of tree", "| human approval |", f"Approved by {PERSON}", "- debt: it holds"):
        assert words in pull.body


async def test_the_guard_before_the_forge_wants_a_yes_that_was_used_for_exactly_this_commit(at: At) -> None:
    stage = at("merging")
    permit = permit_of(stage.store, stage.config)
    merge_it = Action(kind=ActionKind.MERGE, subject=stage.store.run(RUN).branch, detail="abc")
    assert permit(merge_it).verdict == "deny"
    with stage.store.transaction() as tx:
        tx.use(stage.given().nonce, RUN, "merge:abc")
    assert permit(merge_it).verdict == "allow"
    assert permit(merge_it.model_copy(update={"detail": "abd"})).verdict == "deny"
    deploy_it = Action(kind=ActionKind.DEPLOY, subject="production", detail="abc")
    assert permit(deploy_it).verdict == "deny", "it stands at its merge"


async def test_who_wrote_the_ticket_or_changed_files_by_hand_is_told_apart_where_four_eyes_are_wanted(at: At) -> None:
    stage = at("waiting")
    with stage.store.transaction() as tx:
        tx.event(RUN, "manual", "implementation", {"by": "Grace", "files": ["greet.py"]})
    wanted = stage.config.approvals.model_copy(update={"four_eyes": "change"})
    config = stage.config.model_copy(update={"approvals": wanted})
    assert voices_of(stage.ground(), config).involved == (PERSON, "Grace")
    assert voices_of(stage.ground(), stage.config).involved == ()


async def test_no_session_can_reach_what_signs_or_what_merges(at: At) -> None:
    stage = at("merging")
    workspace = await stage.workspace()
    places = f"{stage.keys.folder} {stage.root}/.setpoint/forge.git {stage.store.database.url.database}"
    done = await workspace.run(["sh", "-c", f"for p in {places}; do test -e $p && echo REACHED $p; done; env"])
    assert "REACHED" not in done.stdout
    assert "XDG_CONFIG_HOME" not in done.stdout


async def test_an_older_runs_unsigned_yes_is_void_and_it_is_said_why(at: At) -> None:
    stage = at("merging")
    fields = ("about", "answer", "by", "subject", "tree", "because", "at")
    old = stage.given().model_dump(include=set(fields))
    stage.forge_row(type(stage.given()).model_validate(old))
    done = await stage.step()
    assert "it was given before approvals were signed; the decision is asked again" in done.note
    assert stage.store.run(RUN).position.state is State.WAITING

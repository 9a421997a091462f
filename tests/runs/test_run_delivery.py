"""The way out: CI judges the merge, people allow each environment, a failed smoke goes back and reopens the ticket."""

import json

import pytest
import story
from playing import Play, Playing, cli, documents, merged
from story import guard, hand_in, write

from setpoint.errors import BusyError
from setpoint.model.change import AcceptanceTests, CiFix, TestClaim
from setpoint.model.run import State, Waits
from setpoint.model.ticket import Kind
from setpoint.testing.projects import NODE_GATE, node_project

pytestmark = pytest.mark.slow

# -- CI --------------------------------------------------------------------------------------------------------------

GIFT_TEST = """from shop.price import discounted

try:
    import rates
except ImportError:
    rates = None


def test_a_whole_gift_is_free() -> None:
    assert rates is None or discounted(10.0, 100.0) == 0.0


def test_the_words_are_lawful() -> None:
    assert rates is None or rates.WORD in discounted.__doc__
"""
GIFT = {"tests/test_gift.py": GIFT_TEST}
TOO_STRICT = story.edit(story.PRICE, story.BARE, story.DOCSTRING + guard("percent >= 100"))
FIX = CiFix(cause="100 percent was refused, which the new rates forbid.", summary="Only more than 100 is refused.")
WAITED = CiFix(cause="It is flaky.", summary="Waited.", flaky=True)


def new_rates(stage: Playing, word: str = "less") -> None:
    """What tests run against changes between the review and CI: here a package of the environment."""
    (packages,) = (stage.folder / ".venv" / "lib").glob("python*/site-packages")
    (packages / "rates.py").write_text(f"WORD = {word!r}\n", encoding="utf-8")


async def test_a_red_ci_is_mended_reviewed_and_decided_again(play: Play) -> None:
    sessions = story.hotfix(
        change=[[[TOO_STRICT, hand_in(story.CHANGE)]]],
        ci_fix=[[[story.edit(story.PRICE, "percent >= 100", "percent > 100"), hand_in(FIX)]]],
    )
    async with play(sessions, files=GIFT) as stage:
        run = await stage.run()
        assert run.position.stage == "change"
        new_rates(stage)

        run = await stage.approve(run)
        assert (run.position.stage, run.position.waits) == ("change", Waits.DECISION)
        assert [event.data["state"] for event in stage.events(run, "ci")] == ["red"]
        assert "test_a_whole_gift_is_free" in stage.requests("ci_fix")[0].first
        assert len(stage.sessions("review")) == 2

        run = await stage.approve(run)
        assert (run.position.state, stage.code(run)) == (State.DONE, 0)
        assert [event.data["state"] for event in stage.events(run, "ci")] == ["red", "green"]
        granted = [approval.subject for approval in stage.view(run).approvals if approval.about == "change"]
        assert len(set(granted)) == 2  # the first yes was not for this tree
        assert "percent > 100:" in merged(stage.folder, story.PRICE)


async def test_ci_that_stays_red_is_handed_over_and_never_merged(play: Play) -> None:
    words = [story.edit(story.PRICE, "percent >= 100", "percent > 100"), hand_in(FIX)]
    async with play(
        story.hotfix(change=[[[TOO_STRICT, hand_in(story.CHANGE)]]], ci_fix=[[words]]),
        config="[loop]\nci_fixes = 1\n",
        files=GIFT,
    ) as stage:
        run = await stage.run()
        new_rates(stage)
        run = await stage.approve(run)
        new_rates(stage, "without")
        run = await stage.approve(run)
        assert (run.position.stage, run.position.waits, stage.code(run)) == ("ci", Waits.HANDOVER, 4)
        packet = stage.view(run).handover
        assert packet is not None
        assert "limit of CI fixes" in packet.cause
        assert "ValueError" not in merged(stage.folder, story.PRICE)


@pytest.mark.parametrize("says", ["retry", "reject"])
async def test_a_persons_word_on_a_ci_fix_is_heard_by_the_session_that_runs(play: Play, says: str) -> None:
    mend = story.edit(story.PRICE, "percent >= 100", "percent > 100")
    sessions = story.hotfix(
        change=[[[TOO_STRICT, hand_in(story.CHANGE)]]],
        ci_fix=[[[write("shop/notes.py", "NOTE = 1\n"), hand_in(WAITED)]], [[mend, hand_in(FIX)]]],
    )
    async with play(sessions, config="[phase.ci_fix]\nattempts = 1\n", files=GIFT) as stage:
        run = await stage.run()
        new_rates(stage)
        run = await stage.approve(run)
        assert (run.position.stage, run.position.waits) == ("ci_fix", Waits.HANDOVER)
        word = "The whole gift is free by law."
        told = stage.house.commands
        run = await (told.retry(run.id, because=word) if says == "retry" else told.reject(run.id, because=word))
        run = await stage.on(run)
        assert (run.position.stage, run.position.waits) == ("change", Waits.DECISION)
        assert word in str(stage.sessions("ci_fix")[-1][0].messages)
        assert (await stage.to_the_end(run)).position.state is State.DONE


@pytest.mark.parametrize("says", ["reject", "retry"])
async def test_a_persons_word_at_the_limit_of_ci_fixes_allows_one_more_which_hears_it(play: Play, says: str) -> None:
    first = [story.edit(story.PRICE, "percent >= 100", "percent > 100"), hand_in(FIX)]
    second = [story.edit(story.PRICE, "`price` less `percent`.", "`price` without `percent`."), hand_in(FIX)]
    sessions = story.hotfix(change=[[[TOO_STRICT, hand_in(story.CHANGE)]]], ci_fix=[[first], [second]])
    async with play(sessions, config="[loop]\nci_fixes = 1\n", files=GIFT) as stage:
        run = await stage.run()
        new_rates(stage)
        run = await stage.approve(run)
        assert (run.position.stage, run.position.waits) == ("change", Waits.DECISION)
        new_rates(stage, "without")
        run = await stage.approve(run)
        assert (run.position.stage, run.position.waits, stage.code(run)) == ("ci", Waits.HANDOVER, 4)
        word, told = "The law says `without` now.", stage.house.commands
        run = await (told.retry(run.id, because=word) if says == "retry" else told.reject(run.id, because=word))
        run = await stage.on(run)
        assert (run.position.stage, run.position.waits) == ("change", Waits.DECISION)
        assert word in str(stage.sessions("ci_fix")[-1][0].messages)
        assert (await stage.to_the_end(run)).position.state is State.DONE


# -- environments ----------------------------------------------------------------------------------------------------

PLACE = """
[[environment]]
name = "{name}"
deploy = ["true"]
smoke = ["sh", "ops/smoke.sh"]
rollback = {rollback}
approval = {approval}
sandbox = true
seconds = 30.0
"""
SMOKE = {"ops/smoke.sh": "! grep -q flaw shop/price.py\n"}


def places(*names: str, approval: bool = False, rollback: str = '["true"]') -> str:
    told = "true" if approval else "false"
    return "".join(PLACE.format(name=name, approval=told, rollback=rollback) for name in names)


TRUST = {
    ".gitignore": ".venv/\n__pycache__/\n.pytest_cache/\n.setpoint/*\n!.setpoint/policy.toml\n",
    ".setpoint/policy.toml": "[trust]\nmerge = 'auto'\ndeploy = { production = 'auto-after-2-clean' }\n",
}
"""Levels that nobody has answered for yet: merge and production stay with a person, whatever autonomy wishes."""


async def test_each_environment_wants_its_own_yes_and_each_release_has_its_way_back(play: Play) -> None:
    config = 'autonomy = "full"\n' + places("staging", approval=True) + places("production")
    async with play(story.hotfix(), config=config, files={**SMOKE, **TRUST}) as stage:
        run = await stage.run()
        assert (run.position.stage, run.position.waits) == ("change", Waits.DECISION)
        run = await stage.approve(run)
        for name in ("staging", "production"):
            assert (run.position.stage, run.position.waits, stage.code(run)) == ("deploy", Waits.DECISION, 4)
            assert name in (await stage.house.shown(run))[0]
            run = await stage.approve(run)
        assert (run.position.state, stage.code(run)) == (State.DONE, 0)
        shown = stage.view(run)
        assert [approval.about for approval in shown.approvals] == ["change", "deploy:staging", "deploy:production"]
        assert [(step["environment"], step["step"], step["ok"]) for step in shown.deploys] == [
            (name, step, True) for name in ("staging", "production") for step in ("deploy", "smoke")
        ]
        released = [event.data for event in stage.events(run, "released")]
        assert [(each["environment"], each["ok"]) for each in released] == [("staging", True), ("production", True)]
        # Nothing ran there before: that is said, and not left out.
        assert all(each["way_back"] == {"to": "", "command": ["true"]} for each in released)
        (merge,) = (event.data for event in stage.events(run, "effect") if "way_back" in event.data)
        assert merge["way_back"] == {"to": run.base, "command": ["git", "revert", "-m", "1", merge["sha"]]}
        assert stage.events(run, "unasked") == []


async def test_a_no_to_an_environment_ends_the_run_there(play: Play) -> None:
    async with play(story.hotfix(), config=places("staging", "production", approval=True), files=SMOKE) as stage:
        run = await stage.approve(await stage.approve(await stage.run()))
        run = await stage.house.commands.reject(run.id, because="not today", stop=True)
        assert (run.position.state, stage.code(run)) == (State.DECLINED, 13)
        assert {step["environment"] for step in stage.view(run).deploys} == {"staging"}


AGAIN_PATH = "tests/test_discount_words.py"
AGAIN = """import pytest

from shop.price import discounted


def test_the_words() -> None:
    with pytest.raises(ValueError, match="is above 100"):
        discounted(10.0, 150.0)
"""
AGAIN_CLAIMS = AcceptanceTests(
    tests=(TestClaim(id=f"{AGAIN_PATH}::test_the_words", proves=("FR-001",), what="The words name the limit"),),
    files=(AGAIN_PATH,),
)


def flawed() -> dict[str, object]:
    """A change that is green and still does not work where it is deployed, and its mend in a second cycle."""
    change = story.edit(story.PRICE, story.BARE, story.DOCSTRING + guard("percent > 100", "flaw"))
    again = [story.edit(story.PRICE, '"flaw"', '"percent is above 100"'), hand_in(story.CHANGE)]
    return dict(
        story.hotfix(
            diagnosis=[[[hand_in(story.DIAGNOSIS)]]] * 2,
            tests=[
                [[write(story.TEST_PATH, story.TEST), hand_in(story.CLAIMS)]],
                [[write(AGAIN_PATH, AGAIN), hand_in(AGAIN_CLAIMS)]],
            ],
            change=[[[change, hand_in(story.CHANGE)]], [again]],
        )
    )


async def test_a_failed_smoke_goes_back_and_reopens_the_ticket(play: Play) -> None:
    async with play(flawed(), config=places("staging"), files=SMOKE) as stage:
        run = await stage.approve(await stage.run())
        assert (run.position.cycle, run.position.route, run.position.stage) == (2, Kind.HOTFIX, "change")
        assert run.branch.endswith("-c2")
        assert "flaw" in merged(stage.folder, story.PRICE)  # the base it starts from
        assert "smoke" in stage.requests("diagnosis")[-1].first
        assert stage.events(run, "lesson-candidate")

        run = await stage.approve(run)
        assert (run.position.state, stage.code(run)) == (State.DONE, 0)
        back = [(event.data["ok"], event.data["way_back"]["command"]) for event in stage.events(run, "released")]
        assert back == [(False, ["true"]), (True, ["true"])]
        steps = [(step["step"], step["ok"]) for step in stage.view(run).deploys]
        assert steps == [("deploy", True), ("smoke", False), ("rollback", True), ("deploy", True), ("smoke", True)]
        assert "flaw" not in merged(stage.folder, story.PRICE)


async def test_a_failed_rollback_is_handed_over(play: Play) -> None:
    async with play(flawed(), config=places("staging", rollback='["false"]'), files=SMOKE) as stage:
        run = await stage.approve(await stage.run())
        assert (run.position.stage, run.position.waits, stage.code(run)) == ("deploy", Waits.HANDOVER, 4)
        assert run.position.cycle == 1
        assert "rollback failed" in run.note
        assert [(s["step"], s["ok"]) for s in stage.view(run).deploys][-1] == ("rollback", False)


# -- other shapes ----------------------------------------------------------------------------------------------------


async def test_an_epic_ends_with_its_child_tickets(play: Play) -> None:
    one = story.CHILDREN.model_copy(update={"children": story.CHILDREN.children[:1]})
    sessions = {
        "functional_spec": [[[hand_in(story.EPIC_SPEC)]]],
        "tech_spec": [[[hand_in(story.EPIC_DESIGN)]]],
        "split": [
            [
                [hand_in(one)],
                [hand_in(story.CHILDREN)],
            ]
        ],
    }
    async with play(sessions) as stage:
        run = await stage.run(story.EPIC_TICKET)
        assert (run.position.route, run.position.stage, run.position.waits) == (Kind.EPIC, "children", Waits.DECISION)
        assert "nobody serves FR-002" in str(stage.objections(run, "split"))
        run = await stage.approve(run)
        assert (run.position.state, stage.code(run)) == (State.DONE, 0)
        exported = documents(cli(stage.folder, "export", run.id, "--format", "run"))
        found = {item["name"]: item["content"] for item in exported["deliverables"]}
        children = found["split"]["children"]
        assert [(child["id"], child["needs"]) for child in children] == [("rounded", []), ("line", ["rounded"])]
        for child in children:  # each is a ticket that a run takes
            planned = cli(stage.folder, "plan", child["text"], "--json")
            assert (planned.returncode, json.loads(planned.stdout)["route"]) == (0, "feature"), planned.stderr


async def test_each_child_of_an_epic_has_a_run_of_its_own_in_its_turn(play: Play) -> None:
    sessions = story.feature()
    sessions["functional_spec"] = [[[hand_in(story.EPIC_SPEC)]], *sessions["functional_spec"]]
    sessions["tech_spec"] = [[[hand_in(story.EPIC_DESIGN)]], *sessions["tech_spec"]]
    sessions["split"] = [[[hand_in(story.CHILDREN)]]]
    async with play(sessions) as stage:
        epic = await stage.run(story.EPIC_TICKET)
        refused = cli(stage.folder, "children", epic.id)
        assert (refused.returncode, "is not split yet" in refused.stderr) == (2, True)
        epic = await stage.approve(epic)
        assert stage.view(epic).next[0] == f"setpoint children {epic.id} --run"
        first, second = stage.house.children(epic)
        assert [(child.ticket.id, child.state) for child in (first, second)] == [
            ("rounded", "ready"),
            ("line", "waits for rounded"),
        ]
        with pytest.raises(BusyError, match="needs rounded first"):
            await stage.house.submit(second.ticket.text, name="line", kind=None, detach=False, child=second)
        carried = cli(stage.folder, "children", epic.id, "--run")
        assert (carried.returncode, "child rounded: Round prices" in carried.stderr) == (4, True)
        (run,) = (each for each in stage.house.store.runs() if each.id != epic.id)
        assert (run.ticket.id, run.ticket.parent, run.position.stage) == ("rounded", epic.id, "plan")
        with pytest.raises(BusyError, match="already has a run"):
            await stage.house.submit(first.ticket.text, name="rounded", kind=None, detach=False, child=first)
        assert "none may start now" in cli(stage.folder, "children", epic.id, "--detach").stderr
        run = await stage.to_the_end(await stage.on(run))
        assert run.position.state is State.DONE
        listed = json.loads(cli(stage.folder, "children", epic.id[:3], "--json").stdout)
        assert [(child["state"], child["run"]) for child in listed] == [("done", run.id), ("ready", "")]
        assert [child.state for child in stage.view(epic).children] == ["done", "ready"]


async def test_a_ticket_waits_for_the_one_it_needs(play: Play) -> None:
    async with play(story.hotfix()) as stage:
        text = f"---\nneeds: [other]\n---\n{story.HOTFIX_TICKET}"
        with pytest.raises(BusyError, match="needs other first"):
            await stage.run(text)
        assert not stage.house.store.runs()


async def test_a_feature_goes_its_whole_way(play: Play) -> None:
    async with play(story.feature()) as stage:
        run = await stage.run(story.FEATURE_TICKET)
        assert run.position.stage == "plan"
        run = await stage.approve(run)
        assert run.position.stage == "change"
        run = await stage.approve(run)
        assert (run.position.state, stage.code(run)) == (State.DONE, 0)
        done = [view.name for view in stage.view(run).stages if view.status == "done"]
        assert done[:4] == ["discovery", "tech_spec", "planning", "plan"]
        assert "def rounded" in merged(stage.folder, story.PRICE)


JS_TEST = """import assert from 'node:assert/strict';
import { test } from 'node:test';
import { discounted } from '../src/price.js';

test('above 100 is refused', () => {
  assert.throws(() => discounted(10, 150), RangeError);
});
"""
JS_PATH = "test/limit.test.js"
JS_RETURN = "  return price - (price * percent) / 100;\n"


async def test_a_node_repository_goes_the_same_way(play: Play) -> None:
    diagnosis = story.DIAGNOSIS.model_copy(update={"paths": ("src/**", "test/**")})
    claim = TestClaim(id=f"{JS_PATH}::above 100 is refused", proves=("FR-001",), what="150 is refused")
    claims = AcceptanceTests(tests=(claim,), files=(JS_PATH,))
    mend = story.edit(
        "src/price.js", JS_RETURN, f"  if (percent > 100) throw new RangeError('above 100');\n{JS_RETURN}"
    )
    sessions = story.hotfix(
        diagnosis=[[[hand_in(diagnosis)]]],
        tests=[[[write(JS_PATH, JS_TEST), hand_in(claims)]]],
        change=[[[mend, hand_in(story.CHANGE)]]],
    )
    async with play(sessions, project=node_project, gate=NODE_GATE) as stage:
        run = await stage.to_the_end(await stage.run())
        assert (run.position.state, stage.code(run)) == (State.DONE, 0)
        assert "RangeError" in merged(stage.folder, "src/price.js")

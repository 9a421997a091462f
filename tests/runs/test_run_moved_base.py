"""The base moves while a run is under way: the engine merges it in, and everything that rested on the old one is
measured, reviewed and decided again."""

from collections.abc import Mapping

import pytest
import story
from playing import Play, Playing, merged, settings, what
from story import guard, hand_in, write

from setpoint.model.run import State, Waits
from setpoint.testing.projects import commit_all, git, write_files

pytestmark = pytest.mark.slow

ROUNDED = "    return round(price - price * percent / 100, 2)\n"
"""What somebody else makes of the line that the change touches."""
BOTH = guard("percent > 100").replace(story.RETURN, ROUNDED)
GIFT = {
    "tests/test_gift.py": (
        "from shop.price import discounted\n\n\n"
        "def test_a_whole_gift_is_free() -> None:\n    assert discounted(10.0, 100.0) == 0.0\n"
    )
}


def elsewhere(stage: Playing, files: Mapping[str, str], message: str = "Somebody else's work") -> str:
    """A commit on the base by somebody else."""
    write_files(stage.folder, files)
    commit_all(stage.folder, message)
    return git(stage.folder, "rev-parse", "main").strip()


def price_with(stage: Playing, line: str) -> dict[str, str]:
    """The base's price module with another last line."""
    return {story.PRICE: (stage.folder / story.PRICE).read_text(encoding="utf-8").replace(story.RETURN, line)}


def branch(stage: Playing, run_branch: str) -> list[str]:
    """Subjects of the branch's own commits, newest first."""
    return git(stage.folder, "log", "--format=%s", f"main..{run_branch}").splitlines()


def mended(stage: Playing) -> str:
    """The module with both sides in it, as whoever mends the conflict writes it."""
    return str(price_with(stage, ROUNDED)[story.PRICE]).replace(ROUNDED, BOTH)


async def test_a_base_that_moved_is_merged_in_and_the_change_decided_again(play: Play) -> None:
    async with play(story.hotfix()) as stage:
        run = await stage.run()
        old = run.base
        tip = elsewhere(stage, GIFT)
        run = await stage.approve(run)
        assert (run.position.stage, run.position.waits, run.base) == ("change", Waits.DECISION, tip)
        assert len(stage.sessions("review")) == 2
        (joined,) = stage.events(run, "joined")
        assert (joined.data["before"], joined.data["base"], joined.data["same_patch"]) == (old, tip, True)
        diff = await stage.house.diff(run)
        assert "percent > 100" in diff
        assert "gift" not in diff  # the base's part is not the change's
        assert any("same, line for line" in line for line in await stage.house.shown(run))

        run = await stage.approve(run)
        assert (run.position.state, stage.code(run)) == (State.DONE, 0)
        granted = [approval for approval in stage.view(run).approvals if approval.about == "change"]
        assert len({approval.subject for approval in granted}) == 2  # the first yes was not for this tree
        on_main = git(stage.folder, "--git-dir=.setpoint/forge.git", "rev-parse", "main^{tree}").strip()
        assert on_main == granted[1].tree  # what was approved is what was merged, to the byte
        assert git(stage.folder, "rev-parse", "main").strip() == tip  # the user's own branch is theirs


async def test_a_conflict_goes_to_the_builder_with_both_sides_and_never_to_ci(play: Play) -> None:
    whole: list[story.Step] = []
    sessions = story.hotfix(change=[[[story.MEND, hand_in(story.CHANGE)], whole]])
    async with play(sessions) as stage:
        run = await stage.run()
        tip = elsewhere(stage, price_with(stage, ROUNDED))
        whole += [write(story.PRICE, mended(stage)), hand_in(story.CHANGE)]
        run = await stage.approve(run)
        assert (run.position.stage, run.position.waits) == ("change", Waits.DECISION)
        told = str(stage.requests("change")[-2].messages[-1])
        assert "conflicts with main" in told
        assert "this change" in told
        assert "return round(price" in told
        assert "<<<<<<<" not in told
        parents = git(stage.folder, "log", "-1", "--format=%P", run.branch).split()
        assert tip in parents
        assert len(parents) == 2

        run = await stage.approve(run)
        assert run.position.state is State.DONE
        assert [event.data["state"] for event in stage.events(run, "ci")] == ["green"]
        assert "percent > 100" in merged(stage.folder, story.PRICE)
        assert "round(price" in merged(stage.folder, story.PRICE)


async def test_a_conflict_with_marks_left_goes_back_once_more(play: Play) -> None:
    whole: list[story.Step] = []
    kept = [write("shop/notes.py", '"""Notes."""\n'), hand_in(story.CHANGE)]
    sessions = story.hotfix(change=[[[story.MEND, hand_in(story.CHANGE)], kept, whole]])
    async with play(sessions) as stage:
        run = await stage.run()
        elsewhere(stage, price_with(stage, ROUNDED))
        whole += [write(story.PRICE, mended(stage)), hand_in(story.CHANGE)]
        run = await stage.approve(run)
        assert (run.position.stage, run.position.waits) == ("change", Waits.DECISION)
        blocking = [o for o in stage.objections(run, "implementation") if o.blocks and o.place]
        assert [o.place.path for o in blocking if o.place] == [story.PRICE]
        assert not any("<<<<<<<" in line for line in (await stage.house.diff(run)).splitlines())


async def test_a_base_merged_by_hand_is_taken_over(play: Play) -> None:
    async with play(story.hotfix()) as stage:
        run = await stage.house.commands.take((await stage.run()).id)
        tip = elsewhere(stage, price_with(stage, ROUNDED))
        work = stage.house.workspace_path(run)
        text = mended(stage)
        with pytest.raises(RuntimeError, match="git merge"):
            git(work, "merge", "--no-edit", "main")
        (work / story.PRICE).write_text(text, encoding="utf-8")
        git(work, "commit", "-q", "-a", "--no-edit")
        head = git(work, "rev-parse", "HEAD").strip()
        run = await stage.on(await stage.house.commands.give(run.id, because="merged main"))
        assert (run.position.stage, run.position.waits, run.base) == ("change", Waits.DECISION, tip)
        assert git(stage.folder, "rev-parse", run.branch).strip() == head
        assert len(stage.sessions("change")) == 1
        assert (await stage.to_the_end(run)).position.state is State.DONE


async def test_a_conflict_taken_by_a_person_is_committed_with_both_parents(play: Play) -> None:
    """The builder does not mend it; the person does, without a word of git."""
    sessions = story.hotfix(change=[[[story.MEND, hand_in(story.CHANGE)], [hand_in(story.CHANGE)]]])
    async with play(sessions, config="[phase.implementation]\nattempts = 1\n") as stage:
        run = await stage.run()
        tip = elsewhere(stage, price_with(stage, ROUNDED))
        run = await stage.approve(run)
        assert (run.position.stage, run.position.waits, stage.code(run)) == ("implementation", Waits.HANDOVER, 4)
        run = await stage.house.commands.take(run.id)
        place = stage.house.workspace_path(run) / story.PRICE
        assert "<<<<<<<" in place.read_text(encoding="utf-8")
        place.write_text(mended(stage), encoding="utf-8")
        run = await stage.on(await stage.house.commands.give(run.id))
        assert (run.position.stage, run.position.waits) == ("change", Waits.DECISION)
        assert git(stage.folder, "merge-base", "--is-ancestor", tip, run.branch) == ""


# -- what is frozen --------------------------------------------------------------------------------------------------


async def test_a_conflict_in_approved_tests_is_a_persons_to_mend(play: Play) -> None:
    theirs = story.TEST.replace("test_above_100_is_refused", "test_words_are_no_price").replace("150.0", '"ten"')
    theirs = theirs.replace("ValueError", "TypeError")
    async with play(story.hotfix()) as stage:
        run = await stage.run()
        elsewhere(stage, {story.TEST_PATH: theirs})
        run = await stage.approve(run)
        assert (run.position.stage, run.position.waits, stage.code(run)) == ("review", Waits.HANDOVER, 4)
        packet = stage.view(run).handover
        assert packet is not None
        assert "approved tests conflict" in packet.cause
        assert story.TEST_PATH in what(packet.open)
        again = await stage.on(await stage.house.commands.retry(run.id))
        assert again.position.waits is Waits.HANDOVER  # nobody has mended it

        run = await stage.house.commands.take(run.id)
        both = story.TEST + theirs[theirs.index("\n\ndef ") :]
        (stage.house.workspace_path(run) / story.TEST_PATH).write_text(both, encoding="utf-8")
        run = await stage.on(await stage.house.commands.give(run.id))
        assert (run.position.stage, run.position.waits) == ("change", Waits.DECISION), run.note
        assert stage.events(run, "sealed")[-1].data["files"] == [story.TEST_PATH]
        run = await stage.to_the_end(run)
        assert merged(stage.folder, story.TEST_PATH) == both


async def test_tests_that_the_base_already_passes_prove_nothing_there(play: Play) -> None:
    async with play(story.hotfix()) as stage:
        run = await stage.run()
        line = guard("percent > 100", "somebody else mended it")
        elsewhere(stage, price_with(stage, line))
        run = await stage.approve(run)
        assert (run.position.stage, run.position.waits) == ("review", Waits.HANDOVER)
        packet = stage.view(run).handover
        assert packet is not None
        assert "do not fail on main" in packet.cause
        assert "test_above_100_is_refused" in what(packet.open)


# -- whose rules -----------------------------------------------------------------------------------------------------


SPARE = """
[providers.spare]
api = "openai-chat"
base_url = "http://ann:pass-5d1e9b7c@127.0.0.1:9/v1"

[providers.spare.headers]
X-Team = "team-8c1f0b52"
"""


async def test_the_moved_bases_own_gates_judge_the_merge(play: Play) -> None:
    async with play(story.hotfix(), config=SPARE) as stage:
        run = await stage.run()
        more = '[gates.notes]\nkind = "build"\nrun = ["python", "-c", "print(1)"]\n'
        elsewhere(stage, {"setpoint.toml": settings(stage.model.root, SPARE + more)})
        run = await stage.approve(run)
        assert (run.position.stage, run.position.waits) == ("change", Waits.DECISION)
        assert "notes" in {row["gate"] for row in stage.events(run, "gates")[-1].data["results"]}
        kept = stage.house.store.recall(run.id, "config") or {}
        assert "notes" in kept["gates"]
        assert (kept["providers"]["spare"]["headers"], "kind" in kept["agent"]) == ({"X-Team": ""}, False)
        assert "pass-5d1e9b7c" not in str(kept)


LINT = """import json, pathlib, sys

files = sorted(pathlib.Path("shop").glob("*.py"))
found = [
    {
        "ruleId": "X100",
        "level": "error",
        "message": {"text": "a gift is no price"},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": str(p)}, "region": {"startLine": 1}}}],
    }
    for p in files
    if "GIFT" in p.read_text()
]
looked = [{"location": {"uri": str(p)}} for p in files]
runs = [{"tool": {"driver": {"name": "gifts"}}, "artifacts": looked, "results": found}]
pathlib.Path(sys.argv[1]).write_text(json.dumps({"version": "2.1.0", "runs": runs}))
sys.exit(1 if found else 0)
"""


async def test_what_a_linter_finds_on_the_moved_base_is_not_the_changes(play: Play) -> None:
    lint = '[gates.lint]\nkind = "lint"\nrun = ["python", "-m", "tools.lint", "{report}"]\nreport = "sarif"\n'
    async with play(story.hotfix(), config=lint, files={"tools/lint.py": LINT, "tools/__init__.py": ""}) as stage:
        run = await stage.run()
        assert run.position.stage == "change", run.note
        elsewhere(stage, {"shop/gift.py": "GIFT = 1\n"})
        run = await stage.approve(run)
        assert (run.position.stage, run.position.waits) == ("change", Waits.DECISION), run.note


async def test_settings_that_somebody_broke_call_a_person_and_work_by_hand_is_kept(play: Play) -> None:
    async with play(story.hotfix()) as stage:
        run = await stage.run()
        good = (stage.folder / "setpoint.toml").read_text(encoding="utf-8")
        elsewhere(stage, {"setpoint.toml": "gatez = 1\n"})
        run = await stage.approve(run)
        assert (run.position.stage, run.position.waits, stage.code(run)) == ("review", Waits.HANDOVER, 2)
        assert "unknown key `gatez`" in run.note
        elsewhere(stage, {"setpoint.toml": good, **GIFT})
        run = await stage.house.commands.take(run.id)
        price = stage.house.workspace_path(run) / story.PRICE
        price.write_text(price.read_text(encoding="utf-8").replace("is above", "is over"), encoding="utf-8")
        run = await stage.on(await stage.house.commands.give(run.id))
        assert (run.position.stage, run.position.waits) == ("change", Waits.DECISION)
        assert "is over" in await stage.house.diff(run)


async def test_a_base_that_somebody_broke_is_not_mended_here(play: Play) -> None:
    async with play(story.hotfix()) as stage:
        run = await stage.run()
        elsewhere(stage, {"tests/test_broken.py": "def test_broken() -> None:\n    assert False\n"})
        run = await stage.approve(run)
        assert (run.position.stage, run.position.waits, stage.code(run)) == ("review", Waits.HANDOVER, 14)
        assert "untouched base is not green" in run.note
        elsewhere(stage, {"tests/test_broken.py": "def test_broken() -> None:\n    assert True\n"})
        run = await stage.on(await stage.house.commands.retry(run.id))
        assert (run.position.stage, run.position.waits) == ("change", Waits.DECISION)


async def test_a_base_that_never_rests_calls_a_person(play: Play) -> None:
    async with play(story.hotfix(), config="[loop]\nbase_moves = 0\n") as stage:
        run = await stage.run()
        elsewhere(stage, GIFT)
        run = await stage.approve(run)
        assert (run.position.stage, run.position.waits) == ("review", Waits.HANDOVER)
        assert "main moved" in run.note


async def test_a_rewritten_base_calls_a_person(play: Play) -> None:
    async with play(story.hotfix()) as stage:
        run = await stage.run()
        forge = stage.folder / ".setpoint" / "forge.git"
        git(stage.folder, "commit", "-q", "--amend", "-m", "another beginning")
        git(stage.folder, "push", "-q", "-f", str(forge), "main:main")
        run = await stage.approve(run)
        assert (run.position.stage, run.position.waits, stage.code(run)) == ("publish", Waits.HANDOVER, 4)
        assert "was rewritten" in run.note

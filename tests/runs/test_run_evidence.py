"""What a run was judged by, afterwards: whether it is still what lies there, and why each line does."""

from collections.abc import Mapping
from pathlib import Path

import pytest
import story
from playing import Play

from setpoint.model.run import State
from setpoint.service.trace import trace
from setpoint.service.verify import verify
from setpoint.testing.model_formats import Step
from setpoint.testing.projects import commit_all, environment_with, git, python_project, write_files

pytestmark = pytest.mark.slow


async def test_evidence_holds_until_a_byte_moves_and_only_gates_are_run_again(play: Play) -> None:
    async with play(story.hotfix()) as stage:
        run = await stage.run()
        assert run.position.stage == "change"
        ground = stage.house.ground(run)
        held = await verify(ground)
        assert (held.exit_code, {place.place.split()[0] for place in held.places}) == (0, {"worktree", "branch"})
        assert {"gate tests", "approved tests", "review"} <= {piece.what for piece in held.pieces}

        workspace = await ground.workspace()
        edited = workspace.read("README.md") + b"One more line.\n"
        workspace.write("README.md", edited)
        stale = await verify(ground)
        assert stale.exit_code == 20
        told = {piece.what: piece.stale for piece in stale.pieces if piece.stale}
        assert told["gate tests"] == ("worktree: README.md moved since",)
        assert {"gate tests", "review"} <= told.keys()
        assert "approved tests" not in told

        again = await verify(ground, rerun=True)
        assert "gate tests" in again.rerun
        left = {piece.what for piece in again.pieces if any("worktree" in line for line in piece.stale)}
        assert left == {"review"}  # no gate can answer for a reviewer
        assert again.exit_code == 20


async def test_what_lands_on_a_moved_base_is_what_was_measured(play: Play) -> None:
    async with play(story.hotfix()) as stage:
        run = await stage.run()
        write_files(stage.folder, {"NEWS.md": "somebody else's news\n"})
        commit_all(stage.folder, "News")
        git(stage.folder, "push", "-q", ".setpoint/forge.git", "main:main")
        run = await stage.to_the_end(run)
        assert run.position.state is State.DONE
        told = await verify(stage.house.ground(run))
        assert told.exit_code == 0
        merged = next(place.tree for place in told.places if place.place.startswith("merge"))
        assert all(place.tree == merged for place in told.places)
        assert "NEWS.md" in git(stage.folder, "ls-tree", "--name-only", merged)


async def test_a_line_is_explained_from_the_record(play: Play) -> None:
    async with play(story.feature()) as stage:
        run = await stage.to_the_end(await stage.run(story.FEATURE_TICKET))
        assert run.position.state is State.DONE
        git(stage.folder, "pull", "-q", ".setpoint/forge.git", "main")
        text = (stage.folder / story.PRICE).read_text()
        line = next(n for n, words in enumerate(text.splitlines(), 1) if "round(price, 2)" in words)
        because = await stage.house.judging.why(f"{story.PRICE}:{line}", "HEAD", stage.house.ground)
        assert (because.run, because.task) == (run.id, "T001 Round prices")
        assert because.criteria == ("FR-001 (user): rounded(1.006) is 1.01",)
        assert "plan: shop/price.py: a function more" in because.decisions
        assert because.rounds == ("implementation:T001 round 1: error 0; nothing was minded",)
        assert because.models
        assert all(model.startswith("anthropic/") for model in because.models)
        assert {name.partition(" (")[2] for name in because.approvers} >= {"plan)", "change)"}

        older = await stage.house.judging.why(f"{story.PRICE}:1", "HEAD", stage.house.ground)
        assert (older.run, older.subject) == ("", "The shop")


def measured_project(folder: Path, extra: Mapping[str, str] | None = None) -> Path:
    """The Python project, whose environment has a coverage tool."""
    python_project(folder, extra)
    environment_with(folder / ".venv", "coverage")
    return folder


UNASKED = story.edit(
    story.PRICE,
    story.RETURN,
    f"{story.RETURN}\n\ndef rounded(price: float) -> float:\n    return round(price, 2)\n"
    "\n\ndef doubled(price: float) -> float:\n    return price * 2\n",
)


@pytest.mark.parametrize(
    ("step", "orphans"),
    [
        pytest.param(story.ROUND, (), id="nothing more than asked"),
        pytest.param(UNASKED, ("shop/price.py:19",), id="a function that nobody asked for"),
    ],
)
async def test_each_criterion_leads_to_lines_and_each_line_to_a_criterion(
    play: Play, step: Step, orphans: tuple[str, ...]
) -> None:
    sessions = story.feature(change=[[[step, story.hand_in(story.ROUND_CHANGE)]]])
    settings = "[checks]\ncoverage = 0\nmutants = 0\n"
    async with play(sessions, project=measured_project, config=settings) as stage:
        run = await stage.to_the_end(await stage.run(story.FEATURE_TICKET))
        assert run.position.state is State.DONE
        found = await trace(stage.house.ground(run))
        (criterion,) = found.criteria
        assert (criterion.id, criterion.tasks) == ("FR-001", ("T001",))
        assert [test.count > 0 for test in criterion.tests] == [True]
        assert (found.uncovered, found.orphans, found.unproved_tasks) == ((), orphans, ())
        assert found.whole is (not orphans)
        # Its session ran nothing, was sent back once, and handed the same in again.
        assert [event.stage for event in stage.events(run, "unrun")] == ["implementation"]
        offered = await stage.house.ground(run).bench.forge.find(run.branch)
        assert offered is not None
        assert "Handed in without a run of its own after its last edit" in offered.body

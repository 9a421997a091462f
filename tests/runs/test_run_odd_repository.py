"""A repository whose objects are named by SHA-256, on a branch with a name nobody would choose: the whole way."""

from pathlib import Path

import pytest
import story
from playing import Play

from setpoint.model.run import State
from setpoint.testing.projects import git, python_project

pytestmark = pytest.mark.slow

BRANCH = 'größe/it\'s-$(id)#"1"'


def odd_project(folder: Path, extra: dict[str, str] | None = None) -> Path:
    """The Python project, in such a repository."""
    folder.mkdir()
    git(folder, "init", "-q", "-b", BRANCH, "--object-format=sha256")
    return python_project(folder, extra)


async def test_a_change_comes_all_the_way(play: Play) -> None:
    async with play(story.hotfix(), project=odd_project) as stage:
        run = await stage.to_the_end(await stage.run())
        assert (run.position.state, run.base_branch) == (State.DONE, BRANCH)
        assert len(run.base) == 64
        forge = stage.folder / ".setpoint/forge.git"
        assert "percent > 100" in git(stage.folder, f"--git-dir={forge}", "show", f"refs/heads/{BRANCH}:{story.PRICE}")

"""What a session leaves in the workspace that cannot be saved: it is told, it mends it, the run goes on."""

import pytest
import story
from playing import Play, cli, merged
from story import hand_in, shell

from setpoint.model.objection import Source
from setpoint.model.run import State, Waits
from setpoint.testing.projects import git

pytestmark = pytest.mark.slow

TRAPPED = "git init -q trial && cd trial && git config core.fsmonitor 'touch /tmp/ran; false' && echo x > file"
CLOSED = "chmod 000 README.md shop"
LARGE = "truncate -s 200M shop/data.bin"
LEFT = {
    "a repository": (TRAPPED, "trial/.git", "rm -rf trial"),
    "a large file": (LARGE, "shop/data.bin", "rm shop/*.bin"),
}


@pytest.mark.parametrize("what", LEFT)
async def test_a_session_is_told_at_once_and_must_clear_it_before_it_hands_in(play: Play, what: str) -> None:
    makes, place, clears = LEFT[what]
    sessions = story.hotfix(
        change=[[[shell(makes), story.MEND, hand_in(story.CHANGE)], [shell(clears), hand_in(story.CHANGE)]]]
    )
    async with play(sessions) as stage:
        run = await stage.run()
        asked = stage.requests("change")
        assert f"Not saved: {place}: " in str(asked[1].messages[-1])
        assert "Not saved" not in str(asked[2].messages[-1]), "it is told once"
        found = [one for one in stage.objections(run, "implementation") if one.place and one.place.path == place]
        assert [one.source for one in found] == [Source.BOUNDARY]
        assert place in str(asked[3].messages[-1])
        run = await stage.to_the_end(run)
        assert run.position.state is State.DONE
        assert "percent > 100" in merged(stage.folder, story.PRICE)
        assert place not in git(stage.folder, "ls-tree", "-r", "--name-only", run.branch).split()


async def test_people_can_look_take_and_retry_while_a_repository_lies_there(play: Play) -> None:
    sessions = story.hotfix(change=[[[shell(TRAPPED), story.MEND, hand_in(story.CHANGE)]] * 2] * 2)
    async with play(sessions) as stage:
        run = await stage.run()
        assert (run.position.stage, run.position.waits) == ("implementation", Waits.HANDOVER)
        for words in (("show",), ("diff",), ("take",), ("give",), ("retry",)):
            done = cli(stage.folder, *words, run.id)
            assert done.returncode in (0, 4, 30), (words, done.stderr)  # 30: called over a boundary
            if words == ("diff",):
                assert "+    if percent > 100" in done.stdout
                assert "trial" not in done.stdout


async def test_what_a_command_closed_holds_nobody_up(play: Play) -> None:
    sessions = story.hotfix(change=[[[story.MEND, shell(CLOSED), hand_in(story.CHANGE)]]])
    async with play(sessions) as stage:
        run = await stage.to_the_end(await stage.run())
        assert run.position.state is State.DONE

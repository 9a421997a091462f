"""What the sessions of whole runs send, byte by byte: append-only, opened by little, and nothing of another session."""

import itertools

import pytest
import story
from playing import Play
from story import hand_in, minds, reports

from setpoint.model.settings import Provider
from setpoint.testing.model_server import Seen

pytestmark = pytest.mark.slow


def shared(one: bytes, other: bytes) -> int:
    """Length of the common beginning."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def speaking(play_api: str, url: str) -> Provider:
    return Provider.model_validate({"api": play_api, "base_url": url})


@pytest.mark.parametrize("api", ["anthropic", "openai-chat", "openai-responses"])
async def test_every_request_keeps_99_percent_of_the_one_before_through_all_corrections(play: Play, api: str) -> None:
    mend = [story.MEND, hand_in(story.CHANGE)]
    again = [story.write("README.md", "# Shop\n\nNo discount above 100 percent.\n"), hand_in(story.CHANGE)]
    found = story.finding("the README does not say it", path="README.md")
    sessions = story.hotfix(
        diagnosis=[[[hand_in(story.DIAGNOSIS)], [hand_in(story.DIAGNOSIS)]]], change=[[mend, again]]
    )
    sessions["verdict"] = [minds(found)]
    sessions["review"] = [reports(found)]
    async with play(sessions) as stage:
        provider = speaking(api, stage.model.base_url(api))
        stage.house.config = stage.house.config.model_copy(update={"providers": {"anthropic": provider}})
        run = await stage.run()
        talks: dict[tuple[str, str], list[Seen]] = {}
        for seen in stage.model.requests:
            talks.setdefault((seen.submit, seen.first), []).append(seen)
        pairs = [pair for talk in talks.values() for pair in itertools.pairwise(talk)]
        assert len(pairs) >= 4
        assert {seen.api for seen in stage.model.requests} == {api}
        assert max(seen.turns for seen in stage.model.requests) >= 2  # a session went on after its objections
        for before, after in pairs:
            assert shared(before.raw, after.raw) >= 0.99 * len(before.raw)
        assert run.position.cycle == 1


async def test_a_session_is_sent_no_word_of_another_sessions_way(play: Play) -> None:
    story_of = [story.shell("echo a-secret-thought"), hand_in(story.DIAGNOSIS)]
    async with play(story.hotfix(diagnosis=[[story_of]])) as stage:
        await stage.run()
        heard = {seen.submit for seen in stage.model.requests if b"a-secret-thought" in seen.raw}
        assert heard == {"submit_diagnosis"}

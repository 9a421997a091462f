"""What every forge promises, as tests. A subclass gives the fixture `bench`."""

import asyncio
from collections.abc import Mapping
from typing import Protocol

import pytest

from ..errors import RefusedError, StaleError
from ..model.release import CiState, PullRequest
from ..ports import Forge


class ForgeBench(Protocol):
    """A forge with a base branch, and a hand on what happens around it."""

    forge: Forge
    base: str
    verdict: CiState
    """What CI will say."""
    judged: list[Mapping[str, str]]
    """The files of each tree that CI judged."""

    async def commit(self, files: Mapping[str, str], on: str = "") -> str:
        """A commit that adds `files` to commit `on` (default: the forge's base), not pushed."""
        ...

    async def advance(self, files: Mapping[str, str]) -> str:
        """Somebody else's commit on the forge's base."""
        ...

    async def files(self) -> Mapping[str, str]:
        """The files of the forge's base."""
        ...

    async def message(self, sha: str) -> str:
        """The message of a commit in the forge."""
        ...


HEAD = "setpoint/signup"


async def offered(bench: ForgeBench, files: Mapping[str, str] | None = None) -> PullRequest:
    """A pull request with one commit."""
    sha = await bench.commit(files or {"signup.py": "def signup(): ...\n"})
    await bench.forge.push(HEAD, sha)
    return await bench.forge.open(HEAD, bench.base, "Sign up", "What and why.")


class ForgeContract:
    """Inherited by the tests of every forge and of its double."""

    async def test_a_branch_without_a_pull_request_has_none(self, bench: ForgeBench) -> None:
        assert await bench.forge.find(HEAD) is None

    async def test_publishing_twice_opens_one_pull_request_and_brings_its_text_up_to_date(
        self, bench: ForgeBench
    ) -> None:
        first = await offered(bench)
        await bench.forge.push(HEAD, first.head_sha)
        second = await bench.forge.open(HEAD, bench.base, "Sign up, better", "More.")
        assert second.number == first.number
        assert (second.title, second.body) == ("Sign up, better", "More.")
        assert await bench.forge.find(HEAD) == second

    async def test_two_who_open_at_once_get_the_same_pull_request(self, bench: ForgeBench) -> None:
        await bench.forge.push(HEAD, await bench.commit({"a.py": "a\n"}))
        both = await asyncio.gather(*(bench.forge.open(HEAD, bench.base, "Title", "Body") for _ in range(2)))
        assert both[0].number == both[1].number

    async def test_different_branches_get_different_numbers(self, bench: ForgeBench) -> None:
        first = await offered(bench)
        await bench.forge.push("setpoint/other", await bench.commit({"other.py": "o\n"}))
        other = await bench.forge.open("setpoint/other", bench.base, "Other", "Body")
        assert other.number != first.number

    async def test_a_later_push_moves_the_head_of_the_pull_request(self, bench: ForgeBench) -> None:
        first = await offered(bench)
        more = await bench.commit({"more.py": "m\n"}, on=first.head_sha)
        await bench.forge.push(HEAD, more)
        found = await bench.forge.find(HEAD)
        assert found is not None
        assert (found.number, found.head_sha) == (first.number, more)

    async def test_nothing_to_offer_is_refused(self, bench: ForgeBench) -> None:
        base = await bench.advance({"x.py": "x\n"})
        await bench.forge.push(HEAD, base)
        with pytest.raises(RefusedError, match="no commits"):
            await bench.forge.open(HEAD, bench.base, "T", "B")

    async def test_a_branch_that_was_never_pushed_is_refused(self, bench: ForgeBench) -> None:
        with pytest.raises(RefusedError, match=HEAD):
            await bench.forge.open(HEAD, bench.base, "T", "B")

    async def test_ci_judges_the_merge_result_once(self, bench: ForgeBench) -> None:
        pull = await offered(bench)
        await bench.advance({"beside.py": "b\n"})
        first = await bench.forge.checks(pull)
        assert (first.state, first.sha) == (CiState.GREEN, pull.head_sha)
        assert await bench.forge.checks(pull) == first
        assert len(bench.judged) == 1
        assert {"signup.py", "beside.py"} <= set(bench.judged[0])

    async def test_a_red_verdict_stays_until_the_head_moves(self, bench: ForgeBench) -> None:
        pull = await offered(bench)
        bench.verdict = CiState.RED
        assert (await bench.forge.checks(pull)).state is CiState.RED
        bench.verdict = CiState.GREEN
        assert (await bench.forge.checks(pull)).state is CiState.RED
        await bench.forge.push(HEAD, await bench.commit({"fix.py": "f\n"}, on=pull.head_sha))
        assert (await bench.forge.checks(pull)).state is CiState.GREEN

    async def test_a_moved_base_is_judged_again(self, bench: ForgeBench) -> None:
        pull = await offered(bench)
        await bench.forge.checks(pull)
        await bench.advance({"later.py": "l\n"})
        await bench.forge.checks(pull)
        assert "later.py" in bench.judged[-1]
        assert len(bench.judged) == 2

    async def test_a_ci_that_could_not_tell_is_asked_again(self, bench: ForgeBench) -> None:
        pull = await offered(bench)
        bench.verdict = CiState.REFUSED
        assert (await bench.forge.checks(pull)).state is CiState.REFUSED
        bench.verdict = CiState.GREEN
        assert (await bench.forge.checks(pull)).state is CiState.GREEN

    async def test_a_conflict_is_red_and_names_the_file(self, bench: ForgeBench) -> None:
        pull = await offered(bench, {"same.py": "ours\n"})
        await bench.advance({"same.py": "theirs\n"})
        run = await bench.forge.checks(pull)
        assert run.state is CiState.RED
        assert "same.py" in run.log
        assert bench.judged == []

    async def test_merging_brings_the_change_onto_the_base_with_the_number_in_its_message(
        self, bench: ForgeBench
    ) -> None:
        pull = await offered(bench)
        merged = await bench.forge.merge(pull, pull.head_sha, "Sign up\n\nBy a run.")
        assert merged.merged_sha
        assert merged.head_sha == pull.head_sha
        assert "signup.py" in await bench.files()
        assert f"#{pull.number}" in (await bench.message(merged.merged_sha)).splitlines()[0]

    async def test_merging_twice_gives_the_same_answer(self, bench: ForgeBench) -> None:
        pull = await offered(bench)
        first = await bench.forge.merge(pull, pull.head_sha, "Sign up")
        await bench.advance({"later.py": "l\n"})
        assert await bench.forge.merge(pull, pull.head_sha, "Sign up") == first
        assert await bench.forge.find(HEAD) == first
        assert await bench.forge.open(HEAD, bench.base, "Sign up", "What and why.") == first

    async def test_two_who_merge_at_once_get_the_same_commit(self, bench: ForgeBench) -> None:
        pull = await offered(bench)
        both = await asyncio.gather(*(bench.forge.merge(pull, pull.head_sha, "Sign up") for _ in range(2)))
        assert both[0] == both[1]

    async def test_a_moved_head_is_not_merged(self, bench: ForgeBench) -> None:
        pull = await offered(bench)
        await bench.forge.push(HEAD, await bench.commit({"sneaked.py": "s\n"}, on=pull.head_sha))
        with pytest.raises(StaleError, match="moved"):
            await bench.forge.merge(pull, pull.head_sha, "Sign up")
        assert "signup.py" not in await bench.files()

    async def test_merging_onto_a_moved_base_keeps_both_sides(self, bench: ForgeBench) -> None:
        pull = await offered(bench)
        await bench.advance({"beside.py": "b\n"})
        await bench.forge.merge(pull, pull.head_sha, "Sign up")
        assert {"signup.py", "beside.py"} <= set(await bench.files())

    async def test_a_merge_that_names_its_base_waits_for_no_other(self, bench: ForgeBench) -> None:
        pull = await offered(bench)
        judged = await bench.forge.ensure(bench.base)
        moved = await bench.advance({"beside.py": "b\n"})
        with pytest.raises(StaleError, match="moved"):
            await bench.forge.merge(pull, pull.head_sha, "Sign up", judged)
        assert "signup.py" not in await bench.files()
        first = await bench.forge.merge(pull, pull.head_sha, "Sign up", moved)
        assert await bench.forge.merge(pull, pull.head_sha, "Sign up", moved) == first

    async def test_a_conflict_is_not_merged_and_names_the_file(self, bench: ForgeBench) -> None:
        pull = await offered(bench, {"same.py": "ours\n"})
        await bench.advance({"same.py": "theirs\n"})
        with pytest.raises(RefusedError, match=r"same\.py"):
            await bench.forge.merge(pull, pull.head_sha, "Sign up")
        assert (await bench.files())["same.py"] == "theirs\n"

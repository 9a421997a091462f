"""A reviewer on changes whose defects are known: what it finds, misses and makes up, and what that costs."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import story
from playing import Playing, cli, documents, playing
from story import finding, hand_in, raw_hand_in, reviewed, shell

from setpoint.errors import ParkedError, RefusedError, UsageError
from setpoint.model.review import REVIEW_CHECKS, Finding, Probe
from setpoint.proving import Wanted, outline, prove, words_of
from setpoint.service.proofs import Proof, checked, new_proof, proof_of, require_proved
from setpoint.service.seeds import Seed, seeds
from setpoint.testing.model_formats import Step
from setpoint.testing.model_server import Seen
from setpoint.testing.projects import commit_all, git, write_files

TRIED = "python3 -c 'import os; assert not os.path.exists(\"odd input\")'"
WORDS = {
    "download": "a folder beside is read: startswith compares letters, so the name leads out",
    "greeting_html": "a quote in the name breaks out of the attribute",
    "load_once": "two calls at the same time load twice",
    "last_seat": "two processes read the same number: a race",
    "user_json": "createdAt is a number now, clients read an ISO date",
}


def about(seen: Seen) -> tuple[Seed, bool]:
    """Which change a session looks at, read from its brief as a reviewer could."""
    seed = next(seed for seed in seeds() if seed.title in seen.first)
    new, old = (
        {line.strip() for text in files.values() for line in text.splitlines() if line.strip()}
        for files in (seed.change(planted=True), seed.honest)
    )
    added = {line[1:].strip() for line in seen.first.splitlines() if line.startswith("+")}
    fresh, gone = new - old, old - new
    return seed, fresh <= added and (bool(fresh) or not gone <= added)


def minds(seed: Seed, what: str, **more: str) -> Finding:
    return finding(what, path=seed.where[0], cause="the change has it so", evidence="seen by a probe: 2 of 2", **more)


def reports(*found: Finding) -> Step:
    report = reviewed(*found).model_copy(update={"probes": (Probe(command=TRIED, outcome="odd"),)})
    return hand_in(report)


Reviewer = Callable[[Seed, bool], Step]


def finds_all(seed: Seed, planted: bool) -> Step:
    return reports(minds(seed, WORDS[seed.name])) if planted else reports()


def finds_none(seed: Seed, planted: bool) -> Step:
    return reports()


def cries_wolf(seed: Seed, planted: bool) -> Step:
    """Objects to everything, in words that fit anything."""
    return reports(minds(seed, "this should be built in another way"))


def shows_it(seed: Seed, planted: bool) -> Step:
    """Says nothing that tells, but its test fails where the defect is."""
    test = seed.demonstration["show.mjs"].replace("'./src", "'../src")
    probe = "node --test test/shown.test.js"
    return reports(minds(seed, "see the test", probe=probe, test=test, test_path="test/shown.test.js"))


def praises(seed: Seed, planted: bool) -> Step:
    checks = [{"check": check, "tried": "looks good", "result": "holds"} for check in REVIEW_CHECKS]
    return raw_hand_in("review", {**story.GOOD.model_dump(mode="json"), "checks": checks})


@asynccontextmanager
async def proving(folder: Path, reviewer: Reviewer, config: str = "") -> AsyncIterator[Playing]:
    def script(seen: Seen) -> Step:
        return shell(TRIED) if seen.replies == 0 else reviewer(*about(seen))

    async with playing(folder, {}, config=config, script=script) as stage:
        yield stage


async def proof_by(folder: Path, reviewer: Reviewer, check: str = "security") -> Proof:
    async with proving(folder, reviewer) as stage:
        return await prove(stage.house, Wanted(check=check, budget=5.0), lambda _line: None)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("reviewer", "recall", "precision", "alarms"),
    [
        (finds_all, (2, 2), (2, 2), (0, 2)),
        (finds_none, (0, 2), (0, 0), (0, 2)),
        (cries_wolf, (0, 2), (0, 4), (2, 2)),
        (praises, (0, 2), (0, 0), (0, 2)),
    ],
)
async def test_a_reviewer_of_known_worth_comes_out_as_it_is(
    tmp_path: Path, reviewer: Reviewer, recall: tuple[int, int], precision: tuple[int, int], alarms: tuple[int, int]
) -> None:
    proof = await proof_by(tmp_path / "shop", reviewer)
    assert (proof.recall.got, proof.recall.of) == recall
    assert (proof.precision.got, proof.precision.of) == precision
    assert (proof.alarms.got, proof.alarms.of) == alarms
    assert {sample.seed for sample in proof.missed()} == (set() if recall[0] else {"download", "greeting_html"})
    assert bool(proof.missed() and proof.missed()[0].unusable) is (reviewer is praises)
    assert proof.usd is not None


@pytest.mark.slow
async def test_a_test_that_only_the_defect_fails_is_a_find_whatever_the_words(tmp_path: Path) -> None:
    proof = await proof_by(tmp_path / "shop", shows_it, "API")
    assert (proof.recall.got, proof.recall.of) == (1, 1)
    assert proof.alarms.got == 0, "on the honest change its own test passes: advice, and no objection"


@pytest.mark.slow
async def test_a_proof_goes_on_where_it_was_and_belongs_to_one_reviewer(tmp_path: Path) -> None:
    async with proving(tmp_path / "shop", finds_all) as stage:
        house, wanted = stage.house, Wanted(check="API", budget=5.0)
        told: list[str] = []
        await prove(house, wanted, told.append)
        assert len(told) == 2
        asked = len(stage.model.requests)
        again = await prove(house, wanted, told.append)
        assert len(stage.model.requests) == asked, "what is on record is not asked again"
        assert again.recall.got == 1
        assert outline(house, wanted).known == 2
        assert outline(house, Wanted(check="API", budget=5.0, again=True)).known == 0

        now = again.at
        assert proof_of(house.store, house.config, now) == again
        house.choose_models(["review=anthropic/claude-haiku-4-5"])
        assert new_proof(house.config, now).model == "anthropic/claude-haiku-4-5"
        assert proof_of(house.store, house.config, now) is None


@pytest.mark.slow
async def test_a_proof_belongs_to_the_words_the_reviewer_was_asked_with(tmp_path: Path) -> None:
    async with proving(tmp_path / "shop", finds_all, "[review]\nminimum_recall = 0.5\n") as stage:
        house, wanted = stage.house, Wanted(check="API", budget=5.0)
        packaged = await prove(house, wanted, lambda _line: None)
        write_files(stage.folder, {".setpoint/prompts/review.md": "Be kind. Look at everything twice.\n"})
        git(stage.folder, "add", "-f", ".setpoint/prompts/review.md")
        commit_all(stage.folder, "our own reviewer")
        assert outline(house, wanted, await words_of(house)).known == 0
        with pytest.raises(RefusedError, match="has not proved itself: never tried"):
            await stage.run()
        before = len(stage.model.requests)
        own = await prove(house, wanted, lambda _line: None)
        assert own.prompt != packaged.prompt
        assert all("Be kind." in seen.system for seen in stage.model.requests[before:])
        assert proof_of(house.store, house.config, own.at, own.prompt) == own
        assert proof_of(house.store, house.config, own.at) == packaged


@pytest.mark.slow
async def test_a_demanded_recall_holds_a_run_up_until_it_is_shown(tmp_path: Path) -> None:
    async with proving(tmp_path / "shop", finds_none, "[review]\nminimum_recall = 0.5\n") as stage:
        house = stage.house
        with pytest.raises(RefusedError, match="has not proved itself: never tried"):
            await stage.run()
        assert stage.model.requests == []
        proof = await prove(house, Wanted(check="API", budget=5.0), lambda _line: None)
        with pytest.raises(RefusedError, match="found 0 of 1"):
            require_proved(house.store, house.config, proof.at)
        (check,) = checked(house.store, house.config, proof.at)
        assert check.state == "bad"
        assert "setpoint review prove" in check.fix


async def test_what_it_would_cost_is_said_before_and_held(tmp_path: Path) -> None:
    async with proving(tmp_path / "shop", finds_all) as stage:
        shown = documents(cli(stage.folder, "review", "prove", "--dry-run", "--json"))
        assert shown["changes"] == 2 * len(seeds())
        assert shown["estimate_usd"][0] < shown["estimate_usd"][1] < shown["estimate_usd"][2]
        poor = cli(stage.folder, "review", "prove", "--budget", "0.01")
        assert poor.returncode == 2
        assert "the budget is $0.01" in poor.stderr
        stage.house.choose_models(["review=elsewhere/unlisted"])
        with pytest.raises(UsageError, match="nobody lists the price of elsewhere/unlisted"):
            await prove(stage.house, Wanted(budget=5.0), lambda _line: None)
        with pytest.raises(UsageError, match="no planted defect is of check"):
            outline(stage.house, Wanted(check="spelling", budget=5.0))
        assert stage.model.requests == []


@pytest.mark.slow
async def test_a_budget_used_up_parks_and_keeps_what_was_found(tmp_path: Path) -> None:
    def dear(seed: Seed, planted: bool) -> Step:
        return replace(finds_all(seed, planted), input_tokens=390_000)

    async with proving(tmp_path / "shop", dear) as stage:
        wanted = Wanted(check="security", budget=1.9)
        with pytest.raises(ParkedError, match="the budget of this proof is used up") as parked:
            await prove(stage.house, wanted, lambda _line: None)
        assert "1 review of 4" in f"{parked.value}".replace("reviews", "review")
        assert outline(stage.house, wanted).known == 1

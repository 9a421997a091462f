"""What failures teach, on real runs: captured by themselves; only a rule that a person commits reaches the next run."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import story
from playing import Play, Playing, cli, documents
from story import edit, hand_in

from setpoint.model.objection import Source
from setpoint.testing.projects import git

pytestmark = pytest.mark.slow

MONEY = '''"""Sums of money."""

import warnings


def cents(price: float) -> int:
    """`price` in cents."""
    return round(price * 100)


def in_cents(price: float) -> int:
    """The old name."""
    warnings.warn("in_cents() is deprecated since 2.0, call cents()", DeprecationWarning, stacklevel=2)
    return cents(price)
'''
STRICT = "[tool.pytest.ini_options]\npythonpath = ['.']\nfilterwarnings = ['error::DeprecationWarning']\n"
WITH = "from shop.money import %s\n\n\n"
OLD = story.DOCSTRING + story.guard("in_cents(percent) > 10000")
NEW = story.DOCSTRING + story.guard("cents(percent) > 10000")
IMPORT = "def total("
RULE = "Approved APIs: money is counted with shop.money.cents; in_cents is deprecated since 2.0."


def uses(name: str) -> list[story.Step]:
    """The change, made with this function."""
    return [
        edit(story.PRICE, IMPORT, f"from shop.money import {name}\n\n\n{IMPORT}"),
        edit(story.PRICE, story.BARE, story.DOCSTRING + story.guard(f"{name}(percent) > 10000")),
        hand_in(story.CHANGE),
    ]


MENDED = [
    edit(story.PRICE, "import in_cents", "import cents"),
    edit(story.PRICE, "if in_cents(", "if cents("),
    hand_in(story.CHANGE),
]


def listed(stage: Playing, *words: str) -> list[dict[str, Any]]:
    """`setpoint lessons --json`."""
    done = cli(stage.folder, "lessons", *words, "--json")
    assert done.returncode == 0, done.stderr
    found = documents(done)
    assert isinstance(found, list)
    return found


def say(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """`setpoint lessons …`, which must go well."""
    done = cli(folder, "lessons", *words)
    assert done.returncode == 0, done.stderr
    return done


async def test_a_deprecated_call_becomes_a_rule_and_the_next_run_does_without_it(play: Play) -> None:
    sessions = story.hotfix(
        diagnosis=[[[hand_in(story.DIAGNOSIS)]]] * 2,
        tests=[[[story.write(story.TEST_PATH, story.TEST), hand_in(story.CLAIMS)]]] * 2,
        change=[[uses("in_cents"), MENDED], [uses("cents")]],
    )
    async with play(sessions, files={"shop/money.py": MONEY, "pyproject.toml": STRICT}) as stage:
        first = await stage.run()
        assert (first.position.stage, stage.rounds(first, "implementation")) == ("change", 2)

        (lesson,) = [each for each in listed(stage) if "deprecated" in each["witnesses"][0]["what"]]
        shown = documents(cli(stage.folder, "lessons", "show", str(lesson["id"]), "--json"))
        assert "in_cents() is deprecated since 2.0" in shown["witnesses"][0]["what"]
        assert "in_cents" in "".join(shown["example"]["before"])
        assert "in_cents" not in "".join(shown["example"]["after"])
        assert stage.house.store.blob(shown["witnesses"][0]["evidence"])

        assert "Approved APIs" not in "".join(seen.first for seen in stage.model.requests)
        done = say(stage.folder, "accept", str(lesson["id"])[:8], "--rule", RULE)
        assert done.stdout.strip() == ".setpoint/SYSTEM.md"
        await stage.house.commands.cancel(first.id, because="only tried")

        git(stage.folder, "add", "-f", ".setpoint/SYSTEM.md")
        git(stage.folder, "commit", "-q", "-m", "A rule learned")
        before = len(stage.model.requests)
        second = await stage.run()
        assert (second.position.stage, stage.rounds(second, "implementation")) == ("change", 1)
        briefs = {seen.submit: seen.first for seen in stage.model.requests[before:]}
        for submit in ("submit_diagnosis", "submit_tests", "submit_change", "submit_review"):
            assert RULE in briefs[submit]
            assert "- from shop.money import in_cents" in briefs[submit]
            assert "+ from shop.money import cents" in briefs[submit]


async def test_a_failure_of_two_runs_is_one_lesson_and_its_rule_reaches_no_session_uncommitted(
    play: Play,
) -> None:
    twice = [[hand_in(story.CHANGE)], [story.MEND, hand_in(story.CHANGE)]]
    sessions = story.hotfix(
        diagnosis=[[[hand_in(story.DIAGNOSIS)]]] * 2,
        tests=[[[story.write(story.TEST_PATH, story.TEST), hand_in(story.CLAIMS)]]] * 2,
        change=[twice, twice],
    )
    async with play(sessions) as stage:
        runs = []
        for ticket in (story.HOTFIX_TICKET, f"{story.HOTFIX_TICKET}\nSeen again in March.\n"):
            run = await stage.run(ticket)
            runs.append(run.id)
            await stage.house.commands.cancel(run.id, because="only tried")
            say(stage.folder, "accept", str(listed(stage, "--all")[0]["id"]), "--rule", "Hand in work, not words.")
        top = listed(stage, "--all")[0]
        assert sorted(witness["run"] for witness in top["witnesses"]) == sorted(runs)
        assert (top["times"], top["state"]) == (2, "accepted")
        assert "Hand in work" in (stage.folder / ".setpoint" / "SYSTEM.md").read_text()
        assert "Hand in work" not in "".join(seen.first for seen in stage.model.requests)


async def test_a_finding_of_the_review_and_a_persons_word_teach_and_are_classified(play: Play) -> None:
    minded = story.finding("FR-001 does not hold for 100.5 percent")
    mend = [edit(story.PRICE, "percent > 100", "percent > 100.0"), hand_in(story.CHANGE)]
    reviews = [story.reports(minded), story.reports(closed=(minded.objection(Source.REVIEWER).mark,))]
    sessions = story.hotfix(change=[[[story.MEND, hand_in(story.CHANGE)], mend]], review=reviews)
    async with play(sessions) as stage:
        run = await stage.run()
        assert run.position.stage == "change"
        await stage.house.commands.reject(run.id, because="say percent in the message")
        found = {each["witnesses"][0]["failure"]: each for each in listed(stage)}
        assert found["finding"]["late"]["slip"] == "weak-test"
        assert found["person"]["late"]["slip"] == "reviewer-miss"

        name = str(found["person"]["id"])
        say(stage.folder, "classify", name, "--as", "missing-criterion", "--reason", "nobody had written it down")
        report = documents(cli(stage.folder, "lessons", "report", "--json"))
        assert report["slips"] == {
            "poorly defined spec": {"missing-criterion": 1}, "weak feedback loop": {"weak-test": 1},
        }  # fmt: skip
        (ticket,) = report["tickets"]
        assert (ticket["adhoc"], ticket["came"]) == (1, "under way")
        assert "1 ad hoc" in cli(stage.folder, "show", run.id).stdout

"""Code that its approved tests leave open gets a second suite: new tests, written after it and frozen from then on."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager

import pytest
import story
from playing import Playing
from story import hand_in, reports, shell, write
from test_run_evidence import measured_project

from setpoint.model.change import AcceptanceTests, Change, TestClaim
from setpoint.model.objection import Source
from setpoint.model.run import State, Waits
from setpoint.testing.model_formats import Step

Play = Callable[..., AbstractAsyncContextManager[Playing]]

CHECKS = "[checks]\nmutants = 0\nsurroundings = false\nown_run = false\n"
WIDER = story.edit(
    story.PRICE,
    story.BARE,
    story.DOCSTRING + story.guard('percent > 100:\n        raise ValueError("percent is above 100")\n    if price < 0'),
)
"""The mend, and an edge that no approved test goes to."""
EDGE_PATH = "tests/test_discount_edges.py"
EDGE_TEST = """import pytest

from shop.price import discounted


def test_a_price_below_zero_is_refused() -> None:
    with pytest.raises(ValueError):
        discounted(-1.0, 10.0)
"""
EDGES = AcceptanceTests(
    tests=(TestClaim(id=f"{EDGE_PATH}::test_a_price_below_zero_is_refused", proves=("FR-001",), what="-1 is refused"),),
    files=(EDGE_PATH,),
)
FIRST = [[write(story.TEST_PATH, story.TEST), hand_in(story.CLAIMS)]]
SECOND = [[write(EDGE_PATH, EDGE_TEST), hand_in(EDGES)]]


def sessions(*second: story.Session, **other: list[story.Session]) -> dict[str, Sequence[story.Session]]:
    change = [[[WIDER, hand_in(story.CHANGE)]]]
    return story.hotfix(**{"tests": [FIRST, *second], "change": change, **other})


async def test_what_no_approved_test_runs_is_tested_before_the_review(play: Play) -> None:
    async with play(sessions(SECOND), project=measured_project, config=CHECKS) as stage:
        run = await stage.run()
        assert (run.position.stage, run.position.waits) == ("change", Waits.DECISION)
        assert stage.rounds(run, "implementation") == 1  # the builder cannot mend it, and is not asked to
        tester = stage.sessions("tests")[1][0]
        assert "no test runs these changed lines" in tester.first
        assert "shop/price.py:14" in tester.first
        assert [event.data["files"] for event in stage.events(run, "second-suite")] == [[EDGE_PATH]]
        assert "Second suite" in stage.requests("review")[0].first

        run = await stage.approve(run)
        assert run.position.state is State.DONE
        pull = stage.view(run).pull_request
        assert pull is not None
        assert f"`{EDGES.tests[0].id}` (second suite)" in pull["body"]
        assert "- requirement: a plain yes" in pull["body"]


TO_CODE = [write(story.TEST_PATH, "# no more\n"), write("shop/edges.py", "X = 1\n"), hand_in(EDGES)]
TO_OTHERS = [shell("echo '# more' >>tests/test_price.py"), hand_in(EDGES)]
IDLE = [write(EDGE_PATH, EDGE_TEST.replace("-1.0, 10.0", "1.0, 101.0")), hand_in(EDGES)]


@pytest.mark.parametrize(
    ("turn", "said"),
    [
        pytest.param(TO_CODE, ("is protected", "outside", "a file that was not written"), id="elsewhere"),
        pytest.param(TO_OTHERS, ("is not a new test file",), id="in a file that is there"),
        pytest.param(IDLE, ("no test runs",), id="of no use"),
    ],
)
async def test_only_new_tests_that_hold_what_was_open_are_taken(
    play: Play, turn: list[Step], said: tuple[str, ...]
) -> None:
    mended = [shell("sed -i '/# more/d' tests/test_price.py"), write(EDGE_PATH, EDGE_TEST), hand_in(EDGES)]
    async with play(sessions([turn, mended]), project=measured_project, config=CHECKS) as stage:
        run = await stage.run()
        assert (run.position.stage, run.position.waits) == ("change", Waits.DECISION)
        heard = str(stage.sessions("tests")[1][-1].messages)
        assert [words for words in said if words not in heard] == []


async def test_the_second_suite_is_frozen_while_the_review_is_answered(play: Play) -> None:
    fault = story.finding("a price that is no number passes", evidence="called with nan")
    answer = [story.edit(story.PRICE, "if price < 0", "if not price >= 0"), hand_in(Change(summary="nan is refused."))]
    touch = [write(EDGE_PATH, EDGE_TEST + "\n# more\n"), *answer]
    change = [[[WIDER, hand_in(story.CHANGE)], touch]]
    closed = reports(closed=(fault.objection(Source.REVIEWER).fingerprint,))
    async with play(
        sessions(SECOND, change=change, review=[reports(fault), closed]), project=measured_project, config=CHECKS
    ) as stage:
        run = await stage.run()
        assert (run.position.stage, run.position.waits) == ("change", Waits.DECISION)
        refused = [seen for seen in stage.requests("change") if "protected" in str(seen.messages)]
        assert refused
        assert stage.rounds(run, "edge_tests") == 1


async def test_where_no_second_suite_is_wanted_it_goes_back_to_the_builder(play: Play) -> None:
    change = [
        [[WIDER, hand_in(story.CHANGE)], [story.edit(story.PRICE, "if price < 0", "if False"), hand_in(story.CHANGE)]]
    ]
    config = f"{CHECKS}second_suite = false\n[phase.implementation]\nattempts = 1\n"
    async with play(sessions(change=change), project=measured_project, config=config) as stage:
        run = await stage.run()
        assert (run.position.stage, run.position.waits) == ("implementation", Waits.HANDOVER)
        assert "coverage/uncovered" in {o.rule for o in stage.objections(run, "implementation")}

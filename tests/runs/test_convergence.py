"""Whole runs that go wrong in ways the loop must see: mends that undo each other, repeated work, empty claims."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
import story
from playing import Play, Playing, cli
from story import Session, finding, guard, hand_in, raw_hand_in, reports

from setpoint.model.objection import Severity, Source
from setpoint.model.review import REVIEW_CHECKS
from setpoint.model.run import State, Waits

pytestmark = pytest.mark.slow

A = finding("exactly 100.5 percent is let through")
B = finding("a percent given as text is compared as a number")
FORMS = ("percent > 100", "percent > 100.0", "percent > 1e2", "percent > 10**2", "percent >= 100.01")


def id_of(found: story.Finding) -> str:
    return found.objection(Source.REVIEWER).fingerprint


def mends(*forms: str) -> Session:
    """A builder whose every turn writes the guard in another form."""
    first = story.edit(story.PRICE, story.BARE, story.DOCSTRING + guard(forms[0]))
    later = [story.edit(story.PRICE, f"{old}:", f"{new}:") for old, new in pairwise(forms)]
    return [[step, hand_in(story.CHANGE)] for step in (first, *later)]


def decisions(stage: Playing, run: Any, phase: str) -> list[str]:
    found = stage.house.store.rounds(run.id, run.position.cycle)
    return [round_.choice for round_, _ in found if round_.stage.startswith(phase)]


async def test_a_mend_that_undoes_the_one_before_is_stopped_as_oscillation_with_both_named(play: Play) -> None:
    other = finding("a minor thing beside", Severity.MEDIUM)
    reviews = [
        reports(A),
        reports(B, other, closed=(id_of(A),)),
        reports(A, other, closed=(id_of(B),)),
        reports(B, closed=(id_of(A),)),
    ]
    async with play(story.hotfix(change=[mends(*FORMS)], review=reviews)) as stage:
        run = await stage.run()
        assert (run.position.stage, run.position.waits) == ("review", Waits.HANDOVER)
        assert decisions(stage, run, "review") == ["correct", "correct", "narrow", "hand-over"]
        packet = stage.view(run).handover
        assert packet is not None
        assert packet.cause.startswith("oscillation: mending one brings back the other, 2 times")
        assert A.what in packet.cause
        assert B.what in packet.cause

        narrowed = next(m for m in map(str, stage.requests("change")[-1].messages) if "narrowed" in m)
        assert "This attempt is narrowed" in narrowed
        assert A.what in narrowed
        assert B.what in narrowed
        assert other.what not in narrowed
        assert other.what in str(stage.objections(run, "review"))
        assert other.what in stage.sessions("review")[-1][0].first


async def test_a_loop_that_spreads_is_given_its_worst_and_the_others_are_not_lost(play: Play) -> None:
    many = [finding(f"the {word} case is let through") for word in ("zero", "empty", "huge", "late", "odd", "torn")]
    by_id = sorted(many[:5], key=id_of)
    few, rest = by_id[:3], [*by_id[3:], many[5]]
    reviews = [
        reports(*many[:5]),
        reports(*many),
        reports(*rest, closed=tuple(map(id_of, few))),
        reports(closed=tuple(map(id_of, rest))),
    ]
    async with play(story.hotfix(change=[mends(*FORMS)], review=reviews)) as stage:
        run = await stage.run()
        assert (run.position.stage, run.position.waits) == ("change", Waits.DECISION)
        assert decisions(stage, run, "review") == ["correct", "narrow", "correct", "accept"]
        turns = [str(m) for m in stage.requests("change")[-1].messages if "Objections after round" in str(m)]
        assert [[each.what in turn for each in (*few, *rest)] for turn in turns[1:]] == [
            [True, True, True, False, False, False],
            [True] * 6,
        ]


async def test_work_that_alternates_is_stopped_at_the_first_repeat(play: Play) -> None:
    forms = ("percent > 1000", "percent > 2000", "percent > 1000")
    async with play(story.hotfix(change=[mends(*forms)])) as stage:
        run = await stage.run()
        assert (run.position.stage, run.position.waits) == ("implementation", Waits.HANDOVER)
        assert decisions(stage, run, "implementation") == ["correct", "correct", "hand-over"]
        assert "repeated diff" in run.note
        assert "in round 1" in run.note
        assert "test_above_100_is_refused" in run.note


async def test_a_mend_that_is_claimed_and_not_made_is_an_objection_and_no_reviewer_is_asked(play: Play) -> None:
    builder: Session = [[story.MEND, hand_in(story.CHANGE)], [hand_in(story.CHANGE)]]
    async with play(story.hotfix(change=[builder], review=[reports(A)])) as stage:
        run = await stage.run()
        assert (run.position.stage, run.position.waits) == ("implementation", Waits.HANDOVER)
        assert [o.rule for o in stage.objections(run, "implementation:~review")] == ["claim/unchanged"] * 2
        assert "no file differs from what was objected to" in run.note
        assert len(stage.sessions("review")) == 1


PRAISE = story.GOOD.model_dump(mode="json")
BARE_PRAISE: Sequence[dict[str, Any]] = (
    {"summary": "Looks good to me."},
    {**PRAISE, "probes": []},
    {**PRAISE, "checks": [{"check": c, "tried": "ran it with odd input", "result": "holds"} for c in REVIEW_CHECKS]},
    {**PRAISE, "checks": [{"check": c, "tried": f"{c} looks good", "result": "holds"} for c in REVIEW_CHECKS]},
    {**PRAISE, "probes": [{"command": "python -c 'import shop.price; print(1)'", "outcome": "1"}]},
)


@pytest.mark.parametrize(
    "praise", BARE_PRAISE, ids=["no answers", "no probes", "one sentence twelve times", "praise", "a probe never run"]
)
async def test_a_reviewer_that_says_looks_good_is_refused(play: Play, praise: dict[str, Any]) -> None:
    async with play(story.hotfix(review=[[[story.TRIES, raw_hand_in("review", praise)]]])) as stage:
        run = await stage.run()
        assert run.position.stage == "review"
        assert run.position.state is not State.DONE
        assert stage.code(run) == 11
        assert len(stage.requests("review")) > 1


FAILS = "python -c 'from shop.price import discounted; assert discounted(10.0, -5.0) < 10'"
HOLDS = "python -c 'import shop.price'"
ABSENT = "python nowhere.py"


async def test_a_probe_is_run_by_the_engine_and_what_it_does_not_show_is_heard_once(play: Play) -> None:
    shown = finding("a negative percent makes it dearer", Severity.MEDIUM, probe=FAILS)
    said = finding("the guard should stand elsewhere", Severity.MEDIUM, probe=HOLDS)
    lost = finding("rounding is doubtful here", Severity.MEDIUM, probe=ABSENT)
    reviews = [reports(shown, said, lost), reports(said, lost, closed=(id_of(shown),))]
    async with play(story.hotfix(change=[mends(*FORMS)], review=reviews)) as stage:
        run = await stage.run()
        assert (run.position.stage, run.position.waits) == ("change", Waits.DECISION)
        first, second = (found for round_, found in stage.house.store.rounds(run.id, 1) if round_.stage == "review")
        assert [o.shown for o in first] == [True, False, False]
        assert "exit 1, it fails" in first[0].evidence
        assert "exit 0, it shows nothing" in first[1].evidence
        assert [(o.severity, o.advisory) for o in first[1:]] == [(Severity.LOW, True), (Severity.MEDIUM, False)]
        assert "its probe ends with 0 on this change" in str(stage.requests("review")[2].messages[-1])
        assert [(o.severity, o.advisory) for o in second] == [(Severity.LOW, True)] * 2
        assert said.what in "\n".join(o.what for o in stage.view(run).objections)


SHOWN = """import pytest

from shop.price import discounted


def test_a_negative_percent_is_refused() -> None:
    with pytest.raises(ValueError):
        discounted(10.0, -5.0)
"""
RUN_SHOWN = "python -m pytest -q -p no:cacheprovider tests/test_shown.py"


async def test_a_findings_test_is_run_by_the_engine_and_goes_to_the_builder(play: Play) -> None:
    brought = {"probe": RUN_SHOWN, "test": SHOWN, "test_path": "tests/test_shown.py"}
    shown = finding("a negative percent makes it dearer", **brought)
    shadow = finding("price is wrong", probe="false", test="raise SystemExit(1)", test_path=story.PRICE)
    first = [[story.TRIES, hand_in(story.reviewed(shown, shadow))], [hand_in(story.reviewed(shown))]]
    both = story.edit(story.PRICE, "percent > 100:", "not 0 <= percent <= 100:")
    builder: Session = [[story.MEND, hand_in(story.CHANGE)], [both, hand_in(story.CHANGE)]]
    reviews = [first, reports(closed=(id_of(shown),))]
    async with play(story.hotfix(change=[builder], review=reviews)) as stage:
        run = await stage.run()
        assert (run.position.stage, run.position.waits) == ("change", Waits.DECISION)
        assert "shop/price.py is no test file" in str(stage.requests("review")[2].messages[-1])
        (kept,) = [o for o in stage.objections(run, "review") if o.blocks]
        assert kept.shown
        told = str(stage.requests("change")[-1].messages)
        assert "test, to be laid at tests/test_shown.py" in told
        assert "def test_a_negative_percent_is_refused" in told
        assert "test_shown" not in await stage.house.diff(run)


FAR = {"shop/stock.py": '"""Stock."""\n\n\ndef left(count: int) -> int:\n    """What is left."""\n    return count\n'}


async def test_what_lies_outside_the_change_is_a_follow_up_and_does_not_drive_the_loop(play: Play) -> None:
    far = finding("left accepts a negative count and says nothing", path="shop/stock.py", line=5)
    near = finding("a caller of price is broken", path="tests/test_price.py")
    asked = finding("FR-001 does not hold for stock", path="shop/stock.py")
    reviews = [reports(far, near, asked), reports(far, closed=(id_of(near), id_of(asked)))]
    async with play(story.hotfix(change=[mends(*FORMS)], review=reviews), files=FAR) as stage:
        run = await stage.run()
        assert (run.position.stage, run.position.waits) == ("change", Waits.DECISION)
        assert {o.what for o in stage.objections(run, "review")} == {near.what, asked.what}
        (kept,) = stage.view(run).follow_ups
        assert kept.what == far.what
        assert len(stage.events(run, "follow-up")) == 1

        offered = await stage.house.plan(kept.ticket, name="follow", kind=None)
        assert offered.route == "hotfix"
        shown = cli(stage.folder, "show", run.id)
        assert far.what in shown.stdout
        assert "follow-ups" in shown.stdout
        ticket = cli(stage.folder, "show", run.id, "--follow-up", kept.id[:4])
        assert ticket.stdout.startswith("# Fix: left accepts a negative count")

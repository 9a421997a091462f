"""The controller stops before waste, and does not stop a loop that converges."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from setpoint.loop.controller import Choice, decide, error_of, measured
from setpoint.model.objection import Deviation, Objection, Place, Severity, Source
from setpoint.model.run import Round
from setpoint.model.settings import Loop

LIMITS = Loop()


def objection(what: str, severity: Severity = Severity.HIGH, **more: object) -> Objection:
    fields = {"source": Source.GATE, "deviation": Deviation.BEHAVIOUR, "what": what, "evidence": "seen", **more}
    return Objection.model_validate({"severity": severity, **fields})


def rounds_of(*errors: float, diffs: tuple[str, ...] = ()) -> list[Round]:
    """Rounds with these errors, each a new diff unless told."""
    found: list[Round] = []
    for number, error in enumerate(errors):
        diff = diffs[number] if diffs else f"diff {number}"
        found.append(Round(stage="review", attempt=number + 1, error=error, blocking=int(error > 0), diff=diff))
    return found


def stops_after(errors: tuple[float, ...], attempts: int = 100) -> int | None:
    """The round after which the controller would no longer let it go on, with every escalation used."""
    for number in range(1, len(errors) + 1):
        choice = decide(rounds_of(*errors[:number]), LIMITS, attempts=attempts, escalated=1).choice
        if choice is not Choice.CORRECT:
            return number
    return None


def test_nothing_above_low_is_accepted() -> None:
    low = objection("a nit", Severity.LOW)
    now = measured((), [low], stage="review")
    assert now.error == 0
    assert decide([now], LIMITS, attempts=4).choice is Choice.ACCEPT


def test_a_falling_error_is_patiently_corrected() -> None:
    errors = (5.0, 3.0, 1.0, 0.0)
    for number in range(1, 4):
        assert decide(rounds_of(*errors[:number]), LIMITS, attempts=2).choice is Choice.CORRECT
    assert decide(rounds_of(*errors), LIMITS, attempts=2).choice is Choice.ACCEPT


def test_a_published_endless_review_is_stopped_well_before_its_end() -> None:
    series = (6, 3, 3, 3, 7, 6, 5, 2, 5, 3, 3, 1, 1, 1, 1, 2, 3, 7, 2, 3, 4)
    stopped = stops_after(tuple(float(n) for n in series))
    assert stopped is not None
    assert stopped <= 6


@pytest.mark.parametrize(
    ("errors", "cause"),
    [
        ((8.0, 8.0, 8.0, 8.0), "plateau"),
        ((3.0, 6.0, 9.0), "reversal"),
        ((8.0, 3.0, 8.0, 3.0, 8.0, 3.0), "plateau"),
    ],
)
def test_a_loop_that_does_not_converge_is_handed_over_with_its_cause(errors: tuple[float, ...], cause: str) -> None:
    decision = decide(rounds_of(*errors), LIMITS, attempts=100, escalated=1)
    assert decision.choice is Choice.HAND_OVER
    assert cause in decision.cause


def test_a_stuck_loop_gets_a_stronger_model_once() -> None:
    stuck = rounds_of(8.0, 8.0, 8.0, 8.0)
    assert decide(stuck, LIMITS, attempts=100, escalated=0).choice is Choice.ESCALATE
    assert decide(stuck, LIMITS, attempts=100, escalated=1).choice is Choice.HAND_OVER


def test_the_same_work_handed_in_twice_is_not_judged_for_ever() -> None:
    decision = decide(rounds_of(8.0, 3.0, 2.0, diffs=("a", "b", "a")), LIMITS, attempts=9)
    assert (decision.choice, decision.cause.split(":")[0]) == (Choice.HAND_OVER, "repeated diff")


def test_an_objection_that_keeps_coming_back_is_oscillation() -> None:
    a, b = objection("first thing"), objection("second thing")
    rounds: list[Round] = []
    for found in ([a], [b], [a], [b], [a]):
        rounds.append(measured(rounds, found, stage="implementation", diff=str(len(rounds))))
    assert rounds[2].reopened == (a.fingerprint,)
    decision = decide(rounds, Loop(plateau=99), attempts=99)
    assert (decision.choice, "oscillation" in decision.cause) == (Choice.HAND_OVER, True)


def test_an_objection_to_the_plan_stops_the_code() -> None:
    wrong = objection("the plan forgot the API", about_plan=True)
    assert decide([measured((), [wrong], stage="review")], LIMITS, attempts=4).choice is Choice.PLAN_FAULT


def test_a_change_that_grows_without_end_is_handed_over() -> None:
    rounds = [
        round_.model_copy(update={"lines": lines})
        for round_, lines in zip(rounds_of(9, 8, 7), (30, 60, 130), strict=True)
    ]
    assert "growth" in decide(rounds, LIMITS, attempts=9).cause


def test_a_moved_objection_is_the_same_one() -> None:
    here = objection("line 12 leaks the handle", place=Place(path="a.py", line=12))
    there = objection("line 47 leaks the handle", place=Place(path="a.py", line=47))
    assert here.fingerprint == there.fingerprint


def test_an_opinion_without_evidence_weighs_half() -> None:
    backed = objection("breaks", source=Source.REVIEWER, evidence="exit 1")
    opinion = objection("breaks", source=Source.REVIEWER, evidence="")
    assert error_of([opinion]) * 2 == error_of([backed])


words = st.sampled_from(["one", "two", "three", "four", "five"])


@given(st.lists(st.sets(words), min_size=1, max_size=12))
def test_every_objection_of_a_round_is_new_back_or_still_there(series: list[set[str]]) -> None:
    rounds: list[Round] = []
    for found in series:
        rounds.append(measured(rounds, [objection(word) for word in sorted(found)], stage="x"))
        now = rounds[-1]
        split = [*now.opened, *now.reopened, *now.repeated]
        assert sorted(split) == sorted(objection(word).fingerprint for word in found)
        assert len(set(split)) == len(split)


@given(st.lists(st.floats(min_value=0.1, max_value=100), min_size=1, max_size=60))
def test_no_loop_runs_for_ever(errors: list[float]) -> None:
    attempts = 4
    stopped = stops_after(tuple(errors), attempts)
    assert stopped is not None or len(errors) < 2 * attempts

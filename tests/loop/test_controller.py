"""The controller stops before waste, and does not stop a loop that converges."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from setpoint.loop.controller import Choice, Decision, decide
from setpoint.loop.signal import measured
from setpoint.model.objection import Deviation, Objection, Severity, Source
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


def carried(errors: tuple[float, ...], attempts: int = 100, limits: Loop = LIMITS) -> list[Decision]:
    """What the controller says after each of these errors, until it would no longer let the loop go on."""
    rounds: list[Round] = []
    said: list[Decision] = []
    for now in rounds_of(*errors):
        said.append(decide([*rounds, now], limits, attempts=attempts))
        rounds.append(now.model_copy(update={"choice": said[-1].choice.value}))
        if said[-1].choice in (Choice.ACCEPT, Choice.HAND_OVER, Choice.PLAN_FAULT):
            break
    return said


def kinds(said: list[Decision]) -> list[str]:
    """Each choice, with the first word of its reason where it is not plain."""
    return [d.choice.value if d.choice in PLAIN else f"{d.choice.value}: {d.cause.partition(':')[0]}" for d in said]


PLAIN = (Choice.ACCEPT, Choice.CORRECT)


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


SERIES = (6, 3, 3, 3, 7, 6, 5, 2, 5, 3, 3, 1, 1, 1, 1, 2, 3, 7, 2, 3, 4)


def test_a_published_endless_review_is_stopped_well_before_its_end() -> None:
    said = kinds(carried(tuple(8.0 * n for n in SERIES)))
    assert said == [*["correct"] * 4, "escalate: plateau", "correct", "hand-over: plateau"]


@pytest.mark.parametrize(
    ("errors", "cause"),
    [
        ((8.0,) * 9, "plateau"),
        ((3.0, 6.0, 9.0, 12.0, 15.0), "reversal"),
        ((8.0, 3.0) * 5, "plateau"),
    ],
)
def test_a_loop_that_does_not_converge_is_handed_over_with_its_cause(errors: tuple[float, ...], cause: str) -> None:
    said = kinds(carried(errors))
    assert [word for word in said if word != "correct"] == [f"escalate: {cause}", said[-1]]
    assert said[-1] in (f"hand-over: {cause}", "hand-over: plateau")
    assert len(said) < len(errors) + 1


def test_a_stronger_model_is_called_once_and_gets_two_rounds_to_show_it() -> None:
    assert kinds(carried((8.0,) * 9))[3:] == ["escalate: plateau", "correct", "hand-over: plateau"]
    better = kinds(carried((8.0, 8.0, 8.0, 8.0, 8.0, 3.0, 1.0, 0.0)))
    assert better[3:] == ["escalate: plateau", "correct", "correct", "correct", "accept"]


def test_a_stronger_model_that_stops_getting_better_is_not_carried_for_ever() -> None:
    said = kinds(carried((8.0, 8.0, 8.0, 8.0, 7.0, 6.0, 6.0, 6.0, 6.0, 6.0)))
    assert said[3] == "escalate: plateau"
    assert said[-1] == "hand-over: plateau"
    assert len(said) == 9


def test_the_same_work_handed_in_twice_is_not_judged_for_ever() -> None:
    decision = decide(rounds_of(8.0, 3.0, 2.0, diffs=("a", "b", "a")), LIMITS, attempts=9)
    assert (decision.choice, decision.cause.split(":")[0]) == (Choice.HAND_OVER, "repeated diff")


def played(*found: list[Objection], limits: Loop = LIMITS, usd: tuple[float | None, ...] = ()) -> list[Decision]:
    """What the controller says after each of these rounds of objections, the run having spent `usd` by then."""
    rounds: list[Round] = []
    said: list[Decision] = []
    for number, each in enumerate(found):
        now = measured(rounds, each, stage="review", diff=f"diff {number}")
        now = now.model_copy(update={"usd": usd[number]} if usd else {})
        said.append(decide([*rounds, now], limits, attempts=99, cap=10.0))
        rounds.append(now.model_copy(update={"choice": said[-1].choice.value, "given": said[-1].given}))
    return said


A, B, C = objection("first thing"), objection("second thing"), objection("third thing")


def test_two_that_change_places_are_narrowed_to_and_then_handed_over_both_named() -> None:
    said = played([A], [B], [A], [B])
    assert kinds(said)[2:] == ["narrow: an earlier mend was undone", "hand-over: oscillation"]
    assert said[2].given == (A.fingerprint, B.fingerprint)
    assert said[3].about == (B.fingerprint, A.fingerprint)


def test_one_that_keeps_coming_back_is_oscillation_whatever_else_happens() -> None:
    said = played([A, C], [C], [A, C], [C], [A, C])
    assert said[-1].cause == "oscillation: a closed objection came back 2 times"
    assert said[-1].about == (A.fingerprint,)


def test_one_that_came_back_while_the_error_reached_a_new_low_is_let_go_on() -> None:
    lots = [objection(f"thing{n}") for n in range(9)]
    said = played([A, *lots], lots, [A, *lots[:5]], lots[:4], [A, *lots[:2]])
    assert {decision.choice for decision in said} == {Choice.CORRECT}


def test_a_loop_that_spreads_is_narrowed_to_its_worst() -> None:
    many = [objection(f"thing{n}", Severity.MEDIUM) for n in range(6)]
    said = played([*many[:4], A], [*many[1:], B])
    assert kinds(said)[-1].startswith("narrow: it spreads")
    assert len(said[-1].given) == LIMITS.narrow_to
    assert said[-1].given[0] == B.fingerprint


def test_a_command_that_fails_the_same_way_is_not_asked_a_fourth_time() -> None:
    stays = objection("a test fails", probe="pytest -q t.py", evidence="E assert 1 == 2 in 0.12s")
    others = [objection(f"other {name}") for name in "abc"]
    said = played(*([stays, other] for other in others), limits=Loop(plateau=9))
    assert kinds(said)[-1] == "escalate: repeated failure"
    assert said[-1].about == (stays.fingerprint,)


def test_a_command_that_fails_another_way_is_getting_somewhere() -> None:
    stays = [objection("a test fails", probe="pytest -q t.py", evidence=f"E assert {n} == 2") for n in "abc"]
    others = [objection(f"other {name}") for name in "abc"]
    said = played(*([stay, other] for stay, other in zip(stays, others, strict=True)), limits=Loop(plateau=9))
    assert said[-1].choice is Choice.CORRECT


def test_a_command_that_fails_the_same_way_is_waited_for_while_the_error_falls() -> None:
    stays = objection("a test fails", probe="pytest -q t.py", evidence="E assert 1 == 2")
    lots = [objection(f"other {name}") for name in "abcdef"]
    said = played(*([stays, *lots[number:]] for number in range(6)))
    assert {decision.choice for decision in said} == {Choice.CORRECT}


def opinion(what: str, severity: Severity = Severity.HIGH) -> Objection:
    return objection(what, severity, source=Source.REVIEWER, evidence="I read it")


def test_an_opinion_answered_twice_is_a_person_s_to_decide() -> None:
    said = played(*[[opinion("this may race")]] * 3)
    assert kinds(said) == ["correct", "correct", "hand-over: disagreement"]
    assert said[-1].about == (opinion("this may race").fingerprint,)


def test_an_opinion_beside_a_failing_command_decides_nothing() -> None:
    said = played(*[[opinion("this may race"), A]] * 3)
    assert kinds(said)[-1] == "correct"


@pytest.mark.parametrize(
    ("usd", "found", "stops"),
    [
        ((1.0, 5.0, 9.0), ([A, B, C], [A, B], [A]), True),
        ((1.0, 2.0, 3.0), ([A, B, C], [A, B], [A]), False),
        ((0.0, 3.0, 6.0), ([A, B, C], [A, B], [A]), False),
        ((0.0, 3.0, 6.0), ([A, B, C, objection("d")], [A, B, C], [A, B]), True),
        ((0.0, 6.0), ([A, B], [A]), True),
        ((0.0, None, 9.9), ([A, B, C], [A, B], [A]), False),
    ],
)
def test_it_stops_when_what_is_left_to_do_does_not_fit_the_money_left(
    usd: tuple[float | None, ...], found: tuple[list[Objection], ...], stops: bool
) -> None:
    said = played(*found, usd=usd)
    assert (kinds(said)[-1] == "hand-over: budget") is stops


def test_an_objection_to_the_plan_stops_the_code() -> None:
    wrong = objection("the plan forgot the API", about_plan=True)
    decision = decide([measured((), [wrong], stage="review")], LIMITS, attempts=4)
    assert (decision.choice, decision.about) == (Choice.PLAN_FAULT, (wrong.fingerprint,))


def test_a_change_that_grows_without_end_is_handed_over() -> None:
    rounds = [
        round_.model_copy(update={"lines": lines})
        for round_, lines in zip(rounds_of(9, 8, 7), (30, 60, 130), strict=True)
    ]
    assert "growth" in decide(rounds, LIMITS, attempts=9).cause


def test_a_slow_loop_that_still_falls_is_carried_past_the_attempt_limit() -> None:
    assert kinds(carried((8.0, 8.0, 6.0, 6.0, 3.0, 3.0, 0.0), attempts=4)) == [*["correct"] * 6, "accept"]


@given(st.lists(st.floats(min_value=0.1, max_value=100), min_size=1, max_size=60))
def test_no_loop_runs_for_ever(errors: list[float]) -> None:
    attempts = 4
    said = carried(tuple(errors), attempts)
    assert len(said) <= 2 * attempts
    assert said[-1].choice is Choice.HAND_OVER or len(errors) < 2 * attempts


@given(st.lists(st.integers(min_value=1, max_value=6), min_size=1, max_size=7))
def test_a_loop_whose_error_falls_every_round_is_never_stopped(falls: list[int]) -> None:
    errors = [float(sum(falls[number:])) for number in range(len(falls))]
    assert {d.choice for d in carried((*errors, 0.0), attempts=4)[:-1]} <= {Choice.CORRECT}
    assert carried((*errors, 0.0), attempts=4)[-1].choice is Choice.ACCEPT


things = st.lists(st.sets(st.sampled_from("abcdef"), min_size=1), min_size=2, max_size=12)


@given(things)
def test_every_reason_to_stop_names_objections_of_the_loop(series: list[set[str]]) -> None:
    found = [[objection(f"thing {name}") for name in sorted(each)] for each in series]
    known = {o.fingerprint for each in found for o in each}
    for decision in played(*found):
        if decision.choice not in PLAIN:
            assert decision.about
            assert set(decision.about) <= known
            assert set(decision.given) <= known

"""A provider that does not answer is left alone, tried by one, and trusted again once it answers."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from setpoint.loop.breaker import CLOSED, Circuit, failed, probed, rested
from setpoint.model.settings import Breaker

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
LAW = Breaker(failures=3, rest_seconds=10, longest_rest_seconds=60, probe_seconds=20)


def later(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def opened(at: datetime = NOON) -> Circuit:
    circuit = CLOSED
    for _ in range(LAW.failures):
        circuit = failed(circuit, at, LAW, "HTTP 529")
    return circuit


def test_it_opens_after_so_many_outages_in_a_row() -> None:
    twice = failed(failed(CLOSED, NOON, LAW, "x"), NOON, LAW, "x")
    assert (twice.state(NOON), twice.rest(NOON)) == ("closed", 0.0)
    assert (opened().state(NOON), opened().rest(NOON)) == ("open", 10.0)


def test_after_the_rest_one_tries_and_the_others_wait() -> None:
    circuit = opened()
    assert circuit.state(later(10)) == "half-open"
    assert circuit.rest(later(10)) == 0.0
    trying = probed(circuit, later(10), LAW)
    assert trying.rest(later(11)) == 19.0
    assert trying.rest(later(30)) == 0.0, "a probe that never ends gives way to the next"


def test_each_rest_is_twice_as_long_up_to_the_longest() -> None:
    circuit, now, rests = opened(), NOON, []
    for _ in range(5):
        rests.append(circuit.rest(now))
        now += timedelta(seconds=circuit.rest(now))
        circuit = failed(probed(circuit, now, LAW), now, LAW, "still dead")
    assert rests == [10.0, 20.0, 40.0, 60.0, 60.0]


def test_what_was_under_way_when_it_opened_makes_no_rest_longer() -> None:
    circuit = opened()
    for _ in range(20):
        circuit = failed(circuit, later(1), LAW, "late")
    assert circuit.until == opened().until


def test_a_rest_that_was_asked_for_never_shortens_another_and_is_bounded() -> None:
    assert rested(opened(), NOON, 5, LAW, "429").rest(NOON) == 10.0
    assert rested(opened(), NOON, 30, LAW, "429").rest(NOON) == 30.0
    assert rested(CLOSED, NOON, 1e9, LAW, "429").rest(NOON) == 60.0


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["ask", "fail"]), st.floats(0, 30)), max_size=60))
def test_while_it_rests_nobody_is_let_through_twice(steps: list[tuple[str, float]]) -> None:
    circuit, now, let_through = CLOSED, NOON, 0
    for what, seconds in steps:
        now += timedelta(seconds=seconds)
        if what == "fail":
            circuit = failed(circuit, now, LAW, "dead")
        elif circuit.until is not None and circuit.rest(now) == 0.0:
            circuit = probed(circuit, now, LAW)
            let_through += 1
            assert circuit.rest(now) == LAW.probe_seconds
    gone = (now - NOON).total_seconds()
    assert let_through <= 1 + gone / LAW.rest_seconds

"""A cap is passed by less than one request, in whatever order requests of however many sessions begin and end."""

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from setpoint.loop.money import Admission, admission
from setpoint.model.money import Cap, Scope, Spent


@dataclass
class Sessions:
    """Requests under one cap."""

    cap: Cap
    settled: float = 0.0
    under_way: dict[int, tuple[float, float]] = field(default_factory=dict)
    """Worst case and true cost by session."""
    dearest: float = 0.0

    def ask(self, session: int, worst: float, share: float) -> Admission:
        spent = Spent(settled=self.settled, held=sum(held for held, _ in self.under_way.values()))
        verdict = admission(self.cap, spent, worst)
        if verdict is Admission.GO:
            self.under_way[session] = (worst, worst * share)
        return verdict

    def end(self, session: int) -> None:
        _, true = self.under_way.pop(session)
        self.settled += true
        self.dearest = max(self.dearest, true)


STEPS = st.lists(st.tuples(st.integers(0, 5), st.floats(0.001, 2.0), st.floats(0.0, 1.0)), min_size=1, max_size=80)


@settings(deadline=None)
@given(STEPS, st.floats(0.01, 3.0))
def test_many_sessions_pass_a_cap_by_less_than_one_request(steps: list[tuple[int, float, float]], usd: float) -> None:
    sessions = Sessions(Cap(name="day", usd=usd, scope=Scope()))
    for session, worst, share in steps:
        if session in sessions.under_way:
            sessions.end(session)
        else:
            sessions.ask(session, worst, share)
    for session in list(sessions.under_way):
        sessions.end(session)
    assert sessions.settled < usd + max(sessions.dearest, 1e-9)


@settings(deadline=None)
@given(STEPS, st.floats(0.01, 3.0))
def test_nobody_waits_for_nothing(steps: list[tuple[int, float, float]], usd: float) -> None:
    """Where money is left and nobody holds any, the next request is made, however dear it may be."""
    sessions = Sessions(Cap(name="day", usd=usd, scope=Scope()))
    for session, worst, share in steps:
        if session in sessions.under_way:
            sessions.end(session)
            continue
        alone = not sessions.under_way
        verdict = sessions.ask(session, worst, share)
        if alone:
            assert verdict is (Admission.STOP if sessions.settled >= usd else Admission.GO)


def test_a_request_that_may_not_fit_waits_for_those_under_way() -> None:
    cap = Cap(name="ticket", usd=1.0, scope=Scope())
    assert admission(cap, Spent(settled=0.2, held=0.5), 0.3) is Admission.GO
    assert admission(cap, Spent(settled=0.2, held=0.5), 0.31) is Admission.WAIT
    assert admission(cap, Spent(settled=1.0, held=0.5), 0.0) is Admission.STOP

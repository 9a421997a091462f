"""Who goes on with what is open, by its size; and the estimate beside what it took."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from setpoint.model.objection import Deviation, Objection, Place, Severity, Source
from setpoint.model.run import Event, Position, Round, Run, State
from setpoint.model.session import Usage
from setpoint.model.ticket import Kind
from setpoint.pipeline.intake import read_ticket
from setpoint.service.actual import actual
from setpoint.service.guidance import BY_HAND, FORWARD, advised, configuration_alone

DAY = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


def minded(path: str, deviation: Deviation = Deviation.BEHAVIOUR) -> Objection:
    return Objection(
        source=Source.GATE, deviation=deviation, severity=Severity.HIGH, what="it fails", cause="why",
        place=Place(path=path),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("open_", "who", "why"),
    [
        ([], "", ""),
        ([minded("shop/price.py")], BY_HAND, "small and local"),
        ([minded("deploy/.env.production")], BY_HAND, "no session may see"),
        ([minded("a.py"), minded("b.py")], "", ""),
        ([minded(f"{name}.py") for name in "abcde"], FORWARD, "5 objections in 5 files"),
        ([minded("a.py", Deviation.ARCHITECTURE)] * 3, FORWARD, "more than an edit"),
        ([minded("a.py", Deviation.REQUIREMENT)], "", ""),
    ],
)
def test_a_small_fault_is_a_persons_edit_and_a_large_one_a_ticket(open_: list[Objection], who: str, why: str) -> None:
    told = advised(open_)
    assert told[0] == who
    assert why in told[1]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("Set the timeout in deploy/app.yaml to 30 seconds.", "by hand is quicker"),
        ("Put the new token into .env.production.", "never read by a session"),
        ("Read the timeout of shop/price.py from deploy/app.yaml.", ""),
        ("Add a function rounded to the prices.", ""),
        ("---\nphases_by_person: [implementation]\n---\nSet the timeout in deploy/app.yaml to 30 seconds.", ""),
    ],
)
def test_a_ticket_of_configuration_alone_is_quicker_by_hand(words: str, told: str) -> None:
    hint = configuration_alone(read_ticket(words))
    assert told in hint
    assert bool(hint) == bool(told)


def moved(hours: float, to: str) -> Event:
    data: dict[str, Any] = {"to": {"state": to}}
    return Event(seq=1, run="3c91", at=DAY + timedelta(hours=hours), kind="moved", stage="x", data=data)


def test_the_estimate_stands_beside_what_it_took() -> None:
    at = Position(route=Kind.FEATURE, stage="deploy", state=State.DONE)
    run = Run(
        id="3c91", ticket=read_ticket("Add a function rounded to the prices."), repository="/r", base_branch="main",
        base="b", branch="setpoint/3c91", route_because="why", position=at, owner="Ada", created=DAY,
        updated=DAY + timedelta(days=1), cost=Usage(seconds=1800.0),
    )  # fmt: skip
    events = [moved(1, "running"), moved(2, "waiting"), moved(2.5, "waiting"), moved(5, "running"), moved(24, "done")]
    rounds = [Round(stage="implementation", attempt=1, error=0, lines=150), Round(stage="review", attempt=1, error=0)]
    said = {"days": 2.0, "lines": 100, "risk": "low"}
    found = actual(run, said, events, rounds, DAY + timedelta(days=9))
    assert found is not None
    assert (found.days_elapsed, found.hours_of_sessions, found.lines_factor) == (1.0, 0.5, 1.5)
    assert (found.person_hours, round(found.person_hours_planned, 2)) == (3.0, 0.8)
    assert found.told == (
        "took 30 min of sessions within 24.0 h, 150 lines (1.5 × the estimate); said: 2 days of a person, 100 lines",
        "a person's part: 48 min planned (5%), waited 3.0 h for people",
    )
    assert actual(run, None, events, rounds, DAY) is None
    waiting = run.model_copy(update={"position": at.model_copy(update={"state": State.WAITING})})
    still = actual(waiting, said, [moved(2, "waiting")], [], DAY + timedelta(days=1, hours=2))
    assert still is not None
    assert (still.person_hours, still.lines_factor) == (24.0, 0.0)

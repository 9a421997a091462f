"""The error signal: what an objection weighs, and what a round opened, closed, brought back and kept."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from setpoint.loop.signal import error_of, measured, weighed
from setpoint.model.objection import Deviation, Objection, Severity, Source
from setpoint.model.run import Round


def objection(what: str, severity: Severity = Severity.HIGH, **more: object) -> Objection:
    fields = {"source": Source.GATE, "deviation": Deviation.BEHAVIOUR, "what": what, "evidence": "seen", **more}
    return Objection.model_validate({"severity": severity, **fields})


BY_WHOM = {
    "a gate": ({"source": Source.GATE}, 8),
    "CI": ({"source": Source.CI}, 8),
    "a person": ({"source": Source.PERSON}, 8),
    "a reviewer whose probe was seen to fail": ({"source": Source.REVIEWER, "probe": "false", "shown": True}, 8),
    "a reviewer whose probe was not": ({"source": Source.REVIEWER, "probe": "true"}, 4),
    "a reviewer with words": ({"source": Source.REVIEWER, "evidence": "I saw exit 1"}, 4),
    "a validator": ({"source": Source.VALIDATOR}, 4),
}


@pytest.mark.parametrize("who", BY_WHOM)
def test_a_failing_command_outranks_an_opinion(who: str) -> None:
    fields, expected = BY_WHOM[who]
    assert error_of([objection("it breaks", **fields)]) == expected


@pytest.mark.parametrize(("severity", "expected"), [(Severity.HIGH, 8), (Severity.MEDIUM, 3), (Severity.LOW, 0)])
def test_severity_weighs(severity: Severity, expected: float) -> None:
    assert error_of([objection("it breaks", severity)]) == expected


def test_an_objection_raised_twice_in_a_round_counts_once_by_its_heavier_form() -> None:
    assert error_of([objection("x", Severity.MEDIUM), objection("x"), objection("y")]) == 16


def test_a_medium_opinion_is_heard_once_and_then_is_advice() -> None:
    opinion = objection("the name misleads callers", Severity.MEDIUM, source=Source.REVIEWER)
    (heard,) = weighed([opinion], [])
    assert heard.blocks
    first = measured((), [heard], stage="review")
    (again,) = weighed([opinion], [first])
    assert (again.severity, again.advisory, again.blocks) == (Severity.LOW, True, False)
    second = measured([first], [again], stage="review")
    assert (second.error, second.blocking, second.repeated) == (0, 0, (opinion.fingerprint,))


@pytest.mark.parametrize(
    "kept",
    [
        objection("it breaks", Severity.HIGH, source=Source.REVIEWER),
        objection("it breaks", Severity.MEDIUM, source=Source.REVIEWER, shown=True),
        objection("the spec says otherwise", Severity.MEDIUM, source=Source.VALIDATOR),
        objection("untidy", Severity.MEDIUM),
    ],
    ids=["a High opinion", "a Medium that a command shows", "a validator's", "a gate's"],
)
def test_nothing_else_is_ever_lowered(kept: Objection) -> None:
    first = measured((), [kept], stage="review")
    assert weighed([kept], [first]) == (kept,)


def test_what_a_failing_command_printed_is_known_again_but_for_times_and_addresses() -> None:
    said = [
        objection("t fails", probe="pytest t.py", evidence=f"<A object at 0x7ffa65301e{n}0> in {n}.12s") for n in (1, 2)
    ]
    rounds = [measured((), [each], stage="x") for each in said]
    assert rounds[0].failing == rounds[1].failing != {}


words = st.sampled_from(["one", "two", "three", "four", "five"])


@given(st.lists(st.sets(words), min_size=1, max_size=12))
def test_every_objection_of_a_round_is_new_back_or_still_there(series: list[set[str]]) -> None:
    rounds: list[Round] = []
    for found in series:
        rounds.append(measured(rounds, [objection(word) for word in sorted(found)], stage="x"))
        now = rounds[-1]
        split = [*now.opened, *now.reopened, *now.repeated]
        assert sorted(split) == sorted(objection(word).fingerprint for word in found) == sorted(now.weights)
        assert len(set(split)) == len(split)

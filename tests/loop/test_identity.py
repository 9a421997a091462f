"""An objection that moved or was said in other words is the same one; another one is never taken for it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rewordings import CONFUSED, OTHER, SAME, UNLIKE

from setpoint.loop.identity import recognised
from setpoint.loop.signal import measured
from setpoint.model.objection import Deviation, Objection, Place, Severity, Source
from setpoint.model.run import Round


def said(what: str, source: Source = Source.REVIEWER, line: int | None = None, **more: object) -> Objection:
    usual: dict[str, object] = {"deviation": Deviation.BEHAVIOUR, "severity": Severity.HIGH, "evidence": "seen"}
    place = Place(path="shop/price.py", line=line)
    return Objection.model_validate({"source": source, "what": what, "place": place, **usual, **more})


def history(*found: list[Objection]) -> list[tuple[Round, list[Objection]]]:
    rounds: list[Round] = []
    for each in found:
        rounds.append(measured(rounds, each, stage="review"))
    return list(zip(rounds, found, strict=True))


def same(one: Objection, other: Objection) -> bool:
    (settled,) = recognised([other], history([one]))
    return settled.fingerprint == one.fingerprint


@pytest.mark.parametrize("source", list(Source))
def test_a_moved_objection_is_the_same_one(source: Source) -> None:
    here = said("line 12 leaks the handle", source, line=12)
    there = said("line 47 leaks the handle", source, line=47)
    assert here.mark == there.mark


@pytest.mark.parametrize(("one", "other"), SAME)
def test_a_reworded_objection_is_the_same_one(one: str, other: str) -> None:
    assert same(said(one), said(other))
    assert same(said(other), said(one))


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_another_objection_at_the_same_place_is_another_one(one: str, other: str) -> None:
    assert not same(said(one), said(other))
    assert not same(said(other), said(one))


@pytest.mark.parametrize(("one", "other"), UNLIKE)
def test_without_common_words_only_the_reviewer_can_tell(one: str, other: str) -> None:
    assert not same(said(one), said(other))
    assert same(said(one), said(other, again=said(one).fingerprint))


@pytest.mark.parametrize(("one", "other"), CONFUSED)
def test_two_things_in_nearly_the_same_words_are_taken_for_one_and_both_stay_listed(one: str, other: str) -> None:
    assert same(said(one), said(other))
    settled = recognised([said(one), said(other)], history([said(one)]))
    assert [o.what for o in settled] == [one, other]
    assert len({o.fingerprint for o in settled}) == 2


def test_a_claimed_id_that_nobody_raised_is_not_believed() -> None:
    (settled,) = recognised([said("new trouble", again="0123456789ab")], history([said("other things")]))
    assert settled.fingerprint == settled.mark


def test_a_claimed_id_of_a_gate_is_not_believed() -> None:
    gate = said("test a::b fails", Source.GATE)
    (settled,) = recognised([said("the gate is wrong", again=gate.fingerprint)], history([gate]))
    assert settled.fingerprint == settled.mark


def test_a_chain_of_rewordings_keeps_the_first_id() -> None:
    first = said("The file handle leaks when parsing fails")
    (second,) = recognised([said("When parsing raises, the file handle is leaked")], history([first]))
    (third,) = recognised([said("A parsing failure leaks the file handle")], history([first], [second]))
    (back,) = recognised([said(second.what)], history([first], [second], [third]))
    assert {second.fingerprint, third.fingerprint, back.fingerprint} == {first.fingerprint}


def test_two_new_ones_cannot_both_be_the_same_old_one() -> None:
    old = said("The file handle leaks when parsing fails")
    two = [
        said("the file handle is leaked when parsing fails"),
        said("a file handle leaks when the parsing fails early"),
    ]
    assert len({o.fingerprint for o in recognised(two, history([old]))}) == 2


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("criterion FR-001 has no test", "criterion FR-002 has no test"),
        ("test tests/a.py::test_1 fails", "test tests/a.py::test_2 fails"),
        ("test tests/a.py::test_sum[1-2] fails", "test tests/a.py::test_sum[1-3] fails"),
        ("gate T001.1 failed", "gate T001.2 failed"),
        ("column v1 is dropped", "column v2 is dropped"),
    ],
)
def test_names_that_differ_in_digits_are_different_things(one: str, other: str) -> None:
    assert said(one, Source.GATE).mark != said(other, Source.GATE).mark


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            "81 % of 210 changed lines are run, 90 % are asked for",
            "84.5 % of 198 changed lines are run, 90 % are asked for",
        ),
        ("shop/price.py:12: unused import", "shop/price.py:47: unused import"),
        ("slower by 12.5ms", "slower by 9ms"),
        ("commit 3f2a91c0 is missing", "commit 99aa01bc is missing"),
    ],
)
def test_what_is_measured_anew_each_round_is_no_part_of_the_name(one: str, other: str) -> None:
    assert said(one, Source.GATE).mark == said(other, Source.GATE).mark


def test_another_rule_is_another_objection() -> None:
    one, other = (said("it is too long", Source.GATE, rule=rule) for rule in ("lint/E501", "lint/C901"))
    assert one.mark != other.mark


def test_gates_are_known_by_their_own_words_alone() -> None:
    first, second = "the file handle leaks when parsing fails", "when parsing fails the file handle leaks"
    assert not same(said(first, Source.GATE), said(second, Source.GATE))


lines = st.one_of(st.none(), st.integers(min_value=1, max_value=9999))
TOLD = ("price", "total", "discount", "email", "handle", "leaks", "fails", "missing", "FR-001", "twice")
texts = st.lists(st.sampled_from(TOLD), min_size=2)


@given(texts, lines, lines, st.sampled_from(list(Source)))
def test_wherever_it_moves_it_keeps_its_id(
    text: list[str], here: int | None, there: int | None, source: Source
) -> None:
    assert same(said(" ".join(text), source, line=here), said(" ".join(text), source, line=there))


@given(texts.flatmap(lambda text: st.tuples(st.just(text), st.permutations(text))))
def test_the_order_of_words_is_no_part_of_a_model_s_objection(pair: tuple[list[str], list[str]]) -> None:
    assert same(said(" ".join(pair[0])), said(" ".join(pair[1])))


@given(st.lists(st.lists(texts, max_size=4), min_size=1, max_size=5))
def test_recognising_twice_changes_nothing(rounds: list[list[list[str]]]) -> None:
    past: list[tuple[Round, list[Objection]]] = []
    for each in rounds:
        found = [said(" ".join(text)) for text in each]
        settled = recognised(found, past)
        assert recognised(settled, past) == settled
        assert len(settled) == len(found)
        past = history(*(list(o) for _, o in past), list(settled))

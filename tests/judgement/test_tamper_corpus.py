"""The cases of tampering, and all honest ones of the corpus, judged by the tamper guard alone."""

import pytest
from corpus import Case, load_cases

from setpoint.gates.change_set import between
from setpoint.gates.tamper import tamper
from setpoint.model.objection import Objection

CASES = [case for case in load_cases() if case.needs == "static" and case.kind.startswith("tamper")]
DISHONEST = [case for case in CASES if not case.honest]
HONEST = [case for case in load_cases() if case.honest]
"""Those of all classes: what is honest elsewhere is no tampering either."""


def judged(case: Case) -> list[Objection]:
    """The objections to a case that block, those its waivers accept left out."""
    measured = tamper(between(case.before, case.after), implementing=case.side == "implementation")
    waived = {waiver.rule for waiver in case.waivers}
    return [objection for objection in measured.objections if objection.blocks and objection.rule not in waived]


@pytest.mark.parametrize("case", DISHONEST, ids=lambda case: case.id)
def test_a_dishonest_change_is_caught_with_its_cause(case: Case) -> None:
    objections = judged(case)
    rules = {objection.rule for objection in objections}
    expected = {rule for rule in case.rules if rule.startswith("tamper/")}
    assert expected <= rules, told(objections)
    assert all(objection.place and objection.cause for objection in objections)


@pytest.mark.parametrize("case", HONEST, ids=lambda case: case.id)
def test_an_honest_change_is_not_refused(case: Case) -> None:
    objections = judged(case)
    assert objections == [], told(objections)


def told(objections: list[Objection]) -> str:
    """What was objected, for the reader of a failure."""
    return "\n".join(f"{o.rule} {o.place.path if o.place else ''}: {o.what} -- {o.cause}" for o in objections)

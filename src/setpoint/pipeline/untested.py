"""What speaks against a change only because its tests tell too little of it: a tester mends that, not the builder."""

from collections.abc import Sequence

from ..model.objection import Objection, Severity

LEFT = 60
"""Most open places that a tester is told of at once."""
_TOO_LITTLE = frozenset(("coverage/uncovered", "coverage/floor", "proof/mutant-survived"))
"""What tests mend, and code does not."""


def too_little(found: Sequence[Objection]) -> bool:
    """Whether nothing speaks against a change but that its tests tell too little of it."""
    blocking = [objection for objection in found if objection.blocks]
    return bool(blocking) and all(objection.rule in _TOO_LITTLE for objection in blocking)


def left_to_tests(found: Sequence[Objection]) -> tuple[list[Objection], tuple[str, ...]]:
    """The objections, with those that tests mend as remarks, and these in words for whoever writes the tests."""
    told, open_ = [], []
    for objection_ in found:
        if objection_.blocks:
            place = f"{objection_.place.path}:{objection_.place.line}: " if objection_.place else ""
            open_.append(f"{place}{objection_.what} ({objection_.evidence or objection_.cause})"[:600])
            why = f"{objection_.cause}; the second suite is asked for it"
            objection_ = objection_.model_copy(update={"severity": Severity.LOW, "cause": why})
        told.append(objection_)
    return told, tuple(open_[:LEFT])

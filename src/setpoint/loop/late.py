"""Defects that were seen after the implementation was taken for done: which stage made them, which one should have
seen them, and why it did not. Told from facts of the journal, one rule after the other; a person may know better.
"""

import re
from collections.abc import Mapping, Sequence

from ..model.lesson import LateDefect, Slip
from ..model.objection import Deviation, Objection, Source

Claims = Mapping[str, Sequence[str]]
"""The tests that stand for each criterion, by its id."""

AFTER = ("review", "change", "publish", "ci", "merge", "deploy")
"""Stages that come when the implementation was taken for done."""

_CRITERION = re.compile(r"\b[A-Z]{2,4}-\d{3}\b")


def spec_stage(route: str) -> str:
    """Where a route's criteria come from."""
    return "diagnosis" if route == "hotfix" else "discovery"


def plan_stage(route: str) -> str:
    """Where a route decides how."""
    return "diagnosis" if route == "hotfix" else "planning"


def late_finding(stage: str, objection: Objection, claims: Claims, *, route: str) -> LateDefect | None:
    """How what a reviewer found came through; None for what is not late."""
    if stage != "review" or objection.source is not Source.REVIEWER:
        return None
    if objection.about_plan or objection.deviation is Deviation.ARCHITECTURE:
        why = "the finding is about the plan: code cannot mend it" if objection.about_plan else "it is about the design"
        return _late(stage, plan_stage(route), plan_stage(route), Slip.WRONG_PLAN, why)
    if objection.deviation is Deviation.ENVIRONMENT:
        return _late(stage, "setup", "tests", Slip.ENVIRONMENT, "it comes from where the code runs")
    named = _by_criterion(stage, f"{objection.what} {objection.cause} {objection.evidence}", claims)
    if named is not None:
        return named
    if objection.deviation is Deviation.REQUIREMENT:
        why = "it misses what was wanted, and names no criterion that says so"
        return _late(stage, spec_stage(route), spec_stage(route), Slip.MISSING_CRITERION, why)
    return _late(stage, "implementation", "tests", Slip.MISSING_TEST, "no test and no gate objected before the review")


def late_in_ci(gate: str, *, here: bool) -> LateDefect:
    """How a red gate of CI came through; `here`: it was green where the work was done."""
    if here:
        return _late("ci", "setup", "implementation", Slip.ENVIRONMENT, f"{gate} was green here and red in CI")
    return _late("ci", "implementation", "implementation", Slip.MISSING_TEST, f"{gate} was not green here before CI")


def late_in_smoke(step: str, output: str, claims: Claims) -> LateDefect:
    """How what a deploy or its smoke check saw came through."""
    if step == "deploy":
        return _late("deploy", "setup", "ci", Slip.ENVIRONMENT, "the deploy itself failed after green CI")
    named = _by_criterion("deploy", output, claims)
    if named is not None:
        return named
    return _late("deploy", "implementation", "tests", Slip.MISSING_TEST, "CI was green: no test sees what smoke saw")


def late_to_person(stage: str, said: str, to: str, because: str, claims: Claims, *, route: str) -> LateDefect | None:
    """How what a person objected to came through; None before the implementation was done, and where the person ended
    or repeated a stage without objecting."""
    if stage not in AFTER or said == "cancelled" or not because:
        return None
    if to == plan_stage(route) and to != spec_stage(route):
        return _late(stage, to, to, Slip.WRONG_PLAN, "a person sent it back to the plan")
    if to == spec_stage(route):
        return _late(stage, to, to, Slip.MISSING_CRITERION, "a person sent it back to what is wanted")
    named = _by_criterion(stage, because, claims)
    if named is not None:
        return named
    return _late(stage, "implementation", "review", Slip.REVIEWER_MISS, "a person saw what the reviewer let through")


def _by_criterion(stage: str, text: str, claims: Claims) -> LateDefect | None:
    """By the criterion, or the test that stands for one, that the text names."""
    named = [name for name in _CRITERION.findall(text) if name in claims]
    tested = [test for tests in claims.values() for test in tests if test.rpartition("::")[2] in text.split()]
    if tested or any(claims[name] for name in named):
        test = tested[0] if tested else next(claims[name][0] for name in named if claims[name])
        about = f"{named[0]}: " if named else ""
        return _late(stage, "implementation", "tests", Slip.WEAK_TEST, f"{about}{test} was green")
    if named:
        return _late(stage, "implementation", "tests", Slip.MISSING_TEST, f"no test stands for {named[0]}")
    return None


def _late(found: str, introduced: str, due: str, slip: Slip, because: str) -> LateDefect:
    return LateDefect(found=found, introduced=introduced, due=due, slip=slip, because=because[:400])

"""What a journal teaches: every failure, once a lesson, the same for the same journal."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from journals import GREEN, RED, Journal, objection, placed

from setpoint.loop.lessons import MOST, Taught, capture
from setpoint.model.lesson import Failure, Slip, Witness
from setpoint.model.objection import Deviation, Source

CLAIMS = {"FR-001": ["tests/test_price.py::test_limit"], "FR-002": []}


def witnesses(journal: Journal) -> list[Witness]:
    return [taught.witness for taught in capture(journal.events, CLAIMS)]


def only(journal: Journal) -> Witness:
    (witness,) = witnesses(journal)
    return witness


FAILURES = {
    "a gate": (Journal().round(objection("lint: unused import")), Failure.GATE),
    "a reviewer": (Journal().round(objection("it leaks", Source.REVIEWER), stage="review"), Failure.FINDING),
    "a validator": (Journal().round(objection("no criterion", Source.VALIDATOR), stage="planning"), Failure.FINDING),
    "a boundary, in the diff": (Journal().round(objection("outside", Source.BOUNDARY)), Failure.BOUNDARY),
    "a boundary, before the call": (
        Journal().note("tool", name="write", denied="edit ci.yml is not allowed\nwhy: CI is a person's"),
        Failure.BOUNDARY,
    ),
    "the controller": (Journal().round(decision="hand-over", cause="plateau: `ab` it fails"), Failure.STOP),
    "a fault of the plan": (Journal().round(decision="plan-fault", cause="the plan is wrong"), Failure.STOP),
    "CI": (Journal().ci(), Failure.CI),
    "a smoke check": (Journal().deploy("smoke", "GET / gave 500"), Failure.SMOKE),
    "a deploy": (Journal().deploy("deploy", "no such host"), Failure.SMOKE),
    "a rollback": (Journal().deploy("rollback", "no such release"), Failure.ROLLBACK),
    "a person who objects": (Journal().person("sent-back", "change", "name it Total"), Failure.PERSON),
    "a person who says no": (Journal().person("declined", "plan", "too dear"), Failure.PERSON),
    "a person who goes back": (Journal().person("retried", "review", to="planning"), Failure.PERSON),
    "a flaky test": (Journal().gates(flaky=("tests/test_a.py::test_x",)), Failure.FLAKY),
    "an outage": (Journal().note("stopped", error="no model could be reached", kind="TransientError"), Failure.TROUBLE),
}


@pytest.mark.parametrize("name", FAILURES)
def test_every_failure_teaches_a_lesson_with_its_cause_and_a_rule(name: str) -> None:
    journal, failure = FAILURES[name]
    witness = only(journal)
    assert witness.failure is failure
    assert (witness.run, len(witness.lesson)) == ("r1", 12)
    assert witness.rule
    assert witness.what
    assert witness.cause
    assert len(witness.evidence) in (0, 64)


QUIET = {
    "a green round": Journal().round(),
    "advice": Journal().round(objection("a typo", severity="low")),
    "a green CI": Journal().note("ci", "ci", state="green", gates=[], sha="c"),
    "a good deploy": Journal().deploy("smoke", "ok", ok=True),
    "a yes": Journal().person("granted", "change"),
    "an answer": Journal().person("answered", "planning", "the second one"),
    "the same again without a word": Journal().person("retried", "review", to="review"),
}


@pytest.mark.parametrize("name", QUIET)
def test_what_went_well_teaches_nothing(name: str) -> None:
    assert witnesses(QUIET[name]) == []


def test_an_objection_that_stays_is_one_lesson_seen_more_often() -> None:
    again = objection("discounted(10, 150) is -5.0", place=placed("shop/price.py"))
    witness = only(Journal().round(again).round(again, diff="c" * 40).round(diff=GREEN))
    assert witness.times == 2
    assert witness.swap is not None
    assert (witness.swap.before, witness.swap.after, witness.swap.path) == ("c" * 40, GREEN, "shop/price.py")


def test_two_runs_that_fail_alike_elsewhere_and_by_other_numbers_teach_one_lesson() -> None:
    one = objection(
        "DTZ003: utcnow() is deprecated in shop/a.py line 3", place=placed("shop/a.py"), rule="gate/finding"
    )
    other = objection("DTZ003: utcnow() is deprecated in shop/b.py line 9", place=placed("shop/b.py", 9),
                      rule="gate/finding")  # fmt: skip
    first, second = only(Journal("r1").round(one)), only(Journal("r2").round(other))
    assert first.lesson == second.lesson
    assert (first.run, second.run) == ("r1", "r2")


def test_failing_tests_are_known_by_what_failed_not_by_their_names() -> None:
    cause = "DeprecationWarning: datetime.utcnow() is deprecated, use now(UTC)"
    tests = ["tests/a.py::test_one", "tests/b.py::test_two"]
    found = [objection(f"test {test} fails", cause=cause, rule="gate/test") for test in tests]
    lessons = {only(Journal().round(each)).lesson for each in found}
    assert len(lessons) == 1
    assert only(Journal().round(found[0])).what == f"tests fail: {cause}"
    bare = [objection(f"test {test} fails", cause="assert 1 == 2", rule="gate/test") for test in tests]
    assert len({only(Journal().round(each)).lesson for each in bare}) == 2


def test_a_document_that_was_mended_has_no_lines_of_code_to_show() -> None:
    first = Journal().round(objection("no criterion"), stage="planning", diff="d" * 64)
    assert only(first.round(stage="planning", diff="e" * 64)).swap is None


def test_evidence_that_is_kept_is_named_by_its_hash_and_otherwise_handed_on() -> None:
    kept = objection("it fails", output="d" * 64, evidence="E boom")
    (taught,) = capture(Journal().round(kept).events)
    assert (taught.witness.evidence, taught.evidence, taught.witness.quote) == ("d" * 64, "", "E boom")
    (other,) = capture(Journal().round(objection("it fails", evidence="E boom")).events)
    assert (len(other.witness.evidence), other.evidence) == (64, "E boom")


def test_a_run_without_end_teaches_so_many_lessons_and_no_more() -> None:
    names = [f"{'x' * (n % 40)}{chr(97 + n // 40)}" for n in range(MOST + 40)]
    journal = Journal().round(*(objection(f"name {name} is not known") for name in names))
    assert len(witnesses(journal)) == MOST


ENTRIES = st.sampled_from([name for name in FAILURES if name != "a person who goes back"])


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(ENTRIES, max_size=8))
def test_the_same_journal_teaches_the_same_and_a_longer_one_forgets_nothing(names: list[str]) -> None:
    journal = Journal()
    known: tuple[Taught, ...] = ()
    for name in names:
        for event in FAILURES[name][0].events[1:]:
            journal.note(event.kind, event.stage, **event.data)
        now = capture(journal.events, CLAIMS)
        assert now == capture(list(journal.events), CLAIMS)
        assert {each.witness.lesson for each in known} <= {each.witness.lesson for each in now}
        known = now
    assert len(known) == len(set(names))


# -- defects that were seen late --------------------------------------------------------------------------------------


def finding(what: str, **more: object) -> Journal:
    return Journal().round(objection(what, Source.REVIEWER, **more), stage="review")


LATE = {
    "the reviewer minds the plan": (finding("it cannot work", about_plan=True), Slip.WRONG_PLAN, "planning"),
    "the reviewer minds the design": (
        finding("a second cache", deviation=Deviation.ARCHITECTURE), Slip.WRONG_PLAN, "planning"),
    "a criterion with a green test": (finding("FR-001 does not hold for 0"), Slip.WEAK_TEST, "implementation"),
    "a criterion without a test": (finding("FR-002 does not hold"), Slip.MISSING_TEST, "implementation"),
    "what nobody wrote down": (
        finding("no currency", deviation=Deviation.REQUIREMENT), Slip.MISSING_CRITERION, "discovery"),
    "a fault no test saw": (finding("it leaks a handle"), Slip.MISSING_TEST, "implementation"),
    "CI, where it was green here": (Journal().gates().ci(), Slip.ENVIRONMENT, "setup"),
    "CI, where it was red here": (Journal().gates("failed").ci(), Slip.MISSING_TEST, "implementation"),
    "a deploy": (Journal().deploy("deploy", "no such host"), Slip.ENVIRONMENT, "setup"),
    "smoke, where a green test stands for it": (
        Journal().deploy("smoke", "test_limit gave -5"), Slip.WEAK_TEST, "implementation"),
    "smoke, where nothing does": (Journal().deploy("smoke", "GET / gave 500"), Slip.MISSING_TEST, "implementation"),
    "a person, after the review": (
        Journal().person("sent-back", "change", "the text is wrong"), Slip.REVIEWER_MISS, "implementation"),
    "a person, back to the plan": (
        Journal().person("retried", "change", "not so", to="planning"), Slip.WRONG_PLAN, "planning"),
    "a person, back to what is wanted": (
        Journal().person("retried", "deploy", "not that", to="discovery"), Slip.MISSING_CRITERION, "discovery"),
}  # fmt: skip


@pytest.mark.parametrize("name", LATE)
def test_a_defect_seen_late_is_classified_by_facts(name: str) -> None:
    journal, slip, made = LATE[name]
    late = only(journal).late
    assert late is not None
    assert (late.slip, late.introduced, late.by) == (slip, made, "")
    assert late.because


@pytest.mark.parametrize(
    "journal",
    [
        Journal().round(objection("it fails")),
        Journal().round(objection("no criterion", Source.VALIDATOR), stage="planning"),
        Journal().person("sent-back", "plan", "smaller", to="planning"),
        Journal().person("cancelled", "change", "not needed any more"),
        Journal().deploy("rollback", "no such release"),
    ],
    ids=["a gate in time", "a validator in time", "a person in time", "an end", "a rollback"],
)
def test_what_was_seen_in_time_is_no_late_defect(journal: Journal) -> None:
    assert only(journal).late is None


def test_a_hotfix_has_its_criteria_and_its_plan_from_the_diagnosis() -> None:
    journal = Journal(route="hotfix").round(
        objection("it cannot work", Source.REVIEWER, about_plan=True), stage="review"
    )
    late = only(journal).late
    assert late is not None
    assert (late.introduced, late.due) == ("diagnosis", "diagnosis")


@pytest.mark.parametrize(("slip", "family"), [
    (Slip.MISSING_CRITERION, "poorly defined spec"), (Slip.WRONG_PLAN, "poorly defined spec"),
    (Slip.MISSING_TEST, "weak feedback loop"), (Slip.WEAK_TEST, "weak feedback loop"),
    (Slip.REVIEWER_MISS, "weak feedback loop"), (Slip.ENVIRONMENT, "weak feedback loop"),
])  # fmt: skip
def test_every_slip_has_one_of_two_roots(slip: Slip, family: str) -> None:
    assert slip.family == family


def test_trees_that_stay_the_same_show_nothing() -> None:
    assert only(Journal().round(objection("it fails")).round(diff=RED)).swap is None

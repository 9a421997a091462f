"""Each deliverable is held against the one before it before any model is asked."""

from typing import Any

import pytest

from setpoint.model.boundary import Boundaries
from setpoint.model.change import AcceptanceTests, Change, ProtectedRequest, TestClaim
from setpoint.model.objection import Objection, Severity
from setpoint.model.plan import CHALLENGES, ChallengeAnswer, Check, Estimate, ModuleChange, Plan, PlanTask
from setpoint.model.settings import TaskSize
from setpoint.model.spec import Choice, FunctionalSpec, TechSpec
from setpoint.model.ticket import Criterion, SourceTag
from setpoint.pipeline.intake import read_ticket
from setpoint.pipeline.predecessor import (
    change_off_plan,
    claims_off_spec,
    design_off_spec,
    dropped_from_ticket,
    plan_off_design,
    too_large,
    untrue_tags,
)

TICKET = read_ticket(
    "# Add `rounded`\n\nAdd a function `rounded(price)` to `shop/price.py` that gives the price rounded to two "
    "decimals. The receipt must print the currency. Keep `total` as it is.\n",
    name="rounded",
    kind=None,
)
FILES = ("shop/price.py", "shop/receipt.py", "tests/test_price.py", "README.md")


def criterion(source: SourceTag, quote: str, name: str = "FR-001") -> Criterion:
    return Criterion(id=name, text="rounded(1.006) is 1.01", source=source, quote=quote)


TRUE = criterion(SourceTag.USER, "gives the price rounded to two decimals")


def said(found: Any) -> str:
    objections: list[Objection] = list(found)
    assert all(o.cause and o.place for o in objections), "each has its cause and its place"
    return "\n".join(f"{o.what} ({o.cause})" for o in objections)


@pytest.mark.parametrize(
    ("source", "quote", "true"),
    [
        (SourceTag.USER, "gives the price rounded to two decimals", True),
        (SourceTag.USER, "Gives the  PRICE rounded", True),
        (SourceTag.USER, "Add a function … rounded to two decimals", True),
        (SourceTag.USER, "gives the price rounded to three decimals", False),
        (SourceTag.USER, "must support every currency", False),
        (SourceTag.USER, "", False),
        (SourceTag.USER, "the", False),
        (SourceTag.PARAPHRASED, "price, rounded on two decimals", True),
        (SourceTag.PARAPHRASED, "exports everything as a spreadsheet", False),
        (SourceTag.INFERRED, "", True),
    ],
)
def test_a_tag_holds_when_the_ticket_says_it(source: SourceTag, quote: str, true: bool) -> None:
    assert (said(untrue_tags(TICKET, (criterion(source, quote),))) == "") is true


def spec(**other: Any) -> FunctionalSpec:
    usual: dict[str, Any] = {
        "summary": "s", "users": "u", "current_behaviour": "c", "criteria": (TRUE,), "must_stay": ("total",),
        "can_break": "none", "out_of_scope": "none",
    }  # fmt: skip
    return FunctionalSpec(**{**usual, **other})


def test_a_sentence_of_the_ticket_that_comes_back_nowhere_is_named() -> None:
    receipt = Criterion(
        id="FR-002", text="a line ends with the currency", source=SourceTag.PARAPHRASED, quote="currency"
    )
    assert "print the currency" in said(dropped_from_ticket(TICKET, spec()))
    assert said(dropped_from_ticket(TICKET, spec(criteria=(TRUE, receipt)))) == ""
    assert said(dropped_from_ticket(TICKET, spec(out_of_scope=("the currency on the receipt",)))) == ""
    assert "`total`" in said(dropped_from_ticket(TICKET, spec(criteria=(TRUE, receipt), must_stay="none")))


def design(**other: Any) -> TechSpec:
    usual: dict[str, Any] = {
        "approach": "a", "components": ("shop/price.py: rounded",), "interfaces": "none", "data": "none",
        "errors": "none", "choices": (Choice(decision="d", because="b", instead_of="i"),), "covers": ("FR-001",),
        "risks": "none",
    }  # fmt: skip
    return TechSpec(**{**usual, **other})


@pytest.mark.parametrize(
    ("off", "told"),
    [
        (design(), ""),
        (design(components=("shop/money.py, new: the rounding",)), ""),
        (design(covers=()), "FR-001 is not covered"),
        (design(covers=("FR-001", "FR-009")), "FR-009 is not a criterion"),
        (design(components=("shop/money.py: the rounding",)), "shop/money.py does not exist"),
    ],
)
def test_a_design_is_held_against_the_spec_and_the_base(off: TechSpec, told: str) -> None:
    found = said(design_off_spec(off, (TRUE,), FILES))
    assert told in found
    assert bool(told) is bool(found)


def task(**other: Any) -> PlanTask:
    usual: dict[str, Any] = {
        "id": "T001", "title": "Round", "steps": ("write rounded",), "files": ("shop/price.py",),
        "criteria": ("FR-001",), "checks": (Check(run="make test"),),
    }  # fmt: skip
    return PlanTask(**{**usual, **other})


def plan(**other: Any) -> Plan:
    usual: dict[str, Any] = {
        "overview": "o",
        "modules": (ModuleChange(path="shop/price.py", how="a function more"),),
        **dict.fromkeys(("data_models", "endpoints", "flows_at_risk", "migrations", "flags", "permissions"), "none"),
        **dict.fromkeys(("telemetry", "rules", "dependencies", "risks", "diagram"), "none"),
        "tests": ("test_half: FR-001",),
        "challenge": tuple(ChallengeAnswer(question=q, answer="no", evidence="read") for q in CHALLENGES),
        "tasks": (task(),),
        "boundaries": Boundaries(paths=("shop/**", "tests/**")),
        "estimate": Estimate(days=0.5, lines=10, risk="low"),
    }
    return Plan(**{**usual, **other})


@pytest.mark.parametrize(
    ("off", "told"),
    [
        (plan(), ""),
        (plan(tests=("tests for FR-001 to FR-003",)), ""),
        (plan(tasks=(task(files=("shop/price.py", "shop/money.py"), steps=("create shop/money.py",)),)), ""),
        (plan(tests=("test_half",)), "none is planned for FR-001"),
        (plan(modules=(ModuleChange(path="shop/receipt.py", how="h"),)), "no task changes shop/receipt.py"),
        (plan(tasks=(task(), task(id="T002", criteria=()))), "T002 serves no criterion"),
        (plan(tasks=(task(files=("shop/price.py", "ops/build.py")),)), "T001 needs ops/build.py"),
        (plan(tasks=(task(files=("shop/price.py", "shop/money.py")),)), "shop/money.py does not exist"),
    ],
)
def test_a_plan_is_held_against_the_criteria_the_base_and_its_own_boundaries(off: Plan, told: str) -> None:
    found = said(plan_off_design(off, (TRUE,), FILES))
    assert told in found
    assert bool(told) is bool(found)


@pytest.mark.parametrize(
    ("off", "told"),
    [
        (plan(), ""),
        (plan(tasks=(task(files=tuple(f"shop/{n}.py" for n in range(5))),)), "T001 has 5 files, at most 4"),
        (plan(tasks=(task(criteria=("FR-001", "FR-002", "FR-003")),)), "T001 has 3 criteria, at most 2"),
        (plan(estimate=Estimate(days=1, lines=101, risk="low")), "1 task for 101 lines, about 101 each, at most 100"),
        (plan(tasks=(task(), task(id="T002")), estimate=Estimate(days=1, lines=200, risk="low")), ""),
    ],
)
def test_a_task_is_small_enough_for_one_session(off: Plan, told: str) -> None:
    found = said(too_large(off, TaskSize(files=4, criteria=2, lines=100)))
    assert told in found
    assert bool(told) is bool(found)


def claims(*proves: str, unproven: tuple[str, ...] = (), path: str = "tests/test_half.py") -> AcceptanceTests:
    return AcceptanceTests(
        tests=(TestClaim(id=f"{path}::test_half", proves=proves, what="w"),), files=(path,), unproven=unproven
    )


TWO = (TRUE, criterion(SourceTag.INFERRED, "", "NFR-001"))


@pytest.mark.parametrize(
    ("off", "told"),
    [
        (claims("FR-001", "NFR-001"), ""),
        (claims("FR-001", unproven=("NFR-001: only a person can judge the wording",)), ""),
        (claims("FR-001"), "no test proves NFR-001"),
        (claims("FR-001", unproven=("NFR-001",)), "NFR-001 stands there without a reason"),
        (claims("FR-001", "NFR-001", "SC-001"), "SC-001 is not a criterion"),
        (claims("FR-001", "NFR-001", path="tests/test_other.py"), "is in a file that was not written"),
    ],
)
def test_tests_are_held_against_the_criteria_and_the_files_written(off: AcceptanceTests, told: str) -> None:
    found = said(claims_off_spec(off, TWO, ("tests/test_half.py",)))
    assert told in found
    assert bool(told) is bool(found)


def test_a_file_that_no_task_names_goes_back_unless_a_reason_is_given() -> None:
    changed = ("shop/price.py", "docs/prices.md", "CHANGELOG.rst", "tests/test_half.py", "shop/receipt.py")
    (found,) = change_off_plan(Change(summary="s"), plan(), changed, ("tests/test_half.py",))
    assert (found.what, found.severity) == ("shop/receipt.py is changed outside the plan", Severity.HIGH)
    asked = ProtectedRequest(path="shop/receipt.py", because="it prints the sum")
    (kept,) = change_off_plan(Change(summary="s", requests=(asked,)), plan(), changed, ("tests/test_half.py",))
    assert kept.severity is Severity.LOW

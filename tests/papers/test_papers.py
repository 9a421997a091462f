"""Spec, design and plan as files: what is written is read back, what others wrote is taken or refused by its line."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from setpoint.errors import TicketError
from setpoint.model.plan import Challenges, Check, Estimate, ModuleChange, Plan, PlannedBoundaries, PlanTask
from setpoint.model.record import Record
from setpoint.model.spec import Choice, FunctionalSpec, OpenQuestion, TechSpec
from setpoint.model.ticket import Criterion, SourceTag
from setpoint.pipeline.papers.layouts import Layout
from setpoint.pipeline.papers.markdown import read
from setpoint.pipeline.papers.read import parse
from setpoint.pipeline.papers.write import write

LAYOUTS: tuple[Layout, ...] = ("setpoint", "spec-kit", "kiro")
AWKWARD = [
    "# head",
    "## Summary",
    "- item",
    "  - key: x",
    "\\- x",
    "none",
    "[ ] box",
    "```",
    "1. one",
    "**FR-009**: x",
    "a: b",
    "~~~",
    "x",
]
ROWS = st.one_of(st.sampled_from(AWKWARD), st.text("abc :.-`#\\*[]é", max_size=12)).map(str.rstrip)


def tidy(text: str) -> str:
    return text.strip()


TEXT = st.lists(ROWS, min_size=1, max_size=5).map("\n".join).map(tidy).filter(bool)
ONE = ROWS.map(tidy).filter(bool)
LISTING = st.one_of(st.just("none"), st.lists(TEXT, min_size=1, max_size=3).map(tuple))
IDS = st.lists(st.sampled_from([f"FR-{n:03}" for n in range(1, 7)]), unique=True, min_size=1, max_size=4)


@st.composite
def specs(draw: st.DrawFn) -> FunctionalSpec:
    criteria = tuple(
        Criterion(
            id=name, text=draw(TEXT), source=draw(st.sampled_from(SourceTag)), quote=draw(st.one_of(st.just(""), ONE))
        )
        for name in draw(IDS)
    )
    asked = draw(st.lists(st.tuples(TEXT, ONE, st.one_of(st.just(""), ONE)), max_size=2))
    questions = tuple(OpenQuestion(question=q, why=w, default=d, blocking=False) for q, w, d in asked)
    return FunctionalSpec(
        summary=draw(TEXT), users=draw(TEXT), current_behaviour=draw(TEXT), criteria=criteria,
        must_stay=draw(LISTING), can_break=draw(LISTING), out_of_scope=draw(LISTING), open_questions=questions,
    )  # fmt: skip


@st.composite
def designs(draw: st.DrawFn) -> TechSpec:
    made = draw(st.lists(st.tuples(TEXT, TEXT, TEXT), min_size=1, max_size=2))
    return TechSpec(
        approach=draw(TEXT), components=tuple(draw(st.lists(TEXT, max_size=3))), interfaces=draw(LISTING),
        data=draw(LISTING), errors=draw(LISTING), covers=tuple(draw(IDS)), risks=draw(LISTING),
        choices=tuple(Choice(decision=d, because=b, instead_of=i) for d, b, i in made),
    )  # fmt: skip


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    names = ("data_models", "endpoints", "flows_at_risk", "migrations", "flags", "permissions", "telemetry", "tests")
    listings: dict[str, Any] = {name: draw(LISTING) for name in (*names, "rules", "dependencies", "risks")}
    challenge = {name: {"answer": draw(TEXT), "evidence": draw(TEXT)} for name in Challenges.model_fields}
    task = PlanTask(
        id="T001", title="Do it", steps=("do it",), files=("a.py",), criteria=("FR-001",), checks=(Check(run="true"),)
    )
    bounds = PlannedBoundaries(paths=("a*", "# b"), frozen=tuple(draw(st.lists(ONE, max_size=2))), dependencies=True)
    touched = draw(st.lists(st.tuples(ONE, TEXT), max_size=2))
    modules = tuple(ModuleChange(path=path, how=how) for path, how in touched)
    return Plan(
        overview=draw(TEXT), modules=modules, diagram=draw(st.sampled_from(["none", "flowchart LR\n  a --> b"])),
        challenge=Challenges.model_validate(challenge), tasks=(task,), boundaries=bounds,
        estimate=Estimate(days=0.5, lines=10, risk="low"),
        **listings,
    )  # fmt: skip


NO = {name: {"answer": "no", "evidence": "none seen"} for name in Challenges.model_fields}
TASK = {"id": "T001", "title": "Do it", "steps": ["do it"], "files": ["a.py"], "criteria": ["FR-001"]}
PLAN = Plan(
    overview="Do it.", modules=(),
    **dict.fromkeys(("data_models", "endpoints", "flows_at_risk", "migrations", "flags", "permissions"), "none"),
    **dict.fromkeys(("telemetry", "tests", "rules", "dependencies", "risks", "diagram"), "none"),
    challenge=Challenges.model_validate(NO),
    tasks=(PlanTask.model_validate({**TASK, "checks": [Check(run="true")]}),),
    boundaries=PlannedBoundaries(paths=("a*",)), estimate=Estimate(days=1, lines=5, risk="low"),
)  # fmt: skip
RECORDS = st.one_of(
    st.tuples(st.just("functional_spec"), specs()),
    st.tuples(st.just("tech_spec"), designs()),
    st.tuples(st.just("plan"), plans()),
)


@settings(max_examples=60, deadline=None)
@given(RECORDS, st.sampled_from(LAYOUTS))
def test_what_is_written_is_read_back(named: tuple[str, Record], layout: Layout) -> None:
    name, record = named
    file, text = write(name, record.model_dump(mode="json"), "A title", layout)
    assert parse(name, text, file) == record, text


# -- what others wrote -------------------------------------------------------------------------------------------------

SPEC_KIT = """# Feature Specification: Round prices

**Feature Branch**: `007-round-prices`
**Input**: User description: "round what a receipt shows"

## User Scenarios & Testing *(mandatory)*

### User Story 1 - A receipt (Priority: P1)

The cashier prints a receipt.

**Acceptance Scenarios**:

1. **Given** a price of 1.006, **When** a receipt is printed, **Then** it shows 1.01

### Edge Cases

- What happens with half a cent?

## Requirements *(mandatory)*

### Functional Requirements

- **FR-001**: System MUST round prices
  to two decimals
- **FR-003**: System MUST return a float

### Key Entities *(include if feature involves data)*

- **Price**: an amount

## Success Criteria *(mandatory)*

- **SC-001**: Each receipt shows two decimals
"""

KIRO = """# Requirements Document

## Introduction

Prices are rounded on receipts.

## Requirements

### Requirement 1

**User Story:** As a cashier, I want rounded prices, so that receipts add up.

#### Acceptance Criteria

1. WHEN a price has three decimals THEN the system SHALL round it to two
2. IF a price is negative, THEN THE system SHALL raise ValueError
"""

KIRO_DESIGN = """# Design Document

## Overview

One function beside the others.

## Components and Interfaces

- `shop/price.py`: new function `rounded`

## Error Handling

A negative price raises ValueError.

## Key Design Decisions

**Decision**: use round()
**Rationale**: it is there
"""


def test_a_spec_of_spec_kit_gives_its_requirements_scenarios_and_measures() -> None:
    spec = parse("functional_spec", SPEC_KIT, "spec.md")
    assert isinstance(spec, FunctionalSpec)
    told = {criterion.id: criterion.text for criterion in spec.criteria}
    assert told == {
        "FR-001": "System MUST round prices\nto two decimals",
        "FR-002": "Given a price of 1.006, When a receipt is printed, Then it shows 1.01",
        "FR-003": "System MUST return a float",
        "SC-001": "Each receipt shows two decimals",
    }
    assert {criterion.source for criterion in spec.criteria} == {SourceTag.USER}
    assert "The cashier prints a receipt." in spec.users
    assert spec.must_stay == ("not said in spec.md",)


def test_papers_of_kiro_give_their_criteria_and_a_design_that_covers_them() -> None:
    spec = parse("functional_spec", KIRO, "requirements.md")
    assert isinstance(spec, FunctionalSpec)
    assert [criterion.id for criterion in spec.criteria] == ["FR-001", "FR-002"]
    assert "SHALL raise ValueError" in spec.criteria[1].text
    assert "As a cashier" in spec.users
    design = parse("tech_spec", KIRO_DESIGN, "design.md", known=("FR-001", "FR-002"))
    assert isinstance(design, TechSpec)
    assert design.covers == ("FR-001", "FR-002")
    assert design.errors == ("A negative price raises ValueError.",)
    assert design.choices == (
        Choice(decision="use round()", because="it is there", instead_of="not said in design.md"),
    )
    assert design.interfaces == ("not said in design.md",)


def test_decisions_are_read_from_the_research_beside_a_design() -> None:
    research = read(
        "# Research\n\n- Decision: SQLite\n- Rationale: no server\n- Alternatives considered: files\n", "research.md"
    )
    design = parse("tech_spec", "# Plan\n\n## Summary\n\nA store.\n", "plan.md", beside=(research,))
    assert isinstance(design, TechSpec)
    assert design.choices == (Choice(decision="SQLite", because="no server", instead_of="files"),)


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("functional_spec", SPEC_KIT.replace("FR-003", "FR-001"), r"spec.md:26: FR-001 stands twice"),
        ("functional_spec", SPEC_KIT.replace("FR-003", "FR-3"), r"spec.md:26: `FR-3` is no criterion id"),
        ("functional_spec", SPEC_KIT.replace("a float", "[NEEDS CLARIFICATION: what?]"), r"spec.md:26: a question is"),
        ("functional_spec", SPEC_KIT.replace("Round prices", "[FEATURE NAME]"), r"spec.md:1: these are still the temp"),
        ("functional_spec", "# A spec\n\nWords.\n", r"spec.md:1: no criterion"),
        ("tech_spec", "# Plan\n\n## Summary\n\nIt works.\n", r"spec.md:1: no decision"),
        ("tech_spec", "# Plan\n", r"spec.md:1: no section `## Summary`"),
        ("plan", "# Tasks\n\n## Phase 1\n\n- [ ] T001 Make it in src/a.py\n", r"spec.md:5: a list of tasks"),
    ],
)  # fmt: skip
def test_a_paper_that_does_not_fit_is_refused_by_its_line(name: str, text: str, told: str) -> None:
    with pytest.raises(TicketError, match=told) as refused:
        parse(name, text, "spec.md")
    assert "--from" in refused.value.fix


def test_a_plan_without_a_section_names_it() -> None:
    file, text = write("plan", PLAN.model_dump(mode="json"), "A title", "setpoint")
    with pytest.raises(TicketError, match=r"`## Telemetry` is missing"):
        parse("plan", text.replace("## Telemetry\n\nnone\n", ""), file)
    with pytest.raises(TicketError, match=r"tasks.md:\d+: Boundaries is not YAML"):
        parse("plan", text.replace("paths:", "paths: [", 1), file)
    with pytest.raises(TicketError, match=r"not answered: race condition\?"):
        parse("plan", text.replace("- race condition? no\n  - evidence: none seen\n", ""), file)

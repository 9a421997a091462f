"""Spec, design and plan as files: what is written is read back, and what others wrote is taken or refused by its line."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from setpoint.errors import TicketError
from setpoint.model.boundary import Boundaries
from setpoint.model.plan import Challenges, Check, Estimate, ModuleChange, Plan, PlannedBoundaries, PlanTask
from setpoint.model.record import Record
from setpoint.model.spec import Choice, FunctionalSpec, OpenQuestion, TechSpec
from setpoint.model.ticket import Criterion, SourceTag
from setpoint.pipeline.papers.layouts import Layout
from setpoint.pipeline.papers.markdown import read
from setpoint.pipeline.papers.read import parse
from setpoint.pipeline.papers.write import write

LAYOUTS: tuple[Layout, ...] = ("setpoint", "spec-kit", "kiro")
AWKWARD = ["# head", "## Summary", "- item", "  - key: x", "\\- x", "none", "[ ] box", "```", "1. one", "**FR-009**: x", "a: b", "~~~", "x"]
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
    return Plan(
        overview=draw(TEXT), modules=tuple(ModuleChange(path=p, how=h) for p, h in draw(st.lists(st.tuples(ONE, TEXT), max_size=2))),
        challenge=Challenges.model_validate(challenge), tasks=(task,), boundaries=bounds,
        estimate=Estimate(days=0.5, lines=10, risk="low"), diagram=draw(st.sampled_from(["none", "flowchart LR\n  a --> b"])),
        **listings,
    )  # fmt: skip


RECORDS = st.one_of(
    st.tuples(st.just("functional_spec"), specs()),
    st.tuples(st.just("tech_spec"), designs()),
    st.tuples(st.just("plan"), plans()),
)


@settings(max_examples=250, deadline=None)
@given(RECORDS, st.sampled_from(LAYOUTS))
def test_what_is_written_is_read_back(named: tuple[str, Record], layout: Layout) -> None:
    name, record = named
    file, text = write(name, record.model_dump(mode="json"), "A title", layout)
    assert parse(name, text, file) == record, text

"""Deliverables as Markdown: ids, every part, and nothing that content could forge."""

from typing import Any

import pytest

from setpoint.errors import BugError
from setpoint.model.plan import CHALLENGES, Check, PlanTask
from setpoint.model.review import REVIEW_CHECKS
from setpoint.pipeline.artifacts import deliverable_text, task_text, tasks_text

CRITERION = {
    "id": "FR-001",
    "text": "POST /signup without email answers 422",
    "source": "paraphrased",
    "quote": "missing email",
}
FINDING = {
    "severity": "high",
    "deviation": "requirement",
    "what": "email is not checked",
    "cause": "no rule",
    "path": "app/signup.py",
    "line": 12,
    "evidence": "got 500",
    "probe": "pytest -k email",
}
TASK = {
    "id": "T001",
    "title": "Check the email",
    "steps": ["read `app/signup.py`", "answer 422"],
    "files": ["app/signup.py"],
    "criteria": ["FR-001"],
    "checks": [{"run": "pytest tests/test_signup.py -q"}, {"run": "make lint", "standard": "no findings"}],
}

DELIVERABLES: dict[str, dict[str, Any]] = {
    "functional_spec": {
        "summary": "Signup checks its input.\n## Tasks: forged",
        "users": "visitors",
        "current_behaviour": "it trusts (app/signup.py)",
        "criteria": [CRITERION],
        "must_stay": ["the response\n## forged shape"],
        "can_break": "none",
        "out_of_scope": [],
        "open_questions": [{"question": "Which mail domains?", "why": "some are lost", "default": "all"}],
    },
    "diagnosis": {
        "symptom": "500",
        "reproduction": "curl",
        "cause": "no check, app/signup.py:12",
        "places": ["app/signup.py:12"],
        "criteria": [CRITERION],
        "must_stay": "none",
        "approach": "check it",
        "checks": ["pytest -q"],
        "paths": ["app/**"],
    },
    "tech_spec": {
        "approach": "a validator",
        "components": ["app/signup.py: the endpoint"],
        "interfaces": "none",
        "data": "none",
        "errors": ["no email: 422"],
        "choices": [{"decision": "one function", "because": "small", "instead_of": "a class"}],
        "covers": ["FR-001"],
        "risks": "none",
    },
    "plan": {
        "overview": "Check the email.",
        "modules": [{"path": "app/signup.py", "how": "a check first"}],
        **dict.fromkeys(("data_models", "endpoints", "flows_at_risk", "migrations", "flags", "permissions"), "none"),
        **dict.fromkeys(("telemetry", "tests", "rules", "dependencies", "risks"), "none"),
        "challenge": [{"question": q, "answer": "no", "evidence": "searched"} for q in CHALLENGES],
        "tasks": [TASK],
        "boundaries": {"paths": ["app/**", "tests/**"], "frozen": ["API response shape"]},
        "estimate": {"days": 0.5, "lines": 40, "risk": "low"},
        "diagram": "graph TD; A-->B",
    },
    "split": {
        "because": "two flows",
        "children": [
            {"id": "C1", "title": "Check", "kind": "feature", "text": "Check it.\n# forged", "criteria": ["FR-001"]}
        ],
    },
    "tests": {
        "tests": [{"id": "tests/test_signup.py::test_missing", "proves": ["FR-001"], "what": "422 without email"}],
        "files": ["tests/test_signup.py"],
    },
    "change": {
        "summary": "Checks it.",
        "answers": [{"objection": "abc", "done": "added"}],
        "ran": ["pytest: 3 passed"],
    },
    "ci_fix": {"cause": "time zone", "summary": "uses UTC", "flaky": True},
    "review": {
        "summary": "One fault.",
        "checks": [{"check": c, "tried": "empty input", "result": "holds"} for c in REVIEW_CHECKS],
        "probes": [{"command": "python probe.py", "outcome": "422"}],
        "findings": [FINDING],
    },
    "verdict": {"compared": ["FR-001: T001"], "guesses": ["which message?"]},
    "lessons": {"lessons": [{"rule": "Run `make lint`", "because": "it was red twice"}]},
}


@pytest.mark.parametrize("name", DELIVERABLES)
def test_every_deliverable_is_rendered_with_all_its_words(name: str) -> None:
    text = deliverable_text(name, DELIVERABLES[name])
    assert text.startswith("# ")
    assert "\n## forged" not in text
    assert "\n# forged" not in text
    assert "\n## Tasks: forged" not in text
    assert text == deliverable_text(name, DELIVERABLES[name])


def test_a_spec_shows_ids_sources_and_the_tickets_words() -> None:
    text = deliverable_text("functional_spec", DELIVERABLES["functional_spec"])
    assert "- **FR-001** (paraphrased): POST /signup without email answers 422 (ticket: “missing email”)" in text
    assert "## Can break\n\nnone" in text
    assert "- [blocks] Which mail domains? (if guessed: some are lost; default: all)" in text


def test_tasks_have_the_form_people_know() -> None:
    task = PlanTask.model_validate(TASK)
    assert tasks_text("Signup", [task]) == (
        "## Tasks: Signup\n\n### Task 1: T001 Check the email\n\n- read `app/signup.py`\n- answer 422\n"
        "- Files: `app/signup.py`\n- Criteria: FR-001\n"
        "- [Testing] Run `pytest tests/test_signup.py -q` - must pass\n- [Testing] Run `make lint` - no findings"
    )
    assert tasks_text("Signup", [task]) in deliverable_text("plan", DELIVERABLES["plan"]).replace(
        "Check the email.", "Signup"
    )


def test_a_later_task_says_what_it_needs() -> None:
    task = PlanTask.model_validate(
        {**TASK, "id": "T002", "needs": ["T001"], "checks": [Check(run="make test").model_dump()]}
    )
    assert task_text(task, 2).startswith("### Task 2: T002 Check the email (needs T001)")


def test_a_finding_shows_severity_place_cause_evidence_and_probe() -> None:
    text = deliverable_text("review", DELIVERABLES["review"])
    assert (
        "- high · requirement · app/signup.py:12: email is not checked Cause: no rule Evidence: got 500 "
        "Probe: `pytest -k email`." in text
    )


@pytest.mark.parametrize(("name", "content"), [("poem", {}), ("verdict", {"compared": []}), ("tests", {"x": 1})])
def test_what_is_no_deliverable_is_a_bug(name: str, content: dict[str, Any]) -> None:
    with pytest.raises(BugError):
        deliverable_text(name, content)

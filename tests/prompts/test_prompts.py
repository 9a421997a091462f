"""Prompts are short, versioned and complete; nothing in them is missing its tool or shouts."""

import re

import pytest

from setpoint.errors import BugError
from setpoint.pipeline.prompts import names, prompt
from setpoint.pipeline.routes import CI_FIX, ROUTES, Phase

PHASES = sorted(
    {step.name for route in ROUTES.values() for step in route.steps if isinstance(step, Phase)} | {CI_FIX.name}
)
VALIDATED = ("functional_spec", "tech_spec", "plan", "tests", "change", "diagnosis", "split")
BUDGET = {"review": 700}
VERSION = {"planning": 2, "review": 3, "implementation": 2}
"""Prompts that were rewritten since their first words."""


@pytest.mark.parametrize("name", [*PHASES, "rework", "lessons", *(f"validate_{name}" for name in VALIDATED)])
def test_every_phase_and_validator_has_its_prompt(name: str) -> None:
    found = prompt(name)
    assert (found.name, found.version) == (name, VERSION.get(name, 1))
    assert re.fullmatch(r"[0-9a-f]{64}", found.sha256)


@pytest.mark.parametrize("name", names())
def test_a_prompt_is_short_and_names_its_submit_tool(name: str) -> None:
    text = prompt(name).text
    assert len(text) / 4 <= BUDGET.get(name, 450)
    assert re.findall(r"\{[^}]*\}", text) == ["{submit}"]
    assert "<!--" not in text


@pytest.mark.parametrize("name", names())
def test_a_prompt_does_not_shout_and_names_no_vendor(name: str) -> None:
    text = prompt(name).text
    assert set(re.findall(r"\b[A-Z]{3,}\b", text)) <= {"API", "NFR"}
    assert not re.search(r"claude|gpt|openai|anthropic|gemini|codex|copilot", text, re.IGNORECASE)
    assert "!" not in text


@pytest.mark.parametrize("name", [name for name in names() if name not in ("review", "lessons")])
def test_a_prompt_says_how_objections_are_met(name: str) -> None:
    assert re.search(r"objection", prompt(name).text, re.IGNORECASE)


def test_the_system_text_names_the_tool() -> None:
    text = prompt("implementation").system("submit_change")
    assert "`submit_change`" in text
    assert "{submit}" not in text


@pytest.mark.parametrize("name", ["nothing", "../review", "review.md", "", "Review"])
def test_an_unknown_prompt_is_a_bug_that_names_the_known_ones(name: str) -> None:
    with pytest.raises(BugError, match="no prompt"):
        prompt(name)


def test_the_reviewer_answers_the_records_own_twelve_checks() -> None:
    from setpoint.model.review import REVIEW_CHECKS

    text = prompt("review").text
    for check in REVIEW_CHECKS:
        assert check in text

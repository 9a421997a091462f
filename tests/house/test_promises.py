"""What is public says what it promises; what promises a seam keeps it; the words are those of the glossary."""

import ast
import re

import pytest
from sources import PACKAGE, ROOT, Module, classes, is_protocol, methods, modules

from setpoint.pipeline.prompts import names, prompt

SAID_ELSEWHERE = ("testing/", "demo/", "adapters/migrations/")
SEAMS = [cls for module in modules() if module.name == "setpoint.ports" for cls in classes(module) if is_protocol(cls)]
PROMISED = {
    name for module in modules() for cls in classes(module) if is_protocol(cls) for name in methods(cls)
}  # fmt: skip
"""Methods whose promise stands at a seam; who keeps it need not say it again."""


def test_everything_public_has_a_docstring() -> None:
    found = [place for module in modules() if not module.place.startswith(SAID_ELSEWHERE) for place in _silent(module)]
    assert found == []


def _silent(module: Module) -> list[str]:
    # A package's face with nothing in it has nothing to promise.
    found = [] if ast.get_docstring(module.tree) or not module.tree.body else [module.place]
    for node in module.tree.body:
        if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) or node.name.startswith("_"):
            continue
        if not ast.get_docstring(node):
            found.append(f"{module.place}:{node.lineno} {node.name}")
        if isinstance(node, ast.ClassDef):
            silent = [f for name, f in methods(node).items() if not name.startswith("_") and name not in PROMISED]
            found += [f"{module.place}:{f.lineno} {node.name}.{f.name}" for f in silent if not ast.get_docstring(f)]
    return found


@pytest.mark.parametrize("seam", SEAMS, ids=lambda cls: cls.name)
def test_every_seam_has_an_adapter(seam: ast.ClassDef) -> None:
    keepers = [
        f"{module.place}: {cls.name}"
        for module in modules()
        if module.name != "setpoint.ports" and not module.place.startswith(("testing/", "policy/"))
        for cls in classes(module)
        if not is_protocol(cls) and set(methods(seam)) <= set(methods(cls))
    ]
    assert keepers != []


def test_types_are_shipped() -> None:
    assert (PACKAGE / "py.typed").is_file()


@pytest.mark.parametrize("name", names())
def test_every_prompt_has_a_version(name: str) -> None:
    assert prompt(name).version >= 1


WORDS = (
    "ticket", "run", "route", "phase", "deliverable", "criterion", "validator", "reviewer", "gate", "evidence",
    "objection", "error", "controller", "boundary", "approval", "workspace", "sandbox", "journal",
)  # fmt: skip
RECORDS = {
    "Ticket": "ticket", "Criterion": "criterion", "FunctionalSpec": "functional spec", "Diagnosis": "diagnosis",
    "TechSpec": "tech spec", "Plan": "plan", "PlanTask": "task", "Check": "check", "Split": "split",
    "ChildTicket": "child ticket", "AcceptanceTests": "acceptance tests", "TestClaim": "claim", "Change": "change",
    "CiFix": "CI fix", "Lesson": "lesson", "Review": "review", "Finding": "finding", "Probe": "probe",
    "Verdict": "verdict", "Objection": "objection", "Evidence": "evidence", "Gate": "gate", "Approval": "approval",
    "HandOver": "hand-over", "Run": "run", "Position": "position", "Round": "round", "Event": "event",
    "PullRequest": "pull request", "Release": "release", "Environment": "environment", "Boundaries": "boundary",
    "OpenQuestion": "open question", "Candidate": "candidate", "ChangeRecord": "change record",
}  # fmt: skip
"""Records of the model, and the word each is in the glossary."""


def test_the_glossary_has_one_meaning_for_each_word() -> None:
    told = _glossary()
    assert [word for word in told if told.count(word) > 1] == []
    assert [word for word in WORDS if word not in told] == []


def test_every_record_people_meet_is_a_word_of_the_glossary() -> None:
    model = {cls.name for module in modules() if module.place.startswith("model/") for cls in classes(module)}
    assert [name for name in RECORDS if name not in model] == []
    assert [word for word in RECORDS.values() if word not in _glossary()] == []


def _glossary() -> list[str]:
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([^|]+) \| [^|]+ \|$", text, re.MULTILINE)
    return [word.strip() for row in rows if row != "word" for word in row.split(",")]

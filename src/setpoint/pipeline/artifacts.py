"""Deliverables as Markdown: what the next session reads and what a person is shown. Plain functions, no files."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from ..errors import BugError
from ..gates.tasks_md import check_lines
from ..model.boundary import Boundaries
from ..model.change import AcceptanceTests, Change, CiFix, Lessons
from ..model.numbers import counted
from ..model.plan import Plan, PlanTask
from ..model.record import Record
from ..model.review import Finding, Review, Verdict
from ..model.spec import Diagnosis, FunctionalSpec, OpenQuestion, Split, TechSpec
from ..model.ticket import Criterion
from .diagrams import block
from .visible import visible

FILES = {"functional_spec": "spec.md", "tech_spec": "plan.md", "plan": "tasks.md", "review": "review.md"}
"""File names people know for the deliverables that are committed."""


def deliverable_text(name: str, content: Mapping[str, Any]) -> str:
    """The deliverable `name` as compact Markdown with all its ids. Raises BugError when it is not what it claims."""
    if name not in _WRITERS:
        raise BugError(f"no deliverable is called {name!r}", fix=f"known: {', '.join(_WRITERS)}")
    record, write = _WRITERS[name]
    try:
        parsed = record.model_validate(dict(content))
    except ValidationError as error:
        raise BugError(f"the stored {name} does not have its form", why=str(error)[:1000]) from error
    return visible(write(parsed)).strip() + "\n"


def task_text(task: PlanTask, number: int) -> str:
    """One task of a plan with its checks, as it stands in `tasks.md`."""
    needs = f" (needs {', '.join(task.needs)})" if task.needs else ""
    return "\n".join(
        [
            f"### Task {number}: {task.id} {_line(task.title)}{needs}",
            "",
            *(f"- {_line(step)}" for step in task.steps),
            f"- Files: {', '.join(_code(path) for path in task.files) or 'none'}",
            f"- Criteria: {', '.join(task.criteria) or 'none'}",
            *(row for check in task.checks for row in check_lines(check)),
        ]
    )


def tasks_text(title: str, tasks: Sequence[PlanTask]) -> str:
    """All tasks in order: `## Tasks: ...`, `### Task n: ...`, bullets, `[Testing]` lines."""
    parts = [f"## Tasks: {_line(title)}", *(task_text(task, number) for number, task in enumerate(tasks, start=1))]
    return "\n\n".join(parts)


def criteria_text(criteria: Iterable[Criterion]) -> str:
    """Criteria as a list, each with its id, its source and the ticket's words."""
    return "\n".join(f"- **{c.id}** ({c.source}): {_line(c.text)}{_quote(c)}" for c in criteria)


def _quote(criterion: Criterion) -> str:
    quote = _line(criterion.quote)
    return f" (ticket: “{quote}”)" if quote and quote != _line(criterion.text) else ""


# -- one writer a deliverable ------------------------------------------------------------------------------------------


def _functional_spec(spec: FunctionalSpec) -> str:
    return _document(
        "# Functional spec",
        _prose(spec.summary),
        _part("Users", _prose(spec.users)),
        _part("Today", _prose(spec.current_behaviour)),
        _part("Acceptance criteria", criteria_text(spec.criteria)),
        _listed("Must stay", spec.must_stay),
        _listed("Can break", spec.can_break),
        _listed("Out of scope", spec.out_of_scope),
        _questions(spec.open_questions),
    )


def _diagnosis(diagnosis: Diagnosis) -> str:
    return _document(
        "# Diagnosis",
        _part("Symptom", _prose(diagnosis.symptom)),
        _part("Reproduction", _prose(diagnosis.reproduction)),
        _part("Cause", _prose(diagnosis.cause)),
        _listed("Places", diagnosis.places),
        _part("Acceptance criteria", criteria_text(diagnosis.criteria)),
        _listed("Must stay", diagnosis.must_stay),
        _part("Approach", _prose(diagnosis.approach)),
        _listed("Checks", [_code(check) for check in diagnosis.checks]),
        _listed("Paths", [_code(path) for path in diagnosis.paths]),
        _questions(diagnosis.open_questions),
    )


def _tech_spec(spec: TechSpec) -> str:
    choices = [f"{_line(c.decision)}: {_line(c.because)} (instead of: {_line(c.instead_of)})" for c in spec.choices]
    return _document(
        "# Tech spec",
        _prose(spec.approach),
        _listed("Components", spec.components),
        _listed("Interfaces", spec.interfaces),
        _listed("Data", spec.data),
        _listed("Errors", spec.errors),
        _listed("Decisions", choices),
        _part("Covers", ", ".join(spec.covers)),
        _listed("Risks", spec.risks),
    )


def _plan(plan: Plan) -> str:
    days, lines = counted(plan.estimate.days, "days"), counted(plan.estimate.lines, "lines")
    estimate = f"{days} of a person, {lines}, risk {plan.estimate.risk}"
    challenge = [f"{a.question} {_line(a.answer)} (evidence: {_line(a.evidence)})" for a in plan.challenge.answers()]
    return _document(
        "# Plan",
        _prose(plan.overview),
        _listed("Modules", [f"{_code(m.path)}: {_line(m.how)}" for m in plan.modules]),
        _listed("Data models", plan.data_models),
        _listed("Endpoints", plan.endpoints),
        _listed("Flows at risk", plan.flows_at_risk),
        _listed("Migrations", plan.migrations),
        _listed("Flags", plan.flags),
        _listed("Permissions", plan.permissions),
        _listed("Telemetry", plan.telemetry),
        _listed("Tests at the end", plan.tests),
        _listed("Rules", plan.rules),
        _listed("Dependencies", plan.dependencies),
        _listed("Risks", plan.risks),
        _listed("Challenge", challenge),
        _boundaries(plan.boundaries),
        _part("Estimate", estimate),
        _part("Diagram", block(plan.diagram)),
        tasks_text(plan.overview.split("\n")[0][:120], plan.tasks),
    )


def _tests(tests: AcceptanceTests) -> str:
    claims = [f"{_code(t.id)} proves {', '.join(t.proves) or 'nothing'}: {_line(t.what)}" for t in tests.tests]
    return _document(
        "# Acceptance tests",
        _listed("Tests", claims),
        _listed("Files", [_code(path) for path in tests.files]),
        _listed("Not proven by a test", tests.unproven or "none"),
    )


def _edge_tests(tests: AcceptanceTests) -> str:
    return _tests(tests).replace("# Acceptance tests", "# Second suite: edge cases, written after the code", 1)


def _change(change: Change) -> str:
    return _document(
        "# Change",
        _prose(change.summary),
        _listed("Answers", [f"{_code(a.objection)}: {_line(a.done)}" for a in change.answers] or "none"),
        _listed("Ran", change.ran or "none"),
        _listed("Requests", [f"{_code(r.path)}: {_line(r.because)}" for r in change.requests] or "none"),
        _part("Documentation", _prose(change.documentation)),
    )


def _ci_fix(fix: CiFix) -> str:
    return _document(
        "# CI fix",
        _part("Cause", _prose(fix.cause)),
        _part("Change", _prose(fix.summary)),
        _listed("Answers", [f"{_code(a.objection)}: {_line(a.done)}" for a in fix.answers] or "none"),
        "The failure is claimed not to be of this change." if fix.flaky else "",
    )


def _review(review: Review) -> str:
    return _document(
        "# Review",
        _prose(review.summary),
        _listed("Findings", [_finding(finding) for finding in review.findings] or "none"),
        _listed("Checks", [f"{c.check}: {c.result} (tried: {_line(c.tried)})" for c in review.checks.answers()]),
        _listed("Probes", [f"{_code(p.command)}: {_line(p.outcome)}" for p in review.probes]),
        _listed("Closed", [_code(mark) for mark in review.closed] or "none"),
    )


def _verdict(verdict: Verdict) -> str:
    return _document(
        "# Verdict",
        _listed("Findings", [_finding(finding) for finding in verdict.findings] or "none"),
        _listed("Guesses", verdict.guesses or "none"),
        _listed("Compared", verdict.compared),
    )


def _split(split: Split) -> str:
    children = (
        f"## {child.id}: {_line(child.title)} ({child.kind})\n\n"
        f"Needs: {', '.join(child.needs) or 'none'}. Criteria: {', '.join(child.criteria) or 'none'}.\n\n"
        f"{_prose(child.text)}"
        for child in split.children
    )
    return _document("# Split", _prose(split.because), *children)


def _lessons(lessons: Lessons) -> str:
    return _document(
        "# Lessons",
        _listed("Rules", [f"{_line(e.rule)} (because {_line(e.because)})" for e in lessons.lessons] or "none"),
    )


_WRITERS: dict[str, tuple[type[Record], Callable[[Any], str]]] = {
    "functional_spec": (FunctionalSpec, _functional_spec),
    "diagnosis": (Diagnosis, _diagnosis),
    "tech_spec": (TechSpec, _tech_spec),
    "plan": (Plan, _plan),
    "split": (Split, _split),
    "tests": (AcceptanceTests, _tests),
    "edge_tests": (AcceptanceTests, _edge_tests),
    "change": (Change, _change),
    "review": (Review, _review),
    "verdict": (Verdict, _verdict),
    "ci_fix": (CiFix, _ci_fix),
    "lessons": (Lessons, _lessons),
}


# -- Markdown ----------------------------------------------------------------------------------------------------------


def _document(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part)


def _part(title: str, body: str) -> str:
    return f"## {title}\n\n{body}" if body else ""


def _listed(title: str, entries: Sequence[str]) -> str:
    """A list under its title; `none` stays in so many words."""
    if isinstance(entries, str):
        return f"## {title}\n\n{entries}"
    return f"## {title}\n\n" + ("\n".join(f"- {_line(entry)}" for entry in entries) or "none")


def _questions(questions: Sequence[OpenQuestion]) -> str:
    return _listed(
        "Open questions",
        [
            f"{'[blocks] ' if q.blocking else ''}{_line(q.question)} (if guessed: {_line(q.why)}"
            + (f"; default: {_line(q.default)})" if q.default else ")")
            for q in questions
        ]
        or "none",
    )


def _finding(finding: Finding) -> str:
    place = finding.path + (f":{finding.line}" if finding.line is not None else "")
    probe = f" Probe: {_code(finding.probe)}." if finding.probe else ""
    words = f"{_line(finding.what)} Cause: {_line(finding.cause)} Evidence: {_line(finding.evidence)}"
    return f"{finding.severity} · {finding.deviation} · {_line(place)}: {words}{probe}"


def _boundaries(boundaries: Boundaries) -> str:
    return _listed(
        "Boundaries",
        [
            f"paths: {', '.join(_code(path) for path in boundaries.paths) or 'not decided'}",
            f"protected: {', '.join(_code(path) for path in boundaries.protected) or 'none'}",
            f"commands: {', '.join(boundaries.commands) or 'none'}",
            f"network: {', '.join(boundaries.network) or 'none'}",
            f"dependencies: {_allowed(boundaries.dependencies)}; migrations: {_allowed(boundaries.migrations)}",
            f"frozen: {', '.join(boundaries.frozen) or 'none'}",
            f"needs a person: {', '.join(boundaries.needs_person) or 'none'}",
            f"at most {counted(boundaries.max_files, 'files')}, {counted(boundaries.max_lines, 'lines')}",
        ],
    )


def _allowed(yes: bool) -> str:
    return "allowed" if yes else "not allowed"


def _line(text: str) -> str:
    """`text` on one line: an entry cannot open a heading or a list of its own."""
    return " ".join(text.split())


def _prose(text: str) -> str:
    """`text` with its line breaks; a heading of its own cannot pass for one of the document, and a code block that it
    leaves open ends with it."""
    lines = [f"\\{line}" if line.lstrip().startswith("#") else line for line in visible(text).strip().split("\n")]
    opened = sum(line.startswith("```") for line in lines) % 2
    return "\n".join([*lines, "```"] if opened else lines)


def _code(text: str) -> str:
    """A code span that its content cannot close."""
    ticks = "``" if "`" in text else "`"
    return f"{ticks}{_line(text)}{ticks}" if ticks == "`" else f"{ticks} {_line(text).replace('``', '` `')} {ticks}"

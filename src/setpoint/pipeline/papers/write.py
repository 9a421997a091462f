"""Deliverables as papers, in the layout that is asked for."""

from collections.abc import Mapping
from typing import Any

import yaml

from ...gates.tasks_md import Tasks, write_tasks
from ...model.plan import Plan
from ...model.record import Record
from ...model.spec import FunctionalSpec, TechSpec
from ...model.ticket import Criterion
from .layouts import DESIGN, FILES, LISTINGS, SPEC, TITLES, Layout, Named
from .markdown import entries, entry, prose

RECORDS: dict[str, type[Record]] = {"functional_spec": FunctionalSpec, "tech_spec": TechSpec, "plan": Plan}


def write(name: str, content: Mapping[str, Any], title: str, layout: Layout) -> tuple[str, str]:
    """File name and text of the deliverable `name`, called `title`. Raises ValidationError when it is not one."""
    record = RECORDS[name].model_validate(dict(content))
    head = f"# {TITLES[layout][name]}{' '.join(title.split())}"
    if isinstance(record, FunctionalSpec):
        body = _sections(record, SPEC, layout)
    elif isinstance(record, TechSpec):
        body = _sections(record, DESIGN, layout)
    else:
        assert isinstance(record, Plan)
        body = _plan(record, title)
    return FILES[layout][name], f"{head}\n\n{body}\n"


def _sections(record: Record, named: tuple[Named, ...], layout: Layout) -> str:
    parts = []
    for one in named:
        body = _body(one.field, getattr(record, one.field), layout)
        parts.append(f"## {one.title_in(layout)}\n\n{body}".rstrip())
    return "\n\n".join(parts)


def _body(field: str, value: Any, layout: Layout) -> str:
    match field:
        case "criteria":
            return _criteria(value, layout)
        case "open_questions":
            asked = [(q.question, {"why": q.why, "default": q.default, "blocks": _yes(q.blocking)}) for q in value]
            return "\n".join(entry(text, _told(keys)) for text, keys in asked) or "none"
        case "choices":
            return "\n".join(entry(c.decision, {"because": c.because, "instead of": c.instead_of}) for c in value)
        case "covers":
            return ", ".join(value)
        case "summary" | "users" | "current_behaviour" | "approach":
            return prose(value)
    return entries(value)


def _criteria(criteria: tuple[Criterion, ...], layout: Layout) -> str:
    """Bullets with their ids; Kiro numbers them below a heading of their own."""
    marks = [f"{number}." if layout == "kiro" else "-" for number in range(1, len(criteria) + 1)]
    listed = [
        entry(f"**{c.id}**: {c.text}", _told({"source": c.source.value, "quote": c.quote}), mark)
        for c, mark in zip(criteria, marks, strict=True)
    ]
    return "\n".join([*(["### Acceptance Criteria", ""] if layout == "kiro" else []), *listed])


def _told(keys: Mapping[str, str]) -> dict[str, str]:
    return {key: text for key, text in keys.items() if text}


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _plan(plan: Plan, title: str) -> str:
    answers = "\n".join(entry(f"{a.question} {a.answer}", {"evidence": a.evidence}) for a in plan.challenge.answers())
    parts = [
        ("Overview", prose(plan.overview)),
        ("Modules", "\n".join(entry(module.path, {"how": module.how}) for module in plan.modules) or "none"),
        *((one.title, entries(getattr(plan, one.field))) for one in LISTINGS),
        ("Challenge", answers),
        ("Boundaries", _yaml(plan.boundaries)),
        ("Estimate", _yaml(plan.estimate)),
        ("Diagram", plan.diagram if plan.diagram == "none" else f"````mermaid\n{plan.diagram.rstrip()}\n````"),
    ]
    told = "\n\n".join(f"## {head}\n\n{body}".rstrip() for head, body in parts)
    return f"{told}\n\n{write_tasks(Tasks(title=title, tasks=plan.tasks)).rstrip()}"


def _yaml(record: Record) -> str:
    told = yaml.safe_dump(record.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=10_000)
    return f"```yaml\n{told.rstrip()}\n```"

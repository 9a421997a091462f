"""Papers as deliverables: what setpoint wrote, and what people and other tools wrote in the forms that they know.

What a paper does not say is said so (`not said in plan.md`), never made up; what a deliverable cannot do without is an
error that names the line.
"""

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NoReturn

import yaml
from pydantic import ValidationError

from ...errors import TicketError, UsageError
from ...gates.tasks_md import parse_tasks
from ...model.plan import CHALLENGES
from ...model.record import Record
from ...model.ticket import SourceTag
from .layouts import CRITERIA, DESIGN, LISTINGS, OUT_OF_SCOPE, PHASE_OF, SPEC, Named
from .markdown import BULLET, Item, Paper, Section, read
from .write import RECORDS

LONGEST = 500
"""Characters of one entry of a record; a longer one becomes several."""
_ID = re.compile(r"^\*{0,2}((?:FR|NFR|SC)-\w+)\*{0,2}\s*:?\*{0,2}\s*(.*)$", re.DOTALL)
_NUMBER = re.compile(r"^(?:FR|NFR|SC)-\d{3}$")
_SCENARIO = re.compile(r"^\**Given\**\b.*\bThen\b", re.IGNORECASE | re.DOTALL)
_UNKNOWN = re.compile(r"\[NEEDS CLARIFICATION[^\]]*\]?")
_TEMPLATE = re.compile(r"\[(?:FEATURE NAME|FEATURE|Brief Title|initial state|specific capability|key interaction)[\],]")
_DECISION = re.compile(
    r"^\s*[-*]?\s*\**(Decision|Rationale|Alternatives(?: considered)?)\**:\**\s*(.*)$", re.IGNORECASE
)
_TASK = re.compile(r"^\s*[-*] \[[ xX]\]\*? ")


def parse(name: str, text: str, called: str, *, known: Sequence[str] = (), beside: Sequence[Paper] = ()) -> Record:
    """The deliverable `name` that `text`, called `called`, holds. `known` are the ids of the criteria of its spec,
    `beside` what else lies in its folder. Raises TicketError that names the line."""
    paper = read(text, called)
    _finished(paper, name)
    read_as = {"functional_spec": _spec, "tech_spec": _design, "plan": _plan}[name]
    content = read_as(paper, known, beside)
    try:
        return RECORDS[name].model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        field = str(first["loc"][0]) if first["loc"] else ""
        where = ".".join(str(part) for part in first["loc"])
        _refuse(paper, _line_of_field(paper, field), f"{where}: {first['msg']}", name)


def leave_it(name: str) -> str:
    """How a person goes on without the paper of deliverable `name`."""
    return f"mend it, or leave it to a session, which reads what it says: `--from {PHASE_OF[name]}`"


def _refuse(paper: Paper, line: int, what: str, name: str) -> NoReturn:
    raise TicketError(f"{paper.name}:{line}: {what}"[:900], fix=leave_it(name))


def _finished(paper: Paper, name: str) -> None:
    for number, row in paper.rows():
        if found := _UNKNOWN.search(row):
            _refuse(paper, number, f"a question is still open: {found[0]}", name)
        if found := _TEMPLATE.search(row):
            _refuse(paper, number, f"these are still the template's words: {found[0]}", name)


def _line_of_field(paper: Paper, field: str) -> int:
    named = next((one for one in (*SPEC, *DESIGN, *LISTINGS) if one.field == field), None)
    section = paper.find(named.pattern if named else rf"^{field}$")
    return section.line if section else 1


# -- forms -------------------------------------------------------------------------------------------------------------


def _section(paper: Paper, named: Named) -> Section | None:
    """Its own heading first; what means it elsewhere else."""
    own = "|".join((named.title, *(title for _, title in named.titles)))
    return paper.find(rf"^(?:{own})$") or paper.find(named.pattern)


def _listing(paper: Paper, named: Named) -> tuple[str, ...] | str:
    section = _section(paper, named)
    if section is None:
        return (f"not said in {paper.name}",)
    return "none" if section.said_none else _texts(section.items())


def _texts(items: Sequence[Item]) -> tuple[str, ...]:
    return tuple(piece for item in items for piece in _pieces(item.text))


def _pieces(text: str) -> list[str]:
    if len(text) <= LONGEST:
        return [text]
    return textwrap.wrap(" ".join(text.split()), LONGEST, break_long_words=True)


def _said(paper: Paper, named: Named, fallback: str) -> str:
    section = _section(paper, named)
    return (section.prose.strip() if section else "") or fallback


def _free(taken: set[str]) -> Iterator[str]:
    return (name for name in (f"FR-{number:03}" for number in range(1, 1000)) if name not in taken)


# -- functional spec ---------------------------------------------------------------------------------------------------


def _spec(paper: Paper, known: Sequence[str], beside: Sequence[Paper]) -> dict[str, Any]:
    summary, users, today, _, *listed = SPEC
    not_said = f"not said in {paper.name}"
    first = next((section.prose.strip() for section in paper.sections if section.prose.strip()), "")
    stories = "\n".join(row.strip() for _, row in paper.rows() if re.match(r"\s*\**User Story:", row))
    return {
        "summary": (_said(paper, summary, paper.title or first) or not_said)[:20_000],
        "users": _said(paper, users, stories or not_said)[:20_000],
        "current_behaviour": _said(paper, today, not_said),
        "criteria": _criteria(paper),
        **{one.field: _listing(paper, one) for one in listed if one.field != "open_questions"},
        "open_questions": _questions(paper),
    }


def _criteria(paper: Paper) -> list[dict[str, Any]]:
    """Lines with an id, scenarios of the form Given, When, Then, and the entries below `Acceptance Criteria`."""
    found: list[tuple[str, Item]] = []
    for item, below in _measured(paper):
        own = _ID.match(item.text)
        if own:
            if not _NUMBER.match(own[1]):
                _refuse(paper, item.line, f"`{own[1]}` is no criterion id: write FR-001, NFR-001 or SC-001", PAPER)
            found.append((own[1], Item(item.line, own[2].strip(), item.keys)))
        elif _SCENARIO.match(item.text) or re.search(r"acceptance criteria", below, re.IGNORECASE):
            found.append(("", item))
    if not found:
        why = "no criterion: neither `- **FR-001**: …`, nor Given/When/Then, nor a list below `Acceptance Criteria`"
        _refuse(paper, 1, why, PAPER)
    taken: set[str] = set()
    for name, item in found:
        if name in taken:
            _refuse(paper, item.line, f"{name} stands twice: an id names one criterion", PAPER)
        if not item.text:
            _refuse(paper, item.line, f"{name} says nothing", PAPER)
        taken |= {name} - {""}
    free = _free(taken)
    return [_criterion(name or next(free), item) for name, item in found]


PAPER = "functional_spec"


def _criterion(name: str, item: Item) -> dict[str, Any]:
    text = re.sub(r"\*\*(Given|When|Then|And|But)\*\*", r"\1", item.text)
    if "source" not in item.keys:
        return {"id": name, "text": text, "source": SourceTag.USER, "quote": item.text}
    return {"id": name, "text": item.text, "source": item.keys["source"], "quote": item.keys.get("quote", "")}


def _measured(paper: Paper) -> Iterator[tuple[Item, str]]:
    """The entries that criteria are looked for in. Where a section says of its criteria where they come from, setpoint
    wrote it, and it holds them all."""
    own = _section(paper, CRITERIA)
    if own and any("source" in item.keys for item, _ in _entries(paper, (own,))):
        return _entries(paper, (own,))
    beside = re.compile(rf"{OUT_OF_SCOPE.pattern}|^Open questions$", re.IGNORECASE)
    return _entries(paper, [one for one in paper.sections if not beside.search(one.title)])


def _entries(paper: Paper, sections: Sequence[Section]) -> Iterator[tuple[Item, str]]:
    """Each entry of the lists of some sections, with the heading it stands below, of whatever level."""
    for section in sections:
        head, begun = section.title, 0
        for at, row in enumerate((*section.rows, "### ")):
            bold = re.match(r"^\*\*([^*]+)\*\*:?\s*$", row)
            if not re.match(r"^#{3,6}(?:\s|$)", row) and not bold:
                continue
            part = Section(head, section.line + begun, section.rows[begun:at])
            yield from ((item, head) for item in part.items() if _is_entry(paper, item))
            head, begun = (bold[1] if bold else row.lstrip("#").strip()), at + 1


def _is_entry(paper: Paper, item: Item) -> bool:
    """Whether an item is an entry of a list, and not a paragraph."""
    return BULLET.match(paper.text.split("\n")[item.line - 1]) is not None


def _questions(paper: Paper) -> list[dict[str, Any]]:
    section = paper.find(r"^Open questions$")
    asked = []
    for item in section.items() if section and not section.said_none else ():
        blocks = item.keys.get("blocks", "yes") == "yes"
        if section and blocks:
            _refuse(paper, item.line, f"a question is still open: {item.text[:200]}", PAPER)
        why = item.keys.get("why", "not said")
        asked.append({"question": item.text, "why": why, "default": item.keys.get("default", ""), "blocking": blocks})
    return asked


# -- design ------------------------------------------------------------------------------------------------------------


def _design(paper: Paper, known: Sequence[str], beside: Sequence[Paper]) -> dict[str, Any]:
    approach, components, interfaces, data, errors, *_, risks = DESIGN
    told = _said(paper, approach, "")
    if not told:
        _refuse(paper, 1, "no section `## Summary` (or Approach, Overview) that says how it will be built", "tech_spec")
    parts, models = _section(paper, components), _listing(paper, data)
    entities = next((one for one in beside if one.name.endswith("data-model.md")), None)
    if _section(paper, data) is None and entities is not None:
        models = tuple(section.title for section in entities.sections) or models
    covers = paper.find(r"^Covers$")
    return {
        "approach": told[:20_000],
        "components": _texts(parts.items()) if parts and not parts.said_none else (),
        "interfaces": _listing(paper, interfaces),
        "data": models,
        "errors": _listing(paper, errors),
        "choices": _choices(paper, beside),
        # A design lies beside its spec, and is for all of it unless it says otherwise.
        "covers": re.findall(r"(?:FR|NFR|SC)-\d{3}", covers.prose) if covers else tuple(known),
        "risks": _listing(paper, risks),
    }


def _choices(paper: Paper, beside: Sequence[Paper]) -> list[dict[str, str]]:
    section = paper.find(r"^Decisions$")
    own = section.items() if section else ()
    found = [
        {"decision": item.text, "because": item.keys["because"], "instead_of": item.keys["instead of"]}
        for item in own
        if {"because", "instead of"} <= set(item.keys)
    ]
    found = found or [choice for one in (paper, *beside) for choice in _reasoned(one)]
    if not found:
        why = "no decision: write `## Decisions` with `- what`, `  - because: …`, `  - instead of: …`, or research.md"
        _refuse(paper, section.line if section else 1, f"{why} with Decision, Rationale, Alternatives", "tech_spec")
    return found


def _reasoned(paper: Paper) -> Iterator[dict[str, str]]:
    """Decisions in the form `Decision: …`, `Rationale: …`, `Alternatives considered: …`."""
    told: dict[str, str] = {}
    for _, row in paper.rows():
        part = _DECISION.match(row)
        if part is None:
            continue
        word = part[1].casefold()[:4]
        if word == "deci" and told:
            yield _choice(told, paper)
            told = {}
        told[word] = part[2].strip()[:LONGEST]
    if told.get("deci"):
        yield _choice(told, paper)


def _choice(told: Mapping[str, str], paper: Paper) -> dict[str, str]:
    not_said = f"not said in {paper.name}"
    return {
        "decision": told.get("deci") or not_said,
        "because": told.get("rati") or not_said,
        "instead_of": told.get("alte") or not_said,
    }


# -- plan --------------------------------------------------------------------------------------------------------------


def _plan(paper: Paper, known: Sequence[str], beside: Sequence[Paper]) -> dict[str, Any]:
    tasks = next((one for one in paper.sections if one.title.startswith("Tasks: ")), None)
    if tasks is None:
        _no_contract(paper)
    try:
        rows = paper.text.split("\n")[tasks.line - 1 :]
        parsed = parse_tasks("\n" * (tasks.line - 1) + "\n".join(rows), paper.name)
    except UsageError as error:
        raise TicketError(error.what, why=error.why, fix=leave_it("plan")) from error
    modules = _wanted(paper, "Modules")
    return {
        "overview": _wanted(paper, "Overview").prose.strip(),
        "modules": [
            {"path": item.text, "how": item.keys.get("how", "")}
            for item in (() if modules.said_none else modules.items())
        ],
        **{one.field: _strict(_wanted(paper, one.title)) for one in LISTINGS},
        "challenge": _challenge(paper),
        "boundaries": _mapping(paper, "Boundaries"),
        "estimate": _mapping(paper, "Estimate"),
        "diagram": _diagram(paper),
        "tasks": parsed.tasks,
    }


def _no_contract(paper: Paper) -> NoReturn:
    first = next((number for number, row in paper.rows() if _TASK.match(row)), 1)
    what = "a list of tasks and no contract: no task says with `[Testing]` how it is decided, and nothing is bounded"
    _refuse(paper, first, what, "plan")


def _wanted(paper: Paper, title: str) -> Section:
    section = paper.find(rf"^{title}$")
    if section is None:
        _refuse(paper, 1, f"the section `## {title}` is missing; write `none` where there is none", "plan")
    return section


def _strict(section: Section) -> tuple[str, ...] | str:
    return "none" if section.said_none else tuple(item.text for item in section.items())


def _challenge(paper: Paper) -> list[dict[str, str]]:
    section, found = _wanted(paper, "Challenge"), []
    for item in section.items():
        question = next((known for known in CHALLENGES if item.text.startswith(known)), None)
        if question is None:
            _refuse(paper, item.line, f"not one of the eight questions: {item.text[:80]}", "plan")
        answer = item.text.removeprefix(question).strip()
        found.append({"question": question, "answer": answer, "evidence": item.keys.get("evidence", "")})
    missing = [known for known in CHALLENGES if known not in {each["question"] for each in found}]
    if missing:
        _refuse(paper, section.line, f"not answered: {missing[0]}", "plan")
    return found


def _mapping(paper: Paper, title: str) -> dict[str, Any]:
    section = _wanted(paper, title)
    rows = [row for row in section.rows if not row.startswith("```")]
    try:
        told = yaml.safe_load("\n".join(rows))
    except yaml.YAMLError as error:
        _refuse(paper, section.line, f"{title} is not YAML: {str(error).splitlines()[0]}", "plan")
    if not isinstance(told, dict):
        _refuse(paper, section.line, f"{title} is not a list of `key: value`", "plan")
    return told


def _diagram(paper: Paper) -> str:
    section = _wanted(paper, "Diagram")
    if section.said_none:
        return "none"
    rows = [row for row in section.rows if row.strip()]
    return "\n".join(rows[1:-1]) if rows and rows[0].startswith("```") else "\n".join(rows)

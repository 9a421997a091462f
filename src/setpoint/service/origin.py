"""What a run starts with besides its ticket: papers that stand for its first phases, and the run it follows from."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from ..errors import TicketError, UsageError
from ..inputs import read_text
from ..model.objection import Objection
from ..model.plan import Plan
from ..model.record import Record
from ..model.run import Position
from ..model.settings import Config
from ..model.spec import FunctionalSpec, TechSpec
from ..model.ticket import Kind, Ticket
from ..pipeline.advance import advance
from ..pipeline.choose import choose
from ..pipeline.criteria import check_criteria, served
from ..pipeline.intake import read_ticket, require_concrete
from ..pipeline.intake_front import split_front
from ..pipeline.outcomes import Accepted
from ..pipeline.papers.layouts import BESIDE, FILES, PAPERS, PHASE_OF, TITLES
from ..pipeline.papers.markdown import Paper
from ..pipeline.papers.markdown import read as taken_apart
from ..pipeline.papers.read import leave_it, parse
from ..pipeline.planning import check_diagram
from ..pipeline.predecessor import design_off_spec, plan_off_design, too_large
from ..pipeline.readiness import unobserved
from ..pipeline.routes import start
from ..ports import Transaction

LAST = tuple(PHASE_OF.values())
"""Phases that a paper can stand for, in their order."""


@dataclass(frozen=True)
class Taken:
    """One paper that stands for a phase."""

    name: str
    """The deliverable."""
    record: Record
    source: str
    """Where it was read."""
    paper: Paper | None = None
    """Its text, where it was read from a file."""


@dataclass(frozen=True)
class Origin:
    """What a run begins with."""

    papers: tuple[Taken, ...] = ()
    parent: str = ""
    """The run it follows from."""

    @property
    def spec(self) -> FunctionalSpec | None:
        """The functional spec, where it is given."""
        return next((one.record for one in self.papers if isinstance(one.record, FunctionalSpec)), None)


NOTHING = Origin()
_NAMES = re.compile(rf"^(?:{'|'.join(titles['functional_spec'].strip(': ') for titles in TITLES.values())})(?::|$)")
"""What papers call themselves, before what they are about."""


# -- a folder of papers ------------------------------------------------------------------------------------------------


def folder_of(words: str) -> Path | None:
    """The folder of papers that `words` name; None for another ticket."""
    path = Path(words) if words.strip() and len(words) < 400 and "\n" not in words and words != "-" else None
    try:
        return path if path is not None and path.is_dir() else None
    except (OSError, ValueError):
        return None


def from_folder(folder: Path, first: str = "") -> tuple[str, Origin]:
    """The ticket's text and what stands of its papers, up to phase `first`, which a session begins with. Raises
    TicketError that names file and line."""
    if first and first not in LAST:
        near = get_close_matches(first, LAST, n=1)
        hint = f"; did you mean `{near[0]}`?" if near else ""
        raise UsageError(f"no paper stands for `{first}`{hint}", fix=f"--from one of: {', '.join(LAST)}")
    layout = FILES["kiro" if (folder / FILES["kiro"]["functional_spec"]).exists() else "spec-kit"]
    there = [name for name in PAPERS if (folder / layout[name]).is_file()]
    if "functional_spec" not in there:
        names = " or ".join(sorted({files["functional_spec"] for files in FILES.values()}))
        why = f"a run begins with what is wanted: {folder} holds no {names}"
        raise TicketError(f"{folder} is no folder of papers", why=why, fix="name a ticket, or a folder with a spec")
    texts = {name: _text(folder / layout[name]) for name in there}
    wanted = PAPERS[: LAST.index(first)] if first else PAPERS
    standing = [name for at, name in enumerate(wanted) if list(PAPERS[: at + 1]) == there[: at + 1]]
    beside = [taken_apart(_text(folder / name), str(folder / name)) for name in BESIDE if (folder / name).is_file()]
    taken: list[Taken] = []
    for name in standing:
        called = str(folder / layout[name])
        spec = Origin(tuple(taken)).spec
        known = [one.id for one in spec.criteria] if spec else []
        record = parse(name, texts[name], called, known=known, beside=beside)
        taken.append(Taken(name, record, called, taken_apart(texts[name], called)))
    return _words(texts, standing, layout), Origin(tuple(taken))


def _text(path: Path) -> str:
    if not path.resolve().is_relative_to(path.parent.resolve()):
        why = "a link in a repository may name any file of yours, and its words would go to a model"
        raise TicketError(f"{path} leads out of its folder", why=why, fix="put the paper itself there")
    return read_text(path, called=str(path), wrong=TicketError).replace("\r\n", "\n")


def _words(texts: dict[str, str], standing: Sequence[str], layout: dict[str, str]) -> str:
    """The spec is the ticket; papers that a session is to write anew follow it as what was written before."""
    parts = [split_front(texts["functional_spec"])[1].strip()]
    for name, text in texts.items():
        if name not in standing and name != "functional_spec":
            quoted = "\n".join(f"> {row}".rstrip() for row in split_front(text)[1].strip().split("\n"))
            parts.append(f"## Background: {layout[name]} as it was written before\n\n{quoted}")
    return "\n\n".join(parts) + "\n"


# -- the start ---------------------------------------------------------------------------------------------------------


def opened(
    text: str, *, name: str, kind: Kind | None, requires: Sequence[str], origin: Origin
) -> tuple[Ticket, Kind, str]:
    """The ticket, its route and why. A ticket whose spec is given has its criteria from there, and was concrete enough
    for whoever wrote it. Raises TicketError."""
    spec = origin.spec
    ticket = read_ticket(text, name=name, kind=kind or (Kind.FEATURE if spec else None))
    if spec is None:
        require_concrete(ticket, requires)
        chosen, because = choose(ticket, kind)
    else:
        ticket = ticket.model_copy(update={"criteria": spec.criteria})
        chosen, because = kind or Kind.FEATURE, f"its papers are given: {', '.join(one.name for one in origin.papers)}"
    title = _NAMES.sub("", ticket.title).strip() if spec else ticket.title
    update = {"kind": chosen, "title": title or ticket.title, "parent": origin.parent or ticket.parent}
    return ticket.model_copy(update=update), chosen, because


def begins(kind: Kind, origin: Origin, *, unasked: bool) -> tuple[Position, bool]:
    """Where the run starts, and whether a job carries it from there. Raises UsageError for a route whose phases the
    papers do not stand for."""
    position, job = start(kind), True
    for one in origin.papers:
        if position.stage != PHASE_OF[one.name]:
            why = f"route {kind.value} begins with {position.stage}"
            raise UsageError(f"{one.source} cannot stand for {PHASE_OF[one.name]} here", why=why, fix="--route feature")
        move = advance(position, Accepted(unasked=unasked))
        position, job = move.to, move.job
    return position, job


def require_fitting(ticket: Ticket, origin: Origin, config: Config, files: Sequence[str]) -> None:
    """Raise TicketError when a given paper would not have been accepted from a session: what no model is needed for."""
    spec = origin.spec
    for one in origin.papers:
        if spec is None:
            return
        found = [objection for objection in _checked(one, spec, ticket, config, files) if objection.blocks]
        if found:
            told = "\n".join(f"{_at(one, objection)}: {objection.what} ({objection.cause})" for objection in found[:8])
            raise TicketError(f"{one.source} does not fit:\n{told}"[:2000], fix=leave_it(one.name))


def _checked(
    one: Taken, spec: FunctionalSpec, ticket: Ticket, config: Config, files: Sequence[str]
) -> Sequence[Objection]:
    match one.record:
        case FunctionalSpec():
            return check_criteria(ticket, one.record.criteria)
        case TechSpec():
            return list(design_off_spec(one.record, spec.criteria, files))
        case Plan():
            return [
                *served(one.record, spec.criteria),
                *plan_off_design(one.record, spec.criteria, files),
                *too_large(one.record, config.tasks),
                *unobserved(ticket, one.record),
                *check_diagram(one.record),
            ]
    return ()


def _at(one: Taken, objection: Objection) -> str:
    """File and line that an objection is about, as near as its words tell."""
    if one.paper is None:
        return one.source
    words = (word.strip("`:,()“”") for word in objection.what.split())
    named = next((word for word in words if ("-" in word or "/" in word) and word in one.paper.text), "")
    return f"{one.source}:{one.paper.line_of(named) if named else 1}"


def on_record(tx: Transaction, run_id: str, stage: str, origin: Origin) -> None:
    """Lock the given papers as the first deliverables, each with where it comes from."""
    for one in origin.papers:
        digest = tx.deliver(run_id, 1, one.name, one.record.model_dump(mode="json"))
        tx.event(run_id, "deliverable", stage, {"name": one.name, "sha256": digest, "source": one.source})

"""Ticket intake: from a person's words to a `Ticket`, without a model.

Every sentence of the text gets a role, and nothing is dropped: what no check was found for is said so. Intake reads the
forms people use (front matter, sections, plain sentences); it refuses only what cannot be measured.
"""

import re
from pathlib import PurePath
from typing import Any

from ..errors import TicketError
from ..model.boundary import Boundaries
from ..model.ticket import Kind, SourceTag, Ticket
from . import intake_front as front_matter
from . import intake_words as words
from .choose import by_shape
from .intake_gaps import Gap, askable, completed, missing, open_points, require_concrete, template
from .intake_limits import boundaries_said
from .intake_roles import RoleOf, Sentence, intent
from .intake_text import Passage, passages
from .visible import visible

__all__ = (
    "Gap",
    "Sentence",
    "askable",
    "completed",
    "intent",
    "missing",
    "open_points",
    "read_ticket",
    "require_concrete",
    "template",
)

MAX_BYTES = 65_536
"""Largest ticket; a larger one is a document to link to, or an epic."""
MAX_CRITERIA = 200
_CLIP = 500
"""Characters of one line in a record; the ticket's text keeps the whole."""


def read_ticket(text: str, *, name: str = "", kind: Kind | None = None) -> Ticket:
    """The ticket in `text` (Markdown, front matter optional). `name` is its file's name, `kind` a person's choice.

    Raises TicketError for what cannot be read; whether it says enough is `require_concrete`'s question.
    """
    text = _readable(text)
    written, body = front_matter.split_front(text)
    front = front_matter.read_front(written)
    found = passages(body)
    said = intent(body)
    prose = " ".join(passage.text for passage in found if passage.kind != "heading")
    title = _title(front, found, said)
    labels = front_matter.labels_of(front)
    shape = kind or front_matter.kind_of(front) or by_shape(title, labels, body)[0]
    stays = (*front_matter.lines_of(front, "must_stay"), *_texts(said, RoleOf.KEEP))
    try:
        return Ticket(
            id=_id(front, name, title),
            title=title,
            kind=shape,
            text=text,
            building=_clip(
                front_matter.text_of(front, "building") or _prose(said, RoleOf.BUILDING) or _built(title, said)
            ),
            users=_clip(
                front_matter.text_of(front, "users") or _prose(said, RoleOf.USERS) or words.users_named(title, prose)
            ),
            can_break=_clip(
                # What must stay is what can break: a ticket that names it has answered both.
                front_matter.text_of(front, "can_break") or _prose(said, RoleOf.CAN_BREAK) or " ".join(stays)
            ),
            must_stay=tuple(dict.fromkeys(_clip(each) for each in stays)),
            criteria=_criteria(front, title, shape, said),
            required_tests=tuple(
                dict.fromkeys(_clip(test) for each in _of(said, RoleOf.TEST) for test in _tests_in(each))
            ),
            uncheckable=tuple(_clip(each) for each in _texts(said, RoleOf.UNCHECKABLE, RoleOf.QUESTION)),
            boundaries=_boundaries(front, said),
            labels=labels,
            parent=front_matter.text_of(front, "parent")[:_CLIP],
            needs=front_matter.lines_of(front, "needs"),
            phases_by_person=front_matter.phases_of(front),
        )
    except ValueError as error:
        raise TicketError(
            "the ticket does not fit its record", why=str(error)[:1000], fix="shorten its entries"
        ) from error


def _readable(text: str) -> str:
    if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise TicketError("the ticket is not text", why="it holds bytes that are not UTF-8", fix="give a Markdown file")
    shown = visible(text.removeprefix("\ufeff")).strip()
    size = max(len(text.encode()), len(shown))
    if size > MAX_BYTES:
        raise TicketError(
            f"the ticket is too large: {size} bytes, at most {MAX_BYTES}",
            fix="keep the request, and put logs and documents into files of the repository",
        )
    if not shown:
        raise TicketError("the ticket is empty", fix=f"write what is to be done, for example:\n\n{template()}")
    return shown


def _of(said: tuple[Sentence, ...], *roles: RoleOf) -> list[Sentence]:
    return [sentence for sentence in said if sentence.role in roles]


def _texts(said: tuple[Sentence, ...], *roles: RoleOf) -> list[str]:
    return [sentence.text for sentence in _of(said, *roles)]


def _prose(said: tuple[Sentence, ...], role: RoleOf) -> str:
    return " ".join(_texts(said, role))


def _tests_in(sentence: Sentence) -> list[str]:
    return words.tests_asked(sentence.text) or [sentence.text]


def _clip(text: str) -> str:
    text = text.strip()
    return text if len(text) <= _CLIP else f"{text[: _CLIP - 1].rstrip()}…"


def _title(front: dict[str, Any], found: list[Passage], said: tuple[Sentence, ...]) -> str:
    written = front_matter.text_of(front, "title")
    heading = next((p.text for p in found if p.kind == "heading" and not p.section), "")
    sentence = said[0].text if said else next((p.text for p in found), "")
    title = written or heading or sentence or front_matter.text_of(front, "building")
    if not title:
        raise TicketError("the ticket has no text to work on", fix=f"write what is to be done:\n\n{template()}")
    return _clip(title.rstrip(".").strip() or title)[:200]


def _id(front: dict[str, Any], name: str, title: str) -> str:
    written = front_matter.text_of(front, "id")
    wanted = written or PurePath(name).stem or " ".join(re.findall(r"\w+", title.casefold())[:8])
    plain = re.sub(r"[.-]*-[.-]*|\.{2,}", "-", re.sub(r"[^A-Za-z0-9._-]+", "-", wanted)).strip("-._")[:60].rstrip("-._")
    return plain or "ticket"


def _built(title: str, said: tuple[Sentence, ...]) -> str:
    if words.names_object(title):
        return title
    return next((s.text for s in _of(said, RoleOf.CRITERION) if words.names_object(s.text)), "")


_NUMBERED = re.compile(r"^\**((?:FR|NFR|SC)-\d{3})\**[:.)]?\**\s+(.+)$", re.DOTALL)


def _criteria(front: dict[str, Any], title: str, kind: Kind, said: tuple[Sentence, ...]) -> Any:
    found = [(name, text, SourceTag.USER, text) for name, text in front_matter.criteria_of(front)]
    checkable = [s for s in said if s.role is RoleOf.CRITERION or (s.role is RoleOf.KEEP and _forbids(s.text))]
    for sentence in checkable:
        own = _NUMBERED.match(sentence.text)
        name, text = own.groups() if own else ("", sentence.text)
        found.append((name, text, SourceTag.USER, text))
    if not found and words.is_demand(title) and words.is_specific(title) and not words.tests_asked(title):
        found.append(("", title, SourceTag.USER, title))
    if not found and kind is Kind.HOTFIX:
        wrong = [
            text for text in (title, *_texts(said, RoleOf.SYMPTOM)) if words.is_specific(text) and words.defect_in(text)
        ]
        found += [("", f"No longer so: {text}", SourceTag.PARAPHRASED, text) for text in wrong[:1]]
    if len(found) > MAX_CRITERIA:
        raise TicketError(f"the ticket has {len(found)} criteria, at most {MAX_CRITERIA}", fix="split it into several")
    return front_matter.numbered(found)


def _forbids(text: str) -> bool:
    return words.is_prohibition(text) and words.is_specific(text)


_CLOSED = {"dependencies": "dependencies", "migrations": "database schema"}


def _boundaries(front: dict[str, Any], said: tuple[Sentence, ...]) -> Boundaries:
    """What the words and the front matter set; only what is said is set, so that the rest can still be decided."""
    values = boundaries_said([s.text for s in said if s.role not in (RoleOf.QUESTION, RoleOf.OUT)])
    written = front_matter.boundaries_of(front)
    # What is forbidden in so many words stays so, also under a policy that would open it.
    closed = tuple(word for name, word in _CLOSED.items() if written.get(name) is False)
    if closed:
        values["frozen"] = (*values.get("frozen", ()), *closed)
    for name, value in written.items():
        values[name] = tuple(dict.fromkeys((*values.get(name, ()), *value))) if isinstance(value, tuple) else value
    return Boundaries(**values)

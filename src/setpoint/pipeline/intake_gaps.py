"""What a ticket does not say, why it is needed, and when that refuses it."""

import re
from collections.abc import Collection, Mapping

from ..errors import TicketError
from ..model.record import Line, Record
from ..model.ticket import Ticket
from .intake_text import FENCE


class Gap(Record):
    """Something a ticket does not say."""

    field: Line
    what: Line
    """What is missing."""
    why: Line
    """Why it is needed."""
    example: Line
    refuses: bool
    """Whether nothing can be measured without it; otherwise discovery must answer it."""


def missing(ticket: Ticket) -> tuple[Gap, ...]:
    """What the ticket does not say: what refuses it first, then what discovery must answer."""
    gaps = (
        (not ticket.building, _GAPS["building"]),
        (not (ticket.criteria or ticket.required_tests), _GAPS["criteria"]),
        (not ticket.users, _GAPS["users"]),
        (not ticket.can_break, _GAPS["can_break"]),
        (not ticket.must_stay, _GAPS["must_stay"]),
    )
    return tuple(gap for lacks, gap in gaps if lacks)


_GAPS = {
    "building": Gap(
        field="building",
        what="what is built or mended, and where",
        why="without an object there is nothing to look at, before or after",
        example="server-side validation in the signup endpoint",
        refuses=True,
    ),
    "criteria": Gap(
        field="criteria",
        what="a sentence that can be checked: an input and its result",
        why="the work is done when its criteria hold; with none it is never done, or always",
        example="POST /signup without an email answers 422",
        refuses=True,
    ),
    "users": Gap(
        field="users",
        what="who uses it",
        why="it decides which behaviour is seen by whom",
        example="visitors who sign up, and the mobile app that calls the same endpoint",
        refuses=False,
    ),
    "can_break": Gap(
        field="can_break",
        what="what can break",
        why="it is what the tests and the reviewer look at first",
        example="signups that work today; clients that read the response",
        refuses=False,
    ),
    "must_stay": Gap(
        field="must_stay",
        what="what must stay intact: API contracts, database models, conventions, security rules, performance, "
        "deployment, earlier decisions",
        why="it becomes a boundary that is enforced",
        example="Preserve the existing API response shape. Do not change the database schema.",
        refuses=False,
    ),
}


def open_points(ticket: Ticket) -> tuple[str, ...]:
    """What discovery must answer or ask: gaps that did not refuse the ticket, its questions, its vague sentences."""
    gaps = tuple(f"The ticket does not say {gap.what}." for gap in missing(ticket))
    return (*gaps, *(f"No check was found for: “{text}”" for text in ticket.uncheckable))


def askable(ticket: Ticket) -> tuple[Gap, ...]:
    """What the ticket does not say and its author can still add before it starts: users, what can break, what stays."""
    return tuple(gap for gap in missing(ticket) if not gap.refuses)


def completed(text: str, answers: Mapping[str, str]) -> str:
    """The ticket's text with the author's answers to its gaps, by field, as sections below it. An answer is the text of
    its section, whatever it looks like; and nothing that the ticket leaves open takes it in."""
    parts = [f"## {_HEADINGS[field]}\n{said}" for field, answer in answers.items() if (said := _one_line(answer))]
    return "\n\n".join([_closed(text.rstrip("\n")), *parts]) + "\n" if parts else text


def _one_line(answer: str) -> str:
    """The answer without what Markdown would take for a heading, a rule, a fence or a comment."""
    plain = _FENCES.sub("'", " ".join(answer.split())).replace("<!--", "< !--")
    return _STRUCTURE.sub("", plain)


def _closed(text: str) -> str:
    """The text with an end to the fence or the comment that stands open in it."""
    fence = ""
    for line in text.split("\n"):
        mark = FENCE.match(line)
        if mark:
            fence = "" if mark[1] == fence else fence or mark[1]
    text = f"{text}\n{fence}" if fence else text
    return f"{text} -->" if text.rfind("<!--") > text.rfind("-->") else text


_FENCES = re.compile(r"`{3,}|~{3,}")
_STRUCTURE = re.compile(r"^(?:(?:[#>|]+|[-=*_+]{2,}|[-=*+](?=\s|$))\s*)+")


_HEADINGS = {"users": "Who uses it", "can_break": "What can break", "must_stay": "Must stay intact"}


def require_concrete(ticket: Ticket, requires: Collection[str] = ()) -> None:
    """Raises TicketError with all that is missing, and a template, when the ticket cannot be measured (S0-5) or leaves
    out one of the fields a team `requires` of every ticket."""
    gaps = missing(ticket)
    if not any(gap.refuses or gap.field in requires for gap in gaps):
        return
    lines = [f"- {gap.field}: {gap.what}; {gap.why}. Example: {gap.example}" for gap in gaps]
    vague = [f"- “{text}”" for text in ticket.uncheckable[:10]]
    vague_one = any(gap.refuses for gap in gaps)
    raise TicketError(
        f"the ticket is too vague to be measured: “{ticket.title}”"
        if vague_one
        else f"the ticket leaves out what this repository requires of every ticket: “{ticket.title}”",
        why="\n".join(["it does not say", *lines, *(["no check was found for", *vague] if vague else [])]),
        fix=f"say it in your own words, or fill this in:\n\n{template()}",
    )


def template() -> str:
    """An empty ticket; unfilled parts (`<...>`) count as not said."""
    return _TEMPLATE


_TEMPLATE = """\
# <what is built or mended, and where>

## What are we building
<one or two sentences>

## Who uses it
<people, or programs that call it>

## What can break
<behaviour of today that could suffer>

## Must stay intact
- <API contracts, database models, conventions, security rules, performance, deployment, decisions>

## Acceptance criteria
- <an input and its result, one sentence each>

## Tests
- <a case that must be tested>
"""

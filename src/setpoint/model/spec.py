"""The deliverables before any code: functional spec, diagnosis, tech spec, split."""

from pydantic import Field

from .record import Line, Listing, Record, Text
from .ticket import Criterion, CriterionId, Kind


class OpenQuestion(Record):
    """Something only a person can decide."""

    question: Line
    why: Line
    """What goes wrong if it is guessed."""
    default: str = ""
    """What you would do if nobody answers."""
    blocking: bool = True
    """Whether code must wait for the answer."""


class FunctionalSpec(Record):
    """What the change must do, in checkable sentences; no design, no code."""

    summary: Text
    users: Text
    """Who uses it, and for what."""
    current_behaviour: Text
    """What the repository does today, with the files you read it from."""
    criteria: tuple[Criterion, ...] = Field(min_length=1)
    """At least one; every sentence of the ticket's intent is covered by one."""
    must_stay: Listing
    """Contracts, models, conventions, rules and constraints that must stay intact."""
    can_break: Listing
    """Existing behaviour that could regress."""
    out_of_scope: Listing
    open_questions: tuple[OpenQuestion, ...] = ()


class Diagnosis(Record):
    """Why the defect happens, shown on the code, and how the mend will be measured."""

    symptom: Text
    reproduction: Text
    """The command or test that shows the defect, and what it printed."""
    cause: Text
    """The root cause, with file and line."""
    places: tuple[Line, ...]
    """Files (with lines) that must change."""
    criteria: tuple[Criterion, ...] = Field(min_length=1)
    """What must be true when it is mended."""
    must_stay: Listing
    """Behaviour that must not change."""
    approach: Text
    """The smallest mend that removes the cause."""
    checks: tuple[Line, ...]
    """Commands that must pass when it is mended."""
    paths: tuple[Line, ...] = Field(min_length=1)
    """Globs of files the mend may touch, tests and documents included."""
    open_questions: tuple[OpenQuestion, ...] = ()


class Choice(Record):
    """A design decision and the road not taken."""

    decision: Line
    because: Line
    instead_of: Line


class TechSpec(Record):
    """How the change will be built in this repository; still no code."""

    approach: Text
    components: tuple[Line, ...]
    """Modules and functions involved, by path, and their part in it."""
    interfaces: Listing
    """Public functions, endpoints, schemas or commands that appear or change, with shapes."""
    data: Listing
    """Data models and stored data that appear or change."""
    errors: Listing
    """Failure cases and how each is answered."""
    choices: tuple[Choice, ...] = Field(min_length=1)
    """Decisions taken, at least one."""
    covers: tuple[CriterionId, ...]
    """Criteria this design satisfies: all of them."""
    risks: Listing


class ChildTicket(Record):
    """One part of an epic, small enough for one run."""

    id: Line
    title: Line
    kind: Kind
    text: Text
    """A whole ticket: what, for whom, what can break, what must stay, checkable sentences."""
    criteria: tuple[CriterionId, ...]
    """Criteria of the epic that this child satisfies."""
    needs: tuple[Line, ...] = ()
    """Ids of children that must be done first."""


class Split(Record):
    """An epic cut into child tickets with their order."""

    children: tuple[ChildTicket, ...] = Field(min_length=1)
    because: Text
    """Why it is cut here and not elsewhere."""

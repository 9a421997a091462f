"""What a person wants changed."""

from enum import StrEnum
from typing import Annotated

from pydantic import StringConstraints

from .boundary import Boundaries
from .record import Line, Record, Text

CriterionId = Annotated[str, StringConstraints(pattern=r"^(FR|NFR|SC)-\d{3}$")]


class Kind(StrEnum):
    """The ticket's shape; it chooses the route."""

    FEATURE = "feature"
    HOTFIX = "hotfix"
    EPIC = "epic"


class SourceTag(StrEnum):
    """How a criterion came to be."""

    USER = "user"
    PARAPHRASED = "paraphrased"
    INFERRED = "inferred"


class Criterion(Record):
    """One checkable sentence."""

    id: CriterionId
    """FR-001 for behaviour, NFR-001 for a quality, SC-001 for a success measure."""
    text: Text
    """The sentence, in words that a test can decide."""
    source: SourceTag
    """`user`: the ticket's own words; `paraphrased`: the ticket's meaning; `inferred`: your addition."""
    quote: str = ""
    """The ticket's words it comes from; empty only when inferred."""


class Ticket(Record):
    """What a person wants changed, as they said it, and what intake read from it."""

    id: Line
    """Short name, from the front matter, the file name or the title."""
    title: Line
    kind: Kind
    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=65_536)]
    """The original text, whole; the reviewer reads this one."""
    building: str = ""
    """What is built or mended."""
    users: str = ""
    """Who uses it."""
    can_break: str = ""
    """What can break."""
    must_stay: tuple[Line, ...] = ()
    """What must stay intact: interfaces, schema, conventions, security, performance, deployment, decisions."""
    criteria: tuple[Criterion, ...] = ()
    """Checkable sentences found in the ticket's own words."""
    required_tests: tuple[Line, ...] = ()
    """Tests the ticket asks for by name."""
    uncheckable: tuple[Line, ...] = ()
    """Sentences of the intent that no check was found for."""
    boundaries: Boundaries = Boundaries()
    """Boundaries the ticket's own words set."""
    labels: tuple[Line, ...] = ()
    parent: str = ""
    """The ticket or run this one follows from (split of an epic, or a fix forward)."""
    needs: tuple[Line, ...] = ()
    """Tickets that must be done before this one starts."""
    phases_by_person: tuple[Line, ...] = ()
    """Phases a person does instead of an agent."""

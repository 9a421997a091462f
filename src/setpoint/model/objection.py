"""One precise, typed thing that is wrong."""

import hashlib
import re
from enum import StrEnum

from .record import Line, Record, Text


class Severity(StrEnum):
    """How much an objection weighs; the loop is done when nothing above `low` is open."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Deviation(StrEnum):
    """What the objection deviates from."""

    REQUIREMENT = "requirement"
    ARCHITECTURE = "architecture"
    QUALITY = "quality"
    BEHAVIOUR = "behaviour"
    BOUNDARY = "boundary"
    ENVIRONMENT = "environment"


class Source(StrEnum):
    """Who objects."""

    SCHEMA = "schema"
    BOUNDARY = "boundary"
    GATE = "gate"
    RED_PROOF = "red-proof"
    TAMPER = "tamper"
    VALIDATOR = "validator"
    REVIEWER = "reviewer"
    CI = "ci"
    SMOKE = "smoke"
    PERSON = "person"


class Place(Record):
    """Where in the tree, or in which part of a deliverable."""

    path: Line
    """File path relative to the repository, or the deliverable's field."""
    line: int | None = None
    """Line number, from 1."""


class Objection(Record):
    """One thing that is wrong, with its cause, its place and its evidence."""

    source: Source
    deviation: Deviation
    severity: Severity
    what: Text
    """What is wrong, concretely."""
    cause: str = ""
    """Why it is wrong: the root, not the symptom."""
    place: Place | None = None
    evidence: str = ""
    """What shows it: a command with its output, a failing test, a quotation."""
    probe: str = ""
    """A command that fails while the objection holds, where there is one."""
    rule: str = ""
    """`check/rule` of the check that objects, where one does: `tamper/skip-added`. The corpus and waivers name it."""
    about_plan: bool = False
    """True when code cannot mend it: the plan or the specification is wrong."""

    @property
    def fingerprint(self) -> str:
        """The same for a moved or renumbered objection: 12 hex digits."""
        words = re.sub(r"[\d\W_]+", " ", self.what.casefold()).strip()
        path = self.place.path if self.place else ""
        return hashlib.sha256(f"{self.source}|{path}|{words}".encode()).hexdigest()[:12]

    @property
    def blocks(self) -> bool:
        """Whether the loop must go on while this is open."""
        return self.severity is not Severity.LOW

"""One precise, typed thing that is wrong."""

import hashlib
import re
from enum import StrEnum
from functools import lru_cache

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


class Strength(StrEnum):
    """What an objection rests on."""

    SHOWN = "shown"
    """A command the engine ran, a check of its own, or a person's word."""
    ARGUED = "argued"
    """A model's word, however well it reads."""


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
    test_path: str = ""
    test: str = ""
    """A test file that the probe runs, whole, and where it is laid; empty where the probe needs none."""
    rule: str = ""
    """`check/rule` of the check that objects, where one does: `tamper/skip-added`. The corpus and waivers name it."""
    about_plan: bool = False
    """True when code cannot mend it: the plan or the specification is wrong."""

    output: str = ""
    """SHA-256 of the whole output that it was read from, kept by content; a session reads it as `output:<sha256>`."""
    again: str = ""
    """Id of the earlier objection that this is, in other words or at another place."""
    shown: bool = False
    """Whether the engine ran the probe itself and saw it fail."""
    advisory: bool = False
    """Lowered: its own probe passes, or it was said again after it was answered, and no command shows it."""

    @property
    def fingerprint(self) -> str:
        """The objection's id: that of the earlier one it is, or its own mark."""
        return self.again or self.mark

    @property
    def mark(self) -> str:
        """The same for an objection on another line or with other measured numbers: 12 hex digits."""
        path = self.place.path if self.place else ""
        words = " ".join(wording(self.what))
        return hashlib.sha256(f"{self.source}|{path}|{self.rule}|{words}".encode()).hexdigest()[:12]

    @property
    def blocks(self) -> bool:
        """Whether the loop must go on while this is open."""
        return self.severity is not Severity.LOW

    @property
    def strength(self) -> Strength:
        """Whether a command or a person stands behind it, or a model's word alone."""
        by_model = self.source in (Source.VALIDATOR, Source.REVIEWER)
        return Strength.ARGUED if by_model and not self.shown else Strength.SHOWN


_TOKEN = re.compile(r"\w(?:[\w.-]*\w)?")
_NUMBER = re.compile(r"-?\d[\d.,_]*(?:%|[kmg]?b|[kmg]ib|[mnu]?s|x|th|st|nd|rd)?|0x[0-9a-f]+|(?=[a-f]*\d)[0-9a-f]{7,64}")


@lru_cache(maxsize=4096)
def wording(text: str) -> tuple[str, ...]:
    """The words of an objection that tell it from others. Names keep their digits (`FR-001`, `test_2`, a test's id with
    its parameters); line numbers, counts, times and digests are left out."""
    parts = (part.rstrip(".,;:)'\"") for part in text.casefold().split())
    tokens = (token for part in parts for token in ([part] if "::" in part else _TOKEN.findall(part)))
    return tuple(token for token in tokens if not _NUMBER.fullmatch(token))

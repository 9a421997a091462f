"""What a failure teaches: who saw it, how a defect slipped through, and what a person made of it."""

from enum import StrEnum

from .objection import Deviation, Place
from .record import Line, Record, Text, Time


class Failure(StrEnum):
    """What kind of failure teaches."""

    GATE = "gate"
    """A gate or another mechanical check objected."""
    FINDING = "finding"
    """A reviewer or a validator objected."""
    BOUNDARY = "boundary"
    """Something was tried that the run may not do."""
    STOP = "stop"
    """The controller gave a loop up."""
    PERSON = "person"
    """A person objected, declined, or sent the run back."""
    CI = "ci"
    SMOKE = "smoke"
    """A deploy or its smoke check failed."""
    ROLLBACK = "rollback"
    FLAKY = "flaky"
    """A test gave different results on the same tree."""
    TROUBLE = "trouble"
    """The run stopped for something outside its loops: an outage, a limit, a refusal."""


class Slip(StrEnum):
    """Why a defect was seen later than it should have been."""

    MISSING_CRITERION = "missing-criterion"
    WRONG_PLAN = "wrong-plan"
    MISSING_TEST = "missing-test"
    WEAK_TEST = "weak-test"
    """A test stands for the criterion, and was green."""
    REVIEWER_MISS = "reviewer-miss"
    ENVIRONMENT = "environment"

    @property
    def family(self) -> str:
        """The two roots there are."""
        spec = self in (Slip.MISSING_CRITERION, Slip.WRONG_PLAN)
        return "poorly defined spec" if spec else "weak feedback loop"


class LateDefect(Record):
    """A defect that was found after the implementation was taken for done."""

    found: Line
    """Stage that saw it."""
    introduced: Line
    """Stage that made it."""
    due: Line
    """Stage that should have seen it."""
    slip: Slip
    because: Line
    """The fact, or the person's word, that this rests on."""
    by: str = ""
    """The person who said so; empty: told from the journal."""


class Swap(Record):
    """Two trees of one loop: the objection was open at the first and gone at the second."""

    path: str = ""
    before: Line
    after: Line


class Example(Record):
    """What was rejected, and what replaced it."""

    path: Line
    before: tuple[str, ...]
    after: tuple[str, ...]


class Witness(Record):
    """What one run has to say for a lesson."""

    lesson: Line
    """The lesson's id: the same failure in another run has the same one."""
    run: Line
    seq: int
    """Position in the journal where it was first seen."""
    at: Time
    times: int = 1
    """How often this run saw it."""
    stage: Line
    failure: Failure
    deviation: Deviation
    what: Text
    cause: str = ""
    place: Place | None = None
    evidence: str = ""
    """SHA-256 of what shows it."""
    quote: str = ""
    """The beginning of what shows it."""
    rule: Text
    """The rule it speaks for, as proposed."""
    swap: Swap | None = None
    late: LateDefect | None = None


class Said(StrEnum):
    """What a person can say of a lesson."""

    ACCEPTED = "accepted"
    DROPPED = "dropped"
    CLASSIFIED = "classified"


class LessonWord(Record):
    """A named person's word on a lesson."""

    lesson: Line
    said: Said
    by: Line
    at: Time
    because: str = ""
    file: str = ""
    """The rule's file, relative to the repository, where it was accepted."""
    late: LateDefect | None = None
    """How the defect slipped, where the person classified it."""


class LessonCandidate(Record):
    """One lesson with all runs that saw it; nothing reaches a session before a person accepts and commits its rule."""

    id: Line
    witnesses: tuple[Witness, ...]
    """By run, the first that saw it first."""
    words: tuple[LessonWord, ...] = ()

    @property
    def first(self) -> Witness:
        """The witness whose words the lesson has."""
        return self.witnesses[0]

    @property
    def times(self) -> int:
        """How often it was seen, in all runs."""
        return sum(witness.times for witness in self.witnesses)

    @property
    def state(self) -> str:
        """`open`, `accepted` or `dropped`: the last such word counts."""
        said = [word.said for word in self.words if word.said is not Said.CLASSIFIED]
        return said[-1].value if said else "open"

    @property
    def again(self) -> int:
        """Runs that saw it first after it was accepted or dropped."""
        settled = [word.at for word in self.words if word.said is not Said.CLASSIFIED]
        return sum(1 for witness in self.witnesses if settled and witness.at > settled[-1])

    @property
    def late(self) -> LateDefect | None:
        """How the defect slipped through: a person's word before the journal's."""
        said = [word.late for word in self.words if word.late]
        told = [witness.late for witness in self.witnesses if witness.late]
        return said[-1] if said else told[0] if told else None

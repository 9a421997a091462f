"""What the code phases hand in: tests, change, CI fix, lessons."""

from typing import NamedTuple

from pydantic import Field

from .record import Line, Record, Text
from .ticket import CriterionId


class Entry(NamedTuple):
    """A file of a git tree."""

    mode: str
    """Git's six digits: `100644`, `100755`, `120000` for a link, `160000` for a submodule."""
    name: str
    """The name of its object."""


class ChangedEntry(NamedTuple):
    """A file that differs between two trees; one side is None where it was not there."""

    path: str
    before: Entry | None
    after: Entry | None


class Origin(NamedTuple):
    """Where a line comes from."""

    commit: str
    author: str
    message: str
    """The commit's whole message."""
    path: str
    """The file as it was called there."""
    text: str
    """The line itself."""


class TestClaim(Record):
    """A test and the criteria it proves."""

    __test__ = False  # pytest must not collect a record

    id: Line
    """`path::name` as the test runner reports it, e.g. `tests/test_signup.py::test_missing_email`."""
    proves: tuple[CriterionId, ...] = Field(min_length=1)
    what: Line
    """What it checks, in one sentence."""


class AcceptanceTests(Record):
    """Tests written before the code; each fails now because the behaviour is missing."""

    tests: tuple[TestClaim, ...] = Field(min_length=1)
    """New and changed tests, at least one a criterion."""
    files: tuple[Line, ...]
    """Test files and fixtures written."""
    unproven: tuple[Line, ...] = ()
    """Criteria no automatic test can prove, each with the reason."""


class Answered(Record):
    """What was done about one objection."""

    objection: Line
    """The objection's id, as given to you."""
    done: Line
    """What you changed, or why it needs no change, with evidence."""


class ProtectedRequest(Record):
    """A reasoned request to change what is frozen; a person decides."""

    path: Line
    because: Line


class Change(Record):
    """The work on the current task is in the workspace; this says what it is."""

    summary: Text
    """What changed and why, for the reader of the pull request."""
    answers: tuple[Answered, ...] = ()
    """One for each objection given to you."""
    ran: tuple[Line, ...] = ()
    """Commands you ran to check it, with their results."""
    requests: tuple[ProtectedRequest, ...] = ()
    documentation: str = ""
    """Documents updated, or why none needed it."""


class CiFix(Record):
    """Why CI was red, and what was changed."""

    cause: Text
    summary: Text
    answers: tuple[Answered, ...] = ()
    requests: tuple[ProtectedRequest, ...] = ()
    flaky: bool = False
    """True when the failure is not of this change; say why in `cause`."""


class Lesson(Record):
    """A candidate rule; a person accepts or rejects it."""

    rule: Line
    because: Line
    """The failure that taught it."""


class Lessons(Record):
    """What this run taught."""

    lessons: tuple[Lesson, ...]

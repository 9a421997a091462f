"""What a gate's verdict rests on."""

from enum import StrEnum

from .network import Connection
from .record import Line, Record, Time


class GateKind(StrEnum):
    """What a gate measures."""

    TESTS = "tests"
    INTEGRATION = "integration"
    """Tests of parts together: with the database, through the API."""
    LINT = "lint"
    FORMAT = "format"
    TYPES = "types"
    BUILD = "build"
    SECURITY = "security"
    COVERAGE = "coverage"
    CONTAINER = "container"
    """Container files, and the images they build."""
    TASK = "task"
    """A `[Testing]` check of one plan task."""
    RED_PROOF = "red-proof"
    FROZEN = "frozen"
    """The approved tests are byte for byte as approved."""
    BOUNDARY = "boundary"
    SECRETS = "secrets"
    OTHER = "other"

    @property
    def runs_tests(self) -> bool:
        """Whether tests are run and reported."""
        return self in (GateKind.TESTS, GateKind.INTEGRATION)


class Outcome(StrEnum):
    """Three outcomes; `refused` (could not tell) is never green."""

    PASSED = "passed"
    FAILED = "failed"
    REFUSED = "refused"


class TestResult(Record):
    """One test as the runner reported it."""

    __test__ = False  # pytest must not collect a record

    id: Line
    """`path::name` where the report tells the file, else `classname::name`."""
    outcome: Line
    """passed, failed, error or skipped."""
    seconds: float = 0.0
    message: str = ""
    """The failure's own words, capped."""


class Shown(Record):
    """What stands behind a finding, where its gate knows more than the words."""

    cause: str
    evidence: str
    """What was seen: an answer, rows, entries of a log."""
    probe: str
    """A command that shows it."""


class Finding(Record):
    """One thing a linter, type checker, scanner or check minds."""

    path: Line
    """File, relative to the repository."""
    line: int | None = None
    rule: str = ""
    """The tool's own name of the rule, where it has one."""
    message: Line
    shown: Shown | None = None


class Evidence(Record):
    """What a verdict rests on, enough to run it again and to see that it is stale."""

    tree: Line
    """Git tree hash of what was examined."""
    argv: tuple[str, ...]
    """The command, empty for a built-in check."""
    environment: Line
    """Digest of tool versions, lock files and sandbox level."""
    definition: str = ""
    """Digest of the gate as configured; empty for a built-in check."""
    examined: int
    """How many things were looked at (tests, files, lines); never 0 in a pass."""
    unit: Line
    """What `examined` counts."""
    exit_code: int | None = None
    seconds: float = 0.0
    output: str = ""
    """SHA-256 of the whole output, kept by content."""
    network: tuple[Line, ...] = ()
    """Hosts it was let to, as its gate names them."""
    connections: tuple[Connection, ...] = ()
    """What it reached of them, and what it tried besides."""
    sandbox: str = ""
    """Sandbox level it ran in."""
    policy: str = ""
    """Digest of the policy and boundaries that were in force; empty outside of a run."""
    at: Time


class GateResult(Record):
    """A gate's verdict on one tree."""

    gate: Line
    kind: GateKind
    outcome: Outcome
    reason: Line
    """One sentence: the count, or why it failed, or why it could not tell."""
    evidence: Evidence
    tests: tuple[TestResult, ...] = ()
    findings: tuple[Finding, ...] = ()
    """What a gate without tests minds, in the tool's order; `partial` when there were too many to keep."""
    tail: str = ""
    """The end of the output, capped, for the session that must mend it."""
    readable: str = ""
    """SHA-256 of the output as the session that must mend it may read it, whole; empty for a green result."""
    flaky: tuple[str, ...] = ()
    """Tests that gave different results on the same tree."""
    looked_at: tuple[Line, ...] = ()
    """Files it examined, where the tool names them and they are not too many."""
    pictures: tuple[Line, ...] = ()
    """SHA-256 of each page as the browser showed it, kept by content; `setpoint gates picture` writes one to a file."""
    partial: bool = False
    """There may be more findings than these: the tool stopped early, or there were too many to keep."""

    @property
    def green(self) -> bool:
        """Passed, and something was examined."""
        return self.outcome is Outcome.PASSED and self.evidence.examined > 0

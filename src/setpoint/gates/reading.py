"""What was read from a tool's report or output, before anybody judges it."""

import hashlib
import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import unquote

from ..model.evidence import Finding, TestResult

MESSAGE_BYTES = 4000
KEPT_FINDINGS = 10_000
"""Findings of one gate that are kept, so that those of a base and of a change can be compared one by one."""
LOOKED_AT = 5000
"""Most file names of one gate that are kept."""
_MOVING = re.compile(
    r"0x[0-9a-fA-F]+"
    r"|\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"
    r"|\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?"
    r"|\b\d+(?:\.\d+)? ?(?:ms|s|seconds?)\b"
    r"|(?<![\w.])/(?:tmp|var/folders|private/tmp|dev/shm)/[^\s'\",:;)]*"
)


@dataclass(frozen=True)
class Reading:
    """Counts, tests and findings as the tool told them."""

    examined: int
    unit: str
    tests: tuple[TestResult, ...] = ()
    findings: tuple[Finding, ...] = ()
    notes: tuple[Finding, ...] = ()
    """What the tool warns of without failing for it, unless it was told to."""
    looked_at: tuple[str, ...] = ()
    """The files it examined, where it names them."""
    partial: bool = False
    """The tool stopped before it had examined everything, or said more than is kept."""
    problem: str = ""
    """Why nothing can be concluded from it, one sentence; empty when something can."""
    guessed: bool = False
    """The count is not the tool's own: it is the number of files the command could see."""

    @property
    def bad(self) -> tuple[TestResult, ...]:
        """Tests that failed or could not run."""
        return tuple(test for test in self.tests if test.outcome in ("failed", "error"))


def unreadable(why: str, unit: str = "tests") -> Reading:
    """A reading from which nothing follows."""
    return Reading(0, unit, problem=why)


@dataclass(frozen=True)
class Layout:
    """Where the command ran, to turn the paths tools print into paths of the repository."""

    inside: str
    """The repository's own path, as the command saw it."""
    where: str = "."
    """Project folder, relative to the repository."""
    files: frozenset[str] = field(default_factory=frozenset)
    """All files git knows, relative to the repository."""

    def path(self, raw: str) -> str:
        """`raw` relative to the repository; as it is when it lies outside."""
        text = unquote(raw.removeprefix("file://")) if raw.startswith("file://") else raw
        text = text.replace("\\", "/")
        root = self.inside.rstrip("/") + "/"
        if text.startswith(root):
            return posixpath.normpath(text[len(root) :])
        if text.startswith("/"):
            return text
        below = posixpath.normpath(posixpath.join(self.where, text))
        if self.where != "." and below not in self.files and posixpath.normpath(text) in self.files:
            return posixpath.normpath(text)
        return below

    def local(self, path: str) -> str:
        """A path of the repository as the tool in `where` wants it."""
        return path if self.where == "." else posixpath.relpath(path, self.where)

    def module(self, dotted: str) -> tuple[str, tuple[str, ...]]:
        """The file that `a.b.Class.method` lives in, and the parts that are left; no file: the text itself."""
        parts = dotted.split(".")
        for end in range(len(parts), 0, -1):
            for path in ("/".join(parts[:end]) + ".py", "/".join([*parts[:end], "__init__.py"])):
                found = self.path(path)
                if found in self.files:
                    return found, tuple(parts[end:])
        return "", tuple(parts)

    def count(self, *suffixes: str) -> int:
        """Number of known files below `where`, of these kinds only if any are named."""
        below = "" if self.where == "." else self.where.rstrip("/") + "/"
        return sum(1 for path in self.files if path.startswith(below) and (not suffixes or path.endswith(suffixes)))


def line(text: str, limit: int = 500) -> str:
    """`text` as one line that a record takes: white space folded; a cut in the middle carries a digest of the whole."""
    folded = " ".join(text.split()) or "(nothing)"
    if len(folded) <= limit:
        return folded
    mark = f" …{hashlib.sha256(folded.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}… "
    half = (limit - len(mark)) // 2
    return folded[:half].rstrip() + mark + folded[-half:].lstrip()


def capped(text: str, limit: int = MESSAGE_BYTES) -> str:
    """The first third and the last two thirds of a text that is too long."""
    if len(text) <= limit:
        return text
    head = limit // 3
    return f"{text[:head]}\n… {len(text) - limit} characters left out …\n{text[-(limit - head) :]}"


def steady(text: str) -> str:
    """`text` without what differs from run to run: addresses, times, temporary paths."""
    return _MOVING.sub("…", text)


def merged(tests: Iterable[TestResult]) -> tuple[TestResult, ...]:
    """One result a test id, in the report's order; the worst outcome wins (a teardown may fail after the test)."""
    rank = {"passed": 0, "skipped": 1, "error": 2, "failed": 3}
    best: dict[str, TestResult] = {}
    for test in tests:
        earlier = best.get(test.id)
        if earlier is None or rank.get(test.outcome, 2) > rank.get(earlier.outcome, 2):
            best[test.id] = test
    return tuple(best.values())


def tests_read(tests: Iterable[TestResult]) -> Reading:
    """A reading of tests; skipped ones were not examined."""
    found = merged(tests)
    return Reading(sum(1 for test in found if test.outcome != "skipped"), "tests", tests=found)

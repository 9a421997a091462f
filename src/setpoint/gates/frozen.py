"""Approved tests stay byte for byte as approved; and which files are tests at all."""

import hashlib
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import PurePosixPath

from ..model.evidence import Evidence, Finding, GateKind, GateResult, Outcome
from .reading import line

_FOLDERS = frozenset(("tests", "__tests__", "e2e", "__snapshots__"))
_TOP_FOLDERS = frozenset(("test", "spec"))
"""Tests at the top of a repository; deeper in, a Python package of that name may be product code."""
_TEST_FILE = re.compile(
    r"^(?:test_.*|.*_test|tests?)\.py$|^.*[.\-_](?:test|spec)\.[cm]?[jt]sx?$|^test\.[cm]?[jt]sx?$", re.IGNORECASE
)
_SOURCE = re.compile(r"\.(?:py|[cm]?[jt]sx?)$", re.IGNORECASE)
_NO_TESTS = frozenset(("conftest.py", "__init__.py", "__main__.py"))


def is_test_path(path: str) -> bool:
    """Whether the tests phase may write `path`: a test file, or a file of a tests folder."""
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts or not pure.parts:
        return False
    folders = [part.casefold() for part in pure.parts[:-1]]
    in_tests = bool(_FOLDERS.intersection(folders) or _TOP_FOLDERS.intersection(folders[:1]))
    in_tests = in_tests or ("test" in folders and pure.suffix not in (".py", ".pyi"))
    return in_tests or bool(_TEST_FILE.match(pure.name)) or pure.name == "conftest.py"


def is_test_file(path: str) -> bool:
    """Whether `path` holds tests itself, so that a runner can be given it: no fixture, no plumbing."""
    pure = PurePosixPath(path)
    if not is_test_path(path) or pure.name in _NO_TESTS or not _SOURCE.search(pure.name):
        return False
    return bool(_TEST_FILE.match(pure.name)) or bool({"__tests__", "test", "spec"} & set(pure.parts[:-1]))


def frozen(
    approved: Mapping[str, str | bytes],
    read: Callable[[str], bytes | None],
    *,
    tree: str,
    environment: str = "built-in",
) -> GateResult:
    """Whether each approved file (path to SHA-256 or to content) is still what was approved; None: it is gone."""
    findings = []
    for path, expected in sorted(approved.items()):
        wanted = hashlib.sha256(expected).hexdigest() if isinstance(expected, bytes) else expected
        now = read(path)
        if now is None:
            findings.append(_finding(path, "deleted", "an approved test file is gone"))
        elif hashlib.sha256(now).hexdigest() != wanted:
            findings.append(_finding(path, "changed", "an approved test file is not byte for byte as approved"))
    count = len(approved)
    if not approved:
        outcome, reason = Outcome.REFUSED, "no test was approved: there is nothing to compare"
    elif findings:
        outcome, reason = Outcome.FAILED, f"{len(findings)} of {count} approved files changed: {findings[0].path}, …"
    else:
        outcome, reason = Outcome.PASSED, f"{count} approved file{'s are' if count != 1 else ' is'} as approved"
    return GateResult(
        gate="frozen-tests",
        kind=GateKind.FROZEN,
        outcome=outcome,
        reason=line(reason),
        evidence=Evidence(
            tree=tree, argv=(), environment=environment, examined=count, unit="files", at=datetime.now(UTC)
        ),
        findings=tuple(findings),
    )


def _finding(path: str, rule: str, message: str) -> Finding:
    return Finding(path=line(path), rule=rule, message=message)

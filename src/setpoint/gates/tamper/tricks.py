"""What product code can do to a test run, in any language."""

import re
from typing import NamedTuple

RUNNERS = frozenset(("pytest", "_pytest", "unittest", "nose", "nose2", "hypothesis", "tox", "coverage"))
ENVIRONMENT = re.compile(
    r"^(?:PYTEST_\w+|TESTING|UNDER_TEST|IN_TEST|IS_TEST\w*|TEST_MODE|RUNNING_TESTS?|UNITTEST\w*|TOX_\w+|NOX_\w+|"
    r"VITEST\w*|JEST_\w+|MOCHA\w*|NODE_TEST_CONTEXT|AVA_\w+|CYPRESS\w*|PLAYWRIGHT_TEST\w*)$"
)
"""Variables that only a test run sets."""
PATCHED = re.compile(
    r"^(?:builtins|__builtins__|unittest|pytest|_pytest|assert|expect|globalThis|global|Object|process)\."
    r"(?:AssertionError|\w*[aA]ssert\w*|raises|expect|equal|is|exit|reallyExit|TestCase\.\w+|approx|\w*[eE]qual|test|it)$"
)
"""What only somebody who wants another verdict assigns to."""


class Trick(NamedTuple):
    """One place that does."""

    rule: str
    line: int
    how: str
    mild: bool = False
    """Often done for good reasons: noted, not objected to."""
    end: int = 0
    """Its last line, where it goes over several."""


def asked(line: int, variable: str, how: str) -> Trick | None:
    """The trick of reading an environment variable."""
    if ENVIRONMENT.match(variable):
        return Trick("runner-detected", line, how)
    return Trick("runner-detected", line, how, mild=True) if variable in ("CI", "GITHUB_ACTIONS") else None

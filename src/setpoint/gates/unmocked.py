"""End-to-end tests go through gateway, service, database and back: nothing in them stands in for a part.

Read from the lines a change adds to such tests, told by where they lie or how they are called. What a helper elsewhere
puts in a part's place is not seen.
"""

import re

from ..model.judgement import Measured
from ..model.objection import Deviation, Objection, Severity
from .change_set import ChangeSet, Delta
from .measured import built_in, minded

NAME = "end-to-end"
_PLACE = re.compile(
    r"(?:^|/)(?:e2e|end[-_]to[-_]end|playwright|cypress)(?:[-_]tests?)?/|[.\-_](?:e2e|cy)[.\-_](?:test|spec|js|ts|py)"
    r"|(?:^|/)test_e2e|_e2e\.py$|\.e2e-spec\.[cm]?[jt]s$",
    re.IGNORECASE,
)
_LIBRARIES = "unittest.mock|mock|responses|respx|httpretty|requests_mock|moto|aioresponses|pytest_httpserver|vcr"
_STANDS_IN = re.compile(
    rf"^\s*(?:from|import)\s+(?:{_LIBRARIES.replace('.', '[.]')})\b|^\s*from\s+unittest\s+import\s+.*\bmock\b"
    r"|\b(?:Magic|Async|Non)?(?:Callable)?Mock\s*\(|\bmonkeypatch\s*\.\s*(?:setattr|setitem|delattr)\b|\bmocker\s*\."
    r"|(?<![.\w])patch(?:\.object|\.dict)?\s*\(|\bmock\.patch\b"
    r"|\b(?:jest|vi|vitest)\s*\.\s*(?:mock|doMock|fn|spyOn)\s*\(|\bsinon\s*\.|(?<![.\w])nock\s*\(|\bproxyquire\b"
    r"|\bfrom\s+['\"](?:msw|nock|sinon)\b|\bcy\.intercept\s*\(|\broute\.fulfill\s*\(",
)
_COMMENT = re.compile(r"^\s*(?:#|//|\*|/\*)")


def is_through(path: str) -> bool:
    """Whether a file holds end-to-end tests, by its folder or its name."""
    return bool(_PLACE.search(path))


def check_unmocked(change: ChangeSet) -> Measured:
    """An objection for each end-to-end test file to which the change adds something that stands in for a part."""
    through = [delta for delta in change.deltas if delta.after is not None and is_through(delta.path)]
    found = [one for delta in through if (one := _stood_in(delta)) is not None]
    return built_in(NAME, found, examined=len(through), unit="end-to-end test files", tree=change.head)


def _stood_in(delta: Delta) -> Objection | None:
    for number, text in delta.added_lines.items():
        told = None if _COMMENT.match(text) else _STANDS_IN.search(text)
        if told:
            return minded(
                "end-to-end/mocked",
                f"an end-to-end test puts `{told[0].strip()[:60]}` in a part's place",
                delta.path,
                line_=number,
                cause="it shows that the parts fit only if all of them are there; a test with doubles is a unit test",
                evidence=text.strip()[:200],
                deviation=Deviation.QUALITY,
                severity=Severity.MEDIUM,
            )
    return None

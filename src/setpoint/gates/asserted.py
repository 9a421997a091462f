"""Whether it was a test that minded, or the code itself that fell over."""

import re

from ..model.evidence import GateResult, TestResult
from .frozen import is_test_file

_WORDS = re.compile(
    r"AssertionError|^E\s+assert |^assert |Failed: |DID NOT RAISE|ERR_ASSERTION|\bexpect\(|Received:|\bnot equal\b",
    re.MULTILINE,
)
_PYTHON = re.compile(r"^(\S+?\.py):\d+: \w+|File \"([^\"]+)\", line \d+", re.MULTILINE)
_NODE = re.compile(r"(?:file://)?(/[^\s():]+):\d+:\d+")


def asserted(result: GateResult) -> bool:
    """Whether a failing test minded by an assertion, or failed in its own lines; where a tool does not tell, yes."""
    failed = [test for test in result.tests if test.outcome in ("failed", "error")]
    return not failed or any(_minds(test) for test in failed)


def _minds(test: TestResult) -> bool:
    if _WORDS.search(test.message):
        return True
    if test.outcome == "error":
        return False
    python = [first or second for first, second in _PYTHON.findall(test.message)]
    node = [path for path in _NODE.findall(test.message) if "node_modules" not in path]
    raised = python[-1] if python else node[0] if node else ""
    return is_test_file(_below(raised)) if raised else False


def _below(path: str) -> str:
    """The end of an absolute path that tells whether it is a test's."""
    return "/".join(path.strip("/").split("/")[-2:])

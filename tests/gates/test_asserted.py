"""Whether a test minded, or the code itself fell over."""

from datetime import UTC, datetime

import pytest

from setpoint.gates.asserted import asserted
from setpoint.model.evidence import Evidence, GateKind, GateResult, Outcome, TestResult


def result(message: str, outcome: str = "failed") -> GateResult:
    return GateResult(
        gate="tests",
        kind=GateKind.TESTS,
        outcome=Outcome.FAILED,
        reason="it",
        evidence=Evidence(tree="t", argv=(), environment="e", examined=1, unit="tests", at=datetime.now(UTC)),
        tests=(TestResult(id="tests/test_a.py::test_a", outcome=outcome, message=message),) if message else (),
    )


@pytest.mark.parametrize(
    ("message", "minded"),
    [
        ("AssertionError: assert 1 == 2", True),
        ("Failed: DID NOT RAISE <class 'ValueError'>", True),
        ("assert 1 == 2\n\ntests/test_a.py:3: AssertionError", True),
        ("TypeError: no\n\ntests/test_a.py:3: in test_a\n    f()\nsrc/shop.py:9: TypeError", False),
        ("TypeError: no\n\nsrc/shop.py:9: in f\ntests/test_a.py:3: TypeError", True),
        ('ValueError\nFile "/r/tests/test_a.py", line 3\nFile "/r/shop.py", line 4', False),
        ("{ code: 'ERR_ASSERTION' }", True),
        ("TypeError: x\n    at total (file:///r/src/shop.js:3:4)\n    at file:///r/test/shop.test.js:5:6", False),
        ("TypeError: x\n    at file:///r/test/shop.test.js:5:6", True),
        ("Error: expect(received).toBe(expected)", True),
        ("SomethingElse", False),
    ],
)
def test_the_message_tells_who_minded(message: str, minded: bool) -> None:
    assert asserted(result(message)) is minded


def test_a_tool_that_tells_no_tests_is_believed_and_a_broken_set_up_is_not() -> None:
    assert asserted(result(""))
    assert not asserted(result("tests/test_a.py:3: ValueError", "error"))

"""Which gate runs the tests that prove criteria."""

from collections.abc import Mapping

from ..errors import ConfigError
from ..model.evidence import GateKind
from ..model.gate import Gate
from .run import is_test_tool
from .tools import how_to_report


def tests_gate(gates: Mapping[str, Gate]) -> tuple[str, Gate]:
    """The gate that runs the tests and reports them one by one; unit tests before those of parts together. Raises
    ConfigError when there is none."""
    found = [(name, gate) for name, gate in gates.items() if gate.kind.runs_tests]
    found.sort(key=lambda named: named[1].kind is not GateKind.TESTS)
    if not found:
        raise ConfigError(
            "no gate runs tests", why="nothing could prove a criterion", fix="`setpoint init`, or add [gates.tests]"
        )
    for name, gate in found:
        if is_test_tool(gate):
            return name, gate
    name, gate = found[0]
    raise ConfigError(
        f"gate {name} does not report its tests one by one: {' '.join(gate.run)}",
        why="a criterion's own test could not be shown to fail before the change and to pass after it",
        fix=how_to_report(name, gate),
    )

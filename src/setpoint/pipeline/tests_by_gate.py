"""Which tests gate runs which tests of a change: of the nearest project, and those of parts together by their own."""

from dataclasses import replace

from ..gates.change_set import ChangeSet
from ..gates.commands import named_targets, words
from ..gates.frozen import is_test_file
from ..gates.run import is_test_tool
from ..gates.together import is_together_file
from ..gates.written_tests import JAVASCRIPT
from ..model.evidence import GateKind
from ..model.gate import Gate
from .lab import Trial


def gates_of_tests(trial: Trial) -> dict[str, Gate]:
    """The required gates that run tests and say of each what became of it."""
    return {
        name: gate
        for name, gate in trial.terms.gates.items()
        if gate.kind.runs_tests and gate.required and is_test_tool(gate)
    }


def gate_of(trial: Trial, path: str) -> str:
    """The gate that runs a test file; empty when none does."""
    fitting = [
        (0 if gate.where == "." else len(gate.where), _meant(gate, path), -at, name)
        for at, (name, gate) in enumerate(gates_of_tests(trial).items())
        if concerns(gate, path)
    ]
    return max(fitting)[3] if fitting else ""


def _meant(gate: Gate, path: str) -> int:
    """How well a tests gate fits a file below its folder. Unit tests' gate takes all that no other is there for."""
    if gate.kind is GateKind.TESTS:
        return 1
    local, named = path if gate.where == "." else path.removeprefix(_below(gate)), named_targets(gate)
    inside = any(local == name or local.startswith(f"{name}/") for name in named)
    return 2 if inside or (not named and path.endswith(JAVASCRIPT) and is_together_file(local)) else 0


def concerns(gate: Gate, path: str) -> bool:
    """Whether a file is of the gate's project and language."""
    python = words(gate.run).tool in ("pytest", "unittest", "django test", "stestr")
    return path.startswith(_below(gate)) and python != path.endswith(JAVASCRIPT)


def _below(gate: Gate) -> str:
    return "" if gate.where == "." else gate.where.rstrip("/") + "/"


def with_tests_of(trial: Trial, name: str) -> ChangeSet:
    """The change with only those tests that gate `name` runs."""
    deltas = [d for d in trial.change.deltas if not is_test_file(d.path) or gate_of(trial, d.path) == name]
    return replace(trial.change, deltas=deltas)


def beside(trial: Trial, name: str, green: frozenset[str]) -> list[Gate] | None:
    """The gates that may notice what gate `name` lets pass: those of parts together in its project. None for one of
    these, where a gate of unit tests is asked already."""
    gates = gates_of_tests(trial)
    own = gates[name]
    near = [gate for other, gate in gates.items() if other in green and other != name and _alike(gate, own)]
    if own.kind is GateKind.INTEGRATION:
        return None if any(gate.kind is GateKind.TESTS for gate in near) else []
    return [gate for gate in near if gate.kind is GateKind.INTEGRATION]


def _alike(one: Gate, other: Gate) -> bool:
    return one.where == other.where and concerns(one, f"{_below(one)}x.js") == concerns(other, f"{_below(other)}x.js")

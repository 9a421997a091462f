"""What a gate costs and is good for, and which goes first."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from setpoint.gates.judge import run_gates
from setpoint.gates.worth import MANY, Worth, in_turn, level_of, scope_of, worths
from setpoint.model.evidence import Evidence, GateKind, GateResult, Outcome
from setpoint.model.gate import Gate
from setpoint.testing.gate_rooms import FolderRoom

LINT = Gate(kind=GateKind.LINT, run=("ruff", "check"))
TESTS = Gate(kind=GateKind.TESTS, run=("pytest",))


def gate(kind: str = "tests", *run: str, **told: object) -> Gate:
    """A gate as it is written."""
    return Gate.model_validate({"kind": kind, "run": list(run) or ["pytest"], **told})


def result(name: str, tree: str, outcome: str = "passed", seconds: float = 1.0) -> GateResult:
    """What a gate said of a tree."""
    evidence = Evidence(
        tree=tree, argv=("x",), environment="e", examined=1, unit="tests", seconds=seconds, at=datetime.now(UTC)
    )
    return GateResult(gate=name, kind=GateKind.TESTS, outcome=Outcome(outcome), reason="r", evidence=evidence)


@pytest.mark.parametrize(
    ("told", "level"),
    [
        (gate(), "local"),
        (gate(network=["audit.example"]), "dev"),
        (gate(network=["audit.example"], level="qa"), "qa"),
        (gate(network=["audit.example"], level="local"), "local"),
    ],
)
def test_a_gates_level_is_what_it_says_else_whether_it_reaches_out(told: Gate, level: str) -> None:
    assert level_of(told) == level


@pytest.mark.parametrize("wrong", [{"level": "qa"}, {"level": "prod", "network": ["shop.example"]}])
def test_a_level_that_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        gate(**wrong)


@pytest.mark.parametrize(
    ("name", "told", "scope"),
    [
        ("tests", gate(), "unit"),
        ("parts", gate("integration", "pytest", "tests/integration"), "integration"),
        ("e2e", gate("integration", "make", "check-all"), "end-to-end"),
        ("browser", gate("tests", "npx", "playwright", "test"), "end-to-end"),
        ("parts", gate("integration", "pytest", "tests/end_to_end"), "end-to-end"),
        ("lint", LINT, ""),
    ],
)
def test_unit_integration_and_end_to_end_are_told_apart(name: str, told: Gate, scope: str) -> None:
    assert scope_of(name, told) == scope


def test_what_is_known_of_a_gate_is_counted_by_trees() -> None:
    found = worths(
        [
            result("tests", "t1", "failed", 4.0),
            result("lint", "t1", "failed", 1.0),
            result("tests", "t2", "failed", 6.0),
            result("tests", "t2", "failed", 8.0),
            result("lint", "t2", "passed", 3.0),
            result("types", "t2", "refused", 2.0),
        ]
    )
    assert found["tests"] == Worth(trees=2, said_no=2, alone=1, seconds=6.0)
    assert found["lint"] == Worth(trees=2, said_no=1, alone=0, seconds=2.0)
    assert found["types"] == Worth(trees=1, said_no=0, alone=0, seconds=2.0)


def test_a_useless_gate_is_visible_once_there_is_enough_to_tell() -> None:
    idle = Worth(trees=MANY, said_no=0, alone=0, seconds=1.0)
    assert "never failed on 10 trees" in idle.doubt(shown_red=False)
    assert idle.doubt(shown_red=True) == ""
    assert idle.model_copy(update={"trees": MANY - 1}).doubt(shown_red=False) == ""
    behind = Worth(trees=MANY, said_no=2, alone=0, seconds=1.0)
    assert "another gate failed on each" in behind.doubt(shown_red=True)
    assert behind.model_copy(update={"alone": 1}).doubt(shown_red=False) == ""


def test_the_cheap_and_decisive_go_first() -> None:
    gates = {"tests": TESTS, "lint": LINT, "extra": LINT.model_copy(update={"required": False})}
    assert in_turn(gates, {}) == ("lint", "tests", "extra")
    known = {
        "tests": Worth(trees=9, said_no=8, alone=8, seconds=2.0),
        "lint": Worth(trees=9, said_no=0, alone=0, seconds=1.0),
    }
    assert in_turn(gates, known) == ("tests", "lint", "extra")


WORTH = st.builds(
    Worth, trees=st.integers(1, 50), said_no=st.integers(0, 50), alone=st.just(0), seconds=st.floats(0.001, 600)
)


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(known=st.dictionaries(st.sampled_from(["tests", "lint", "gone"]), WORTH))
def test_every_gate_has_one_turn_whatever_is_known(known: dict[str, Worth]) -> None:
    gates = {"tests": TESTS, "lint": LINT, "types": gate("types", "mypy")}
    assert sorted(in_turn(gates, known)) == sorted(gates)


async def test_they_are_begun_in_turn_and_told_in_the_order_they_are_written(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    room = FolderRoom(tmp_path)
    gates = {"tests": gate("tests", "true", "slow"), "lint": gate("lint", "true", "quick")}
    results = await run_gates(gates, room, tree="t", environment="e", parallel=1)
    assert [one.gate for one in results] == ["tests", "lint"]
    assert "quick" in " ".join(room.ran[0])

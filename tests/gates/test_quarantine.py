"""Flaky is told from red by running again on both sides; the list of the base decides what a flaky test may."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest

from setpoint.gates.change_set import between
from setpoint.gates.commands import reporting
from setpoint.gates.quarantine import (
    FILE,
    History,
    Steadiness,
    check_quarantine,
    pardoned,
    settle,
)
from setpoint.gates.run import run_gate
from setpoint.model.evidence import GateKind, Outcome
from setpoint.model.gate import Gate
from setpoint.model.judgement import Measured
from setpoint.testing.gate_grounds import grounds_of

TODAY = date(2026, 11, 20)
STEADY = "def test_steady():\n    assert True\n"
RED = "def test_it():\n    assert 1 == 2\n"
FLAKY = """from pathlib import Path


def test_it():
    turn = Path("turn")
    count = len(turn.read_text()) if turn.exists() else 0
    turn.write_text("x" * (count + 1))
    assert count % 2, "only every other time"
"""


def entry(test: str = "tests/test_a.py::test_it", until: str = "2026-12-31") -> str:
    return f'[[test]]\nid = "{test}"\nowner = "Ada"\nreason = "waits for the clock"\nuntil = {until}\n'


def runner(command: str = "pytest -q") -> Gate:
    run, report = reporting(command.split())
    return Gate.model_validate({"kind": GateKind.TESTS, "run": run, "report": report})


async def settled(
    tmp_path: Path, before: Mapping[str, str], after: Mapping[str, str], gate: Gate | None = None
) -> Measured:
    gate = gate or runner()
    grounds = grounds_of(tmp_path, before, after, {"tests": gate})
    async with grounds.checkout("head", None) as room:
        result = await run_gate("tests", gate, room, tree="head", environment="env", reruns=0)
    return await settle(grounds, gate, result, today=TODAY)


def rules(measured: Measured) -> set[str]:
    return {objection.rule for objection in measured.objections}


async def test_a_test_that_fails_now_and_then_is_flaky_and_blocks_until_a_person_lists_it(tmp_path: Path) -> None:
    files = {"tests/test_a.py": FLAKY, "tests/test_b.py": STEADY}
    told = await settled(tmp_path, files, {**files, "a.txt": ""})
    assert (told.result.outcome, rules(told)) == (Outcome.FAILED, {"flaky/unsteady"})
    assert told.result.flaky == ("tests/test_a.py::test_it",)
    assert "on the change: failed" in told.objections[0].evidence
    assert "on the base: " in told.objections[0].evidence


async def test_a_quarantined_flaky_test_is_seen_and_does_not_block(tmp_path: Path) -> None:
    files = {"tests/test_a.py": FLAKY, "tests/test_b.py": STEADY, FILE: entry()}
    told = await settled(tmp_path, files, {**files, "a.txt": ""})
    assert (told.holds, rules(told)) == (True, {"flaky/quarantined"})
    assert told.result.reason.startswith("1 test passed; 1 quarantined flaky one failed and does not count")
    assert "Ada mends it" in told.objections[0].cause


async def test_a_quarantine_that_is_over_blocks(tmp_path: Path) -> None:
    files = {"tests/test_a.py": FLAKY, "tests/test_b.py": STEADY, FILE: entry(until="2026-11-19")}
    told = await settled(tmp_path, files, {**files, "a.txt": ""})
    assert (told.holds, rules(told)) == (False, {"flaky/quarantine-expired"})


async def test_a_test_that_is_red_on_the_change_alone_is_red_even_in_quarantine(tmp_path: Path) -> None:
    base = {"tests/test_a.py": STEADY.replace("steady", "it"), "tests/test_b.py": STEADY, FILE: entry()}
    told = await settled(tmp_path, base, {**base, "tests/test_a.py": RED})
    assert (told.holds, rules(told)) == (False, {"gate/test"})


async def test_a_change_that_lists_its_own_red_test_gains_nothing(tmp_path: Path) -> None:
    base = {"tests/test_a.py": STEADY.replace("steady", "it"), "tests/test_b.py": STEADY}
    told = await settled(tmp_path, base, {**base, "tests/test_a.py": FLAKY, FILE: entry()})
    assert (told.holds, rules(told)) == (False, {"flaky/unsteady"})


async def test_what_failed_before_is_said_to_have(tmp_path: Path) -> None:
    base = {"tests/test_a.py": RED}
    assert rules(await settled(tmp_path, base, {**base, "a.txt": ""})) == {"gate/test"}


async def test_a_green_result_stays_as_it_is(tmp_path: Path) -> None:
    base = {"tests/test_a.py": STEADY}
    told = await settled(tmp_path, base, {**base, "a.txt": ""})
    assert (told.holds, told.objections) == (True, ())


async def test_node_tests_are_run_again_too(tmp_path: Path) -> None:
    flaky = (
        "import { test } from 'node:test';\nimport fs from 'node:fs';\n"
        "test('it', () => {\n  const turn = fs.existsSync('turn') ? fs.readFileSync('turn').length : 0;\n"
        "  fs.writeFileSync('turn', 'x'.repeat(turn + 1));\n"
        "  if (turn % 2 === 0) throw new Error('every other time');\n});\n"
    )
    base = {"package.json": '{"type": "module"}', "a.test.js": flaky}
    assert rules(await settled(tmp_path, base, {**base, "b.txt": ""}, runner("node --test"))) == {"flaky/unsteady"}


@pytest.mark.parametrize(
    ("listed", "green"),
    [(entry(), True), (entry(until="2026-11-19"), False), (entry("tests/test_a.py::other"), False), ("", False)],
)
async def test_on_the_base_itself_a_listed_flaky_test_is_no_red(tmp_path: Path, listed: str, green: bool) -> None:
    grounds = grounds_of(tmp_path, {"tests/test_a.py": FLAKY, "tests/test_b.py": STEADY}, {"a": ""}, {})
    async with grounds.checkout(grounds.change.base, None) as room:
        result = await run_gate("tests", runner(), room, tree="base", environment="env", reruns=1)
    assert pardoned(result, listed.encode(), TODAY).green is green


@pytest.mark.parametrize(
    ("head", "base", "expected"),
    [
        (("failed", "failed"), ("passed", "passed"), Steadiness.RED),
        (("failed", "error"), (), Steadiness.RED),
        (("failed", "passed"), (), Steadiness.FLAKY),
        (("failed", "failed"), ("passed", "failed"), Steadiness.FLAKY),
        (("failed", "failed"), ("failed", "failed"), Steadiness.RED_BEFORE),
        (("failed",), ("passed",), Steadiness.UNKNOWN),
    ],
)
def test_what_all_runs_say(head: tuple[str, ...], base: tuple[str, ...], expected: Steadiness) -> None:
    assert History(head, base).steadiness is expected


def listed(before: str, after: str | None = None) -> Measured:
    files = {FILE: before.encode(), "tests/test_a.py": b""}
    change = between(files, {**files, FILE: (before if after is None else after).encode(), "a": b""})
    return check_quarantine(change, today=TODAY)


def test_the_list_itself_is_judged() -> None:
    assert rules(listed(entry())) == set()
    assert rules(listed(entry(until="2026-11-19"))) == {"flaky/quarantine-expired"}
    assert rules(listed(entry("tests/gone.py::test_it"))) == {"flaky/quarantine-stale"}
    assert rules(listed("[[test]]\nid = 1\n")) == {"flaky/unreadable"}
    assert rules(listed(entry(), entry() + entry("tests/test_a.py::other"))) == {"flaky/quarantine-changed"}

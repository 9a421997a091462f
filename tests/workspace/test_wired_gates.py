"""Tripwires, proofs and faults in the sandbox that changes are judged in: real worktrees, bubblewrap, a real runner."""

from contextlib import AbstractAsyncContextManager

import pytest
from shop_repository import Repository

from setpoint.gates.change_set import between
from setpoint.gates.commands import reporting
from setpoint.gates.mutation import mutants
from setpoint.gates.trusted import Plant, run_wired
from setpoint.model.evidence import GateKind, Outcome
from setpoint.model.gate import Gate
from setpoint.ports import Room

SHOP = "exports.total = (items) => {\n  if (items.length === 0) { return 0; }\n  return items.length * 3 + 1;\n};\n"
TEST = (
    "const test = require('node:test');\nconst assert = require('node:assert');\n"
    "const { total } = require('../shop.js');\n"
    "test('total', () => { assert.strictEqual(total([1, 2]), 7); assert.strictEqual(total([]), 0); });\n"
)
FORGED = "require('node:assert').strictEqual = () => {};\nrequire('node:fs').rmSync('test', { recursive: true });\n"


def gate() -> Gate:
    run, report = reporting(["node", "--test"])
    return Gate.model_validate({"kind": GateKind.TESTS, "run": run, "report": report})


def on(bench: Repository, revision: str) -> Plant:
    def plant(laid: dict[str, bytes | None]) -> AbstractAsyncContextManager[Room]:
        return bench.workspaces().checkout(revision, laid)

    return plant


def committed(bench: Repository, shop: str) -> str:
    bench.put("shop.js", shop)
    bench.put("test/shop.test.js", TEST)
    return bench.commit("shop")


@pytest.mark.slow
async def test_tripwires_hold_and_faults_are_noticed_in_the_sandbox(bench: Repository) -> None:
    head = on(bench, committed(bench, SHOP))
    found = await run_wired("tests", gate(), head, tree="t", environment="e", reruns=0)
    assert found.holds
    assert found.result.reason == "1 test passed; 8 tripwires held"
    assert found.result.evidence.sandbox == "bubblewrap"
    change = between({}, {"shop.js": SHOP.encode(), "test/shop.test.js": TEST.encode()}, head="t")
    tried = await mutants(change, gate(), head, environment="e", seconds=300)
    assert tried.result.outcome is Outcome.PASSED, tried.result.reason
    assert "0 survived" in tried.result.reason


async def test_code_that_silences_assertions_is_not_believed_in_the_sandbox(bench: Repository) -> None:
    head = on(bench, committed(bench, FORGED + SHOP.replace("* 3", "* 4")))
    found = await run_wired("tests", gate(), head, base=on(bench, bench.base), tree="t", environment="e", reruns=0)
    assert [objection.rule for objection in found.objections] == ["proof/tripwire"]

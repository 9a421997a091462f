"""Tests that stay green over every fault prove nothing."""

import ast
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from setpoint.gates.change_set import ChangeSet, between
from setpoint.gates.commands import reporting
from setpoint.gates.measured import vacuous
from setpoint.gates.mutant import planned
from setpoint.gates.mutation import mutants
from setpoint.model.change import TestClaim
from setpoint.model.evidence import GateKind, Outcome
from setpoint.model.gate import Gate
from setpoint.model.judgement import Measured
from setpoint.testing.gate_rooms import MakeRoom


def change_of(before: dict[str, str], after: dict[str, str]) -> ChangeSet:
    old, new = ({path: text.encode() for path, text in side.items()} for side in (before, after))
    return between(old, new, head="head")


def faults(after: str, before: str = "", path: str = "shop.py") -> list[str]:
    drawn, total = planned(change_of({path: before} if before else {}, {path: after}), 1000)
    assert total == len(drawn)
    return sorted(mutant.what for mutant in drawn)


# -- which faults are made ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ("return a + b", "`a + b` became `a - b`"),
        ("return a == b", "`a == b` became `a != b`"),
        ("return a < b", "`a < b` became `a <= b`"),
        ("return a and b", "`a and b` became `a or b`"),
        ("return not a", "`not a` became `a`"),
        ("return True", "`return True` became `return False`"),
        ("return a", "`return a` became `return None`"),
        ("a.clear()", "`a.clear()` left out"),
        ("a += 1", "`a += 1` left out"),
        ("raise ValueError('x')", "`raise ValueError('x')` left out"),
        ("if a: return 1", "`if a:` turned round"),
        ("while a: a = b()", "`while a:` never entered"),
        ("a = b()", "`a = b()` became `None`"),
        ("a = 3", "`3` became `4`"),
        ("a = 'x'", "`'x'` became `''`"),
        ("return [x for x in a if x]", "`x` turned round"),
        ("return b if a else 2", "`a` turned round"),
        ("return int(a)", "`int(a)` became `a`"),
        ("return a in b", "`a in b` became `a not in b`"),
    ],
)
def test_faults_of_python(body: str, what: str) -> None:
    assert what in faults(f"def f(a, b):\n    {body}\n")


@pytest.mark.parametrize(
    "text",
    [
        'def f():\n    """Say it."""\n',
        "import os\nfrom a import b\n",
        "def f(a: int = None) -> 'str': ...\n",
        "def f(a):\n    logger.info('took %s', a + 1)\n    print(a + 1)\n    self.log.debug(a == 1)\n",
        "class A:\n    def __repr__(self):\n        return 'a' + str(self.b)\n",
        "__all__ = ['a', 'b']\n__version__ = '1.2'\n",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import a\n",
        "def f(: broken\n",
    ],
)
def test_what_no_test_should_mind_is_left_alone(text: str) -> None:
    assert faults(text) == []


def test_only_changed_lines_are_touched_and_moved_code_is_not() -> None:
    before = "def a(x):\n    return x + 1\n\n\ndef b(x):\n    return x - 1\n"
    assert faults(before.replace("x - 1", "x - 2"), before) == [
        "`2` became `3`",
        "`return x - 2` became `return None`",
        "`x - 2` became `x + 2`",
    ]
    change = change_of({"one.py": before}, {"one.py": "", "two.py": before})
    assert planned(change, 10) == ((), 0)
    assert faults("\n\n# said\n" + before, before) == []


JS = [
    ("return a === b;", "`a === b`: `===` became `!==`"),
    ("return a && b;", "`a && b`: `&&` became `||`"),
    ("return a + b;", "`a + b`: `+` became `-`"),
    ("return a;", "`return a;` became `return undefined`"),
    ("if (a) { b(); }", "`(a)` turned round"),
    ("return a ? 1 : 2;", "`a` turned round"),
    ("b.push(a);", "`b.push(a);` left out"),
    ("b.n += a;", "`b.n += a;` left out"),
    ("throw new Error('no');", "`throw new Error('no');` left out"),
    ("return !a;", "`!a`: `!` left out"),
    ("return a.map((x) => x.n);", "`x.n` became `undefined`"),
    ("const n = 3;", "`3` became `4`"),
]


@pytest.mark.parametrize("path", ["shop.js", "shop.mjs", "shop.ts", "shop.tsx"])
@pytest.mark.parametrize(("body", "what"), JS)
def test_faults_of_javascript(path: str, body: str, what: str) -> None:
    assert what in faults(f"export function f(a, b) {{\n  {body}\n}}\n", path=path)


@pytest.mark.parametrize(
    "text",
    [
        "import a from './a.js';\nimport { b } from 'b';\nexport { c } from 'c';\n",
        "const a = require('./a');\n",
        "console.log('a' + 1);\nlogger.info(a === b);\n'use strict';\n",
        "interface A { b: 'c' | 'd'; n: 1 }\ntype B = 'x';\n",
        "// a === b\n",
    ],
)
def test_what_no_test_of_javascript_should_mind_is_left_alone(text: str) -> None:
    assert faults(text, path="shop.ts") == []


def test_tests_types_and_what_is_no_code_have_none() -> None:
    text = "def test_a():\n    assert 1 == 1\n"
    for path in ("tests/test_a.py", "a.md", "a.d.ts", "a.min.js", "conftest.py"):
        assert faults(text, path=path) == []


def test_of_many_the_same_are_drawn_every_time_and_each_function_has_its_turn() -> None:
    text = "".join(f"def f{n}(a):\n    if a > {n}:\n        return a + {n}\n    return a - 1\n\n\n" for n in range(20))
    change = change_of({}, {"shop.py": text})
    first, total = planned(change, 20)
    assert planned(change, 20) == (first, total)
    assert (len(first), total) == (20, 180)
    assert {mutant.scope for mutant in first} == {f"f{n}" for n in range(20)}
    assert all(mutant.gross for mutant in first)


def test_of_a_generated_file_only_what_is_drawn_is_made() -> None:
    text = "".join(f"X_{n} = {n * 7}\n" for n in range(8_000))
    drawn, total = planned(change_of({}, {"table.py": text}), 20)
    assert (len(drawn), total) == (20, 8_000)
    assert len({mutant.content for mutant in drawn}) == 20


_EXPRESSIONS = st.recursive(
    st.sampled_from(["a", "b", "1", "'x'", "True", "f(a)", "a.b", "[a]", "-a", "f'{a}é'", "'ü'"]),
    lambda inner: st.tuples(inner, st.sampled_from(["+", "and", "==", "<", "in", "*", "or"]), inner).map(
        lambda parts: f"({' '.join(parts)})"
    ),
    max_leaves=6,
)


@settings(deadline=None)
@given(st.lists(_EXPRESSIONS, min_size=1, max_size=4))
def test_every_mutant_is_code_and_differs_from_the_original(expressions: list[str]) -> None:
    lines = "".join(f"    if {text}:\n        c = {text}\n    d({text})\n" for text in expressions)
    original = f"def g(a, b, f, d):\n{lines}    return a\n"
    drawn, _ = planned(change_of({}, {"shop.py": original}), 50)
    for mutant in drawn:
        assert ast.dump(ast.parse(mutant.content)) != ast.dump(ast.parse(original))
        ast.parse(mutant.poisoned)


# -- what becomes of them ----------------------------------------------------------------------------------------------

SHOP = "def total(items):\n    if not items:\n        return 0\n    return sum(items) * 2\n"
BASE = {"shop.py": "", "tests/__init__.py": "", "tests/test_old.py": "def test_old():\n    assert True\n"}
GOOD = "def test_new():\n    from shop import total\n    assert (total([]), total([1, 2])) == (0, 6)\n"


def gate(command: str = "pytest -q") -> Gate:
    run, report = reporting(command.split())
    return Gate.model_validate({"kind": GateKind.TESTS, "run": run, "report": report})


async def tried(project: MakeRoom, test: str, source: str = SHOP, command: str = "pytest -q", **more: Any) -> Measured:
    after = {**BASE, "shop.py": source, "tests/test_new.py": test}
    room = project(after)
    claims = [TestClaim(id="tests/test_new.py::test_new", proves=("FR-001",), what="it")]
    change = change_of(BASE, after)
    return await mutants(change, gate(command), room.checkout, claims=claims, environment="e", **more)


async def test_a_test_that_minds_every_fault_proves_the_change(project: MakeRoom) -> None:
    found = await tried(project, GOOD)
    assert found.holds
    assert found.result.evidence.unit == "mutants"
    assert "killed, 0 survived, 0 timed out, 0 not covered" in found.result.reason


@pytest.mark.slow
async def test_what_unit_tests_let_pass_is_shown_to_the_tests_of_parts_together(project: MakeRoom) -> None:
    parts = "def test_parts():\n    from shop import total\n    assert (total([]), total([1, 2])) == (0, 6)\n"
    after = {**BASE, "shop.py": SHOP, "tests/integration/test_parts.py": parts}
    room, change = project(after), change_of(BASE, after)
    unit, together = gate("pytest -q --ignore=tests/integration"), gate("pytest -q tests/integration")
    alone = await mutants(change_of(BASE, {**BASE, "shop.py": SHOP}), unit, room.checkout, environment="e")
    both = await mutants(change, unit, room.checkout, more=[together], environment="e")
    assert not alone.holds
    assert both.holds, both.result.reason
    assert "0 survived" in both.result.reason


TAUTOLOGIES = {
    "it asserts nothing": "def test_new():\n    from shop import total\n    total([1])\n    total([])\n",
    "it asserts what is always true": "def test_new():\n    from shop import total\n    assert total([1]) or True\n",
    "it compares a thing with itself": "def test_new():\n    from shop import total\n"
    "    t = total([1])\n    assert t == t\n",
    "it tests the double it made": "class Double:\n    def __call__(self, items): return 4\n\n\n"
    "def test_new():\n    total = Double()\n    assert total([2]) == 4\n",
    "its assertion is never reached": "def test_new():\n    from shop import total\n    for n in []:\n"
    "        assert total(n) == 3\n",
    "it swallows what it finds": "def test_new():\n    from shop import total\n    try:\n"
    "        assert total([1]) == 9\n    except AssertionError:\n        pass\n",
    "it is of something else": "def test_new():\n    assert len([1]) == 1\n",
}


@pytest.mark.slow
@pytest.mark.parametrize("how", TAUTOLOGIES)
async def test_a_tautology_is_found(project: MakeRoom, how: str) -> None:
    # Three faults tell it as well as seven, and each costs a run of the tests.
    found = await tried(project, TAUTOLOGIES[how], "def total(items):\n    return sum(items) * 2\n")
    (objection,) = found.objections
    assert (objection.rule, objection.severity) == ("proof/mutant-survived", "high")
    assert found.result.outcome is Outcome.FAILED
    assert "total" in objection.what
    assert objection.place is not None
    assert objection.place.path == "shop.py"


async def test_half_a_proof_names_what_is_open(project: MakeRoom) -> None:
    source = SHOP + "\n\ndef share(a, b):\n    if b == 0:\n        raise ValueError(b)\n    return a / b\n"
    found = await tried(project, GOOD, source)
    told = [(objection.severity, objection.cause) for objection in found.objections if "share" in objection.what]
    assert ("medium", "no test executes it") in told
    assert not any(objection.severity == "high" for objection in found.objections)
    assert "`return a / b` became `return None`" in " ".join(objection.what for objection in found.objections)


@pytest.mark.slow
async def test_a_fault_that_runs_on_and_on_is_noticed_too(project: MakeRoom) -> None:
    source = "def total(items):\n    n = 0\n    while n < 5:\n        n += 1\n    return n\n"
    found = await tried(project, "def test_new():\n    from shop import total\n    assert total(0) == 5\n", source)
    assert found.result.outcome is Outcome.PASSED
    assert "1 timed out" in found.result.reason


async def test_what_other_tests_of_the_suite_mind_is_not_held_against_the_new_ones(project: MakeRoom) -> None:
    after = {**BASE, "shop.py": SHOP, "tests/test_old.py": GOOD, "tests/test_new.py": "def test_new(): pass\n"}
    room = project(after)
    found = await mutants(change_of(BASE, after), gate(), room.checkout, environment="e")
    assert found.holds, found.result.reason


async def test_without_time_nothing_is_said_against_anybody(project: MakeRoom) -> None:
    found = await tried(project, GOOD, seconds=0.01)
    assert [objection.rule for objection in found.objections] == ["proof/mutants-left-open"]
    assert not found.objections[0].blocks


async def test_red_tests_can_tell_nothing(project: MakeRoom) -> None:
    found = await tried(project, "def test_new():\n    assert 0\n")
    assert found.result.outcome is Outcome.REFUSED
    assert "not green without a fault" in found.result.reason


async def test_a_change_without_code_has_nothing_to_try(project: MakeRoom) -> None:
    change = change_of({}, {"README.md": "new"})
    assert vacuous(await mutants(change, gate(), project({"README.md": "new"}).checkout, environment="e"))


@pytest.mark.parametrize(
    ("test", "high"),
    [("assert.strictEqual(total([1, 2]), 6); assert.strictEqual(total([]), 0);", False), ("total([1]);", True)],
)
async def test_node_tests_are_tried_as_well(project: MakeRoom, test: str, high: bool) -> None:
    source = (
        "exports.total = (items) => {\n  if (items.length === 0) { return 0; }\n"
        "  return items.reduce((a, b) => a + b) * 2;\n};\n"
    )
    before = {"shop.js": "exports.total = 1;\n"}
    after = {
        "shop.js": source,
        "test/shop.test.js": "const test = require('node:test'); const assert = require('node:assert');\n"
        f"const {{ total }} = require('../shop.js');\ntest('total', () => {{ {test} }});\n",
    }
    found = await mutants(change_of(before, after), gate("node --test"), project(after).checkout, environment="e")
    assert [objection.severity for objection in found.objections if objection.blocks] == (["high"] if high else [])


async def test_a_runner_that_whitewashes_known_tests_is_found_by_its_indifference(project: MakeRoom) -> None:
    """A second opinion: it answers for one test only, so no tripwire sees it, but that test then minds nothing."""
    source = (
        "import _pytest.reports as r\nold = r.TestReport.from_item_and_call.__func__\n"
        "def fake(cls, item, call):\n    if item.name == 'test_new': call.excinfo = None\n"
        "    return old(cls, item, call)\nr.TestReport.from_item_and_call = classmethod(fake)\n\n\n" + SHOP
    )
    found = await tried(project, "def test_new():\n    from shop import total\n    assert total([1]) == 7\n", source)
    assert not found.result.green
    assert "total" in " ".join(objection.what for objection in found.objections if objection.blocks)

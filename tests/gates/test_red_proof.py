"""A new test is worth something when it fails on the base for the right reason and passes on the change."""

import pytest

from setpoint.gates.commands import reporting
from setpoint.gates.redproof import RedProof, green_proof, red_proof
from setpoint.model.change import TestClaim
from setpoint.model.evidence import GateKind, Outcome
from setpoint.model.gate import Gate
from setpoint.testing.gate_rooms import FolderRoom, MakeRoom

SHOP = {"shop.py": "class Cart:\n    def total(self): return 1\n", "tests/test_old.py": "def test_old(): pass\n"}
HEAD = "class Cart:\n    def total(self, tax=0): return 3\n    def empty(self): return True\nclass Later: pass\n"


def gate(command: str = "pytest -q") -> Gate:
    run, report = reporting(command.split())
    return Gate.model_validate({"kind": GateKind.TESTS, "run": run, "report": report})


def claim(name: str) -> TestClaim:
    return TestClaim(id=name, proves=("FR-001",), what="something")


async def proved(room: FolderRoom, *names: str, command: str = "pytest -q") -> RedProof:
    files = sorted({name.partition("::")[0] for name in names})
    return await red_proof([claim(name) for name in names], files, gate(command), room, tree="t", environment="e")


def rows(table: list[tuple[str, ...]]) -> list[object]:
    """The first half always, the whole in the whole test run."""
    slow = len(table) // 2
    return [pytest.param(*row[1:], id=row[0], marks=[pytest.mark.slow] * (at >= slow)) for at, row in enumerate(table)]


GOOD = [
    ("assertion", "from shop import Cart\ndef test_n(): assert Cart().total() == 3\n"),
    ("missing method", "from shop import Cart\ndef test_n(): assert Cart().empty()\n"),
    ("missing name", "def test_n():\n    from shop import Later\n"),
    ("missing module", "def test_n():\n    import shop_later\n"),
    ("missing parameter", "from shop import Cart\ndef test_n(): Cart().total(tax=2)\n"),
    ("did not raise", "import pytest, shop\ndef test_n():\n    with pytest.raises(ValueError): shop.Cart().total()\n"),
    ("parametrised", "import pytest\n@pytest.mark.parametrize('n', [1, 3])\ndef test_n(n): assert n == 1\n"),
    ("short traces", "def test_n(): assert 1 == 2\n"),
]


@pytest.mark.parametrize("source", rows(GOOD))
async def test_missing_behaviour_is_the_right_reason(project: MakeRoom, source: str) -> None:
    room = project({**SHOP, "tests/conftest.py": "import sys; sys.path.insert(0, '.')", "tests/test_new.py": source})
    proof = await proved(room, "tests/test_new.py::test_n")
    assert proof.objections == ()
    assert proof.holds
    assert proof.result.kind is GateKind.RED_PROOF
    assert (proof.result.evidence.examined, proof.result.evidence.unit) == (1, "tests")
    assert all("test_old" not in test.id for test in proof.result.tests)


BAD = [
    ("passes", "def test_n(): pass\n", "passes on the untouched base"),
    ("skipped", "import pytest\n@pytest.mark.skip\ndef test_n(): assert 0\n", "a skip proves nothing"),
    ("expected to fail", "import pytest\n@pytest.mark.xfail\ndef test_n(): assert 0\n", "a skip proves nothing"),
    ("top import", "from shop import Later\ndef test_n(): assert Later\n", "import the new name inside the test"),
    ("top module", "import later\ndef test_n(): pass\n", "import the new name inside the test"),
    ("syntax", "def test_n(:\n", "syntax error"),
    ("fixture", "def test_n(nowhere): pass\n", "fixture `nowhere`"),
    (
        "set-up",
        "import pytest\n@pytest.fixture\ndef f(): raise OSError('x')\ndef test_n(f): pass\n",
        "its set-up failed",
    ),
    ("not there", "def test_other(): assert 0\n", "reported there: tests/test_new.py::test_other"),
    ("connection", "import socket\ndef test_n(): socket.create_connection(('127.0.0.1', 1))\n", "its surroundings"),
    ("evaluated syntax", "def test_n(): exec('def x(:')\n", "syntax error"),
    ("test helper", "def test_n():\n    from tests.gone import x\n", "a test module that does not exist"),
    ("module level", "raise RuntimeError('x')\ndef test_n(): pass\n", "could not be collected"),
    ("module exit", "import sys; sys.exit(0)\ndef test_n(): pass\n", "nothing was proved"),
    ("hidden", "def test_n():\n    import os; os._exit(0)\n", "nothing was proved"),
]


@pytest.mark.parametrize(("source", "why"), rows(BAD))
async def test_any_other_reason_is_named(project: MakeRoom, source: str, why: str) -> None:
    room = project({**SHOP, "tests/test_new.py": source})
    proof = await proved(room, "tests/test_new.py::test_n")
    assert not proof.holds
    (objection,) = proof.objections
    assert why in objection.what
    assert proof.result.outcome in (Outcome.FAILED, Outcome.REFUSED)


async def test_one_broken_file_does_not_hide_the_others(project: MakeRoom) -> None:
    files = {"tests/test_a.py": "import gone\ndef test_a(): pass\n", "tests/test_b.py": "def test_b(): assert 0\n"}
    proof = await proved(project({**SHOP, **files}), "tests/test_a.py::test_a", "tests/test_b.py::test_b")
    assert [objection.what.split()[0] for objection in proof.objections] == ["tests/test_a.py::test_a"]
    assert proof.result.reason == "1 of 2 claimed tests fail on the base for the right reason"


async def test_a_claimed_file_that_is_not_there_is_an_objection(project: MakeRoom) -> None:
    room = project({**SHOP, "tests/test_b.py": "def test_b(): assert 0\n"})
    proof = await proved(room, "tests/test_gone.py::test_a", "tests/test_b.py::test_b")
    assert ["no test of this id" in objection.what for objection in proof.objections] == [True]


async def test_nothing_claimed_proves_nothing(project: MakeRoom) -> None:
    proof = await red_proof([], ["tests/test_old.py"], gate(), project(SHOP), tree="t", environment="e")
    assert proof.result.outcome is Outcome.REFUSED


async def test_a_gate_without_test_ids_cannot_prove(project: MakeRoom) -> None:
    proof = await proved(project({**SHOP, "Makefile": "test:\n"}), "tests/test_old.py::test_old", command="make test")
    assert proof.result.outcome is Outcome.REFUSED
    assert "make does not report tests one by one" in proof.result.reason


async def test_the_same_tests_fail_without_the_change_and_pass_with_it(project: MakeRoom) -> None:
    source = "from shop import Cart\ndef test_n(): assert Cart().total() == 3\n"
    room = project({**SHOP, "tests/conftest.py": "import sys; sys.path.insert(0, '.')", "tests/test_new.py": source})
    claims, files = [claim("tests/test_new.py::test_n")], ["tests/test_new.py", "tests/conftest.py"]
    red = await red_proof(claims, files, gate(), room, tree="base+tests", environment="e")
    assert red.holds
    early = await green_proof(claims, files, gate(), room, tree="head", environment="e", changed=files)
    assert "it does not pass: " in early.objections[0].what
    async with room.checkout({"shop.py": HEAD.encode()}) as head:
        assert (await green_proof(claims, files, gate(), head, tree="head", environment="e", changed=files)).holds


NODE = "const test = require('node:test'); const assert = require('node:assert');\n"


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("test('n', () => assert.equal(require('../shop.js').total(), 3));\n", ""),
        ("test('n', () => require('../shop.js').later());\n", ""),
        ("test('n', () => {});\n", "passes on the untouched base"),
        ("require('./gone');\ntest('n', () => {});\n", "could not be collected"),
        ("test.skip('n', () => {});\n", "a skip proves nothing"),
        ("test('other', () => {});\n", "no test of this id"),
        ("test.beforeEach(() => { throw new Error('x') }); test('n', () => {});\n", "set-up hook failed"),
    ],
)
async def test_node_tests_are_proved_file_by_file(project: MakeRoom, source: str, why: str) -> None:
    files = {"shop.js": "exports.total = () => 1;\n", "test/new.test.js": NODE + source, "test/old.test.js": NODE}
    proof = await proved(project(files), "test/new.test.js::n", command="node --test")
    assert [why in objection.what for objection in proof.objections] == ([True] if why else [])


async def test_unittest_tests_are_proved(project: MakeRoom) -> None:
    source = "import unittest\nclass T(unittest.TestCase):\n    def test_n(self): self.assertEqual(1, 2)\n"
    room = project({"tests/__init__.py": "", "tests/test_n.py": source, "tests/test_o.py": source})
    proof = await proved(room, "tests/test_n.py::T::test_n", command="python -m unittest discover -s tests -t .")
    assert proof.holds, proof.objections

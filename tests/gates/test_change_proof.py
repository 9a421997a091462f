"""A whole change, by anybody: its tests are red on the base, green on it, and none of the old ones is lost."""

from contextlib import AbstractAsyncContextManager

import pytest

from setpoint.gates.change_proof import prove_change, still_reported
from setpoint.gates.change_set import ChangeSet, between
from setpoint.gates.commands import reporting
from setpoint.gates.measured import vacuous
from setpoint.gates.run import run_gate
from setpoint.gates.trusted import Plant
from setpoint.gates.written_tests import changed_tests, deleted_tests
from setpoint.model.change import TestClaim
from setpoint.model.evidence import GateKind, Outcome
from setpoint.model.gate import Gate
from setpoint.model.judgement import Measured
from setpoint.model.objection import Severity
from setpoint.ports import Room
from setpoint.testing.gate_rooms import FolderRoom, MakeRoom

BASE = {
    "shop.py": "def total(): return 1\n",
    "conftest.py": "",
    "tests/test_old.py": "from shop import total\n\n\ndef test_old():\n    assert total() in (1, 3)\n",
}
FIX = {"shop.py": "def total(): return 3\n"}
NEW = "from shop import total\n\n\ndef test_new():\n    assert total() == 3\n"


def change_of(after: dict[str, str | None], before: dict[str, str] = BASE) -> ChangeSet:
    files = {path: text for path, text in {**before, **after}.items() if text is not None}
    return between({p: t.encode() for p, t in before.items()}, {p: t.encode() for p, t in files.items()})


def gate(command: str = "pytest -q") -> Gate:
    run, report = reporting(command.split())
    return Gate.model_validate({"kind": GateKind.TESTS, "run": run, "report": report})


def head_of(room: FolderRoom, change: ChangeSet) -> Plant:
    laid: dict[str, bytes | None] = {}
    for delta in change.deltas:
        laid |= {delta.was: None} if delta.was else {}
        laid[delta.path] = delta.after

    def plant(overlay: dict[str, bytes | None]) -> AbstractAsyncContextManager[Room]:
        return room.checkout({**laid, **overlay})

    return plant


async def proved(project: MakeRoom, after: dict[str, str | None], *claims: str) -> Measured:
    change, room = change_of(after), project(BASE)
    told = [TestClaim(id=claim, proves=("FR-001",), what="it") for claim in claims]
    return await prove_change(change, gate(), room.checkout, head_of(room, change), claims=told, environment="e")


# -- which tests a change brings ---------------------------------------------------------------------------------------

PY_BEFORE = (
    "class TestA:\n    def test_m(self):\n        assert 1\n\n\ndef test_a():\n    assert 2\n\n\ndef x(): pass\n"
)


@pytest.mark.parametrize(
    ("after", "ids"),
    [
        (PY_BEFORE, []),
        ("# a comment\n" + PY_BEFORE.replace("assert 2", "assert  2  # two"), []),
        (PY_BEFORE.replace("assert 2", '"""Why."""\n    assert 2'), []),
        (PY_BEFORE.replace("assert 2", "assert 3"), ["test_a"]),
        (PY_BEFORE.replace("assert 1", "assert 4"), ["TestA::test_m"]),
        (PY_BEFORE + "async def test_b(): pass\n", ["test_b"]),
        (PY_BEFORE + "import unittest\nclass B(unittest.TestCase):\n    def test_c(self): pass\n", ["B::test_c"]),
        (PY_BEFORE + "class Mixin(object):\n    def test_c(self): pass\n", []),
        (PY_BEFORE.replace("def test_a", "@pytest.mark.parametrize('x', [1])\ndef test_a"), ["test_a"]),
        ("def broken(:", []),
    ],
)
def test_new_and_rewritten_tests_of_python_are_found(after: str, ids: list[str]) -> None:
    change = change_of({"tests/test_x.py": after}, {"tests/test_x.py": PY_BEFORE})
    assert [test.id for test in changed_tests(change)] == [f"tests/test_x.py::{name}" for name in ids]


JS_BEFORE = "describe('cart', () => { it('adds', () => { expect(1).toBe(1); }); });\ntest('a', () => {});\n"


@pytest.mark.parametrize("path", ["test/x.test.js", "test/x.test.ts", "test/x.test.tsx", "test/x.spec.mjs"])
@pytest.mark.parametrize(
    ("after", "ids"),
    [
        ("// said\n" + JS_BEFORE.replace("it('adds', () => {", "it('adds',\n  () => {"), []),
        (JS_BEFORE.replace("toBe(1)", "toBe(2)"), ["cart > adds"]),
        (JS_BEFORE + "test.each([1])('n %i', (n) => {});\n", ["n %i"]),
        (JS_BEFORE.replace("it('adds'", "it.only('adds'"), ["cart > adds"]),
        (JS_BEFORE + "it(`b ${1}`, async () => {});\n", ["b ${1}"]),
        ("const x = ;", []),
    ],
)
def test_new_and_rewritten_tests_of_javascript_are_found(path: str, after: str, ids: list[str]) -> None:
    change = change_of({path: after}, {path: JS_BEFORE})
    assert [test.id for test in changed_tests(change)] == [f"{path}::{name}" for name in ids]


def test_a_moved_test_is_neither_new_nor_rewritten() -> None:
    moved = change_of({"tests/test_y.py": PY_BEFORE, "tests/test_x.py": None}, {"tests/test_x.py": PY_BEFORE})
    assert changed_tests(moved) == ()
    apart = {
        "tests/test_x.py": PY_BEFORE.partition("\n\n\n")[0] + "\n",
        "tests/test_z.py": "def test_a():\n    assert 2\n",
    }
    assert changed_tests(change_of(dict(apart), {"tests/test_x.py": PY_BEFORE})) == ()
    assert deleted_tests(moved) == {"tests/test_x.py::TestA::test_m", "tests/test_x.py::test_a"}


# -- red, green, red ---------------------------------------------------------------------------------------------------


async def test_a_fix_with_its_test_is_proved(project: MakeRoom) -> None:
    found = await proved(project, {**FIX, "tests/test_new.py": NEW})
    assert found.holds
    assert found.objections == ()
    assert "1 of 1 claimed tests fail on the base for the right reason" in found.result.reason


@pytest.mark.parametrize(
    ("claims", "rules"), [((), []), (("tests/test_discount.py::test_off",), ["proof/wrong-reason"])]
)
async def test_a_test_file_that_needs_what_the_change_brings_is_proved_where_nobody_claims_it(
    project: MakeRoom, claims: tuple[str, ...], rules: list[str]
) -> None:
    """An import of the new module at the file's top is how most people write it."""
    files = {"discount.py": "def off(): return 3\n", "tests/test_discount.py": "from discount import off\n\n\n"}
    files["tests/test_discount.py"] += "def test_off():\n    assert off() == 3\n"
    found = await proved(project, dict(files), *claims)
    assert [objection.rule for objection in found.objections] == rules


async def test_nothing_new_is_nothing_to_prove(project: MakeRoom) -> None:
    assert vacuous(await proved(project, dict(FIX)))


WRONG = [
    ("def test_new():\n    assert 1\n", [("proof/passes-on-base", Severity.LOW)]),
    ("import gone\n\n\ndef test_new():\n    assert 1\n", [("proof/wrong-reason", "medium"), ("proof/not-run", "high")]),
    ("def test_new(nowhere):\n    assert 1\n", [("proof/wrong-reason", "medium"), ("proof/not-green", "high")]),
    ("def test_new():\n    from shop import total\n    assert total() == 4\n", [("proof/not-green", "high")]),
    (
        "import pathlib\n\n\ndef test_new():\n    from shop import total\n    seen = pathlib.Path('seen')\n"
        "    fine = total() == 3 and not seen.exists()\n    seen.touch()\n    assert fine\n",
        [("proof/flaky", "high")],
    ),
    ("import pytest\n\n\n@pytest.mark.skip\ndef test_new():\n    assert 0\n", [("proof/skipped", "low")] * 2),
    (
        "def test_new():\n    import socket\n    from shop import total\n"
        "    assert total() == 3 or socket.create_connection(('127.0.0.1', 1))\n",
        [("proof/wrong-reason", "medium")],
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize(("source", "told"), WRONG)
async def test_what_a_test_fails_to_prove_is_named(project: MakeRoom, source: str, told: list[tuple[str, str]]) -> None:
    found = await proved(project, {**FIX, "tests/test_new.py": source})
    assert [(objection.rule, objection.severity) for objection in found.objections] == told


async def test_a_claimed_test_that_passes_on_the_base_proves_nothing(project: MakeRoom) -> None:
    after = {**FIX, "tests/test_new.py": "def test_new():\n    assert 1\n"}
    found = await proved(project, dict(after), "tests/test_new.py::test_new")
    assert [(objection.rule, objection.blocks) for objection in found.objections] == [("proof/passes-on-base", True)]


async def test_a_forged_green_is_no_green(project: MakeRoom) -> None:
    forged = "import _pytest.python as p\np.Function.runtest = lambda self: None\ndef total(): return 1\n"
    found = await proved(project, {"shop.py": forged, "tests/test_new.py": NEW})
    assert not found.result.green
    assert "proof/tripwire" in {objection.rule for objection in found.objections}


# -- the tests that were there -----------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("after", "rules"),
    [
        ({}, []),
        ({"tests/test_old.py": None}, []),
        ({"tests/test_old.py": None, "tests/test_moved.py": BASE["tests/test_old.py"]}, []),
        (
            {"conftest.py": "collect_ignore_glob = ['tests/test_o*']\n", "tests/test_b.py": "def test_b(): pass\n"},
            ["m"],
        ),
        ({"conftest.py": "def pytest_collection_modifyitems(items): items[:] = items[:1]\n"}, ["m"]),
        ({"shop.py": "import pytest\ndef total(): pytest.skip('not today')\n"}, ["s"]),
        ({"tests/test_old.py": BASE["tests/test_old.py"] + "test_old = None\n"}, ["m"]),
    ],
)
async def test_no_test_of_the_base_gets_lost(project: MakeRoom, after: dict[str, str | None], rules: list[str]) -> None:
    before = {**BASE, "tests/test_also.py": "def test_also(): pass\n"}
    change, room = change_of(after, before), project(before)
    base = await run_gate("tests", gate(), room, tree="b", environment="e", reruns=0)
    async with head_of(room, change)({}) as there:
        head = await run_gate("tests", gate(), there, tree="h", environment="e", reruns=0)
    found = still_reported(base, head, change)
    words = {"m": "proof/missing-test", "s": "proof/now-skipped"}
    assert [objection.rule for objection in found.objections] == [words[rule] for rule in rules]
    assert found.result.outcome is (Outcome.FAILED if rules else Outcome.PASSED)
    assert found.result.evidence.examined == 2

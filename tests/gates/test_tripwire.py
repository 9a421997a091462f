"""Code under test runs inside the runner. Whatever it does to the report there, the tripwires tell."""

import json

import pytest

from setpoint.gates.commands import reporting
from setpoint.gates.tripwire import tripwire
from setpoint.gates.trusted import run_wired
from setpoint.model.evidence import GateKind, Outcome
from setpoint.model.gate import Gate
from setpoint.model.judgement import Measured
from setpoint.testing.gate_rooms import FolderRoom, MakeRoom

TESTS = "def test_total():\n    from shop import total\n    assert total() == 3\n"
OLD = {"shop.py": "def total(): return 3\n", "tests/__init__.py": "", "tests/test_shop.py": TESTS}
UNIT = (
    "import unittest\nimport shop\n\n\nclass T(unittest.TestCase):\n"
    "    def test_total(self):\n        self.assertEqual(shop.total(), 3)\n"
)


def gate(command: str, **more: object) -> Gate:
    run, report = reporting(command.split(" "))
    return Gate.model_validate({"kind": GateKind.TESTS, "run": run, "report": report, **more})


async def wired(room: FolderRoom, command: str = "pytest -q", **more: object) -> Measured:
    changed = ("shop.py", "tests/conftest.py", "shop.js")
    return await run_wired(
        "tests", gate(command, **more), room.checkout, tree="t", environment="e", changed=changed, reruns=0
    )


# -- honest projects --------------------------------------------------------------------------------------------------

HONEST = [
    "pytest -q",
    "pytest -q -x tests",
    "pytest --tb=no tests/test_shop.py",
    "pytest -q tests/test_shop.py::test_total",
    "pytest -q -k total",
    "python -m unittest discover -v",
    "python -m unittest discover -s tests -t .",
    "python -m unittest tests.test_unit",
    "python -m unittest -f",
]


@pytest.mark.parametrize("command", HONEST)
async def test_green_tests_stay_green_and_the_tripwires_are_not_counted(project: MakeRoom, command: str) -> None:
    found = await wired(project({**OLD, "tests/test_unit.py": UNIT}), command)
    assert found.holds, found
    assert found.result.reason.endswith("tripwires held")
    assert found.result.evidence.examined == len(found.result.tests) in (1, 2)
    assert {test.id.rpartition("::")[2] for test in found.result.tests} == {"test_total"}


@pytest.mark.parametrize("command", ["pytest -q", "pytest -q -x", "python -m unittest discover -s tests -t ."])
async def test_a_failing_test_fails_and_is_the_only_one_that_is_told(project: MakeRoom, command: str) -> None:
    files = {**OLD, "tests/test_unit.py": UNIT, "shop.py": "def total(): return 1\n"}
    found = await wired(project(files), command)
    assert found.result.outcome is Outcome.FAILED
    assert all("test_total fails" in objection.what for objection in found.objections)


DJANGO = {
    "manage.py": "import os, sys\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site_settings')\n"
    "from django.core.management import execute_from_command_line\nexecute_from_command_line(sys.argv)\n",
    "site_settings.py": "SECRET_KEY = 'x'\nINSTALLED_APPS = ['shop']\n",
    "shop/__init__.py": "",
    "shop/models.py": "def total(): return 3\n",
    "shop/tests.py": "from django.test import SimpleTestCase\nfrom shop.models import total\n"
    "class T(SimpleTestCase):\n    def test_total(self): self.assertEqual(total(), 3)\n",
}


@pytest.mark.parametrize("labels", ["", " shop", " shop.tests --failfast"])
async def test_django_carries_them_whatever_is_named(project: MakeRoom, labels: str) -> None:
    found = await wired(project(DJANGO), f"python manage.py test{labels}")
    assert found.result.reason == "1 test passed; 12 tripwires held"


async def test_django_whose_assertions_say_nothing_is_not_believed(project: MakeRoom) -> None:
    silent = "import unittest\nunittest.TestCase.assertEqual = lambda *a: None\ndef total(): return 1\n"
    found = await wired(project({**DJANGO, "shop/models.py": silent}), "python manage.py test")
    assert [objection.rule for objection in found.objections] == ["proof/patched-runner"]


async def test_marks_and_configured_options_are_honoured(project: MakeRoom) -> None:
    ini = "[pytest]\nmarkers =\n  unit\n  slow\naddopts = -x --strict-markers -p no:randomly\ntestpaths = tests\n"
    marked = "import pytest\n@pytest.mark.unit\n" + TESTS + "def test_other(): assert 0\n"
    room = project({**OLD, "pytest.ini": ini, "tests/test_shop.py": marked})
    run, report = reporting(["pytest", "-q", "-m", "unit and not slow"])
    unit = Gate.model_validate({"kind": GateKind.TESTS, "run": run, "report": report})
    found = await run_wired("tests", unit, room.checkout, tree="t", environment="e", reruns=0)
    assert found.result.reason == "1 test passed; 26 tripwires held"


async def test_a_command_that_cannot_carry_them_accuses_nobody(project: MakeRoom) -> None:
    """The base's own configuration hides the tripwires: they are tried there before anybody is accused."""
    ini = "[pytest]\npython_files = check_*.py\n"
    room = project({"pytest.ini": ini, "tests/check_shop.py": TESTS, "shop.py": OLD["shop.py"]})
    alone = await wired(room)
    assert alone.objections[0].rule == "proof/tripwire"
    calm = await run_wired("tests", gate("pytest -q"), room.checkout, base=room.checkout, tree="t", environment="e")
    assert calm.holds
    assert "no tripwire: on the base it does not report them either" in calm.result.reason


async def test_a_tool_that_takes_no_test_files_says_so(project: MakeRoom) -> None:
    found = await wired(project({**OLD, "Makefile": "check:\n\tpython -m pytest -q\n"}), "make check")
    assert found.result.reason.endswith("no tripwire: make takes none")


async def test_a_broken_test_file_is_still_told_as_what_it_is(project: MakeRoom) -> None:
    found = await wired(project({**OLD, "tests/test_bad.py": "import gone\n"}))
    assert found.result.outcome is Outcome.REFUSED
    assert "interrupted before all tests ran" in found.result.reason


def test_every_run_has_names_and_words_of_its_own() -> None:
    drawn = [tripwire(gate("pytest -q"), OLD.keys(), lambda path: OLD[path].encode()) for _ in range(2)]
    assert all(drawn)
    assert not {path for made in drawn if made for path in made.files} & set(OLD)
    first, second = ({wire.token for wire in made.wires} for made in drawn if made)
    assert not first & second


# -- attacks ----------------------------------------------------------------------------------------------------------

WRONG = "def total(): return 1\n"
LATER = "import atexit, os\n@atexit.register\ndef later():\n    path = os.environ['SETPOINT_REPORTS'] + '/report'\n"
CALL = "from _pytest.runner import CallInfo\n"
ATTACKS = {
    "the report is rewritten at exit": f"{LATER}    import re\n    text = open(path).read()\n"
    "    open(path, 'w').write(re.sub(r'<failure.*?</failure>', '', text, flags=re.S))\n",
    "the report is replaced by an earlier one": f"{LATER}    open(path, 'w').write('<testsuite><testcase "
    'classname="tests.test_shop" name="test_total" file="tests/test_shop.py"/></testsuite>\')\n    os._exit(0)\n',
    "failing cases are dropped from it": f"{LATER}    import re\n    text = open(path).read()\n"
    "    open(path, 'w').write(re.sub(r'<testcase [^>]*><failure.*?</testcase>', '', text, flags=re.S))\n",
    "the report is emptied": f"{LATER}    open(path, 'w').write('<testsuites/>')\n    os._exit(0)\n",
    "only the exit code is changed": "import atexit, os\natexit.register(os._exit, 0)\n",
    "the process ends at the import": "import os\nos._exit(0)\n",
    "reports say passed": "import _pytest.reports as r\nold = r.TestReport.from_item_and_call.__func__\n"
    "def fake(cls, item, call):\n    call.excinfo = None\n    return old(cls, item, call)\n"
    "r.TestReport.from_item_and_call = classmethod(fake)\n",
    "no test is run": "import _pytest.python as p\np.Function.runtest = lambda self: None\n",
    "no hook is called": "import pluggy._manager as m\nold = m.PluginManager._hookexec\n"
    "def fake(self, name, impls, kw, first):\n    return None if name == 'pytest_pyfunc_call' else "
    "old(self, name, impls, kw, first)\nm.PluginManager._hookexec = fake\n",
    "the report's writer forgets failures": "import _pytest.junitxml as j\n"
    "j._NodeReporter.append_failure = lambda self, report: self.append_pass(report)\n",
    "every exception is swallowed": f"{CALL}old = CallInfo.from_call.__func__\n"
    "def fake(cls, func, when, reraise=None):\n    def calm():\n        try: func()\n        except Exception: pass\n"
    "    return old(cls, calm, when, reraise)\nCallInfo.from_call = classmethod(fake)\n",
    "a hook joins while the tests run": "import gc, pytest\nclass P:\n    @pytest.hookimpl(wrapper=True)\n"
    "    def pytest_runtest_makereport(self, item, call):\n        call.excinfo = None\n        return (yield)\n"
    "for m in [o for o in gc.get_objects() if type(o).__name__ == 'PytestPluginManager']:\n    m.register(P())\n",
    "only the tests of this file are whitewashed": "import _pytest.reports as r\n"
    "old = r.TestReport.from_item_and_call.__func__\ndef fake(cls, item, call):\n"
    "    if 'test_shop' in item.nodeid:\n        call.excinfo = None\n    return old(cls, item, call)\n"
    "r.TestReport.from_item_and_call = classmethod(fake)\n",
}


@pytest.mark.parametrize("attack", ATTACKS)
async def test_a_runner_changed_from_inside_is_not_believed(project: MakeRoom, attack: str) -> None:
    found = await wired(project({**OLD, "shop.py": ATTACKS[attack] + WRONG}))
    assert not found.result.green
    assert {objection.rule for objection in found.objections} <= {"proof/tripwire", "proof/patched-runner"}, found
    assert found.objections[0].blocks


async def test_a_hook_of_the_changes_own_conftest_is_named(project: MakeRoom) -> None:
    conftest = (
        "import pytest\n@pytest.hookimpl(hookwrapper=True)\ndef pytest_runtest_makereport(item, call):\n"
        "    outcome = yield\n    report = outcome.get_result()\n"
        "    if 'total' in item.name and report.failed:\n        report.outcome = 'passed'\n"
    )
    found = await wired(project({**OLD, "shop.py": WRONG, "tests/conftest.py": conftest}))
    (objection,) = found.objections
    assert objection.rule == "proof/patched-runner"
    assert "pytest_runtest_makereport of" in objection.cause


@pytest.mark.parametrize(
    "attack",
    [
        "import unittest\nunittest.TestCase.assertEqual = lambda *a: None\n",
        "import unittest\nunittest.TestCase.run = lambda self, result=None: result.addSuccess(self)\n",
        "import unittest\nunittest.TestResult.addFailure = lambda self, test, err: self.addSuccess(test)\n",
        "import sys, os\nos._exit(0)\n",
        "import sys, os\nsys.stderr.write('test_total (tests.test_unit.T.test_total) ... ok\\nRan 1 test in 0.0s\\n\\n"
        "OK\\n')\nsys.stderr.flush()\nos._exit(0)\n",
        "import unittest\nunittest.case._Outcome.testPartExecutor.__wrapped__\n"
        "unittest.TestCase._callTestMethod = lambda self, method: None\n",
    ],
)
async def test_a_changed_unittest_is_not_believed(project: MakeRoom, attack: str) -> None:
    files = {**OLD, "tests/test_unit.py": UNIT, "shop.py": attack + WRONG}
    found = await wired(project(files), "python -m unittest discover -s tests -t .")
    assert not found.result.green
    assert {objection.rule for objection in found.objections} <= {"proof/tripwire", "proof/patched-runner"}, found


# -- JavaScript -------------------------------------------------------------------------------------------------------

CJS = {
    "shop.js": "exports.total = () => 3;\n",
    "test/shop.test.js": "const shop = require('../shop.js');\nconst test = require('node:test');\n"
    "const assert = require('node:assert');\ntest('total', () => { assert.strictEqual(shop.total(), 3); });\n",
}
ESM = {
    "package.json": json.dumps({"type": "module"}),
    "shop.js": "export const total = () => 3;\n",
    "test/shop.test.js": "import test from 'node:test';\nimport assert from 'node:assert';\n"
    "import { total } from '../shop.js';\ntest('total', () => { assert.strictEqual(total(), 3); });\n",
}


@pytest.mark.parametrize("files", [CJS, ESM])
@pytest.mark.parametrize("command", ["node --test", "node --test test/shop.test.js"])
async def test_node_tests_carry_them_in_either_kind_of_module(
    project: MakeRoom, files: dict[str, str], command: str
) -> None:
    found = await wired(project(files), command)
    assert found.result.reason == "1 test passed; 8 tripwires held"


@pytest.mark.parametrize(
    "attack",
    [
        "const a = require('node:assert'); a.strictEqual = a.deepStrictEqual = () => {};\n",
        "process.on('exit', () => { process.exitCode = 0; process.reallyExit(0); });\nprocess.exit(0);\n",
        "const Module = require('node:module'); const load = Module._load; const real = require('node:test');\n"
        "Module._load = (name, ...rest) => name === 'node:test' ? (title) => real(title, () => {}) "
        ": load(name, ...rest);\n",
    ],
)
async def test_a_changed_node_runner_is_not_believed(project: MakeRoom, attack: str) -> None:
    found = await wired(project({**CJS, "shop.js": attack + "exports.total = () => 1;\n"}), "node --test")
    assert not found.result.green
    assert "proof/tripwire" in {objection.rule for objection in found.objections}, found

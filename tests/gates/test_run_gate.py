"""Real tools on small real projects: three outcomes, each with a count and its evidence."""

import hashlib
import json
import subprocess

import pytest

from setpoint.gates.commands import reporting
from setpoint.gates.objections import objections
from setpoint.gates.run import run_gate
from setpoint.model.evidence import GateKind, GateResult, Outcome
from setpoint.model.gate import Gate
from setpoint.model.objection import Deviation, Severity
from setpoint.testing.gate_rooms import FolderRoom, MakeRoom

GREEN = "def test_one(): pass\ndef test_two(): pass\n"


def gate(command: str, kind: GateKind = GateKind.TESTS, **more: object) -> Gate:
    run, report = reporting(command.split())
    return Gate.model_validate({"kind": kind, "run": run, "report": report, **more})


async def judged(room: FolderRoom, gate: Gate, reruns: int = 0) -> GateResult:
    return await run_gate("it", gate, room, tree="tree", environment="env", reruns=reruns)


# -- pytest ----------------------------------------------------------------------------------------------------------


async def test_green_tests_pass_with_their_count_and_evidence(project: MakeRoom) -> None:
    room = project({"tests/test_a.py": GREEN})
    kept: dict[str, bytes] = {}

    def keep(content: bytes) -> str:
        digest = hashlib.sha256(content).hexdigest()
        kept[digest] = content
        return digest

    tests = gate("pytest -q")
    result = await run_gate("tests", tests, room, tree="tree", environment="env", keep=keep)
    assert (result.outcome, result.reason, result.green) == (Outcome.PASSED, "2 tests passed", True)
    evidence = result.evidence
    assert (evidence.examined, evidence.unit, evidence.exit_code, evidence.sandbox) == (2, "tests", 0, "none")
    assert (evidence.tree, evidence.environment, evidence.definition) == ("tree", "env", tests.digest())
    assert b"2 passed" in kept[evidence.output]
    assert [test.id for test in result.tests] == ["tests/test_a.py::test_one", "tests/test_a.py::test_two"]
    assert objections(result) == ()


async def test_ids_are_those_that_pytest_takes(project: MakeRoom) -> None:
    source = (
        "import pytest\nfrom tests.common import Common\n"
        "class TestX:\n    @pytest.mark.parametrize('a', [1, 'x/y.z::[q]'])\n    def test_m(self, a): assert a == 1\n"
        "    class TestIn:\n        def test_n(self): assert 0\n"
        "class TestMine(Common): pass\n"
    )
    common = "class Common:\n    def test_inherited(self): assert 0\n"
    room = project({"tests/__init__.py": "", "tests/test_a.py": source, "tests/common.py": common})
    result = await judged(room, gate("pytest -q"), reruns=1)
    failed = [test.id for test in result.tests if test.outcome == "failed"]
    assert failed == [
        "tests/test_a.py::TestX::test_m[x/y.z::[q]]",
        "tests/test_a.py::TestX::TestIn::test_n",
        "tests/test_a.py::TestMine::test_inherited",
    ]
    assert len(room.ran) == 2
    assert result.flaky == ()  # so the re-run found each of them, and they failed again


async def test_a_red_test_objects_with_its_place_cause_and_probe(project: MakeRoom) -> None:
    room = project({"tests/test_a.py": "def test_sum():\n    left = 1\n    assert left == 2\n"})
    result = await judged(room, gate("pytest -q"))
    assert result.outcome is Outcome.FAILED
    assert result.reason == "1 of 1 test failed: tests/test_a.py::test_sum"
    (objection,) = objections(result)
    assert objection.what == "test tests/test_a.py::test_sum fails"
    assert objection.cause == "assert 1 == 2"
    assert (objection.severity, objection.deviation) == (Severity.HIGH, Deviation.BEHAVIOUR)
    assert objection.place
    assert (objection.place.path, objection.place.line) == ("tests/test_a.py", 3)
    assert objection.probe == "python -m pytest -q tests/test_a.py::test_sum"


@pytest.mark.parametrize(
    ("command", "name", "source", "flaky"),
    [
        (
            "python -m unittest -v",
            "test_a.py",
            "import pathlib, unittest\nclass T(unittest.TestCase):\n    def test_flips(self):\n        mark = "
            "pathlib.Path('mark')\n        seen = mark.exists()\n        mark.touch()\n        self.assertTrue(seen)\n",
            "::test_flips",
        ),
        (
            "node --test",
            "a.test.mjs",
            "import fs from 'node:fs';\nimport test from 'node:test';\ntest('flips', () => {\n  const seen = "
            "fs.existsSync('mark'); fs.writeFileSync('mark', '');\n  if (!seen) throw new Error('not yet');\n});\n",
            "::flips",
        ),
        ("sh go.sh", "go.sh", "echo 'Ran 1 test in 0s'; test -e mark || { touch mark; exit 1; }", "the whole command"),
    ],
)
async def test_flaky_is_told_from_red_for_every_runner(
    project: MakeRoom, command: str, name: str, source: str, flaky: str
) -> None:
    result = await judged(project({name: source}), gate(command), reruns=1)
    assert result.outcome is Outcome.FAILED
    assert [name.endswith(flaky) for name in result.flaky] == [True]
    assert result.reason.startswith("flaky: ")


async def test_a_flaky_test_is_named_and_not_green(project: MakeRoom) -> None:
    flips = (
        "import pathlib\ndef test_flips():\n    mark = pathlib.Path('mark')\n    seen = mark.exists()\n"
        "    mark.touch()\n    assert seen\ndef test_red(): assert 0\n"
    )
    result = await judged(project({"test_a.py": flips}), gate("pytest -q"), reruns=2)
    assert result.flaky == ("test_a.py::test_flips",)
    assert result.outcome is Outcome.FAILED
    assert result.reason.startswith("flaky: 1 of the failed tests passed when run again")
    assert result.reason.endswith("1 more failed every time")
    assert ["flaky" in objection.what for objection in objections(result)] == [True, False]


async def test_a_failed_threshold_is_red_though_all_tests_pass(project: MakeRoom) -> None:
    plugin = "def pytest_sessionfinish(session):\n    session.exitstatus = 1\n"
    result = await judged(project({"test_a.py": GREEN, "conftest.py": plugin}), gate("pytest -q"))
    assert result.outcome is Outcome.FAILED
    assert "exited with 1, though no test of 2 tests failed" in result.reason
    assert len(objections(result)) == 1


async def test_a_code_of_zero_does_not_hide_a_red_test(project: MakeRoom) -> None:
    plugin = "def pytest_sessionfinish(session):\n    session.exitstatus = 0\n"
    result = await judged(project({"test_a.py": "def test_a(): assert 0\n", "conftest.py": plugin}), gate("pytest -q"))
    assert result.outcome is Outcome.FAILED
    assert "though it exited with 0" in result.reason


async def test_a_project_in_a_folder_runs_there_and_reports_paths_of_the_repository(project: MakeRoom) -> None:
    room = project({"api/test_a.py": "import pathlib\ndef test_a(): assert pathlib.Path.cwd().name != 'api'\n"})
    result = await judged(room, gate("pytest -q", where="api"), reruns=1)
    assert [test.id for test in result.tests] == ["api/test_a.py::test_a"]
    assert result.flaky == ()


REFUSED = [
    ("no tests", {"a.py": ""}, "pytest -q", "it found no tests"),
    ("all skipped", {"test_a.py": "import pytest\n@pytest.mark.skip\ndef test_a(): pass\n"}, "pytest -q", "0 tests"),
    ("none selected", {"test_a.py": GREEN}, "pytest -q -k nothing", "it found no tests"),
    ("missing path", {"test_a.py": GREEN}, "pytest -q gone", "arguments or its configuration"),
    ("unknown option", {"test_a.py": GREEN}, "pytest --nonsense", "arguments or its configuration"),
    ("syntax error", {"test_a.py": GREEN, "test_b.py": "def x(:\n"}, "pytest -q", "SyntaxError"),
    ("import error", {"test_a.py": GREEN, "test_b.py": "import gone\n"}, "pytest -q", "No module named 'gone'"),
    ("exit in a test module", {"test_a.py": GREEN, "test_b.py": "import sys; sys.exit(0)\n"}, "pytest -q", "3"),
    ("exit in conftest", {"test_a.py": GREEN, "conftest.py": "import sys; sys.exit(0)\n"}, "pytest -q", "no report"),
    ("exit in a test", {"test_a.py": "import os\ndef test_a(): os._exit(0)\n"}, "pytest -q", "wrote no report"),
    ("crash", {"test_a.py": "import os\ndef test_a(): os.abort()\n"}, "pytest -q", "signal 6"),
    ("missing tool", {"a.py": ""}, "nonsense-tool --check", "nonsense-tool is missing"),
    ("missing module", {"a.py": ""}, "python -m nonsense", "nonsense is missing"),
    ("missing make target", {"Makefile": "a:\n"}, "make test", "missing"),
    ("make without the tool", {"Makefile": "test:\n\t@nonsense-tool\n"}, "make test", "is missing"),
    ("nothing behind make", {"Makefile": "test:\n\tpython -m unittest discover\n"}, "make test", "0 tests"),
    ("silent empty pytest", {"Makefile": "test:\n\t-python -m pytest -q\n"}, "make test", "0 tests"),
    ("empty folder", {}, "true", "0 files"),
    ("unittest without tests", {"a.py": ""}, "python -m unittest discover", "0 tests"),
    ("node without tests", {"a.js": ""}, "node --test", "0 tests"),
    ("node with a wrong option", {"a.test.js": ""}, "node --test --nonsense", "exited with 9"),
]


@pytest.mark.parametrize(
    ("files", "command", "why"),
    [pytest.param(*row[1:], id=row[0], marks=[pytest.mark.slow] * (at % 2)) for at, row in enumerate(REFUSED)],
)
async def test_what_examined_nothing_or_crashed_is_refused(
    project: MakeRoom, files: dict[str, str], command: str, why: str
) -> None:
    result = await judged(project(files), gate(command))
    assert result.outcome is Outcome.REFUSED, result.reason
    assert why in result.reason
    assert not result.green
    assert "\n" not in result.reason
    assert objections(result)


async def test_a_collection_error_objects_with_the_file_not_with_the_environment(project: MakeRoom) -> None:
    result = await judged(project({"test_a.py": GREEN, "test_b.py": "import gone\n"}), gate("pytest -q"))
    (objection,) = objections(result)
    assert objection.what == "test test_b.py could not run"
    assert objection.cause == "ModuleNotFoundError: No module named 'gone'"


async def test_a_missing_tool_objects_to_the_environment(project: MakeRoom) -> None:
    (objection,) = objections(await judged(project({"a.py": ""}), gate("nonsense-tool")))
    assert objection.deviation is Deviation.ENVIRONMENT


async def test_a_gate_that_runs_too_long_is_refused(project: MakeRoom) -> None:
    result = await judged(project({"a.py": ""}), gate("sleep 60", timeout=0.2))
    assert result.outcome is Outcome.REFUSED
    assert "stopped after 0.2 seconds" in result.reason


async def test_huge_output_is_bounded_and_the_verdict_stands(project: MakeRoom) -> None:
    noisy = "def test_a():\n    print('x' * 30_000_000)\ndef test_b(): pass\n"
    result = await judged(project({"test_a.py": noisy}), gate("pytest -q -s"))
    assert (result.outcome, result.evidence.examined) == (Outcome.PASSED, 2)
    assert len(result.tail) < 9000


@pytest.mark.parametrize(
    ("write", "why"),
    [
        ("open(report, 'w').write('<nonsense')", "cannot be read"),
        ("open(report, 'w').write('<html/>')", "not JUnit XML"),
        ("open(report, 'w').write('<!DOCTYPE x [<!ENTITY a \"b\">]><testsuites/>')", "declares entities"),
        ("open(report, 'w').write('<testsuites/>')", "0 tests"),
        ("open(report, 'wb').write(b'\\xff\\x00')", "cannot be read"),
        ("os.symlink('/etc/passwd', report)", "no report"),
        ("os.mkfifo(report)", "no report"),
        ("os.mkdir(report)", "no report"),
        ("pass", "no report"),
    ],
)
async def test_a_report_that_cannot_be_trusted_is_refused(project: MakeRoom, write: str, why: str) -> None:
    room = project({"tool.py": f"import os, sys\nreport = sys.argv[1]\n{write}\n"})
    odd = Gate(kind=GateKind.TESTS, run=("python", "tool.py", "{report}"), report="junit")
    result = await judged(room, odd)
    assert result.outcome is Outcome.REFUSED
    assert why in result.reason


async def test_arguments_reach_the_tool_as_they_are(project: MakeRoom) -> None:
    words = ("a b", "$HOME", "`id`", "'", '"', "*", ";", "", "--out={report}x", "\n")
    room = project({"tool.py": "import sys, json; json.dump(sys.argv[1:], open('seen', 'w'))\n"})
    await judged(room, Gate(kind=GateKind.OTHER, run=("python", "tool.py", *words)))
    seen = json.loads(room.read("seen"))
    assert tuple(seen[:8]) == words[:8]
    assert seen[8].startswith("--out=/")
    assert seen[9] == "\n"


# -- linters and type checkers ---------------------------------------------------------------------------------------


async def test_ruff_counts_files_and_names_findings(project: MakeRoom) -> None:
    room = project({"a.py": "import os\n", "b.py": "y = 1\n", "ruff.toml": "lint.select = ['F']\n"})
    lint = gate("ruff check --no-cache .", GateKind.LINT)
    red = await judged(room, lint)
    assert red.outcome is Outcome.FAILED
    assert (red.evidence.examined, red.evidence.unit) == (2, "files")
    assert [(entry.path, entry.line, entry.rule) for entry in red.findings] == [("a.py", 1, "F401")]
    (objection,) = objections(red)
    assert (objection.severity, objection.deviation) == (Severity.MEDIUM, Deviation.QUALITY)
    assert objection.what == "F401: `os` imported but unused"
    room.write("a.py", b"x = 1\n")
    green = await judged(room, lint)
    assert (green.reason, green.green) == ("2 files examined, nothing to complain", True)


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("ruff check gone.py", "gone.py could not be read"),
        ("ruff check --nonsense .", "arguments"),
        ("ruff check empty", "0 files"),
        ("ruff format --check empty", "no count"),
        ("ruff format --check gone", "exited with 2"),
        ("mypy gone.py", "no count"),
        ("mypy empty", "no count"),
        ("mypy --nonsense", "no count"),
    ],
)
async def test_a_linter_that_looked_at_nothing_is_refused(project: MakeRoom, command: str, why: str) -> None:
    result = await judged(project({"a.py": "", "empty/readme": ""}), gate(command, GateKind.LINT))
    assert result.outcome is Outcome.REFUSED, result.reason
    assert why in result.reason


async def test_ruff_format_counts_files_and_names_those_it_would_change(project: MakeRoom) -> None:
    room = project({"a.py": "x   = 1\n", "b.py": "y = 1\n"})
    result = await judged(room, gate("ruff format --no-cache --check .", GateKind.FORMAT))
    assert (result.outcome, result.evidence.examined) == (Outcome.FAILED, 2)
    assert [entry.path for entry in result.findings] == ["a.py"]
    room.write("a.py", b"x = 1\n")
    assert (await judged(room, gate("ruff format --no-cache --check .", GateKind.FORMAT))).green


@pytest.mark.slow
async def test_mypy_is_read_from_its_own_words(project: MakeRoom) -> None:
    room = project({"a.py": 'x: int = "a"\n', "b.py": "y = 1\n", "mypy.ini": "[mypy]\npretty = true\n"})
    types = gate("mypy --no-incremental a.py b.py", GateKind.TYPES)
    red = await judged(room, types)
    assert (red.outcome, red.evidence.examined) == (Outcome.FAILED, 2)
    assert [(entry.path, entry.line, entry.rule) for entry in red.findings] == [("a.py", 1, "assignment")]
    room.write("a.py", b"def x(:\n")
    broken = await judged(room, types)
    assert (broken.outcome, broken.findings[0].rule) == (Outcome.FAILED, "syntax")
    room.write("a.py", b"x: int = 1\n")
    green = await judged(room, types)
    assert (green.outcome, green.evidence.examined) == (Outcome.PASSED, 2)


# -- other runners ---------------------------------------------------------------------------------------------------


async def test_node_tests_are_read_with_their_suites(project: MakeRoom) -> None:
    source = (
        "const {test, describe, it} = require('node:test'); const assert = require('node:assert');\n"
        "test('top', () => {}); describe('suite', () => { it('inner', () => assert.equal(1, 2)); it.skip('later') });\n"
    )
    result = await judged(project({"test/a.test.js": source}), gate("node --test"))
    assert (result.outcome, result.evidence.examined) == (Outcome.FAILED, 2)
    told = {test.id.partition("::")[2]: test.outcome for test in result.tests}
    assert told == {"top": "passed", "suite > inner": "failed", "suite > later": "skipped"}


async def test_a_node_test_file_that_cannot_load_is_red_by_its_path(project: MakeRoom) -> None:
    result = await judged(project({"a.test.js": "require('./gone')\n"}), gate("node --test"))
    assert (result.outcome, [test.id for test in result.tests]) == (Outcome.FAILED, ["a.test.js"])


async def test_unittest_is_read_from_its_own_words(project: MakeRoom) -> None:
    source = (
        "import unittest\nclass T(unittest.TestCase):\n    def test_ok(self):\n        '''Words.'''\n"
        "    def test_bad(self): self.assertEqual(1, 2)\n    def test_err(self): raise KeyError('x')\n"
        "    @unittest.skip('why')\n    def test_later(self): pass\n"
        "class S(unittest.TestCase):\n    def setUp(self): raise OSError('down')\n    def test_s(self): pass\n"
    )
    result = await judged(project({"tests/test_u.py": source}), gate("python -m unittest discover -s tests"))
    assert (result.outcome, result.evidence.examined) == (Outcome.FAILED, 4)
    assert {test.id: test.outcome for test in result.tests} == {
        "tests/test_u.py::T::test_ok": "passed",
        "tests/test_u.py::T::test_bad": "failed",
        "tests/test_u.py::T::test_err": "failed",
        "tests/test_u.py::T::test_later": "skipped",
        "tests/test_u.py::S::test_s": "error",
    }


async def test_an_unknown_command_says_that_only_its_code_judged(project: MakeRoom) -> None:
    result = await judged(project({"a.txt": "", "b.txt": ""}), gate("true", GateKind.BUILD))
    assert (result.outcome, result.reason) == (Outcome.PASSED, "no complaint; judged by exit code 0, 2 files in sight")


async def test_make_is_believed_with_the_count_its_output_tells(project: MakeRoom) -> None:
    room = project({"Makefile": "test:\n\tpython -m pytest -q\n", "test_a.py": GREEN})
    result = await judged(room, gate("make test"))
    assert (result.outcome, result.evidence.examined, result.evidence.unit) == (Outcome.PASSED, 2, "tests")


async def test_ignored_files_are_not_in_sight(project: MakeRoom) -> None:
    room = project({"a.txt": "", ".gitignore": "*.log\n", "x.log": ""})
    subprocess.run(["git", "add", "."], cwd=room.path, check=True)
    result = await judged(room, gate("true", GateKind.BUILD))
    assert result.evidence.examined == 2

"""Changed lines that no test runs are named; the figures stand in the reason; doubts are refusals."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from setpoint.gates.commands import reporting
from setpoint.gates.coverage import check_coverage, measure
from setpoint.gates.coverage_report import (
    Coverage,
    Covered,
    joined,
    of_one_project,
    read_cobertura,
    read_coverage_json,
    read_lcov,
    with_tests,
)
from setpoint.gates.measured import vacuous
from setpoint.gates.reading import Layout
from setpoint.model.evidence import GateKind, Outcome
from setpoint.model.gate import Gate
from setpoint.model.judgement import Measured
from setpoint.model.objection import Deviation
from setpoint.testing.gate_grounds import grounds_of

PRICE = '"""Prices."""\n\n\ndef total(prices):\n    """All."""\n    return sum(prices)\n'
TESTED = "from shop import total\n\n\ndef test_total():\n    assert total([1, 2]) == 3\n"
CHECKED = """    if not prices:
        raise ValueError(
            'nothing',
        )
    found = sum(prices)
    return found"""
BRANCHES = PRICE.replace("    return sum(prices)", CHECKED)
BASE = {"shop.py": PRICE, "tests/test_shop.py": TESTED, "pytest.ini": "[pytest]\npythonpath = .\n"}


def gate_of(command: str, **more: object) -> Gate:
    run, report = reporting(command.split())
    return Gate.model_validate({"kind": GateKind.TESTS, "run": run, "report": report, **more})


async def judged(
    tmp_path: Path,
    change: Mapping[str, str],
    base: Mapping[str, str] = BASE,
    gate: Gate | None = None,
    share: float = 90.0,
) -> Measured:
    grounds = grounds_of(tmp_path, base, {**base, **change}, {"tests": gate or gate_of("pytest -q")})
    return await check_coverage(grounds, share=share)


def rules(measured: Measured) -> list[str]:
    return sorted({objection.rule for objection in measured.objections})


async def test_changed_lines_that_no_test_runs_are_named_with_the_figures(tmp_path: Path) -> None:
    told = await judged(tmp_path, {"shop.py": BRANCHES})
    assert told.result.outcome is Outcome.FAILED
    assert told.result.reason.startswith("3 of 6 changed lines are run by tests (50.0 %);")
    (objection,) = told.objections
    assert (objection.rule, objection.place and objection.place.line) == ("coverage/uncovered", 7)
    assert "`raise ValueError(`" in objection.what
    assert "lines 7-9 of shop.py" in objection.evidence


async def test_a_tested_change_holds_and_says_how_much_was_looked_at(tmp_path: Path) -> None:
    more = TESTED + "\n\ndef test_none():\n    import pytest\n    with pytest.raises(ValueError):\n        total([])\n"
    told = await judged(tmp_path, {"shop.py": BRANCHES, "tests/test_shop.py": more})
    assert (told.holds, told.result.evidence.examined) == (True, 6)
    assert told.result.reason == "6 of 6 changed lines are run by tests (100.0 %); 100.0 % of all lines"
    assert told.result.evidence.argv[1:4] == ("-m", "coverage", "run")


async def test_a_little_that_is_not_run_is_noted_and_does_not_block(tmp_path: Path) -> None:
    told = await judged(tmp_path, {"shop.py": BRANCHES}, share=50)
    assert (told.holds, rules(told)) == (True, ["coverage/uncovered"])


@pytest.mark.parametrize("excuse", ["# pragma: no cover", "# pragma: no cover - later", "# untested"])
async def test_an_excuse_that_the_change_adds_takes_nothing_out(tmp_path: Path, excuse: str) -> None:
    base = {**BASE, ".coveragerc": "[report]\nexclude_also =\n    untested\n"}
    source = BRANCHES.replace("if not prices:", f"if not prices:  {excuse}")
    told = await judged(tmp_path, {"shop.py": source}, base)
    assert not told.holds
    assert rules(told) == ["coverage/excused"]
    assert told.result.reason.startswith("3 of 6")


async def test_what_the_base_leaves_out_by_itself_is_not_counted(tmp_path: Path) -> None:
    base = {**BASE, "shop.py": PRICE + "\n\ndef legacy():  # pragma: no cover\n    return 1\n"}
    told = await judged(tmp_path, {"shop.py": base["shop.py"].replace("return 1", "return 2")}, base)
    assert (told.holds, told.result.reason[:6]) == (True, "0 of 0")


async def test_settings_that_the_change_makes_for_itself_do_not_count(tmp_path: Path) -> None:
    loose = {"shop.py": BRANCHES, ".coveragerc": "[run]\nomit = shop.py\n[report]\nexclude_also = raise\n"}
    assert rules(await judged(tmp_path, loose)) == ["coverage/uncovered"]


async def test_a_module_that_nothing_imports_is_not_run_at_all(tmp_path: Path) -> None:
    told = await judged(tmp_path, {"late/found.py": '"""Late."""\n\nLIMIT = 3\n\n\ndef late():\n    return LIMIT\n'})
    assert told.result.reason.startswith("0 of 3 changed lines")
    assert not told.holds


async def test_nothing_but_tests_prose_and_configuration_is_nothing_to_look_at(tmp_path: Path) -> None:
    quiet = {"tests/test_more.py": TESTED, "README.md": "# shop", "setup.py": "x = 1\n", "docs/conf.py": "x = 1\n"}
    assert vacuous(await judged(tmp_path, quiet))


async def test_red_tests_say_nothing_about_coverage(tmp_path: Path) -> None:
    told = await judged(tmp_path, {"shop.py": PRICE.replace("sum(prices)", "max(prices)")})
    assert told.result.outcome is Outcome.REFUSED
    assert "do not pass under coverage" in told.result.reason
    assert told.objections[0].deviation is Deviation.ENVIRONMENT


async def test_a_command_that_cannot_be_wrapped_is_a_refusal_with_the_fix(tmp_path: Path) -> None:
    told = await judged(tmp_path, {"shop.py": BRANCHES}, gate=gate_of("make test"))
    assert told.result.outcome is Outcome.REFUSED
    assert "configure a tests gate that runs pytest" in told.objections[0].cause


async def test_a_missing_tool_is_a_refusal_with_the_fix(tmp_path: Path) -> None:
    lying = "import sys\nsys.stderr.write('python: No module named coverage\\n')\nsys.exit(1)\n"
    base = {**BASE, "coverage.py": lying}
    told = await judged(tmp_path, {"shop.py": BRANCHES}, base)
    assert told.result.outcome is Outcome.REFUSED
    assert "install `coverage`" in told.objections[0].cause


@pytest.mark.parametrize(
    ("before", "after", "rule"),
    [
        ("fail_under = 85", "fail_under = 85", "coverage/floor"),
        ("fail_under = 60", "fail_under = 40", "coverage/floor-lowered"),
        ("fail_under = 60", "show_missing = true", "coverage/floor-lowered"),
    ],
)
async def test_the_floor_of_the_base_is_kept(tmp_path: Path, before: str, after: str, rule: str) -> None:
    settings = "[run]\nsource = shop\n[report]\n"
    base = {**BASE, ".coveragerc": settings + before}
    told = await judged(tmp_path, {"shop.py": BRANCHES, ".coveragerc": settings + after}, base, share=10)
    assert rule in rules(told)
    assert not told.holds


async def test_unittest_is_measured_too_and_a_projects_folder_is_kept(tmp_path: Path) -> None:
    test = (
        "import unittest\nimport shop\n\n\nclass T(unittest.TestCase):\n"
        "    def test_it(self):\n        self.assertEqual(shop.total([1]), 1)\n"
    )
    base = {"web/shop.py": PRICE, "web/test_shop.py": test, "other.txt": ""}
    gate = gate_of("python -m unittest discover", where="web")
    told = await judged(tmp_path, {"web/shop.py": BRANCHES}, base, gate)
    assert [entry.place.path for entry in told.objections if entry.place] == ["web/shop.py"]
    assert told.result.reason.startswith("3 of 6")


@pytest.mark.parametrize("where", [".", "web"])
async def test_the_tests_that_ran_a_line_are_told_of_the_lines_asked_for(tmp_path: Path, where: str) -> None:
    below = "" if where == "." else f"{where}/"
    base = {f"{below}{path}": text for path, text in BASE.items()}
    gate = gate_of("pytest -q", where=where)
    grounds = grounds_of(tmp_path, base, {**base, f"{below}shop.py": BRANCHES}, {"tests": gate})
    coverage = await measure(grounds, [gate], lines={f"{below}shop.py": {7, 10}})
    assert coverage.files[f"{below}shop.py"].tests == {7: (), 10: ("test_shop.test_total",)}
    assert not any(covered.tests for covered in (await measure(grounds, [gate])).files.values())


@pytest.mark.parametrize("content", [b"", b"[]", b'{"names": [], "files": {"a.py": {"1": [0]}}}', b"\xff"])
def test_tests_of_lines_that_cannot_be_read_are_a_doubt(content: bytes) -> None:
    assert "cannot be read" in str(with_tests(Coverage({}), content, Layout("/r", ".", frozenset())))


SCRIPT = "export function total(prices) {\n  return prices.reduce((a, b) => a + b, 0);\n}\n"
SCRIPT_TEST = (
    "import assert from 'node:assert';\nimport { test } from 'node:test';\nimport { total } from '../src/shop.js';\n"
    "test('total', () => assert.equal(total([1, 2]), 3));\n"
)
SCRIPTS = {"package.json": '{"type": "module"}', "src/shop.js": SCRIPT, "test/shop.test.js": SCRIPT_TEST}


@pytest.mark.parametrize("excuse", ["", "/* node:coverage disable */ ", "/* c8 ignore next */ "])
async def test_node_tests_are_measured_excuses_or_not(tmp_path: Path, excuse: str) -> None:
    change = "  // nothing\n  if (!prices) {\n    " + excuse + "throw new Error('none');\n  }\n"
    source = SCRIPT.replace("{\n", "{\n" + change, 1)
    told = await judged(tmp_path, {"src/shop.js": source}, SCRIPTS, gate_of("node --test"))
    assert told.result.reason.startswith("1 of 2 changed lines")
    (objection,) = told.objections
    assert objection.place
    assert objection.place.line == 4


LAYOUT = Layout("/repo", "web", frozenset(("web/src/a.py", "web/b.js")))


def test_reports_are_read_in_the_repositorys_paths() -> None:
    lcov = b"TN:\nSF:b.js\nDA:1,2\nDA:2,0\nend_of_record\nSF:/repo/web/b.js\nDA:2,1\nend_of_record\n"
    told = read_lcov(lcov, LAYOUT)
    assert not isinstance(told, str)
    assert told.files["web/b.js"].executed == {1, 2}
    xml = (
        b"<coverage><sources><source>/repo/web/src</source></sources><packages><package><classes>"
        b'<class filename="a.py"><lines><line number="1" hits="1"/><line number="2" hits="0"/></lines></class>'
        b"</classes></package></packages></coverage>"
    )
    read = read_cobertura(xml, LAYOUT)
    assert not isinstance(read, str)
    assert (read.files["web/src/a.py"].missing, read.total) == ({2}, 50.0)


BROKEN = [b"", b"{}", b"[1]", b'{"files": {"a": {}}}', b"SF:a\nDA:x,y\n", b"<x/>", b"\xff\0"]


@pytest.mark.parametrize("content", BROKEN)
def test_reports_that_cannot_be_read_say_so(content: bytes) -> None:
    assert isinstance(read_coverage_json(content, LAYOUT), str)
    assert isinstance(read_lcov(content, LAYOUT), str)
    assert isinstance(read_cobertura(content, LAYOUT), str)


def test_runs_over_one_project_are_counted_together_and_projects_by_the_lowest() -> None:
    unit = Coverage({"a.py": Covered(frozenset((1, 2)), frozenset((3, 4)))}, 50.0)
    parts = Coverage({"a.py": Covered(frozenset((1, 3)), frozenset((2, 4)))}, 50.0)
    both = of_one_project([unit, parts])
    assert (both.total, both.files["a.py"].missing) == (75.0, frozenset((4,)))
    assert of_one_project([unit]).total == 50.0
    assert joined([both, unit]).total == 50.0

"""Reports of tools that are not installed here, as those tools write them; and anything else, which is refused."""

import json
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from setpoint.gates.commands import shown, words
from setpoint.gates.junit import read_junit
from setpoint.gates.objections import objections
from setpoint.gates.reading import Layout, Reading, line, steady
from setpoint.gates.reports import read_cobertura, read_json, read_sarif
from setpoint.gates.verdict import judge
from setpoint.model.command import Completed
from setpoint.model.evidence import Evidence, Finding, GateKind, GateResult, Outcome, TestResult
from setpoint.model.gate import Gate

LAYOUT = Layout("/repo", ".", frozenset(("test/a.test.ts", "src/a.ts", "tests/test_a.py", "tests/v1/test_b.py")))
WEB = Layout("/repo", "web", frozenset(("web/test/a.test.ts", "web/src/a.ts")))


def ids(report: str, layout: Layout = LAYOUT) -> list[str]:
    return [f"{test.id} {test.outcome}" for test in read_junit(report.encode(), layout).tests]


@pytest.mark.parametrize(
    ("report", "layout", "expected"),
    [
        (
            '<testsuites><testsuite name="test/a.test.ts"><testcase classname="test/a.test.ts" name="cart &gt; adds">'
            "<failure message='no'/></testcase></testsuite></testsuites>",
            LAYOUT,
            ["test/a.test.ts::cart > adds failed"],
        ),
        (
            '<testsuite name="Mocha Tests">'
            '<testcase classname="cart" name="adds" file="/repo/test/a.test.ts"/></testsuite>',
            LAYOUT,
            ["test/a.test.ts::cart > adds passed"],
        ),
        (
            '<testsuites><testsuite name="web">'
            '<testcase classname="test/a.test.ts" name="adds"/></testsuite></testsuites>',
            WEB,
            ["web/test/a.test.ts::adds passed"],
        ),
        (
            '<testsuite name="pytest"><testcase classname="tests.test_a.TestX" name="test_m[a.b]"/></testsuite>',
            LAYOUT,
            ["tests/test_a.py::TestX::test_m[a.b] passed"],
        ),
        (
            '<testsuites><testcase classname="test" name="top" file="/repo/test/a.test.ts"/></testsuites>',
            LAYOUT,
            ["test/a.test.ts::top passed"],
        ),
        (
            '<testsuite><testcase classname="a" name="t"><failure/></testcase>'
            '<testcase classname="a" name="t"><error/></testcase></testsuite>',
            LAYOUT,
            ["a::t failed"],
        ),
    ],
    ids=["vitest", "mocha", "in a folder", "xunit2", "node with files", "failed and torn down"],
)
def test_junit_of_each_runner_gives_ids_of_the_repository(report: str, layout: Layout, expected: list[str]) -> None:
    assert ids(report, layout) == expected


def test_jest_json_is_read() -> None:
    told = {
        "testResults": [
            {
                "name": "/repo/test/a.test.ts",
                "status": "failed",
                "assertionResults": [
                    {"ancestorTitles": ["cart"], "title": "adds", "status": "failed", "failureMessages": ["Error: no"]},
                    {"ancestorTitles": [], "title": "later", "status": "todo"},
                ],
            },
            {"name": "/repo/src/a.ts", "status": "failed", "message": "cannot load", "assertionResults": []},
        ]
    }
    reading = read_json(json.dumps(told).encode(), LAYOUT)
    assert [f"{test.id} {test.outcome}" for test in reading.tests] == [
        "test/a.test.ts::cart > adds failed",
        "test/a.test.ts::later skipped",
        "src/a.ts error",
    ]
    assert reading.examined == 2


def test_eslint_and_pyright_json_count_their_files() -> None:
    told = [
        {"filePath": "/repo/src/a.ts", "messages": [{"line": 3, "ruleId": "no-var", "severity": 2, "message": "no"}]},
        {"filePath": "/repo/src/b.ts", "messages": [{"line": 1, "ruleId": "x", "severity": 1, "message": "note"}]},
    ]
    reading = read_json(json.dumps(told).encode(), LAYOUT)
    assert reading.examined == 2
    assert reading.findings == (Finding(path="src/a.ts", line=3, rule="no-var", message="no"),)
    pyright = {
        "generalDiagnostics": [
            {"file": "/repo/a.py", "severity": "error", "message": "no", "range": {"start": {"line": 4}}},
            {"file": "/repo/a.py", "severity": "warning", "message": "hm"},
        ],
        "summary": {"filesAnalyzed": 7},
    }
    reading = read_json(json.dumps(pyright).encode(), LAYOUT)
    assert (reading.examined, reading.findings[0].line, len(reading.findings)) == (7, 5, 1)


def test_sarif_counts_what_it_lists_and_cobertura_its_lines() -> None:
    sarif = {"runs": [{"results": [], "artifacts": [{"location": {"uri": "a"}}, {"location": {"uri": "b"}}]}]}
    assert read_sarif(json.dumps(sarif).encode(), LAYOUT).examined == 2
    bare = read_sarif(b'{"runs": [{"results": []}]}', LAYOUT)
    assert (bare.examined, bare.guessed) == (4, True)
    xml = b"<coverage><packages><line number='1' hits='0'/><line number='2' hits='1'/></packages></coverage>"
    assert read_cobertura(xml, LAYOUT).examined == 2


@settings(max_examples=40)
@pytest.mark.parametrize("read", [read_junit, read_sarif, read_json, read_cobertura])
@given(
    content=st.binary(max_size=200)
    | st.recursive(
        st.none() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["runs", "results", "testResults", "generalDiagnostics", "summary", "filePath", "message"]
                ),
                inner,
            )
        ),
        max_leaves=12,
    ).map(lambda value: json.dumps(value).encode())
)
def test_garbage_is_never_a_reading_with_a_count(read: Callable[[bytes, Layout], Reading], content: bytes) -> None:
    reading = read(content, Layout("/repo"))
    assert reading.problem or reading.examined == 0 or reading.tests or reading.findings


codes = st.integers(-20, 260)


@given(
    code=codes,
    out=st.text(max_size=80),
    tool=st.sampled_from(["pytest", "ruff check", "mypy", "node --test", "make test", "python -m unittest", "x"]),
    report=st.none() | st.binary(max_size=50),
    how=st.sampled_from(["junit", "sarif", "json", "exit", "cobertura"]),
)
def test_green_needs_a_code_of_zero_and_a_count(code: int, out: str, tool: str, report: bytes | None, how: str) -> None:
    gate = Gate.model_validate({"kind": "tests", "run": tool.split(), "report": how})
    done = Completed(exit_code=code, stdout=out, stderr="", seconds=0.1)
    verdict = judge(gate, done, report, Layout("/repo"))
    assert verdict.outcome is not Outcome.PASSED or (code == 0 and verdict.reading.examined > 0)
    assert 0 < len(verdict.reason) <= 500


@pytest.mark.parametrize("killed", ["memory", "disk", "files", "time"])
def test_a_killed_gate_is_refused_whatever_it_wrote(killed: str) -> None:
    gate = Gate(kind=GateKind.TESTS, run=("pytest",), report="junit")
    done = Completed(exit_code=0, stdout="", stderr="", seconds=1.0, killed=killed)
    report = b'<testsuite><testcase classname="tests.test_a" name="t"/></testsuite>'
    assert judge(gate, done, report, LAYOUT).outcome is Outcome.REFUSED


# -- objections ------------------------------------------------------------------------------------------------------


def failed(tests: tuple[TestResult, ...] = (), findings: tuple[Finding, ...] = ()) -> GateResult:
    evidence = Evidence.model_validate(
        {"tree": "t", "argv": ("x",), "environment": "e", "examined": 50, "unit": "tests", "at": "2026-01-01T00:00:00Z"}
    )
    return GateResult(
        gate="g",
        kind=GateKind.TESTS,
        outcome=Outcome.FAILED,
        reason="r",
        evidence=evidence,
        tests=tests,
        findings=findings,
    )


def test_many_failures_are_capped_and_counted() -> None:
    letters = "abcdefghijklmnopqrstuvwxy"
    tests = tuple(TestResult(id=f"tests/test_a.py::test_{name}", outcome="failed") for name in letters)
    raised = objections(failed(tests))
    assert len(raised) == 21
    assert raised[-1].what == "and 5 more in gate g"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("<A object at 0x7ffa65301e10>", "<A object at 0x7ffa1bcdefab>"),
        ("no file /tmp/pytest-of-me/pytest-12/a.db here", "no file /tmp/tmpabc_x/q.db here"),
        ("took 1.25s", "took 13 seconds"),
        ("at 2026-11-21T04:33:52.63+00:00", "at 2027-01-01 00:00"),
    ],
)
def test_what_moves_from_run_to_run_is_not_in_the_fingerprint(one: str, other: str) -> None:
    prints = {
        objections(failed(findings=(Finding(path="a.py", rule="x", message=text),)))[0].fingerprint
        for text in (one, other)
    }
    assert len(prints) == 1
    assert steady(one) == steady(other)


@given(st.text())
def test_any_text_becomes_a_line(text: str) -> None:
    assert 0 < len(line(text)) <= 500
    assert "\n" not in line(text)


@pytest.mark.parametrize(
    ("command", "tool"),
    [
        ("python -m pytest -q", "pytest"),
        ("uv run --frozen pytest", "pytest"),
        (".venv/bin/ruff check .", "ruff check"),
        ("env A=1 npx --yes jest", "jest"),
        ("node --import x --test a.js", "node --test"),
        ("node a.js", "node"),
        ("", ""),
    ],
)
def test_a_command_is_known_by_its_tool(command: str, tool: str) -> None:
    told = words(command.split())
    assert told.tool == tool
    assert told.argv == tuple(command.split())


def test_a_shown_command_can_be_typed_again() -> None:
    argv = ("eslint", "--format", "json", "--output-file", "{report}", "a b")
    assert shown(argv) == "eslint 'a b'"

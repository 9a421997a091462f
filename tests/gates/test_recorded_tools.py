"""What tools really wrote, at the versions that are named in the recordings, and what is made of it."""

import json
from pathlib import Path

import pytest

from setpoint.gates.commands import reporting
from setpoint.gates.reading import Layout
from setpoint.gates.tools import tool_of
from setpoint.gates.verdict import Verdict, judge
from setpoint.model.command import Completed
from setpoint.model.evidence import GateKind, Outcome
from setpoint.model.gate import Gate

RECORDED = Path(__file__).parent / "recorded"
FILES = ("src/a.js", "src/b.js", "src/c.ts", "src/shop/__init__.py", "cart/models.py", "cart/tests.py", "manage.py")


def judged(name: str, *more: str) -> Verdict:
    """The verdict on a recording; `more` are arguments that the command had besides."""
    told = json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))
    run = (*told["argv"], *more)
    tool = tool_of(run)
    gate = Gate.model_validate({"kind": tool.kind if tool else GateKind.OTHER, "run": run, "report": told["report_as"]})
    done = Completed(exit_code=told["exit_code"], stdout=told["stdout"], stderr=told["stderr"], seconds=0.1)
    report = told["report"].encode() if told["report"] is not None else None
    return judge(gate, done, report, Layout("/repo", ".", frozenset(FILES)))


@pytest.mark.parametrize("path", sorted(RECORDED.glob("*.json")), ids=lambda path: path.stem)
def test_a_recording_is_of_the_command_that_is_run_today(path: Path) -> None:
    told = json.loads(path.read_text(encoding="utf-8"))
    asked = [part for part in told["argv"] if part not in ("--listFiles", "--pretty", "false")]
    assert reporting(told["argv"])[0] == tuple(told["argv"]) or reporting(asked)[0] == tuple(told["argv"])


@pytest.mark.parametrize(
    ("name", "examined", "findings"),
    [
        ("pyright", 2, [("src/shop/__init__.py", 12, "reportReturnType")]),
        ("prettier", 3, [("src/a.js", None, "format")]),
        ("biome", 3, [("src/a.js", None, "format")]),
        ("eslint", 4, [("src/a.js", 2, "no-unused-vars")]),
        ("tsc", 1, [("src/c.ts", 1, "TS2322")]),
        ("django-check", 4, [("manage.py", None, "fields.E300"), ("manage.py", None, "fields.E307")]),
        ("django-migrations", 4, [("cart/migrations/0001_initial.py", None, "migration")]),
    ],
)
def test_findings_and_the_count_are_the_tools_own(
    name: str, examined: int, findings: list[tuple[str, int | None, str]]
) -> None:
    verdict = judged(name)
    assert verdict.outcome is Outcome.FAILED
    assert verdict.reading.examined == examined
    assert [(found.path, found.line, found.rule) for found in verdict.reading.findings] == findings


@pytest.mark.parametrize(
    ("name", "tests", "examined"),
    [
        (
            "ava",
            {
                "ava::skipped": "skipped",
                "ava::later": "skipped",
                "ava::adds": "passed",
                "ava::is wrong": "failed",
                "ava::known": "passed",
            },
            3,
        ),
        ("django-test", {"cart/tests.py::T::test_a": "passed", "cart/tests.py::T::test_b": "failed"}, 2),
    ],
)
def test_tests_are_told_one_by_one(name: str, tests: dict[str, str], examined: int) -> None:
    verdict = judged(name)
    assert {test.id: test.outcome for test in verdict.reading.tests} == tests
    assert (verdict.outcome, verdict.reading.examined) == (Outcome.FAILED, examined)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("prettier-none", "prettier exited with 2"),
        ("biome-none", "nothing was examined: 0 files"),
        ("django-test-none", "nothing was examined: 0 tests"),
    ],
)
def test_a_tool_that_looked_at_nothing_is_refused(name: str, said: str) -> None:
    verdict = judged(name)
    assert verdict.outcome is Outcome.REFUSED
    assert verdict.reason.startswith(said)


def test_warnings_count_where_the_tool_was_told_to_mind_them() -> None:
    assert [found.rule for found in judged("eslint").reading.notes] == ["no-var"]
    strict = judged("eslint", "--max-warnings=0")
    assert [found.rule for found in strict.reading.findings] == ["no-unused-vars", "no-var"]


def test_files_are_named_where_the_tool_names_them() -> None:
    assert judged("prettier").reading.looked_at == ("src/a.js", "src/b.js", "src/c.ts")
    assert judged("eslint").reading.looked_at == ("eslint.config.js", "src/a.js", "src/b.js", "test/a.test.js")
    assert judged("tsc").reading.looked_at == ("src/c.ts",)

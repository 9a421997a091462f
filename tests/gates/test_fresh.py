"""Findings of the base are told from new ones, wherever a change moves them."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from setpoint.gates.change_set import ChangeSet, between
from setpoint.gates.fresh import fresh, split
from setpoint.model.evidence import Evidence, Finding, GateKind, GateResult, Outcome

A = """import os
import sys


def total(items):
    count = 0
    for item in items:
        count += item
    return sum(items)


def spare(items):
    left = eval(items)
    return left
"""
UNUSED = Finding(path="a.py", line=1, rule="F401", message="`os` imported but unused")
EVAL = Finding(path="a.py", line=13, rule="S307", message="use of eval")


def result(
    *findings: Finding,
    kind: GateKind = GateKind.LINT,
    outcome: Outcome | None = None,
    examined: int = 3,
    looked_at: tuple[str, ...] = (),
    partial: bool = False,
) -> GateResult:
    return GateResult(
        gate="lint",
        kind=kind,
        outcome=outcome or (Outcome.FAILED if findings else Outcome.PASSED),
        reason="said",
        evidence=Evidence(
            tree="t", argv=("ruff",), environment="e", examined=examined, unit="files", at=datetime.now(UTC)
        ),
        findings=findings,
        looked_at=looked_at,
        partial=partial,
    )


def at(finding: Finding, **to: object) -> Finding:
    return finding.model_copy(update=to)


def changed(after: str, path: str = "a.py") -> ChangeSet:
    return between({"a.py": A.encode(), "b.py": b"x = 1\n"}, {path: after.encode(), "b.py": b"x = 1\n"})


def line_of(text: str, words: str) -> int:
    return next(number for number, row in enumerate(text.splitlines(), 1) if words in row)


MOVED_DOWN = A.replace("import sys\n", "import sys\nimport re\n\nPATTERN = re.compile('x')\n")
FUNCTION_FIRST = A.split("def spare")[0].split("def total")[0] + "def spare" + A.split("def spare")[1]
FUNCTION_FIRST += "\n\ndef total" + A.split("def total")[1].split("def spare")[0]
SORTED = A.replace("import os\nimport sys\n", "import abc\nimport sys\nimport os\n\nabc.ABC\n")
REWRITTEN = A.replace("left = eval(items)", "left = eval(items, {})")


@pytest.mark.parametrize(
    ("after", "finding", "words", "path"),
    [
        pytest.param(MOVED_DOWN, EVAL, "eval", "a.py", id="lines were added above it"),
        pytest.param(FUNCTION_FIRST, EVAL, "eval", "a.py", id="its function was moved in the file"),
        pytest.param(SORTED, UNUSED, "import os", "a.py", id="imports were sorted"),
        pytest.param(REWRITTEN, EVAL, "eval", "a.py", id="its line was edited"),
        pytest.param(MOVED_DOWN, EVAL, "eval", "lib/a.py", id="its file was renamed"),
        pytest.param(A.replace("    left", "  left").replace("    return left", "  return left"), EVAL, "eval", "a.py",
                     id="it was indented otherwise"),
    ],
)  # fmt: skip
def test_an_old_finding_stays_old(after: str, finding: Finding, words: str, path: str) -> None:
    moved = at(finding, line=line_of(after, words), path=path)
    judged = fresh(result(moved), result(finding), changed(after, path))
    assert judged.holds, judged
    assert judged.result.outcome is Outcome.PASSED
    assert judged.result.reason == "nothing new in 3 files: 1 finding that the base has too"
    assert judged.result.findings == (moved,)  # still there for everyone to see


COPIED = A + "\n\ndef another(items):\n    left = eval(items)\n    return left\n"
INSTEAD = A.replace("    left = eval(items)\n    return left\n", "    return items\n").replace(
    "    count = 0\n", "    left = eval(items)\n"
)


@pytest.mark.parametrize(
    ("after", "lines", "base", "new"),
    [
        pytest.param(COPIED, [13, 18], [EVAL], [18], id="a copy of an old finding"),
        pytest.param(INSTEAD, [6], [EVAL], [6], id="one is mended and another made with the same words"),
        pytest.param(A, [13, 13], [EVAL], [13], id="a second one on the same line"),
        pytest.param(A, [13], [], [13], id="the base was red for nothing like it"),
    ],
)
def test_a_new_finding_is_new_whatever_it_resembles(
    after: str, lines: list[int], base: list[Finding], new: list[int]
) -> None:
    found = [at(EVAL, line=number) for number in lines]
    told, _ = split(found, [UNUSED, *base], changed(after))
    assert [finding.line for finding in told] == new


def test_new_findings_object_and_old_ones_are_counted() -> None:
    head = result(UNUSED, EVAL, at(EVAL, line=18))
    judged = fresh(head, result(UNUSED, EVAL), changed(COPIED))
    (objection,) = judged.objections
    assert (objection.rule, objection.place and objection.place.line) == ("findings/new", 18)
    assert judged.result.reason == (
        "1 new in 3 files, first a.py:18: S307 use of eval; beside 2 findings that the base has too"
    )


def test_code_that_moved_to_another_file_takes_its_findings_along() -> None:
    spare = "def spare" + A.split("def spare")[1]
    change = between({"a.py": A.encode()}, {"a.py": A.replace("\n\n" + spare, "").encode(), "c.py": spare.encode()})
    assert split([at(EVAL, path="c.py", line=2)], [EVAL], change) == ((), (at(EVAL, path="c.py", line=2),))


@pytest.mark.parametrize(("now", "old"), [(11, True), (12, True), (13, False)])
def test_a_finding_that_got_worse_is_new(now: int, old: bool) -> None:
    finding = Finding(path="a.py", line=5, rule="C901", message="`total` is too complex (12 > 10)")
    worse = at(finding, message=f"`total` is too complex ({now} > 10)")
    assert fresh(result(worse), result(finding), changed(A)).holds is old


def test_line_numbers_in_messages_do_not_make_a_finding_new() -> None:
    finding = Finding(path="a.py", line=5, rule="F811", message="redefinition of `total` from line 2")
    moved = at(finding, line=line_of(MOVED_DOWN, "def total"), message="redefinition of `total` from line 5")
    assert fresh(result(moved), result(finding), changed(MOVED_DOWN)).holds


def test_security_does_not_forgive_a_line_that_was_written_over() -> None:
    found = at(EVAL, line=line_of(REWRITTEN, "eval"))
    judged = fresh(result(found, kind=GateKind.SECURITY), result(EVAL, kind=GateKind.SECURITY), changed(REWRITTEN))
    assert [objection.rule for objection in judged.objections] == ["findings/new"]


def test_a_file_that_still_cannot_be_parsed_is_not_excused_once_it_is_touched() -> None:
    broken = Finding(path="a.py", line=1, rule="invalid-syntax", message="expected an expression")
    assert not fresh(result(broken), result(broken), changed(MOVED_DOWN)).holds
    assert fresh(result(broken), result(broken), between({"a.py": A.encode()}, {"a.py": A.encode(), "b": b"x"})).holds


def test_a_file_that_was_never_tidy_may_stay_so() -> None:
    untidy = Finding(path="a.py", rule="format", message="would be reformatted")
    kind = GateKind.FORMAT
    assert fresh(result(untidy, kind=kind), result(untidy, kind=kind), changed(MOVED_DOWN)).holds
    other = at(untidy, path="b.py")
    assert not fresh(result(untidy, other, kind=kind), result(untidy, kind=kind), changed(MOVED_DOWN)).holds


@pytest.mark.parametrize(
    "base",
    [
        None,
        result(),
        result(UNUSED, partial=True),
        result(UNUSED, kind=GateKind.TESTS),
        result(outcome=Outcome.REFUSED),
        result(outcome=Outcome.FAILED),
    ],
)
def test_what_cannot_be_compared_counts_as_new(base: GateResult | None) -> None:
    kind = base.kind if base else GateKind.LINT
    judged = fresh(result(UNUSED, kind=kind), base, changed(A))
    assert judged.result.outcome is Outcome.FAILED
    assert len(judged.objections) == 1


def test_a_tool_that_stopped_early_on_old_findings_could_not_tell() -> None:
    judged = fresh(result(UNUSED, partial=True), result(UNUSED), changed(A))
    assert judged.result.outcome is Outcome.REFUSED
    assert [objection.rule for objection in judged.objections] == ["gate/refused"]


# -- what a gate looks at --------------------------------------------------------------------------------------------


def test_a_file_that_the_gate_no_longer_looks_at_is_an_objection() -> None:
    base, head = result(looked_at=("a.py", "b.py"), examined=2), result(looked_at=("b.py",), examined=1)
    (objection,) = fresh(head, base, changed(MOVED_DOWN)).objections
    assert (objection.rule, objection.blocks) == ("findings/not-examined", True)
    assert objection.what == "gate lint no longer looks at a.py"


@pytest.mark.parametrize(("path", "blocks"), [("src/new.py", True), ("legacy/new.py", False)])
def test_a_new_file_must_be_looked_at_where_its_neighbours_are(path: str, blocks: bool) -> None:
    change = between({"src/a.py": b"x"}, {"src/a.py": b"x", path: b"y"})
    seen = result(looked_at=("src/a.py",), examined=1)
    (objection,) = fresh(seen, seen, change).objections
    assert (objection.rule, objection.blocks) == ("findings/not-examined", blocks)


@pytest.mark.parametrize(("now", "objects"), [(2, True), (3, False), (4, False)])
def test_a_count_that_falls_without_a_deleted_file_is_an_objection(now: int, objects: bool) -> None:
    judged = fresh(result(examined=now), result(examined=3), changed(MOVED_DOWN))
    assert [objection.rule for objection in judged.objections] == (["findings/examined-less"] if objects else [])


def test_a_deleted_file_may_be_missing() -> None:
    change = between({"a.py": b"x", "b.py": b"y"}, {"a.py": b"x"})
    assert fresh(result(examined=2), result(examined=3), change).objections == ()
    lists = result(looked_at=("a.py",), examined=1), result(looked_at=("a.py", "b.py"), examined=2)
    assert fresh(*lists, change).objections == ()


# -- whatever the change is ------------------------------------------------------------------------------------------

LINES = st.lists(
    st.sampled_from(["x = 1", "def f():", "    y = eval(x)", "    return y", "", "import os"]), max_size=12
)


@given(before=LINES, after=LINES)
def test_no_more_findings_are_old_than_the_base_had(before: list[str], after: list[str]) -> None:
    def found(rows: list[str]) -> list[Finding]:
        return [
            Finding(path="a.py", line=number, rule="S307", message="use of eval")
            for number, row in enumerate(rows, 1)
            if "eval" in row
        ]

    change = between({"a.py": "\n".join(before).encode()}, {"a.py": "\n".join(after).encode()})
    new, old = split(found(after), found(before), change)
    assert len(old) <= len(found(before))
    assert len(new) + len(old) == len(found(after))


@given(rows=LINES, shift=st.integers(0, 5))
def test_a_shift_makes_nothing_new(rows: list[str], shift: int) -> None:
    base = [Finding(path="a.py", line=n, rule="X", message=row or "-") for n, row in enumerate(rows, 1)]
    head = [at(finding, line=(finding.line or 0) + shift) for finding in base]
    text = "".join(f"{row}\n" for row in rows)
    change = between({"a.py": text.encode()}, {"a.py": ("# top\n" * shift + text).encode()})
    assert split(head, base, change)[0] == ()

"""Steps of a check: how they are written, what is refused when it is written, and what comes of them when done."""

import re
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from setpoint.errors import UsageError
from setpoint.gates.checks import task_gate
from setpoint.gates.judge import run_gates
from setpoint.gates.run import run_gate
from setpoint.gates.step_verdicts import differences
from setpoint.gates.steps import take_steps
from setpoint.gates.steps_inside import entries
from setpoint.gates.tasks_md import parse_tasks, write_tasks
from setpoint.model.evidence import GateResult, Outcome
from setpoint.model.plan import Check
from setpoint.model.steps import Count, LogStep, RequestStep, RowsStep, RunStep, ServeStep, Step, parse_step
from setpoint.testing.gate_rooms import FolderRoom, MakeRoom

COUNT = Count(number=12, noun="scenarios")


@pytest.mark.parametrize(
    ("text", "step"),
    [
        ("Run `make db-migrate`", RunStep(command="make db-migrate")),
        ("Run `make x` - must pass", RunStep(command="make x")),
        ("run `python s.py` – all 12 scenarios must pass", RunStep(command="python s.py", count=COUNT)),
        ("Serve `python -m orders` on 8000", ServeStep(command="python -m orders", port=8000)),
        ("Serve `npm start` on port 3000", ServeStep(command="npm start", port=3000)),
        ("Request GET /health - 200", RequestStep(method="GET", path="/health", status=200)),
        (
            'Request POST /o {"a - 500": [1]} - 201 {"id": "*"}',
            RequestStep(method="POST", path="/o", body={"a - 500": [1]}, status=201, answer={"id": "*"}),
        ),
        (
            'Request `POST /o` with `{"a": 1}` - 201 with `{"id": "*"}`',
            RequestStep(method="POST", path="/o", body={"a": 1}, status=201, answer={"id": "*"}),
        ),
        ("Rows `SELECT 1` in `o.db` - 3 rows", RowsStep(query="SELECT 1", database="o.db", how="count", count=3)),
        (
            'Rows `SELECT 1` in `o.db` - including [[1, "a"]]',
            RowsStep(query="SELECT 1", database="o.db", how="including", rows=((1, "a"),)),
        ),
        (
            "Rows `select 1` in `postgresql://h/d` - exactly []",
            RowsStep(query="select 1", database="postgresql://h/d", how="exactly"),
        ),
        ("Log `l/o.log` - all entries match `id=\\w+`", LogStep(path="l/o.log", how="all", pattern="id=\\w+")),
        ("Log `o.log` - every entry matches `a`", LogStep(path="o.log", how="all", pattern="a")),
        ("Log `o.log` - at least one entry matches `a`", LogStep(path="o.log", how="some", pattern="a")),
        ("Log `o.log` - no entry matches `a`", LogStep(path="o.log", how="none", pattern="a")),
    ],
)  # fmt: skip
def test_a_step_is_read(text: str, step: Step) -> None:
    assert parse_step(text) == step


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Look at `o.log`", "is no step that is known; write one of: Run `COMMAND`"),
        ("Run make", "is not written as such a step is; write `Run `COMMAND``"),
        ("Run `a && b`", "without shell operators"),
        ("Run `s.py` - some scenarios", "what is expected is not understood"),
        ("Run `s.py` - all 0 scenarios", "cannot fail"),
        ("Serve `x`", "write `Serve `COMMAND` on PORT`"),
        ("Serve `x` on 70000", "from 1 to 65535"),
        ("Request POST /o", "expects nothing and cannot fail"),
        ("Request POST /o - 999", "expects nothing and cannot fail"),
        ("Request POST /o - 201 {}", "names no field"),
        ('Request POST /o {"a": } - 201', "no proper JSON"),
        ("Request POST /o - 201 and more", "is not written as such a step is"),
        ("Request o - 200", "is not written as such a step is"),
        ("Rows `SELECT 1` in `o.db`", "expects nothing and cannot fail"),
        ("Rows `SELECT 1` in `o.db` - including []", "cannot fail"),
        ("Rows `SELECT 1` in `o.db` - exactly [1]", "a list of lists"),
        ("Rows `DELETE FROM o` in `o.db` - 1 row", "write a SELECT"),
        ("Rows `SELECT 1` in `/etc/o.db` - 1 row", "below the repository's root"),
        ("Log `o.log`", "does not say of which entries"),
        ("Log `o.log` - most entries match `a`", "does not say of which entries"),
        ("Log `o.log` - all entries match `.*`", "matches nothing at all as well"),
        ("Log `o.log` - all entries match `(`", "is no regular expression"),
        ("Log `../o.log` - all entries match `a`", "below the repository's root"),
    ],
)
def test_a_step_that_cannot_fail_or_be_understood_is_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=re.escape(why)):
        parse_step(text)


LOG = "Log `o.log` - all entries match `a`"
ASK = "Request GET / - 200"
SERVE = "Serve `python -m http.server` on 8000"


@pytest.mark.parametrize(
    ("run", "steps", "why"),
    [
        ("", (), "cannot fail"),
        ("", (LOG,), "nothing has happened before"),
        ("", (SERVE,), "nothing asks the service"),
        ("make x", (ASK,), "has nobody to answer it"),
        ("", ("Run `x`", ASK, SERVE, ASK), "has nobody to answer it"),
        ("", (SERVE, SERVE, ASK), "two services"),
        ("make x", (LOG,) * 21, "at most 20"),
        ("make x", ("Logs",), "is no step that is known"),
    ],
)
def test_steps_that_make_no_sense_together_are_refused_in_plans_and_in_files(
    run: str, steps: tuple[str, ...], why: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        Check(run=run, then=steps)
    assert why in str(refused.value)
    head = f"Run `{run}` - must pass" if run else "It works"
    rows = "".join(f"  - {step}\n" for step in steps)
    with pytest.raises(UsageError) as caught:
        parse_tasks(f"## Tasks: x\n\n### Task 1: y\n- [Testing] {head}\n{rows}")
    assert "tasks.md:4" in str(caught.value)


def test_a_standard_that_counts_needs_a_command() -> None:
    with pytest.raises(ValidationError, match="speaks of no command"):
        Check(standard="all 3 tests must pass", then=("Run `x`",))


WRITTEN = """## Tasks: Orders

### Task 1: Take orders
- [Testing] Run `make db-migrate` - must complete
  without errors
  - Rows `SELECT 1` in `o.db` - 1 row
- [Testing] An order is taken
  - Serve `python -m orders` on 8000
  - Request POST /orders {"a": 1} - 201
"""


def test_steps_stand_below_their_testing_line() -> None:
    tasks = parse_tasks(WRITTEN)
    first, second = tasks.tasks[0].checks
    assert (first.run, first.standard) == ("make db-migrate", "must complete\nwithout errors")
    assert first.then == ("Rows `SELECT 1` in `o.db` - 1 row",)
    assert (second.run, second.standard, len(second.then)) == ("", "An order is taken", 2)
    assert write_tasks(tasks) == WRITTEN


def test_a_long_step_goes_on_in_the_next_line() -> None:
    text = WRITTEN.replace('{"a": 1} - 201', '{"a": 1}\n    - 201').replace("    - 201", "    – 201")
    assert parse_tasks(text).tasks[0].checks[1].then[1] == 'Request POST /orders {"a": 1} – 201'


# -- how many ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "outcome", "examined"),
    [
        ("12 of 12 scenarios passed", Outcome.PASSED, 12),
        ("12/12 ok", Outcome.PASSED, 12),
        ("Scenarios: 12 passed, 0 failed", Outcome.PASSED, 12),
        ("all 12 scenarios passed in 0.1 s", Outcome.PASSED, 12),
        ("1/12 scenarios\n12/12 scenarios", Outcome.PASSED, 12),
        ("13 out of 13 scenarios passed", Outcome.PASSED, 13),
        ("11 of 11 scenarios passed", Outcome.FAILED, 11),
        ("11 passed, 1 skipped", Outcome.FAILED, 11),
        ("11 of 12 scenarios passed", Outcome.FAILED, 12),
        ("11 passed, 1 failed", Outcome.FAILED, 12),
        ("0 of 0 scenarios passed", Outcome.REFUSED, 0),
        ("scenario 12 passed", Outcome.REFUSED, 0),
        ("done", Outcome.REFUSED, 0),
        ("", Outcome.REFUSED, 0),
    ],
)
async def test_a_standard_that_names_how_many_is_counted(
    project: MakeRoom, said: str, outcome: Outcome, examined: int
) -> None:
    room = project({"s.py": f"print({said!r})\n"})
    gate = task_gate(Check(run="python s.py", standard="all 12 scenarios must pass"))
    result = await run_gate("T001.1", gate, room, tree="t", environment="e", reruns=0)
    assert (result.outcome, result.evidence.examined) == (outcome, examined), result.reason


async def test_tests_are_counted_by_their_report(project: MakeRoom) -> None:
    room = project({"test_a.py": "def test_a(): pass\ndef test_b(): pass\n"})
    told = []
    for number in (2, 3):
        gate = task_gate(Check(run="pytest test_a.py", standard=f"all {number} tests must pass"))
        told.append((await run_gate("T001.1", gate, room, tree="t", environment="e", reruns=0)).outcome)
    assert told == [Outcome.PASSED, Outcome.FAILED]


# -- answers -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expected", "given", "told"),
    [
        ({"a": 1}, {"a": 1.0, "b": 2}, []),
        ({"a": "*"}, {"a": 0}, []),
        ({"a": "*"}, {"a": None}, [("field a", "is null, any value is expected")]),
        ({"a": 1}, {"a": True}, [("field a", "is true, 1 is expected")]),
        ({"a": {"b": 1}}, {"a": {}}, [("field a.b", "is missing")]),
        ({"a": {"b": 1}}, {"a": [1]}, [("field a", "is [1], an object is expected")]),
        ({"a": [1, 2]}, {"a": [1, 3]}, [("field a[1]", "is 3, 2 is expected")]),
        ([{"a": 1}], [], [("the answer", "is [], a list of 1 is expected")]),
    ],
)
def test_an_answer_may_say_more_than_is_expected_and_not_less(
    expected: object, given: object, told: list[tuple[str, str]]
) -> None:
    assert list(differences(expected, given)) == told


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3).filter(lambda text: text != "*"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


@given(whole=st.dictionaries(st.sampled_from("abcd"), plain, min_size=1), data=st.data())
def test_any_part_of_an_answer_is_in_it_and_anything_else_is_told(
    whole: dict[str, object], data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(sorted(whole)))
    assert list(differences({name: whole[name]}, whole)) == []
    assert list(differences({name: [whole[name]]}, whole)) != []
    assert list(differences({**whole, "new": 1}, whole)) == [("field new", "is missing")]


@given(lines=st.lists(st.text("ab \t:", max_size=6)))
def test_every_line_that_is_not_indented_is_an_entry_of_its_own(lines: list[str]) -> None:
    found = entries("\n".join(["first", *lines]))
    own = [line for line in lines if line.strip() and not line[0].isspace()]
    assert [entry.partition("\n")[0] for _, entry in found] == ["first", *own]
    assert [number for number, _ in found] == sorted({number for number, _ in found})


# -- done for real -----------------------------------------------------------------------------------------------------


async def taken(room: FolderRoom, *steps: str, run: str = "", seconds: float = 60.0) -> GateResult:
    gate = task_gate(Check(run=run, then=steps), timeout=seconds)
    return await take_steps("T001.1", gate, room, tree="t", environment="e")


BASE = (
    "import sqlite3\nb = sqlite3.connect('o.db')\nb.execute('CREATE TABLE o (n, t)')\n"
    "b.executemany('INSERT INTO o VALUES (?, ?)', [(1, 'a'), (2, None), (2, None)])\nb.commit()\n"
)


@pytest.mark.parametrize(
    ("query", "expected", "outcome", "why"),
    [
        ("SELECT n FROM o", "3 rows", Outcome.PASSED, "3 rows in "),
        ("SELECT n FROM o", "2 rows", Outcome.FAILED, "3 rows instead of 2"),
        ("SELECT n, t FROM o", 'exactly [[2, null], [1, "a"], [2, null]]', Outcome.PASSED, "3 rows"),
        ("SELECT n FROM o", "exactly [[1], [2]]", Outcome.FAILED, "[2] is not expected"),
        ("SELECT n FROM o ORDER BY n DESC", "exactly [[1], [2], [2]]", Outcome.FAILED, "in another order"),
        ("SELECT n FROM o", "including [[2], [2]]", Outcome.PASSED, "3 rows"),
        ("SELECT n FROM o", "including [[2], [2], [2]]", Outcome.FAILED, "[2] is not among them"),
        ("SELECT n FROM o WHERE n = 9", "exactly []", Outcome.PASSED, "0 rows"),
        ("SELECT n FROM gone", "0 rows", Outcome.REFUSED, "no such table: gone"),
        ("WITH x AS (SELECT 1) DELETE FROM o", "0 rows", Outcome.REFUSED, "readonly"),
    ],
)
@pytest.mark.parametrize("database", ["o.db", "sqlite+pysqlite:///o.db"])
async def test_rows_are_looked_at(
    project: MakeRoom, database: str, query: str, expected: str, outcome: Outcome, why: str
) -> None:
    room = project({"make.py": BASE})
    result = await taken(room, f"Rows `{query}` in `{database}` - {expected}", run="python make.py")
    assert result.outcome is outcome, result.reason
    if not (query.startswith("WITH") and "://" in database):
        assert why in result.reason


async def test_a_database_that_is_not_there_is_refused_and_not_made(project: MakeRoom) -> None:
    room = project({"a.py": ""})
    result = await taken(room, "Rows `SELECT 1` in `gone.db` - 1 row", run="python a.py")
    assert (result.outcome, result.reason) == (
        Outcome.REFUSED,
        "the rows cannot be looked at: there is no database gone.db",
    )
    assert not (room.path / "gone.db").exists()


async def test_a_password_is_not_told(project: MakeRoom) -> None:
    room = project({"a.py": ""})
    result = await taken(room, "Rows `SELECT 1` in `sqlite://me:hidden@/o.db` - 1 row", run="python a.py")
    assert "hidden" not in result.model_dump_json()


TRACED = (
    "id=1 begins\\nid=2 fails\\nTraceback (most recent call last):\\n  File 'a', line 1\\nValueError: no\\n\\n"
    "id=3 ends\\n  and goes on\\n"
)


@pytest.mark.parametrize(
    ("written", "expected", "outcome", "why"),
    [
        (TRACED, "all entries match `id=\\d`", Outcome.PASSED, "all 3 entries of o.log matched"),
        (TRACED, "no entry matches `ValueError`", Outcome.FAILED, "1 of 3 entries of o.log matches"),
        (TRACED, "at least one entry matches `goes on`", Outcome.PASSED, "1 of 3 entries"),
        (TRACED, "at least one entry matches `id=4`", Outcome.FAILED, "none of 3 entries of o.log matches"),
        ("id=1\\nnone\\nid=2\\n", "all entries match `id=`", Outcome.FAILED, "1 of 3 entries of o.log does not match"),
        ("\\n \\n", "no entry matches `x`", Outcome.REFUSED, "nothing was examined"),
    ],
)
async def test_entries_of_a_log_are_looked_at(
    project: MakeRoom, written: str, expected: str, outcome: Outcome, why: str
) -> None:
    room = project({"w.py": f"open('o.log', 'a').write('''{written}''')\n"})
    result = await taken(room, f"Log `o.log` - {expected}", run="python w.py")
    assert result.outcome is outcome, result.reason
    assert why in result.reason


async def test_what_stood_in_the_log_before_is_not_counted(project: MakeRoom) -> None:
    room = project({"w.py": "open('o.log', 'a').write('id=2\\nbad\\n')\n", "a.py": "", "o.log": "old\nold\n"})
    nothing = await taken(room, "Log `o.log` - no entry matches `x`", run="python a.py")
    assert nothing.outcome is Outcome.REFUSED
    result = await taken(room, "Log `o.log` - all entries match `id=`", run="python w.py")
    assert result.outcome is Outcome.FAILED
    assert "1 of 2 entries" in result.reason
    assert (result.findings[0].path, result.findings[0].line) == ("o.log", 4)


async def test_a_log_that_is_not_there_is_refused(project: MakeRoom) -> None:
    result = await taken(project({"a.py": ""}), "Log `o.log` - no entry matches `x`", run="python a.py")
    assert result.outcome is Outcome.REFUSED
    assert "o.log cannot be read: No such file" in result.reason


@pytest.mark.parametrize(
    ("command", "outcome", "why"),
    [
        ("python a.py", Outcome.PASSED, "2 steps held: python a.py: exit code 0; python a.py: exit code 0"),
        ("python b.py", Outcome.FAILED, "it exited with 3"),
        ("nonsense-tool", Outcome.REFUSED, "missing in the sandbox"),
        ("pytest test_none.py", Outcome.REFUSED, "pytest exited with"),
        ("python slow.py", Outcome.REFUSED, "its time limit"),
    ],
)
async def test_a_command_among_the_steps_is_judged_as_it_would_be_alone(
    project: MakeRoom, command: str, outcome: Outcome, why: str
) -> None:
    room = project({"a.py": "", "b.py": "raise SystemExit(3)\n", "slow.py": "import signal\nsignal.pause()\n"})
    result = await taken(room, f"Run `{command}`", run="python a.py", seconds=2.0 if "slow" in command else 60.0)
    assert result.outcome is outcome, result.reason
    assert why in result.reason


FORGED = "import os, pathlib\nos.mkdir(pathlib.Path(os.environ['SETPOINT_REPORTS']).parent / 'told.json')\n"


async def test_code_under_test_cannot_tell_in_the_steps_place(project: MakeRoom) -> None:
    room = project({"a.py": FORGED})
    result = await taken(room, "Rows `SELECT 1` in `o.db` - 1 row", run="python a.py")
    assert result.outcome is Outcome.REFUSED
    assert "did not tell what came of them" in result.reason


async def test_a_port_that_somebody_else_holds_is_refused(project: MakeRoom) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        serve = f"Serve `python -m http.server {port}` on {port}"
        result = await taken(project({"a.py": ""}), serve, "Request GET / - 200")
    assert result.outcome is Outcome.REFUSED
    assert f"port {port} was taken before the service was started" in result.reason


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.mark.parametrize(("pattern", "holds"), [("^<li>.*a\\.py", True), ("prices_rounded_total", False)])
async def test_a_text_is_matched_line_by_line(project: MakeRoom, pattern: str, holds: bool) -> None:
    port = free_port()
    serve = f"Serve `python -m http.server {port}` on {port}"
    result = await taken(project({"a.py": ""}), serve, f"Request GET / - 200 matching `{pattern}`")
    assert result.green is holds, result.reason
    assert holds or "no line of it matches" in result.reason


@pytest.mark.parametrize(
    ("expected", "outcome", "why"),
    [
        ("200", Outcome.PASSED, "GET / answered 200"),
        ('200 {"a": 1}', Outcome.FAILED, "without proper JSON"),
        ("404", Outcome.FAILED, "GET / answered 200, not 404"),
    ],
)
async def test_an_answer_is_looked_at(project: MakeRoom, expected: str, outcome: Outcome, why: str) -> None:
    port = free_port()
    serve = f"Serve `python -m http.server {port}` on {port}"
    result = await taken(project({"a.py": ""}), serve, f"Request GET / - {expected}")
    assert result.outcome is outcome, result.reason
    assert why in result.reason


async def test_gates_and_checks_of_steps_are_run_by_the_same_hand(project: MakeRoom) -> None:
    room = project({"a.py": ""})
    gates = {
        "one": task_gate(Check(run="python a.py")),
        "two": task_gate(Check(run="python a.py", then=("Run `true`",))),
    }
    results = await run_gates(gates, room, tree="t", environment="e")
    assert [(result.gate, result.green, result.evidence.unit) for result in results] == [
        ("one", True, "files"),
        ("two", True, "steps"),
    ]

"""The worked example: POST /orders, its five tasks, and every check of them on the finished service and on faulty ones.

All of it is real: git, checkouts, bubblewrap, the service, its database and its log.
"""

import shutil
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from setpoint.adapters.sandboxes.bubblewrap import Bubblewrap
from setpoint.adapters.worktrees import Worktrees
from setpoint.demo.project import ORDERS, PROJECTS
from setpoint.gates.checks import task_gate
from setpoint.gates.judge import run_gates, together
from setpoint.gates.objections import objections
from setpoint.gates.tasks_md import parse_tasks, write_tasks
from setpoint.model.evidence import GateResult, Outcome
from setpoint.model.settings import Config
from setpoint.testing.gate_rooms import tools_here
from setpoint.testing.projects import environment_with, laid_out

FILES = {
    path.relative_to(part).as_posix(): path.read_text(encoding="utf-8")
    for part in (PROJECTS / "orders", PROJECTS / "orders-done")
    for path in sorted(part.rglob("*"))
    if path.parent.name != "ops" and (path.name in (".gitignore", "Makefile") or path.suffix in (".md", ".py", ".sql"))
} | {"pyproject.toml": (PROJECTS / "orders" / "pyproject.toml").read_text(encoding="utf-8")}
"""The service as it is after the demo; how it is deployed belongs to another story."""
TASKS = parse_tasks((ORDERS.folder / "tasks.md").read_text(encoding="utf-8"))
CHECKS = {f"{task.id}.{n}": check for task in TASKS.tasks for n, check in enumerate(task.checks, 1)}
SERVING = ("T001.3", "T003.2", "T004.1", "T004.2", "T005.1")
"""Checks that start the service themselves."""


class Orders:
    """The service's repository, and a clean checkout of it for each check."""

    def __init__(self, folder: Path) -> None:
        laid_out(folder, FILES)
        environment_with(folder / ".venv", "pytest")
        shutil.copy(tools_here()[0] / "ruff", folder / ".venv" / "bin" / "ruff")
        self._worktrees = Worktrees(folder, folder / ".setpoint", Bubblewrap(), config=Config())

    async def judged(
        self, names: Collection[str], overlay: Mapping[str, str] | None = None, *, seconds: float = 60.0
    ) -> dict[str, GateResult]:
        """These checks, with files laid over the finished service."""
        laid: dict[str, bytes | None] = {path: text.encode() for path, text in (overlay or {}).items()}

        async def one(name: str) -> tuple[str, GateResult]:
            gate = task_gate(CHECKS[name], timeout=seconds)
            async with self._worktrees.checkout("HEAD", laid) as room:
                (result,) = await run_gates({name: gate}, room, tree="t", environment="e", reruns=0)
            return name, result

        return dict(await together(one(name) for name in names))


@pytest.fixture(scope="module")
def orders(tmp_path_factory: pytest.TempPathFactory) -> Orders:
    return Orders(tmp_path_factory.mktemp("shop") / "orders")


def test_the_tasks_are_read_and_written_again() -> None:
    assert [task.id for task in TASKS.tasks] == ["T001", "T002", "T003", "T004", "T005"]
    assert parse_tasks(write_tasks(TASKS)) == TASKS


TOLD = {
    "T001.1": (1, "tests", "1 test passed"),
    "T001.2": (22, "files", "judged by exit code 0"),
    "T001.3": (4, "steps", "POST /orders answered 201; POST /orders answered 400 with 1 field as expected"),
    "T002.1": (3, "tests", "3 tests passed"),
    "T002.2": (2, "steps", "3 rows in orders.db as expected"),
    "T003.1": (12, "scenarios", "12 of 12 scenarios passed"),
    "T003.2": (4, "steps", "answered 422 with 3 fields as expected; 0 rows in orders.db as expected"),
    "T004.1": (3, "steps", "answered 500 with 1 field as expected; 1 of 3 entries of logs/orders.log matched"),
    "T004.2": (5, "steps", "all 5 entries of logs/orders.log matched"),
    "T005.1": (6, "steps", "1 row in orders.db as expected; 1 of 3 entries of logs/orders.log matched; none of 3"),
    "T005.2": (22, "files", "judged by exit code 0"),
    "T005.3": (22, "files", "judged by exit code 0"),
}
"""What each check examined, and its words."""


@pytest.mark.slow
async def test_every_check_of_the_five_tasks_is_green_on_the_finished_service(orders: Orders) -> None:
    results = await orders.judged(CHECKS)
    assert [(name, result.reason) for name, result in results.items() if not result.green] == []
    told = {name: (result.evidence.examined, result.evidence.unit) for name, result in results.items()}
    assert told == {name: (examined, unit) for name, (examined, unit, _) in TOLD.items()}
    assert [name for name, (_, _, words) in TOLD.items() if words not in results[name].reason] == []


class Fault(NamedTuple):
    """A service with a fault, and who must see it."""

    path: str
    old: str
    new: str
    seen: Mapping[str, str]
    """The checks that are not green, each with words of its first objection's cause."""
    refused: Collection[str] = ()
    asked: Collection[str] = tuple(CHECKS)
    seconds: float = 60.0


EVERY_MIGRATION = ("T001.3", "T002.1", "T002.2", "T003.1", "T003.2", "T004.2", "T005.1", "T005.2", "T005.3")
E2E = {"T005.2": "exited with 1", "T005.3": "exited with 2"}
FAULTS = {
    "a scenario fewer": Fault(
        "scripts/test_validation_scenarios.py",
        '    "a gift": (NewOrder(1, (Item("card", 1, 0.0),), 0.0), []),\n',
        "",
        {"T003.1": "11 of the 12 scenarios that are named were examined"},
    ),
    "a scenario that fails and is not told by the exit code": Fault(
        "scripts/test_validation_scenarios.py",
        "    return 1 if wrong else 0",
        '    return 0\n\n\nSCENARIOS["a gift"] = (NewOrder(1, (), 0.0), [])',
        {"T003.1": "1 of 12 scenarios did not pass though it exited with 0"},
    ),
    "scenarios that are not counted": Fault(
        "scripts/test_validation_scenarios.py",
        "scenarios passed",
        "",
        {"T003.1": "it does not say how many scenarios passed"},
        refused=("T003.1",),
    ),
    "one log entry without a correlation id": Fault(
        "orders/app.py",
        '        journal.write("order created", order=order_id)\n',
        '        with LOG.open("a") as file:\n'
        '            file.write(json.dumps({"event": "order created", "order": order_id}) + "\\n")\n',
        {"T004.2": 'the entry is `{"event": "order created"'},
    ),
    "no record in the database": Fault(
        "orders/repository.py",
        "        return order_id\n",
        "            base.rollback()\n        return order_id\n",
        {"T002.1": "assert None == 9.0", "T005.1": "0 rows, and [2, 9] is not among them", **E2E},
    ),
    "a record of what was refused": Fault(
        "orders/app.py",
        "        if found:\n",
        "        if found:\n            self.server.repository.save(order)\n",
        {"T003.2": "1 row instead of 0"},
    ),
    "200 instead of 201": Fault(
        "orders/app.py",
        "return 201, ",
        "return 200, ",
        dict.fromkeys(("T001.3", "T004.2", "T005.1"), "status is 200, 201 is expected") | E2E,
    ),
    "a field is missing": Fault(
        "orders/app.py",
        "        return 201, created(order_id, order)\n",
        '        answer = created(order_id, order)\n        del answer["status"]\n        return 201, answer\n',
        {"T005.1": "field status is missing", **E2E},
    ),
    "the error id is missing": Fault(
        "orders/app.py",
        'status, answer = 500, {"error_id": error_id}',
        'status, answer = 500, {"error": "internal"}',
        {"T004.1": "field error_id is missing"},
    ),
    "the error id is not in the log": Fault(
        "orders/app.py",
        "error_id=error_id, ",
        "",
        {"T004.1": "the entry is `{"},
    ),
    "the log is not written": Fault(
        "orders/journal.py",
        '            file.write(json.dumps(entry) + "\\n")',
        '            file.write("" and json.dumps(entry))',
        {
            **dict.fromkeys(("T004.1", "T004.2", "T005.1"), "holds no entry of this check: nothing was examined"),
            **E2E,
        },
        refused=("T004.1", "T004.2", "T005.1"),
    ),
    "a migration that fails": Fault(
        "migrations/0002_orders.sql",
        "CREATE TABLE items (",
        "CREATE TABEL items (",
        dict.fromkeys(EVERY_MIGRATION, "") | {"T002.2": 'near "TABEL": syntax error'},
    ),
    "a migration that leaves a table out and says nothing": Fault(
        "orders/repository.py",
        "        return len(files)\n",
        '        base.execute("DROP TABLE IF EXISTS items")\n        return len(files)\n',
        {
            "T002.1": "no such table: items",
            "T002.2": '["items"] is not among them',
            **dict.fromkeys(("T001.3", "T004.2", "T005.1"), "status is 500, 201 is expected"),
            **E2E,
        },
    ),
    "the service never starts": Fault(
        "orders/__main__.py",
        "    signal.signal(signal.SIGTERM, stop)\n",
        '    signal.signal(signal.SIGTERM, stop)\n    raise OSError("no room")\n',
        {**dict.fromkeys(SERVING, "it never answered; it said: OSError: no room"), **E2E},
    ),
    "the service never listens": Fault(
        "orders/__main__.py",
        "    signal.signal(signal.SIGTERM, stop)\n",
        "    signal.pause()\n",
        {"T001.3": "it never answered, and said nothing"},
        asked=("T001.3",),
        seconds=4.0,
    ),
    "the service keeps running": Fault(
        "orders/__main__.py",
        "signal.signal(signal.SIGTERM, stop)",
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)",
        dict.fromkeys(SERVING, "it keeps running and was killed"),
        asked=(*SERVING, "T001.1", "T002.2", "T003.1"),
    ),
    "the service leaves another behind": Fault(
        "orders/__main__.py",
        "    signal.signal(signal.SIGTERM, stop)\n",
        "    import os\n\n    if os.fork():\n        signal.pause()\n    os.setsid()\n",
        {"T001.3": "it left a process behind"},
        asked=("T001.3",),
    ),
    "the service falls over after its first answer": Fault(
        "orders/app.py",
        "        self.wfile.write(content)\n",
        # Nobody is let in any more before the first answer is out: whoever asks next comes too late on any machine.
        "        import os\n\n        self.server.socket.close()\n"
        "        self.wfile.write(content)\n        os._exit(3)\n",
        {"T001.3": "the service did not answer"},
        asked=("T001.3",),
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_a_fault_is_seen_by_the_checks_that_should_and_by_no_other(orders: Orders, fault: Fault) -> None:
    assert fault.old in FILES[fault.path]
    overlay = {fault.path: FILES[fault.path].replace(fault.old, fault.new, 1)}
    results = await orders.judged(fault.asked, overlay, seconds=fault.seconds)
    assert {name: result.reason for name, result in results.items() if not result.green}.keys() == fault.seen.keys()
    for name, cause in fault.seen.items():
        wanted = Outcome.REFUSED if name in fault.refused else Outcome.FAILED
        assert results[name].outcome is wanted, results[name].reason
        first = objections(results[name])[0]
        told = first.cause if CHECKS[name].then else f"{first.cause}\n{first.evidence}"
        assert cause in told, first
        assert first.evidence
        assert first.probe


async def test_an_objection_says_where_and_how_to_see_it(orders: Orders) -> None:
    fault = FAULTS["one log entry without a correlation id"]
    overlay = {fault.path: FILES[fault.path].replace(fault.old, fault.new, 1)}
    (first,) = objections((await orders.judged(["T004.2"], overlay))["T004.2"])
    assert first.what.startswith("log: 1 of 5 entries of logs/orders.log does not match")
    assert first.place
    assert (first.place.path, first.place.line) == ("logs/orders.log", 2)
    assert first.evidence.startswith('logs/orders.log:2: {"event": "order created"')
    assert first.probe.startswith("! grep -nvP")

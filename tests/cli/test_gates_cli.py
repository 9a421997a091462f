"""`setpoint gates` on a real repository: what is listed, what is run, and what only the base is to blame for."""

import json
from pathlib import Path

import pytest
from gates_repository import GateRepository


@pytest.fixture
def shop(tmp_path: Path) -> GateRepository:
    return GateRepository(tmp_path / "shop")


def test_without_configuration_what_was_found_is_listed_with_why(shop: GateRepository) -> None:
    done = shop.setpoint("gates", "list", "--json")
    listed = json.loads(done.stdout)
    assert done.returncode == 0
    assert {name: (row["kind"], row["where"], row["because"], row["outcome"]) for name, row in listed.items()} == {
        "tests": ("tests", ".", "pyproject.toml:1", ""),
        "lint": ("lint", ".", "pyproject.toml:2", ""),
    }


@pytest.mark.slow
def test_a_base_that_is_red_by_findings_alone_judges_by_new_ones(shop: GateRepository) -> None:
    assert shop.setpoint("init").returncode == 0
    written = (shop.folder / "setpoint.toml").read_text()
    assert "judged by new findings only: 1 on the base" in written
    shop.commit()
    assert shop.setpoint("gates", "run").returncode == 0
    shop.put("shop.py", "# moved down\nimport os\n\n\ndef whisper(text):\n    return text.lower()\n")
    run = shop.setpoint("gates", "run")
    assert (run.returncode, "nothing new in" in run.stdout) == (0, True)
    shop.put("bag.py", "import sys\n")
    run = shop.setpoint("gates", "run")
    assert run.returncode == 10
    assert "bag.py:1: F401" in run.stdout
    assert "shop.py" not in run.stdout
    listed = json.loads(shop.setpoint("gates", "list", "--json").stdout)
    assert (listed["tests"]["outcome"], listed["lint"]["outcome"]) == ("passed", "failed")


@pytest.mark.slow
def test_integration_tests_are_left_out_where_nothing_that_changed_reaches_so_far(shop: GateRepository) -> None:
    parts = '[gates.parts]\nkind = "integration"\nrun = ["sh", "-c", "echo Ran 1 test in 0s; false"]\n'
    shop.put("setpoint.toml", f'{parts}required = false\n[gates.root]\nkind = "other"\nrun = ["true"]\n')
    shop.put("query.py", "ALL = 'SELECT name FROM goods'\n")
    shop.commit()
    shop.put("query.py", "# all there is\nALL = 'SELECT name FROM goods'\n")
    run = shop.setpoint("gates", "run", "--changed", "--json")
    assert ([result["gate"] for result in json.loads(run.stdout)], run.returncode) == (["root"], 0)
    assert "parts: left out: nothing that changed reaches the database or the API" in run.stderr
    shop.put("query.py", "ALL = 'SELECT price FROM goods'\n")
    run = shop.setpoint("gates", "run", "--changed", "--json")
    assert [result["gate"] for result in json.loads(run.stdout)] == ["parts", "root"]
    assert run.returncode == 10  # it is required for such a change


@pytest.mark.slow
def test_only_the_gates_of_changed_projects_are_run(shop: GateRepository) -> None:
    web = '[gates.web]\nkind = "other"\nwhere = "web"\nrun = ["true"]\n'
    api = '[gates.api]\nkind = "other"\nwhere = "api"\nrun = ["false"]\n'
    shop.put("setpoint.toml", f'{web}{api}[gates.root]\nkind = "other"\nrun = ["true"]\n')
    shop.put("web/a.txt", "")
    shop.put("api/a.txt", "")
    shop.commit()
    assert shop.setpoint("gates", "run", "--changed").returncode == 2  # nothing is changed
    shop.put("web/a.txt", "new")
    run = shop.setpoint("gates", "run", "--changed", "--json")
    assert [result["gate"] for result in json.loads(run.stdout)] == ["web", "root"]
    assert run.returncode == 0
    assert shop.setpoint("gates", "run").returncode == 10


TASKS = """## Tasks: whisper

### Task 1: Whisper
- [Testing] Run `pytest tests/test_shop.py` - all 1 tests must pass

### Task 2: Keep it
- [Testing] What was whispered is kept
  - Run `python keep.py`
  - Rows `SELECT said FROM whispers` in `whispers.db` - exactly [["a"]]
- [Testing] What was whispered is kept once
  - Run `python keep.py`
  - Rows `SELECT said FROM whispers` in `whispers.db` - 1 row
"""
KEEP = (
    "import sqlite3\nbase = sqlite3.connect('whispers.db')\n"
    "base.execute('CREATE TABLE IF NOT EXISTS whispers (said)')\n"
    "base.execute('INSERT INTO whispers VALUES (?)', ('{said}',))\nbase.commit()\n"
)


@pytest.mark.slow
def test_the_checks_of_a_tasks_file_are_run_each_on_a_clean_checkout(shop: GateRepository) -> None:
    shop.put("tasks.md", TASKS)
    shop.put("keep.py", KEEP.format(said="a"))
    run = shop.setpoint("gates", "tasks", "--json")
    assert run.returncode == 0, run.stdout
    assert [(one["gate"], one["evidence"]["unit"]) for one in json.loads(run.stdout)] == [
        ("T001.1", "tests"),
        ("T002.1", "steps"),
        ("T002.2", "steps"),
    ]
    shop.put("keep.py", KEEP.format(said="b"))
    run = shop.setpoint("gates", "tasks", "tasks.md", "--task", "2")
    assert run.returncode == 10
    assert 'whispers.db: database: whispers.db gives 1 row, and ["a"] is not among them' in run.stdout
    assert "probe: sqlite3 -readonly whispers.db" in run.stdout
    assert "✓ T002.2" in run.stdout


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("gates", "tasks", "none.md"), "none.md cannot be read"),
        (("gates", "tasks", "--task", "3"), "there is not task 3"),
        (("gates", "tasks", "bad.md"), "bad.md:4: "),
    ],
)
def test_a_tasks_file_that_cannot_be_run_is_named(shop: GateRepository, words: tuple[str, ...], why: str) -> None:
    shop.put("tasks.md", TASKS)
    shop.put("bad.md", "## Tasks: x\n\n### Task 1: y\n- [Testing] Logs\n  - Log `x.log`\n")
    run = shop.setpoint(*words)
    assert run.returncode == 2
    assert why in run.stderr

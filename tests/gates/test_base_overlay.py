"""No change sets the measure it is measured by."""

import json
import tomllib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from setpoint.gates.base_overlay import TOOLS, base_overlay, planted
from setpoint.gates.change_set import between
from setpoint.gates.commands import reporting
from setpoint.gates.run import run_gate
from setpoint.model.evidence import GateKind, Outcome
from setpoint.model.gate import Gate
from setpoint.testing.gate_rooms import MakeRoom

PYPROJECT = (
    '[project]\nname = "shop"\nversion = "1"\n\n[tool.pytest.ini_options]\naddopts = "-q"\n\n[tool.hatch]\nx = 1\n'
)


def laid(before: dict[str, str], after: dict[str, str], granted: tuple[str, ...] = ()) -> dict[str, bytes | None]:
    change = between({p: t.encode() for p, t in before.items()}, {p: t.encode() for p, t in after.items()})
    return base_overlay(change, granted)


@pytest.mark.parametrize(
    "path",
    [
        *("pytest.ini", "pytest.toml", ".pytest.toml", "tox.ini", "ruff.toml", ".flake8", "mypy.ini", ".coveragerc"),
        *("vitest.config.ts", "jest.config.js", ".eslintrc.json", "eslint.config.mjs", "web/.mocharc.yml", "Makefile"),
        *("noxfile.py", "PYTEST.INI", "biome.json", "pyrightconfig.json", ".pre-commit-config.yaml"),
    ],
)
def test_configuration_is_the_bases_whether_edited_added_or_deleted(path: str) -> None:
    assert laid({path: "old"}, {path: "new"}) == {path: b"old"}
    assert laid({}, {path: "new"}) == {path: None}
    assert laid({path: "old"}, {}) == {path: b"old"}
    assert laid({path: "old"}, {path: "new"}, granted=(path,)) == {}


def test_a_renamed_configuration_is_put_back_under_its_own_name() -> None:
    assert laid({"pytest.ini": "[pytest]\naddopts = -q\n"}, {"old.ini": "[pytest]\naddopts = -q\n"}) == {
        "pytest.ini": b"[pytest]\naddopts = -q\n"
    }


def test_the_product_part_of_a_project_file_stays_the_changes() -> None:
    after = PYPROJECT.replace('version = "1"', 'version = "2"\ndependencies = ["attrs"]')
    assert laid({"pyproject.toml": PYPROJECT}, {"pyproject.toml": after}) == {}
    weak = after.replace("-q", "-p evil") + '[tool.ruff]\nexclude = ["src"]\n[tool.other]\ny = 2\n'
    content = laid({"pyproject.toml": PYPROJECT}, {"pyproject.toml": weak})["pyproject.toml"]
    told = tomllib.loads((content or b"").decode())
    assert told["project"] == {"name": "shop", "version": "2", "dependencies": ["attrs"]}
    assert told["tool"] == {"pytest": {"ini_options": {"addopts": "-q"}}, "hatch": {"x": 1}, "other": {"y": 2}}


def test_a_project_file_that_cannot_be_read_is_the_bases_as_a_whole() -> None:
    assert laid({"pyproject.toml": PYPROJECT}, {"pyproject.toml": "[tool"}) == {"pyproject.toml": PYPROJECT.encode()}
    assert laid({}, {"pyproject.toml": "[tool"}) == {"pyproject.toml": None}


def test_scripts_and_tool_keys_of_a_package_are_the_bases() -> None:
    old = {"version": "1", "scripts": {"test": "jest"}, "jest": {"bail": 0}}
    new = {"version": "2", "dependencies": {"a": "1"}, "scripts": {"test": "true", "pretest": "rm", "docs": "d"}}
    content = laid({"package.json": json.dumps(old)}, {"package.json": json.dumps(new)})["package.json"]
    assert json.loads(content or b"") == {
        "version": "2",
        "dependencies": {"a": "1"},
        "scripts": {"test": "jest", "docs": "d"},
        "jest": {"bail": 0},
    }
    assert laid({"package.json": json.dumps(old)}, {"package.json": json.dumps({**old, "version": "3"})}) == {}


def test_sections_of_setup_cfg_are_told_apart() -> None:
    old = "[metadata]\nname = a\n\n[tool:pytest]\naddopts = -q\n"
    new = "[metadata]\nname = b\n\n[tool:pytest]\naddopts = -p evil\n\n[flake8]\nignore = E\n"
    content = laid({"setup.cfg": old}, {"setup.cfg": new})["setup.cfg"]
    assert (content or b"").decode().split() == ["[metadata]", "name", "=", "b", "[tool:pytest]", "addopts", "=", "-q"]


@pytest.mark.parametrize(
    "path",
    [
        *("pytest.py", "_pytest/__init__.py", "unittest.py", "sitecustomize.py", "evil.pth", ".venv/bin/python"),
        *("node_modules/.bin/vitest", "evil.egg-info/entry_points.txt", "x-1.dist-info/METADATA", "Pluggy.py"),
    ],
)
def test_what_would_take_a_tools_place_is_taken_away_and_told(path: str) -> None:
    after = {path: "evil", "_pytest/__init__.py": ""} if path.startswith("_") else {path: "evil"}
    assert laid({"shop.py": ""}, {"shop.py": "", **after})[path] is None
    change = between({}, {name: text.encode() for name, text in after.items()})
    assert [objection.rule for objection in planted(change)] == ["proof/planted-tool"]
    assert planted(change, granted=[path]) == ()


@pytest.mark.parametrize(
    "path", ["src/shop/ast.py", "shop/inspect.py", "tests/unittest.py", "coverage.md", "tox/data.txt"]
)
def test_names_that_take_nobodys_place_are_left_alone(path: str) -> None:
    assert laid({}, {path: "x = 1\n"}) == {}


async def test_a_planted_runner_never_runs(project: MakeRoom) -> None:
    """`python -m pytest` looks in the tree first."""
    files = {"shop.py": "X = 1\n", "tests/test_a.py": "def test_a(): assert 0\n", "pytest.py": "raise SystemExit(0)\n"}
    room = project(files)
    run, report = reporting(["pytest", "-q"])
    gate = Gate.model_validate({"kind": GateKind.TESTS, "run": run, "report": report})
    change = between({}, {"pytest.py": files["pytest.py"].encode()})
    async with room.checkout(base_overlay(change)) as clean:
        result = await run_gate("tests", gate, clean, tree="t", environment="e", reruns=0)
    assert result.outcome is Outcome.FAILED


Tables = dict[str, dict[str, Any]]
_VALUES = st.one_of(st.integers(), st.booleans(), st.text("abc", max_size=3), st.lists(st.integers(), max_size=2))
_TABLES = st.dictionaries(st.sampled_from(["addopts", "a", "b"]), _VALUES, max_size=2)
_DOCUMENTS = st.fixed_dictionaries(
    {"tool": st.dictionaries(st.sampled_from(["pytest", "ruff", "mypy", "hatch", "pdm"]), _TABLES), "project": _TABLES}
)


@settings(deadline=None)
@given(_DOCUMENTS, _DOCUMENTS)
def test_whatever_is_written_the_tools_read_what_the_base_says(before: Tables, after: Tables) -> None:
    import tomlkit

    old, new = tomlkit.dumps(before), tomlkit.dumps(after)
    content = laid({"pyproject.toml": old}, {"pyproject.toml": new}).get("pyproject.toml", new.encode())
    told = tomllib.loads((content or b"").decode())
    seen = {name: table for name, table in told.get("tool", {}).items() if name in TOOLS}
    assert seen == {name: table for name, table in before["tool"].items() if name in TOOLS}
    assert told.get("project", {}) == after["project"]

"""What a change brings is in the package that is published, and works from there alone. Real builds, real imports."""

import json
from pathlib import Path

import pytest

from setpoint.gates.measured import vacuous
from setpoint.gates.packaging import check_packaging
from setpoint.model.evidence import Outcome
from setpoint.model.judgement import Measured
from setpoint.testing.gate_grounds import grounds_of

HATCH = """[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "till"
version = "1.0"

[tool.hatch.build.targets.wheel]
packages = ["src/till"]
exclude = ["*.json"]
"""
PYTHON = {
    "pyproject.toml": HATCH,
    "src/till/__init__.py": "",
    "src/till/cart.py": "TOTAL = 1\n",
    "src/till/words.txt": "a\n",
}
READS = "from pathlib import Path\n\nRATES = (Path(__file__).parent / 'rates.json').read_text()\n"
NODE = {
    "package.json": json.dumps({"name": "till", "version": "1.0.0", "files": ["src"], "main": "src/index.js"}),
    "src/index.js": "module.exports = 1;\n",
}


async def told(tmp_path: Path, base: dict[str, str], change: dict[str, str], gone: tuple[str, ...] = ()) -> Measured:
    after = {path: text for path, text in {**base, **change}.items() if path not in gone}
    (one,) = await check_packaging(grounds_of(tmp_path, base, after))
    return one


def rules(found: Measured) -> list[tuple[str, str]]:
    return sorted((one.rule.removeprefix("packaging/"), one.severity.value) for one in found.objections)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "gone"),
    [
        ({"src/till/cart.py": "TOTAL = 2\n"}, ()),
        ({"src/till/bag.py": "from till.cart import TOTAL\n", "src/till/cart.py": "TOTAL = 3\n"}, ()),
        ({"src/till/more/__init__.py": "", "src/till/more/deep.py": "import till\n"}, ()),
        ({}, ("src/till/words.txt",)),
        ({"README.md": "# Till\n", "tools/count.py": "import nothing_here\n", "tests/test_a.py": "x = 1\n"}, ()),
        ({"src/till/bag.py": "import no_such_package\n"}, ("src/till/words.txt",)),
    ],
)
async def test_an_honest_change_of_a_package_is_not_minded(
    tmp_path: Path, change: dict[str, str], gone: tuple[str, ...]
) -> None:
    found = await told(tmp_path, PYTHON, change, gone)
    assert not any(one.blocks for one in found.objections), found.objections
    assert found.result.outcome is Outcome.PASSED
    assert found.result.evidence.examined >= 4


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            {"src/till/rates.json": "{}", "src/till/cart.py": READS},
            [("left-out", "medium"), ("not-importable", "high")],
        ),
        (
            {"src/rates/__init__.py": "TEN = 10\n", "src/till/cart.py": "from rates import TEN\n"},
            [("not-importable", "high")],
        ),
        (
            {"pyproject.toml": HATCH.replace('"*.json"', '"words.txt"')},
            [("left-out", "medium")],
        ),
        (
            {"pyproject.toml": HATCH.replace('"*.json"', '"bag.py"'), "src/till/bag.py": "A = 1\n"},
            [("left-out", "medium")],
        ),
        ({"pyproject.toml": HATCH.replace('version = "1.0"', 'version = "one"')}, [("build-failed", "high")]),
        ({"src/till/cart.py": "import till.nowhere\n"}, [("not-importable", "high")]),
    ],
)
async def test_what_is_missing_from_the_package_is_named(
    tmp_path: Path, change: dict[str, str], expected: list[tuple[str, str]]
) -> None:
    found = await told(tmp_path, PYTHON, change)
    assert rules(found) == expected
    assert all(one.cause and one.place for one in found.objections)


async def test_a_backend_that_is_not_there_is_said_and_accuses_nobody(tmp_path: Path) -> None:
    base = {**PYTHON, "pyproject.toml": HATCH.replace("hatchling.build", "no_such_backend.build")}
    found = await told(tmp_path, base, {"src/till/cart.py": "TOTAL = 2\n"})
    assert rules(found)[0][0] == "no-tool"
    assert "cannot be built here on the base: ModuleNotFoundError" in found.result.reason


@pytest.mark.parametrize(
    ("base", "change"),
    [
        ({"pyproject.toml": "[tool.ruff]\n", "a.py": ""}, {"a.py": "x = 1\n"}),
        ({"package.json": '{"name": "a", "version": "1", "private": true}', "a.js": ""}, {"a.js": "1;\n"}),
        (PYTHON, {"tests/test_a.py": "x = 1\n"}),
    ],
)
async def test_where_nothing_is_published_nothing_is_built(
    tmp_path: Path, base: dict[str, str], change: dict[str, str]
) -> None:
    assert vacuous(await told(tmp_path, base, change))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"src/index.js": "module.exports = 2;\n"}, []),
        ({"src/index.js": "module.exports = require('./a');\n", "src/a.js": "module.exports = 2;\n"}, []),
        ({"src/index.js": "module.exports = require('../lib/a');\n", "lib/a.js": "1;\n"}, [("left-out", "medium")]),
        (
            {
                "package.json": NODE["package.json"].replace('"src"', '"lib"').replace("src/index", "src/start"),
                "src/start.js": "1;\n",
            },
            [("left-out", "medium")],
        ),
    ],
)
async def test_an_npm_package_holds_what_its_files_import(
    tmp_path: Path, change: dict[str, str], expected: list[tuple[str, str]]
) -> None:
    found = await told(tmp_path, NODE, change)
    assert rules(found) == expected, found.objections

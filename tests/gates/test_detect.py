"""Detection reads what a repository says of itself and runs nothing."""

import json

import pytest

from setpoint.gates.detect import detect
from setpoint.model.gate import Candidate
from setpoint.testing.gate_rooms import MakeRoom

PYTEST = "python -m pytest --junit-xml={report} -o junit_family=xunit1 -p no:cacheprovider --rootdir=. -q"


def said(candidates: tuple[Candidate, ...]) -> dict[str, str]:
    return {candidate.name: " ".join(candidate.gate.run) for candidate in candidates}


@pytest.mark.parametrize(
    ("name", "content", "because"),
    [
        ("pyproject.toml", "[project]\nname='x'\n\n[tool.pytest.ini_options]\n", "pyproject.toml:4"),
        ("pytest.ini", "[pytest]\n", "pytest.ini"),
        ("setup.cfg", "[metadata]\n[tool:pytest]\n", "setup.cfg:2"),
        ("tox.ini", "[pytest]\n", "tox.ini:1"),
        ("requirements-dev.txt", "requests\npytest>=8\n", "requirements-dev.txt:2"),
        ("tests/test_a.py", "import pytest\n", "tests/test_a.py"),
        ("tests/test_a.py", "def test_a(): pass\n", "tests/test_a.py"),
    ],
)
def test_pytest_is_found_by_what_speaks_for_it(project: MakeRoom, name: str, content: str, because: str) -> None:
    (candidate,) = detect(project({"code.py": "", name: content}).path)
    assert said((candidate,)) == {"tests": PYTEST}
    assert candidate.because == because
    assert candidate.gate.report == "junit"


def test_unittest_is_found_where_nothing_speaks_of_pytest(project: MakeRoom) -> None:
    room = project({"tests/__init__.py": "", "tests/test_a.py": "import unittest\n"})
    assert said(detect(room.path)) == {"tests": "python -m unittest discover -v -s tests -t ."}


def test_python_linters_and_type_checkers_are_found_by_their_sections(project: MakeRoom) -> None:
    pyproject = "[tool.ruff]\n[tool.ruff.format]\n[tool.mypy]\nstrict = true\n[tool.pyright]\n"
    found = detect(project({"pyproject.toml": pyproject, "src/shop/__init__.py": ""}).path)
    assert said(found) == {
        "lint": "ruff check --output-format=sarif --output-file={report} .",
        "format": "ruff format --check .",
        "types": "python -m mypy --no-pretty --no-color-output --error-summary src",
        "types-pyright": "pyright --outputjson",
    }


def test_mypy_keeps_the_files_its_configuration_names(project: MakeRoom) -> None:
    found = detect(project({"mypy.ini": "[mypy]\nfiles = shop\n", "shop.py": ""}).path)
    assert said(found)["types"].endswith("--error-summary")


@pytest.mark.parametrize(
    ("script", "expected", "report"),
    [
        ("vitest", "node_modules/.bin/vitest run --reporter=default --reporter=junit --outputFile={report}", "junit"),
        ("jest --runInBand", "node_modules/.bin/jest --ci --json --outputFile={report} --runInBand", "json"),
        ("mocha test", "node_modules/.bin/mocha --reporter xunit --reporter-option output={report} test", "junit"),
        ("node --test", "node --test --test-reporter=junit --test-reporter-destination={report}", "junit"),
        (
            "NODE_ENV=test npx jest",
            "env NODE_ENV=test node_modules/.bin/jest --ci --json --outputFile={report}",
            "json",
        ),
        ("npm run build && jest", "npm run test", "exit"),
        ("react-scripts test", "npm run test", "exit"),
    ],
)
def test_a_node_test_script_reports_where_its_tool_can(
    project: MakeRoom, script: str, expected: str, report: str
) -> None:
    (candidate,) = detect(project({"package.json": json.dumps({"scripts": {"test": script}})}).path)
    assert " ".join(candidate.gate.run) == expected
    assert candidate.gate.report == report


@pytest.mark.parametrize(
    ("files", "manager"),
    [
        ({"pnpm-lock.yaml": ""}, "pnpm"),
        ({"yarn.lock": ""}, "yarn"),
        ({"package-lock.json": ""}, "npm"),
        ({"bun.lockb": ""}, "bun"),
        ({}, "npm"),
    ],
)
def test_scripts_run_with_the_package_manager_of_the_lock_file(
    project: MakeRoom, files: dict[str, str], manager: str
) -> None:
    package = json.dumps({"scripts": {"build": "rollup -c", "lint": "eslint . && ./own-check"}})
    found = said(detect(project({"package.json": package, **files}).path))
    assert found == {"build": f"{manager} run build", "lint": f"{manager} run lint"}


def test_the_placeholder_test_script_of_npm_is_no_test(project: MakeRoom) -> None:
    package = json.dumps({"scripts": {"test": 'echo "Error: no test specified" && exit 1'}})
    assert detect(project({"package.json": package}).path) == ()


def test_node_tests_and_types_are_found_without_scripts(project: MakeRoom) -> None:
    package = json.dumps({"devDependencies": {"typescript": "^5"}})
    files = {"package.json": package, "tsconfig.json": "{}", "test/a.test.js": "import test from 'node:test'"}
    assert said(detect(project(files).path)) == {
        "tests": "node --test --test-reporter=junit --test-reporter-destination={report}",
        "types": "node_modules/.bin/tsc --pretty false --listFiles --noEmit",
    }


def test_ci_lines_are_witnesses_and_speak_for_what_only_they_know(project: MakeRoom) -> None:
    workflow = (
        "jobs:\n  test:\n    steps:\n      - run: pip install -e .\n      - run: |\n          pytest --cov\n"
        "          flake8 shop\n      - run: mypy ${{ matrix.args }}\n"
    )
    room = project({"pytest.ini": "[pytest]\n", ".github/workflows/ci.yml": workflow})
    found = detect(room.path)
    assert [(candidate.name, candidate.because) for candidate in found] == [
        ("tests", "pytest.ini, .github/workflows/ci.yml:6"),
        ("lint", ".github/workflows/ci.yml:7"),
    ]
    assert found[1].gate.run == ("flake8", "--benchmark", "shop")


def test_make_targets_are_the_fallback(project: MakeRoom) -> None:
    files = {"Makefile": "CC := gcc\nlint: deps\n\ttool\ntest:\n\tgo test\n", "ruff.toml": "", "a.py": ""}
    found = detect(project(files).path)
    assert said(found) == {
        "lint": "ruff check --output-format=sarif --output-file={report} .",
        "tests": "make test",
    }
    assert found[1].because == "Makefile:4"


def test_a_language_the_root_has_none_of_is_found_one_folder_down(project: MakeRoom) -> None:
    files = {"pytest.ini": "[pytest]\n", "a.py": "", "web/package.json": '{"scripts": {"test": "node --test"}}'}
    found = detect(project({**files, "tool/pyproject.toml": "[tool.ruff]\n"}).path)
    assert [(candidate.name, candidate.gate.where) for candidate in found] == [("tests", "."), ("web-tests", "web")]


@pytest.mark.parametrize("content", ["{", "[]", '{"scripts": 3}', '{"scripts": {"test": 1}}', "[" * 100_000])
def test_broken_configuration_is_no_candidate_and_no_crash(project: MakeRoom, content: str) -> None:
    room = project({"package.json": content, "pyproject.toml": content, ".gitlab-ci.yml": content})
    assert detect(room.path) == ()


def test_detection_runs_nothing(project: MakeRoom) -> None:
    room = project({"conftest.py": "open('ran', 'w')", "tests/test_a.py": "import pytest; open('ran', 'w')"})
    assert detect(room.path)
    assert not (room.path / "ran").exists()

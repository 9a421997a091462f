"""Detection reads what a repository says of itself and runs nothing."""

import json

import pytest

from setpoint.gates.commands import shown
from setpoint.gates.detect import detect, survey
from setpoint.gates.projects import touched
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


# -- what runs other commands ----------------------------------------------------------------------------------------

POE = "[tool.poe.tasks]\nlint = 'flake8 shop'\ntypes = {cmd = 'mypy shop'}\nall = [{ref = 'lint'}, {cmd = 'pytest'}]\n"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (
            {"tox.ini": "[testenv]\ncommands = pytest {posargs:tests}\n[testenv:lint]\ncommands =\n  flake8 shop\n"},
            {"tests": "pytest", "lint": "flake8 shop"},
        ),
        (
            {"tox.ini": "[testenv:t]\ncommands = {[base]run} --strict shop\n[base]\nrun = python -m mypy\n"},
            {"types": "mypy --strict shop"},
        ),
        ({"tox.toml": "[env.types]\ncommands = [['ty', 'check'], ['bandit', '-r', 'shop']]\n"}, {"types": "ty check",
            "security": "bandit -r shop"}),
        (
            {"noxfile.py": "import nox\n@nox.session\ndef lint(s):\n    s.run('flake8', 'shop', *s.posargs)\n"},
            {"lint": "flake8 shop"},
        ),
        ({"hatch.toml": "[envs.types.scripts]\ncheck = 'mypy --install-types {args:shop}'\n"}, {"types": "mypy shop"}),
        ({"pyproject.toml": POE}, {"lint": "flake8 shop", "types": "mypy shop", "tests": "pytest"}),
        ({"pyproject.toml": "[tool.pdm.scripts]\nlint = {composite = ['flake8 shop']}\n"}, {"lint": "flake8 shop"}),
        ({"Makefile": "PY = python -m\nlint: deps\n\t@$(PY) flake8 shop\n"}, {"lint": "flake8 shop"}),
        ({"justfile": "src := 'shop'\ntypes *args:\n    mypy {{src}}\n"}, {"types": "mypy shop"}),
        ({"Taskfile.yml": "tasks:\n  lint:\n    cmds: [{cmd: flake8 shop}]\n"}, {"lint": "flake8 shop"}),
        (
            {".pre-commit-config.yaml": "repos:\n- repo: x\n  hooks: [{id: black}, {id: bandit, args: [-ll]}]\n"},
            {"format": "black --check .", "security": "bandit -ll -r ."},
        ),
        (
            {".pre-commit-config.yaml": "repos:\n- repo: local\n  hooks: [{id: t, entry: uv run mypy shop}]\n"},
            {"types": "mypy shop"},
        ),
    ],
)  # fmt: skip
def test_the_inner_command_of_what_makes_environments_is_read(
    project: MakeRoom, files: dict[str, str], expected: dict[str, str]
) -> None:
    found = detect(project({"shop/__init__.py": "", **files}).path)
    told = {candidate.name: shown(candidate.gate.run) for candidate in found}
    assert told.keys() == expected.keys()
    for name, command in expected.items():
        first, *rest = command.split()
        assert first in told[name]
        assert told[name].endswith(" ".join(rest))


@pytest.mark.parametrize(
    ("files", "command", "place"),
    [
        ({"tox.ini": "[testenv]\ncommands = mypy {env_dir}/x\n"}, "mypy {env_dir}/x", "tox.ini:2"),
        (
            {"noxfile.py": "import nox\n@nox.session\ndef t(s):\n    s.run('mypy', str(HERE))\n"},
            "mypy",
            "noxfile.py:4",
        ),
        (
            {".pre-commit-config.yaml": "repos:\n- repo: x\n  hooks:\n  - id: codespell\n"},
            "pre-commit run codespell",
            ".pre-commit-config.yaml:4",
        ),
    ],
)
def test_what_cannot_be_read_is_set_aside_with_the_reason(
    project: MakeRoom, files: dict[str, str], command: str, place: str
) -> None:
    found = survey(project({"shop.py": "", **files}).path)
    assert found.candidates == ()
    (aside,) = found.aside
    assert (aside.command, aside.place) == (command, place)
    assert "network" in aside.why


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (".gitlab-ci.yml", "lint:\n  script: [flake8 shop]\n"),
        (".circleci/config.yml", "jobs:\n  l:\n    steps:\n    - run: {name: x, command: flake8 shop}\n"),
        ("azure-pipelines.yml", "steps:\n- script: flake8 shop\n"),
        ("bitbucket-pipelines.yml", "pipelines:\n  default:\n  - step:\n      script: [flake8 shop]\n"),
        (".travis.yml", "script:\n- flake8 shop\n"),
        (".woodpecker.yml", "steps:\n  l:\n    commands: [flake8 shop]\n"),
        ("Jenkinsfile", "stage('x') { steps { sh 'flake8 shop' } }\n"),
        (".github/workflows/a.yml", "jobs:\n  l:\n    steps:\n    - run: |\n        uv run --group d flake8 shop\n"),
    ],
)  # fmt: skip
def test_every_common_ci_is_a_witness(project: MakeRoom, name: str, content: str) -> None:
    (found,) = detect(project({"shop/__init__.py": "", name: content}).path)
    assert (found.name, shown(found.gate.run)) == ("lint", "flake8 shop")
    assert found.because.startswith(name)


def test_a_command_that_mends_is_no_gate(project: MakeRoom) -> None:
    make = "lint:\n\truff check --fix .\n\tblack .\n\tprettier --write .\nstyle:\n\tisort .\n"
    assert [c.gate.run for c in detect(project({"Makefile": make, "a.txt": ""}).path)] == [("make", "lint")]


def test_the_targets_of_a_guess_are_those_the_repository_names(project: MakeRoom) -> None:
    files = {"pyproject.toml": "[tool.mypy]\nstrict = true\n", "shop/__init__.py": "", "tests/a.py": ""}
    room = project({**files, "tox.ini": "[testenv:types]\ncommands = mypy shop tests\n"})
    (found,) = detect(room.path)
    assert shown(found.gate.run) == "python -m mypy shop tests"
    assert found.because == "pyproject.toml:1, tox.ini:2 (tox types)"


def test_django_is_found_with_its_own_checks(project: MakeRoom) -> None:
    manage = "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site.settings')\n"
    found = detect(project({"manage.py": manage, "cart/tests.py": "from django.test import TestCase\n"}).path)
    assert said(found) == {
        "tests": "python manage.py test -v 2",
        "django-check": "python manage.py check",
        "migrations": "python manage.py makemigrations --check --dry-run",
    }


# -- Node ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scripts", "expected"),
    [
        (
            {"lint": "eslint . && prettier --check ."},
            {"lint": "node_modules/.bin/eslint .", "format": "node_modules/.bin/prettier --check ."},
        ),
        (
            {"test": "npm run lint && c8 ava", "lint": "eslint src"},
            {"lint": "node_modules/.bin/eslint src", "tests": "node_modules/.bin/ava"},
        ),
        ({"test": "run-s test:*", "test:unit": "mocha", "test:e2e": "./e2e"}, {"tests": "node_modules/.bin/mocha",
            "integration": "npm run test:e2e"}),
        ({"test": "jest", "pretest": "rollup -c"}, {"tests": "npm run test"}),
        ({"test": "jest", "pretest": "eslint ."}, {"tests": "node_modules/.bin/jest --ci"}),
        ({"lint": "biome check src"}, {"lint": "node_modules/.bin/biome check src"}),
        ({"test": "a", "pretest": "npm run test"}, {"tests": "npm run test"}),
        ({"test": "npm run test"}, {"tests": "npm run test"}),
    ],
)  # fmt: skip
def test_a_script_comes_down_to_its_tools(project: MakeRoom, scripts: dict[str, str], expected: dict[str, str]) -> None:
    found = detect(project({"package.json": json.dumps({"scripts": scripts})}).path)
    told = {candidate.name: shown(candidate.gate.run) for candidate in found}
    assert expected.items() <= told.items()


def test_tools_without_a_script_are_found_by_their_configuration(project: MakeRoom) -> None:
    package = json.dumps({"devDependencies": {"prettier": "3", "eslint": "9", "ava": "6"}})
    found = detect(project({"package.json": package, ".prettierrc": "{}", "eslint.config.js": ""}).path)
    assert [candidate.name for candidate in found] == ["tests", "lint", "format"]


# -- several projects ------------------------------------------------------------------------------------------------

TESTED = json.dumps({"scripts": {"test": "vitest"}})


@pytest.mark.parametrize(
    "root",
    [
        {"package.json": json.dumps({"workspaces": ["packages/*", "!packages/old"]})},
        {"package.json": json.dumps({"workspaces": {"packages": ["packages/cart", "packages/bag"]}})},
        {"package.json": "{}", "pnpm-workspace.yaml": "packages: ['packages/*', '!packages/old']\n"},
    ],
)
def test_workspaces_are_projects_of_their_own(project: MakeRoom, root: dict[str, str]) -> None:
    below = {f"packages/{name}/package.json": TESTED for name in ("cart", "bag")}
    found = detect(project({**root, **below}).path)
    assert [(c.name, c.gate.where) for c in found] == [
        ("packages-bag-tests", "packages/bag"),
        ("packages-cart-tests", "packages/cart"),
    ]
    assert found[0].gate.run[0] == "vitest"  # from the root's node_modules or its own: both are on PATH


def test_members_of_a_uv_workspace_keep_their_own_tests(project: MakeRoom) -> None:
    root = "[tool.uv.workspace]\nmembers = ['libs/*']\n[tool.pytest.ini_options]\n[tool.ruff]\n"
    member = "[tool.pytest.ini_options]\n[tool.ruff]\n"
    found = detect(project({"pyproject.toml": root, "libs/cart/pyproject.toml": member}).path)
    assert [candidate.name for candidate in found] == ["tests", "lint", "libs-cart-tests"]


def test_a_changed_path_brings_its_nearest_project_and_then_the_root(project: MakeRoom) -> None:
    files = {"pytest.ini": "[pytest]\n", "a.py": "", "web/package.json": TESTED, "api/pytest.ini": "[pytest]\n"}
    files = {**files, "web/admin/package.json": TESTED, "Makefile": ""}
    room = project(files)
    near = [candidate.name for candidate in detect(room.path, ["web/admin/src/x.js"])]
    assert near == ["web-admin-tests", "tests"]
    assert [candidate.name for candidate in detect(room.path, ["README.md"])] == ["tests"]
    gates = {candidate.name: candidate.gate for candidate in detect(room.path, ["web/x.js", "api/y.py"])}
    assert list(touched(gates, ["api/z.py"])) == ["api-tests", "tests"]
    assert list(touched(gates, ["web/admin/x.js", "docs/a.md"])) == ["web-tests", "tests"]
    assert touched(gates, []) == {}


def test_ci_of_a_folder_speaks_for_its_project(project: MakeRoom) -> None:
    workflow = (
        "jobs:\n  a:\n    steps:\n    - run: mypy .\n      working-directory: api\n    - run: cd web && eslint .\n"
    )
    files = {"api/pyproject.toml": "", "api/a.py": "", "web/package.json": "{}", ".github/workflows/c.yml": workflow}
    found = detect(project(files).path)
    assert [(c.name, c.gate.where) for c in found] == [("api-types", "api"), ("web-lint", "web")]

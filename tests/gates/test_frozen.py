"""What may not move while code is written."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from setpoint.gates.frozen import frozen, is_test_file, is_test_path
from setpoint.gates.objections import objections
from setpoint.gates.protected import protected_changes, protection
from setpoint.model.evidence import Outcome
from setpoint.model.objection import Source


def test_approved_tests_are_compared_byte_for_byte() -> None:
    now = {"tests/test_a.py": b"a", "tests/test_b.py": b"b "}
    approved = {
        "tests/test_a.py": hashlib.sha256(b"a").hexdigest(),
        "tests/test_b.py": b"b",
        "tests/test_c.py": b"c",
    }
    result = frozen(approved, now.get, tree="t")
    assert result.outcome is Outcome.FAILED
    assert [(entry.path, entry.rule) for entry in result.findings] == [
        ("tests/test_b.py", "changed"),
        ("tests/test_c.py", "deleted"),
    ]
    assert {objection.source for objection in objections(result)} == {Source.TAMPER}
    assert frozen({"tests/test_a.py": b"a"}, now.get, tree="t").green
    assert frozen({}, now.get, tree="t").outcome is Outcome.REFUSED


@given(st.dictionaries(st.text(min_size=1, max_size=8), st.binary(max_size=8), min_size=1), st.data())
def test_no_change_of_an_approved_file_stays_green(files: dict[str, bytes], data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(sorted(files)))
    other = data.draw(st.none() | st.binary(max_size=8).filter(lambda content: content != files[path]))
    now = {**files, path: other}
    assert frozen({name or "x": content for name, content in files.items()}, files.get, tree="t").green
    assert not frozen(files, now.get, tree="t").green


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("setpoint.toml", "config"),
        (".setpoint/policy.toml", "config"),
        ("pyproject.toml", "config"),
        ("web/PACKAGE.json", "config"),
        ("web/tsconfig.build.json", "config"),
        (".github/workflows/ci.yml", "ci"),
        (".gitlab-ci.yml", "ci"),
        ("uv.lock", "lock"),
        ("api/requirements-dev.txt", "lock"),
        ("AGENTS.md", "agent"),
        ("src/shop/CLAUDE.md", "agent"),
        (".claude/rules/a.md", "agent"),
        ("tests/conftest.py", "infrastructure"),
        ("Dockerfile.prod", "infrastructure"),
        (".env.local", "infrastructure"),
        ("\uff41gents.md", "agent"),
        (".env.example", ""),
        ("src/shop/cart.py", ""),
        ("docs/makefile-tips.md", ""),
    ],
)
def test_protected_files_are_known_by_their_class(path: str, kind: str) -> None:
    assert protection(path) == kind


@pytest.mark.parametrize(
    "path",
    [
        *("pytest.toml", "api/.pytest.toml", ".coveragerc.toml", "tox.toml", "ty.toml", "pyrefly.toml", "uv.toml"),
        *("ruff.toml", "pylintrc", ".pylintrc.toml", ".python-version", ".importlinter"),
        *("vitest.config.mts", "vite.config.ts", "eslint.config.mjs", ".oxlintrc.json", "oxlint.config.ts"),
        *(".biome.jsonc", "biome.json", "web/.c8rc.json", ".nycrc", "bunfig.toml", "deno.jsonc", ".editorconfig"),
    ],
)
def test_what_a_tool_reads_its_settings_from_is_protected(path: str) -> None:
    assert protection(path) == "config"


def test_existing_tests_are_protected_and_new_ones_are_welcome() -> None:
    paths = ["src/a.py", "tests/test_old.py", "tests/test_new.py", "tests/conftest.py", "uv.lock"]
    raised = protected_changes(paths, new=["tests/test_new.py", "tests/conftest.py"], granted=["uv.lock"])
    assert [objection.place.path for objection in raised if objection.place] == [
        "tests/test_old.py",
        "tests/conftest.py",
    ]
    assert all(objection.source is Source.TAMPER and objection.blocks and objection.cause for objection in raised)


@pytest.mark.parametrize(
    ("path", "is_test", "holds_tests"),
    [
        ("tests/test_a.py", True, True),
        ("tests/helper.py", True, False),
        ("tests/data/a.json", True, False),
        ("tests/conftest.py", True, False),
        ("tests/__init__.py", True, False),
        ("src/pkg/test_a.py", True, True),
        ("src/pkg/a_test.py", True, True),
        ("test/a.js", True, True),
        ("src/a.spec.tsx", True, True),
        ("src/__tests__/a.js", True, True),
        ("django/test/client.py", False, False),
        ("src/latest.py", False, False),
        ("src/contest.js", False, False),
        ("/tests/test_a.py", False, False),
        ("tests/../src/a.py", False, False),
    ],
)
def test_test_files_are_told_from_the_product(path: str, is_test: bool, holds_tests: bool) -> None:
    assert (is_test_path(path), is_test_file(path)) == (is_test, holds_tests)

"""No sequence of file operations by the side that writes code leaves a frozen test, or what collects it, different and
goes without an objection."""

import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from setpoint.gates.change_set import between
from setpoint.gates.tamper import tamper

TEST = b"def test_price():\n    from shop import price\n\n    assert price(2) == 7\n"
BASE: Mapping[str, bytes] = {
    "src/shop.py": b"def price(n):\n    return n * 3 + 1\n",
    "tests/test_shop.py": TEST,
    "tests/deep/test_more.py": TEST.replace(b"test_price", b"test_more"),
    "tests/data/prices.json": b'{"tea": 7}\n',
    "tests/conftest.py": b"import pytest\n",
    "tests/__snapshots__/shop.ambr": b"# name: test\n  7\n",
    "src/shop.test.ts": b'import { expect, test } from "vitest";\ntest("a", () => { expect(1).toBe(1); });\n',
    "pyproject.toml": b'[tool.pytest.ini_options]\ntestpaths = ["tests"]\npythonpath = ["src"]\n',
    ".github/workflows/ci.yml": b"on: push\njobs: {t: {steps: [{run: pytest}]}}\n",
    "uv.lock": b"version = 1\n",
}
FROZEN = tuple(path for path in BASE if path != "src/shop.py")
NEW = ("pytest.ini", "conftest.py", "tests/deep/conftest.py", "setup.cfg", "tox.ini", "src/new.py", "tests/test_new.py",
       "tests/test_shop2.py", "TESTS/test_shop.py", "pytest.py", "tests/shop.py", "sitecustomize.py", ".coveragerc",
       "src/conftest.py", "tests/old/test_shop.py")  # fmt: skip
CONTENTS = st.sampled_from([*BASE.values(), b"", b"\n", b"pass\n", b"[pytest]\naddopts = -k nothing\n", TEST + b"\n"])
PATHS = st.sampled_from([*BASE, *NEW])
OPERATIONS = st.one_of(
    st.tuples(st.just("write"), PATHS, CONTENTS),
    st.tuples(st.just("delete"), PATHS, st.just(b"")),
    st.tuples(st.just("rename"), PATHS, PATHS),
    st.tuples(st.just("restore"), PATHS, st.just(b"")),
)
Operation = tuple[str, str, bytes | str]


def done(operations: list[Operation]) -> dict[str, bytes]:
    """The tree after these operations."""
    tree = dict(BASE)
    for verb, path, what in operations:
        if verb == "write" and isinstance(what, bytes):
            tree[path] = what
        elif verb == "delete":
            tree.pop(path, None)
        elif verb == "rename" and isinstance(what, str) and path in tree:
            tree[what] = tree.pop(path)
        elif verb == "restore" and path in BASE:
            tree[path] = BASE[path]
    return tree


def differs(tree: Mapping[str, bytes]) -> bool:
    """Whether a frozen file is not byte for byte where it was, or something new configures the run."""
    collecting = (
        "test_shop.py",
        "pytest.ini",
        "conftest.py",
        "setup.cfg",
        "tox.ini",
        "pytest.py",
        "sitecustomize.py",
        "shop.py",
    )
    added = [path for path in tree if path not in BASE and path != "src/shop.py"]
    return any(tree.get(path) != BASE[path] for path in FROZEN) or any(
        path.rpartition("/")[2] in collecting for path in added
    )


@settings(max_examples=400, deadline=None)
@given(st.lists(OPERATIONS, max_size=8))
def test_what_is_frozen_cannot_be_changed_unseen(operations: list[Operation]) -> None:
    tree = done(operations)
    measured = tamper(between(BASE, tree), frozen=("tests/test_shop.py",), implementing=True)
    blocked = [objection for objection in measured.objections if objection.blocks]
    if differs(tree):
        assert blocked
        assert not measured.holds


@settings(max_examples=100, deadline=None)
@given(st.lists(OPERATIONS, max_size=6))
def test_what_was_put_back_is_forgiven(operations: list[Operation]) -> None:
    tree = {**done(operations), **BASE}
    only_source = {path: content for path, content in tree.items() if path in BASE}
    assert tamper(between(BASE, only_source), implementing=True).objections == ()


COLLECTED = [path for path in BASE if path.endswith(".py") and path.startswith("tests/test")]


@pytest.mark.slow
@settings(max_examples=12, deadline=None)
@given(st.lists(OPERATIONS, min_size=1, max_size=4))
def test_what_pytest_collects_stays_unless_somebody_objects(operations: list[Operation]) -> None:
    tree = done(operations)
    if tamper(between(BASE, tree), implementing=True).holds:
        collected = _collected(tree)
        assert {"tests/test_shop.py::test_price", "tests/deep/test_more.py::test_more"} <= collected


def _collected(tree: Mapping[str, bytes]) -> set[str]:
    import tempfile

    folder = Path(tempfile.mkdtemp(prefix="collected-"))
    try:
        for path, content in tree.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
        told = subprocess.run(
            [sys.executable, "-B", "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"],
            cwd=folder, capture_output=True, text=True, check=False, timeout=120,
            env={"PATH": "/usr/bin:/bin", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        )  # fmt: skip
        return {line for line in told.stdout.splitlines() if "::" in line}
    finally:
        shutil.rmtree(folder)


def test_an_approved_test_that_is_not_there_is_missed() -> None:
    measured = tamper(between(BASE, BASE), frozen=("tests/test_sealed.py",), implementing=True)
    assert [objection.rule for objection in measured.objections] == ["tamper/frozen-changed"]


def test_a_person_may_change_what_is_not_frozen() -> None:
    after = {**BASE, "tests/test_shop.py": TEST + b"\n\ndef test_free():\n    assert price(0) == 1\n"}
    assert tamper(between(BASE, after)).holds
    frozen = tamper(between(BASE, after), frozen=("tests/test_shop.py",))
    assert [objection.rule for objection in frozen.objections] == ["tamper/frozen-changed"]

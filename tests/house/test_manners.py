"""What is never done here: patching, skipping, catching everything, paths of one machine, slow starts."""

import ast
import json
import re
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest
from sources import ROOT, classes, functions, modules, tracked, trees_of_tests

PATCHING_MODULES = {"unittest.mock", "mock", "pytest_mock"}
PATCHING_FIXTURES = {"monkeypatch", "mocker"}
SKIPPING = {"skip", "skipif", "skipIf", "skipUnless", "skipTest", "xfail", "importorskip"}


def test_no_test_patches_what_it_tests() -> None:
    found = []
    for place, tree in trees_of_tests():
        for node in ast.walk(tree):
            if isinstance(node, ast.Import) and any(alias.name in PATCHING_MODULES for alias in node.names):
                found.append(f"{place}:{node.lineno}")
            if isinstance(node, ast.ImportFrom) and _patches(node):
                found.append(f"{place}:{node.lineno}")
        for function in functions(tree):
            if PATCHING_FIXTURES & {argument.arg for argument in function.args.args}:
                found.append(f"{place}:{function.lineno} {function.name}")
    assert found == []


def _patches(node: ast.ImportFrom) -> bool:
    return node.module in PATCHING_MODULES or (
        node.module in ("unittest", "pytest") and any(alias.name in ("mock", "MonkeyPatch") for alias in node.names)
    )


def test_no_test_is_skipped() -> None:
    found = [
        f"{place}:{node.lineno} {node.attr}"
        for place, tree in trees_of_tests()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in SKIPPING
    ]
    assert found == []


WAIVER = re.compile(r"#\s*(?:noqa|type:\s*ignore|pragma)\b")
EXPLAINED = re.compile(r"# (?:noqa: [A-Z]+\d+|type: ignore\[[\w,-]+\]) +[#-] \w.*")


def test_a_tool_is_told_to_look_away_with_its_rule_and_a_reason() -> None:
    found = []
    for path in (path for path in tracked() if path.suffix == ".py"):
        with tokenize.open(path) as file:
            comments = [token for token in tokenize.generate_tokens(file.readline) if token.type == tokenize.COMMENT]
        found += [
            f"{path.relative_to(ROOT)}:{token.start[0]} {token.string}"
            for token in comments
            if WAIVER.search(token.string) and not EXPLAINED.fullmatch(token.string)
        ]
    assert found == []


CATCHES_ALL = {
    ("cli/main.py", "run"),  # the command line's edge: a bug still gets words and a code
    ("engine/worker.py", "_guarded"),  # the worker loop: one job's bug must not take the others down
}


def test_everything_is_caught_by_name_but_at_two_edges() -> None:
    """A handler that raises again catches nothing."""
    found = {
        (module.place, function.name)
        for module in modules()
        for function in functions(module.tree)
        for node in ast.walk(function)
        if isinstance(node, ast.ExceptHandler) and _is_broad(node) and not isinstance(node.body[-1], ast.Raise)
    }
    assert found == CATCHES_ALL


def _is_broad(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(kind is None or (isinstance(kind, ast.Name) and kind.id.endswith("Exception")) for kind in kinds)


EVERYWHERE = {Path(f) for f in ("/", "/tmp", "/home", "/opt", "/srv", "/usr", "/usr/src", "/usr/local", "/var")}
"""Folders that every machine has: naming one tells nothing of this one."""


def test_no_file_names_a_path_of_the_machine_it_was_written_on() -> None:
    mine = [f"{folder}/".encode() for folder in {ROOT.parent, Path.home()} - EVERYWHERE]
    found = [
        file.relative_to(ROOT).as_posix()
        for file in tracked()
        if (content := file.read_bytes()) and any(path in content for path in mine)
    ]
    assert found == []


HEAVY = ("sqlalchemy", "dbos", "pydantic_ai", "anthropic", "openai", "httpx2", "jinja2", "pydantic", "alembic")
LOADED = """
import json, sys
from setpoint.cli.main import run
code = run(sys.argv[1:])
heavy = {name.split(".")[0] for name in sys.modules} & set(json.loads(sys.stdin.read()))
print("\\n" + json.dumps([code, sorted(heavy)]))
"""


@pytest.mark.parametrize("argument", ["--help", "--version"])
def test_asking_for_help_loads_nothing_heavy(argument: str) -> None:
    told = subprocess.run(
        [sys.executable, "-c", LOADED, argument], input=json.dumps(HEAVY), capture_output=True, text=True, check=True
    )
    assert json.loads(told.stdout.splitlines()[-1]) == [0, []]


CONTAINERS = {"utils", "helpers", "manager", "handler", "base", "core", "misc", "common"}


def test_names_come_from_the_field() -> None:
    files = [module.place for module in modules() if CONTAINERS & set(Path(module.place).with_suffix("").parts)]
    endings = ("Data", "Info", "Manager", "Handler", "Helper", "Utils")
    kinds = [f"{module.place}: {cls.name}" for module in modules() for cls in classes(module)
             if cls.name.endswith(endings)]  # fmt: skip
    assert files + kinds == []

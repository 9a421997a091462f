"""The arrows between the parts point down."""

import ast
import subprocess
import sys
from pathlib import Path

from sources import PACKAGE, ROOT, Module, modules

LOADED_BY_PATH = {"adapters/migrations/env.py"}
"""Alembic loads it as a file: it has no package to be relative to."""
LINT_IMPORTS = Path(sys.executable).with_name("lint-imports")


def test_the_arrows_point_down() -> None:
    told = subprocess.run(
        [LINT_IMPORTS, "--no-logo", "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert told.returncode == 0, told.stdout + told.stderr


def test_no_module_imports_its_own_packages_face() -> None:
    found = [
        f"{module.place}:{node.lineno}"
        for module in modules()
        for node in ast.walk(module.tree)
        if module.place not in LOADED_BY_PATH and _imports_own_face(module, node)
    ]
    assert found == []


def _imports_own_face(module: Module, node: ast.AST) -> bool:
    if isinstance(node, ast.Import):
        return any(alias.name.split(".")[0] == "setpoint" for alias in node.names)
    if not isinstance(node, ast.ImportFrom):
        return False
    if node.level == 0:
        return (node.module or "").split(".")[0] == "setpoint"
    if node.module is not None or _names_the_version(module, node):
        return False
    package = module.path.parents[node.level - 1]
    return any(not _is_part(package, alias.name) for alias in node.names)


def _names_the_version(module: Module, node: ast.ImportFrom) -> bool:
    own = module.path.parents[node.level - 1] == PACKAGE
    return own and [alias.name for alias in node.names] == ["__version__"]


def _is_part(package: Path, name: str) -> bool:
    return (package / f"{name}.py").is_file() or (package / name / "__init__.py").is_file()


def test_only_adapters_speak_to_databases_and_the_network() -> None:
    """The engine stands on its own database; what the application keeps is the store's alone. What runs inside the
    sandbox is a program of its own, and speaks to the project's databases."""
    outside = {"httpx2", "sqlalchemy", "psycopg", "alembic", "dbos"}
    allowed = ("adapters/", "engine/", "testing/", "app.py", "gates/steps_inside.py")
    found = [
        f"{module.place}: {name}"
        for module in modules()
        for name in _imported(module.tree)
        if name in outside and not module.place.startswith(allowed)
    ]
    assert found == []


def _imported(tree: ast.Module) -> list[str]:
    names: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name.split(".")[0] for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.append((node.module or "").split(".")[0])
    return names

"""Our own source as syntax trees: what the rules of the house are checked on."""

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src"
PACKAGE = SRC / "setpoint"
DEMO_PROJECTS = PACKAGE / "demo" / "projects"
"""The repositories of the demos: somebody else's code, as far as the rules go."""


class Module(NamedTuple):
    """One file of the package."""

    name: str
    """`setpoint.loop.attempt`; a package's face has the package's name."""
    path: Path
    tree: ast.Module
    lines: int

    @property
    def place(self) -> str:
        """Path relative to the package."""
        return self.path.relative_to(PACKAGE).as_posix()

    @property
    def package(self) -> str:
        """The package it lies in; a face lies in itself."""
        return self.name if self.path.name == "__init__.py" else self.name.rpartition(".")[0]


@cache
def modules() -> tuple[Module, ...]:
    """Every module of the package, the projects of the demos left out."""
    found = [path for path in sorted(PACKAGE.rglob("*.py")) if not path.is_relative_to(DEMO_PROJECTS)]
    return tuple(_module(path) for path in found)


def _module(path: Path) -> Module:
    parts = path.relative_to(SRC).with_suffix("").parts
    text = path.read_text(encoding="utf-8")
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    return Module(name, path, ast.parse(text, str(path)), len(text.splitlines()))


@cache
def trees_of_tests() -> tuple[tuple[str, ast.Module], ...]:
    """Path and tree of everything that tests, the shipped doubles included."""
    files = [*sorted((ROOT / "tests").rglob("*.py")), *sorted((PACKAGE / "testing").rglob("*.py"))]
    return tuple((file.relative_to(ROOT).as_posix(), ast.parse(file.read_text(encoding="utf-8"))) for file in files)


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """All functions and methods, at any depth."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def classes(module: Module) -> Iterator[ast.ClassDef]:
    """The classes at the module's top."""
    return (node for node in module.tree.body if isinstance(node, ast.ClassDef))


def methods(cls: ast.ClassDef) -> dict[str, ast.FunctionDef | ast.AsyncFunctionDef]:
    """A class's own methods by name."""
    return {node.name: node for node in cls.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def is_protocol(cls: ast.ClassDef) -> bool:
    """Whether the class is a seam."""
    return any(isinstance(base, ast.Name) and base.id == "Protocol" for base in cls.bases)


@cache
def tracked() -> tuple[Path, ...]:
    """All files that belong to the repository, those not added yet included."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    return tuple(ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file())

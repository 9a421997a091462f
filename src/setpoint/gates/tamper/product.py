"""What product code defines, before and after a change."""

import ast
import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from ..change_set import ChangeSet, Delta
from ..frozen import is_test_path
from .cases import TestFile
from .naming import SCRIPTS
from .script_tree import below, parsed, raw

_DEFINING = (
    "function_declaration", "class_declaration", "method_definition", "variable_declarator", "field_definition",
    "generator_function_declaration", "interface_declaration", "type_alias_declaration", "enum_declaration",
    "public_field_definition", "abstract_class_declaration",
)  # fmt: skip
_CONFIG_SCRIPT = re.compile(r"\.config\.[cm]?[jt]s$|^\.eslintrc|^\.mocharc|^\.prettierrc")


def is_code(path: str) -> bool:
    """Whether `path` is a Python or JavaScript module."""
    return PurePosixPath(path).suffix in (".py", *SCRIPTS)


def is_product(path: str) -> bool:
    """Whether `path` is code that is neither test nor configuration."""
    name = PurePosixPath(path).name
    if is_test_path(path) or not is_code(path) or _CONFIG_SCRIPT.search(name):
        return False
    return name not in ("conftest.py", "setup.py", "noxfile.py", "tasks.py")


def product_deltas(change: ChangeSet) -> Sequence[Delta]:
    """The changed product modules."""
    return [delta for delta in change.deltas if is_product(delta.path) or is_product(delta.path_before)]


class Gone(NamedTuple):
    """Names a product module no longer has."""

    here: frozenset[str]
    """Neither it nor, newly, another module."""
    anywhere: frozenset[str]
    """No changed module."""


def gone_names(change: ChangeSet) -> dict[str, Gone]:
    """For each changed product module the names it defined and does not define any more."""
    sides = {
        delta.path_before: (defined(delta.path_before, delta.text_before), defined(delta.path, delta.text_after))
        for delta in product_deltas(change)
    }
    now = {name for _, after in sides.values() for name in after}
    moved = {name for before, after in sides.values() for name in after - before}
    found = {path: Gone(before - after - moved, before - now) for path, (before, after) in sides.items()}
    return {path: gone for path, gone in found.items() if gone.here}


def gone_for(file: TestFile, also: Sequence[TestFile], gone: dict[str, Gone]) -> frozenset[str]:
    """Those names that a test file can mean: of modules that it, or the plumbing above it, imports; and of their
    package where no module has them any more."""
    sources = {source.partition(":")[0] for each in (file, *also) for source in each.imports.values()}
    whole = {source.replace(":", ".").strip(".") for each in (file, *also) for source in each.imports.values()}
    words = {word for source in sources | whole for word in re.split(r"[./]", source)}
    found: set[str] = set()
    for path, names in gone.items():
        pure = PurePosixPath(path)
        stem = pure.parent.name if pure.stem in ("__init__", "index") else pure.name.partition(".")[0]
        if stem in words:
            found |= names.here
        elif words & set(pure.parts) or words & names.here:
            found |= names.anywhere
    return frozenset(found)


def defined(path: str, text: str) -> frozenset[str]:
    """Functions, classes, methods, parameters and constants of a module; empty for what cannot be read."""
    if not text:
        return frozenset()
    if path.endswith(".py"):
        try:
            return frozenset(_python(ast.parse(text)))
        except (SyntaxError, ValueError, RecursionError):
            return frozenset()
    if PurePosixPath(path).suffix not in SCRIPTS:
        return frozenset()
    root = parsed(text, PurePosixPath(path).suffix)
    return frozenset(
        raw(node.child_by_field_name("name") or node.child_by_field_name("property"))
        for node in below(root, *_DEFINING)
    )


def _python(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name
            yield from (argument.arg for argument in (*node.args.args, *node.args.kwonlyargs))
        elif isinstance(node, ast.ClassDef):
            yield node.name
            for part in node.body:
                if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name):
                    yield part.target.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr
    for statement in tree.body:
        targets = statement.targets if isinstance(statement, ast.Assign) else []
        yield from (target.id for target in targets if isinstance(target, ast.Name))
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            yield statement.target.id

"""The top-level names of a source file, in one line: what a session would open the file to find out."""

import ast
import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node

LARGEST_SOURCE = 400_000
"""Bytes of a file that is read for its names."""
MOST_NAMES = 40
MOST_METHODS = 12
SCRIPTS = (".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts")
_LINES = re.compile(
    r"^(?:export |pub(?:\([a-z]+\))? |public |private |protected |internal |static |abstract |final |async |unsafe )*"
    r"(?:func(?: \([^)\n]*\))?|fn|class|struct|enum|trait|interface|impl|type|module|def|record|object) +"
    r"([A-Za-z_]\w*)",
    re.MULTILINE,
)
_LINED = (".go", ".rs", ".java", ".kt", ".cs", ".rb", ".swift", ".scala", ".php", ".dart")


def symbols(path: str, content: bytes) -> str:
    """The names `path` defines at its top, classes with their methods; empty where it cannot be told."""
    suffix = PurePosixPath(path).suffix
    if len(content) > LARGEST_SOURCE or b"\0" in content:
        return ""
    if suffix in (".py", ".pyi"):
        found = _python(content)
    elif suffix in SCRIPTS:
        found = _script(content, suffix)
    elif suffix in _LINED:
        found = (name.group(1) for name in _LINES.finditer(content.decode("utf-8", "replace")))
    else:
        return ""
    names = list(dict.fromkeys(name for name in found if name.isprintable()))
    names = [name for name in names if not name.startswith("_")] or names
    more = f", and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return ", ".join(names[:MOST_NAMES]) + more


def _python(content: bytes) -> Iterator[str]:
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for node in tree.body:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield f"{name}()"
            case ast.ClassDef(name=name, body=body):
                inner = [f.name for f in body if isinstance(f, ast.FunctionDef | ast.AsyncFunctionDef)]
                yield _class(name, [one for one in inner if not one.startswith("_")])
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                yield name


def _class(name: str, methods: list[str]) -> str:
    if not methods:
        return name
    more = ", ..." if len(methods) > MOST_METHODS else ""
    return f"{name}({', '.join(methods[:MOST_METHODS])}{more})"


def _script(content: bytes, suffix: str) -> Iterator[str]:
    from ..gates.written_tests import parser

    for node in parser(suffix).parse(content).root_node.named_children:
        stated = node.child_by_field_name("declaration") if node.type == "export_statement" else node
        if stated is not None:
            yield from _declared(stated)


def _declared(node: "Node") -> Iterator[str]:
    name = _text(node.child_by_field_name("name"))
    if node.type in ("function_declaration", "generator_function_declaration"):
        yield f"{name}()"
    elif node.type in ("class_declaration", "abstract_class_declaration"):
        body = node.child_by_field_name("body")
        inner = body.named_children if body is not None else []
        yield _class(name, [_text(f.child_by_field_name("name")) for f in inner if f.type == "method_definition"])
    elif node.type in ("interface_declaration", "type_alias_declaration", "enum_declaration"):
        yield name
    elif node.type in ("lexical_declaration", "variable_declaration"):
        for one in node.named_children:
            if one.type == "variable_declarator":
                yield _text(one.child_by_field_name("name"))[:80]


def _text(node: "Node | None") -> str:
    return (node.text or b"").decode("utf-8", "replace") if node is not None else ""

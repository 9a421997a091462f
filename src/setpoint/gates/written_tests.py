"""The tests that stand in a file, read from its syntax: which a change adds, rewrites, moves or takes away."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from .change_set import ChangeSet, Delta
from .frozen import is_test_file

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

JAVASCRIPT = (".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx")
_GROUPS = frozenset(("describe", "suite", "context"))
_TESTS = frozenset(("test", "it", "specify"))


@dataclass(frozen=True)
class WrittenTest:
    """A test of a change."""

    id: str
    """`path::name`, as the runner reports it without parameters."""
    new: bool
    """False: it was there, and says something else now."""


def changed_tests(change: ChangeSet) -> tuple[WrittenTest, ...]:
    """The new and the rewritten tests of a change, in the order of its files. A test that only moved is neither."""
    gone = _gone(change)
    found = []
    for delta in change.deltas:
        if delta.deleted or not is_test_file(delta.path):
            continue
        before, after = _before(delta), tests_in(delta.path, delta.text_after)
        for name, text in after.items():
            if before.get(name) == text or (name not in before and (name.rpartition("::")[2], text) in gone):
                continue
            found.append(WrittenTest(f"{delta.path}::{name}", new=name not in before))
    return tuple(found)


def deleted_tests(change: ChangeSet) -> frozenset[str]:
    """Ids of tests that the change takes out of its files."""
    found = set()
    for delta in change.deltas:
        path = delta.path_before
        after = {} if delta.deleted or delta.was else tests_in(delta.path, delta.text_after)
        found |= {f"{path}::{name}" for name in tests_in(path, delta.text_before) if name not in after}
    return frozenset(found)


def tests_in(path: str, text: str) -> Mapping[str, str]:
    """The tests of a file by their names, each in a normal form that comments and layout do not change; none for a
    file that cannot be read."""
    suffix = PurePosixPath(path).suffix
    if suffix == ".py":
        return dict(_python(text))
    return dict(_javascript(text, suffix)) if suffix in JAVASCRIPT else {}


def _before(delta: Delta) -> Mapping[str, str]:
    return tests_in(delta.path_before, delta.text_before) if delta.before is not None else {}


def _gone(change: ChangeSet) -> set[tuple[str, str]]:
    found = set()
    for delta in change.deltas:
        after = tests_in(delta.path, delta.text_after) if not delta.deleted else {}
        found |= {(name.rpartition("::")[2], text) for name, text in _before(delta).items() if name not in after}
    return found


def _python(text: str) -> Iterator[tuple[str, str]]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return
    waiting: list[tuple[str, ast.stmt]] = [("", node) for node in tree.body]
    while waiting:
        outer, node = waiting.pop(0)
        if isinstance(node, ast.ClassDef) and (node.name.startswith("Test") or any(map(_is_case, node.bases))):
            waiting += [(f"{outer}{node.name}::", inner) for inner in node.body]
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name.startswith("test"):
            yield f"{outer}{node.name}", _normal(node)


def _is_case(base: ast.expr) -> bool:
    """Whether a class of this base is collected by its base alone."""
    return ast.unparse(base).rpartition(".")[2].endswith(("TestCase", "Case"))


def _normal(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    first = node.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        node.body = node.body[1:] or [ast.Pass()]
    return ast.dump(node)


# -- JavaScript --------------------------------------------------------------------------------------------------------


@cache
def parser(suffix: str) -> "Parser":
    """The grammar of a JavaScript or TypeScript file."""
    import tree_sitter_javascript
    import tree_sitter_typescript
    from tree_sitter import Language, Parser

    if suffix in (".ts", ".mts", ".cts"):
        return Parser(Language(tree_sitter_typescript.language_typescript()))
    if suffix == ".tsx":
        return Parser(Language(tree_sitter_typescript.language_tsx()))
    return Parser(Language(tree_sitter_javascript.language()))


def _javascript(text: str, suffix: str) -> Iterator[tuple[str, str]]:
    waiting: list[tuple[tuple[str, ...], Any]] = [((), parser(suffix).parse(text.encode()).root_node)]
    while waiting:
        titles, node = waiting.pop()
        called = _called(node) if node.type == "call_expression" else None
        inner = titles
        if called:
            word, title = called
            inner = (*titles, title)
            if word in _TESTS:
                yield " > ".join(inner), " ".join(_leaves(node))
                continue
        waiting += [(inner, child) for child in reversed(node.named_children)]


def _called(node: "Node") -> tuple[str, str] | None:
    """The word and the title of `test("title", …)`, `it.only(…)`, `test.each(table)("title", …)`."""
    function, arguments = node.child_by_field_name("function"), node.child_by_field_name("arguments")
    while function is not None and function.type in ("member_expression", "call_expression"):
        inner = "object" if function.type == "member_expression" else "function"
        function = function.child_by_field_name(inner)
    if function is None or arguments is None or not arguments.named_children or function.text is None:
        return None
    word, title = function.text.decode(), arguments.named_children[0]
    if word not in _TESTS | _GROUPS or title.type not in ("string", "template_string") or title.text is None:
        return None
    return word, title.text.decode()[1:-1]


def _leaves(node: "Node") -> Iterator[str]:
    waiting = [node]
    while waiting:
        found = waiting.pop()
        if found.type == "comment":
            continue
        if found.children:
            waiting += reversed(found.children)
        elif found.text:
            yield found.text.decode("utf-8", "replace")

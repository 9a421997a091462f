"""A JavaScript or TypeScript test file as values."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from .assertions import ROWS
from .cases import Case, Off, Table, TestFile
from .naming import Naming
from .script_asserts import NODE_ASSERT
from .script_checks import Walk, check_of, each_of, parameters
from .script_tree import (
    FUNCTIONS,
    Env,
    arguments,
    below,
    bound,
    chain,
    identifiers,
    line_of,
    parsed,
    raw,
    rows,
    string,
    unwrapped,
    value_of,
    written,
)

if TYPE_CHECKING:
    from tree_sitter import Node

TESTS = frozenset(("test", "it", "specify", "fit", "xit", "xtest", "ftest", "Deno"))
SUITES = frozenset(("describe", "suite", "context", "fdescribe", "xdescribe", "fcontext", "xcontext"))
_OFF = {"skip": "skip", "todo": "todo", "fails": "xfail", "failing": "xfail", "fixme": "skip", "fail": "xfail"}
_MOCKS = frozenset(("mock", "doMock", "spyOn", "stub", "replace", "method", "getter", "unstable_mockModule"))
_MADE = frozenset(("fn", "stub", "spy", "mock"))


@dataclass(frozen=True)
class _Scope:
    prefix: str = ""
    off: Off | None = None
    only: bool = False
    hidden: str = ""
    tables: tuple[tuple[Table, tuple[Env, ...]], ...] = ()
    retries: int = 0


class _Reader:
    def __init__(self, path: str, root: "Node", naming: Naming) -> None:
        self.path, self.root = path, root
        self.hidden = "" if naming.holds_tests(path) else f"{PurePosixPath(path).name} is no test file"
        self.known = dict(_values(root))
        self.helping = dict(_functions(root))
        self.imports, self.lines = _imports(root, path)
        sources = {
            where.partition(":")[0] if not where.startswith("node:") else where for where in self.imports.values()
        }
        strict = any("assert/strict" in source for source in sources)
        self.loose = not strict and any(source.startswith(NODE_ASSERT) for source in sources)

    def cases(self) -> Iterator[Case]:
        """The tests of the file, in its order."""
        yield from self._node(self.root, _Scope(hidden=self.hidden))
        for name, node in self.helping.items():
            body = node.child_by_field_name("body")
            found = Walk({}, self.known, self.loose).of(body) if body is not None else []
            if found:
                yield Case(
                    self.path, name, line_of(node), written(body), [check_of(one) for one in found],
                    [[check_of(one)] for one in found], collected=False, hidden=f"`{name}` is a plain function",
                    names=identifiers(node), statements=1,
                )  # fmt: skip

    def _node(self, node: "Node", scope: _Scope) -> Iterator[Case]:
        if node.type == "if_statement":
            condition = raw(unwrapped(node.child_by_field_name("condition")))
            never = "it stands under a condition that never holds" if condition in ("false", "0") else ""
            yield from self._below(node, replace(scope, hidden=scope.hidden or never))
            return
        if node.type == "for_in_statement":
            yield from self._loop(node, scope)
            return
        if node.type == "call_expression":
            steps = chain(node)
            if steps and steps[0] in TESTS | SUITES and _declares(node):
                yield from self._declared(node, steps, scope)
                return
            if steps[-1:] == ["forEach"] and arguments(node):
                function = node.child_by_field_name("function")
                values = rows(function.child_by_field_name("object") if function is not None else None, self.known)
                pattern = parameters(arguments(node)[0])
                scope = _with_table(scope, values, pattern[0] if pattern else None, node)
        yield from self._below(node, scope)

    def _below(self, node: "Node", scope: _Scope) -> Iterator[Case]:
        for child in node.named_children:
            yield from self._node(child, scope)

    def _loop(self, node: "Node", scope: _Scope) -> Iterator[Case]:
        values = rows(node.child_by_field_name("right"), self.known)
        yield from self._below(node, _with_table(scope, values, node.child_by_field_name("left"), node))

    def _declared(self, node: "Node", steps: list[str], scope: _Scope) -> Iterator[Case]:
        given = arguments(node)
        name = string(given[0]) or written(given[0])
        function = next((part for part in reversed(given) if part.type in FUNCTIONS), None)
        function = function or next(
            (self.helping.get(raw(part)) for part in given[1:] if raw(part) in self.helping), None
        )
        options = next((part for part in given if part.type == "object"), None)
        off = _off(node, steps, options) or scope.off
        only = scope.only or "only" in steps or steps[0] in ("fit", "fdescribe", "fcontext") or _option(options, "only")
        inner = replace(scope, off=off, only=only, retries=max(scope.retries, _retries(options)))
        if "each" in steps or "for" in steps:
            inner = self._each(node, function, inner)
        if steps[0] in SUITES or "describe" in steps:
            if function is not None:
                yield from self._below(function, replace(inner, prefix=f"{scope.prefix}{name}::"))
            return
        yield self._case(node, name, function, inner)

    def _each(self, node: "Node", function: "Node | None", scope: _Scope) -> _Scope:
        table_call = node.child_by_field_name("function")
        if table_call is None or table_call.type != "call_expression" or not arguments(table_call):
            template = next(iter(below(node, "template_string")), None)
            rows_ = tuple(line.strip() for line in raw(template).strip("`").strip().splitlines()[1:])
            table = Table("template", rows_, line_of(node))
            return replace(scope, tables=(*scope.tables, (table, ())))
        values = rows(arguments(table_call)[0], self.known)
        patterns = parameters(function) if function is not None else []
        spread = bool(values) and values is not None and values[0].type == "array" and "each" in chain(table_call)
        if not spread:
            return _with_table(scope, values, patterns[0] if patterns else None, node)
        made = []
        for row in (values or [])[:ROWS]:
            env: dict[str, str] = {}
            for pattern, part in zip(patterns, row.named_children, strict=False):
                env |= bound(pattern, part)
            made.append(env)
        table = Table(
            ",".join(raw(part) for part in patterns), tuple(written(row) for row in values or ()), line_of(node)
        )
        return replace(scope, tables=(*scope.tables, (table, tuple(made))))

    def _case(self, node: "Node", name: str, function: "Node | None", scope: _Scope) -> Case:
        walk = Walk(self.helping, self.known, self.loose)
        body = function.child_by_field_name("body") if function is not None else None
        found = walk.of(body) if body is not None else []
        tables = [list(made) for _, made in scope.tables if made]
        off = scope.off
        if function is None and off is None and len(arguments(node)) == 1:
            off = Off("todo", line_of(node), "it has no body")
        if off is None and body is not None:
            off = _skips_inside(body)
        given = frozenset(raw(part) for part in parameters(function)) if function is not None else frozenset()
        return Case(
            path=self.path,
            name=f"{scope.prefix}{name}",
            line=line_of(node),
            body=written(body),
            checks=[check_of(raw_) for raw_ in found],
            each=[list(each_of(raw_, tables)) for raw_ in found],
            off=off,
            only=scope.only,
            collected=not scope.hidden,
            hidden=scope.hidden,
            tables=[table for table, _ in scope.tables],
            names=identifiers(node),
            patched=frozenset(_patched(node)),
            doubles=frozenset(_doubles(node)),
            given=given - {"t", "done", "ctx", "context", "assert"},
            retries=scope.retries,
            asks=walk.asks or (function is None and len(arguments(node)) > 1),
            statements=sum(1 for part in body.named_children if part.type != "comment") if body is not None else 0,
        )


def _with_table(scope: _Scope, values: "list[Node] | None", pattern: "Node | None", node: "Node") -> _Scope:
    made = tuple(bound(pattern, row) for row in (values or ())[:ROWS])
    texts = tuple(written(row) for row in values) if values is not None else None
    table = Table(raw(pattern), texts, line_of(node))
    return replace(scope, tables=(*scope.tables, (table, made if made and made[0] else ())))


def _declares(node: "Node") -> bool:
    """`test("name", …)`, not `test.each([...])` alone nor `it()` of another kind."""
    given = arguments(node)
    parent = node.parent
    called_again = (
        parent is not None and parent.type == "call_expression" and parent.child_by_field_name("function") == node
    )
    if called_again or not given or chain(node)[-1] in ("beforeEach", "afterEach", "before", "after", "use", "extend",
                                                         "configure", "mock", "beforeAll", "afterAll"):  # fmt: skip
        return False
    return given[0].type in ("string", "template_string", "identifier", "binary_expression", *FUNCTIONS)


def _off(node: "Node", steps: list[str], options: "Node | None") -> Off | None:
    line = line_of(node)
    if steps[0] in ("xit", "xtest", "xdescribe", "xcontext"):
        return Off("skip", line)
    for step in steps[1:]:
        if step in _OFF:
            return Off(_OFF[step], line)
        if step in ("skipIf", "runIf"):
            return Off("skip", line, written(node.child_by_field_name("function")), always=False)
    for name in ("skip", "todo"):
        if _option(options, name):
            return Off(name, line, written(_pair(options, name)))
    return None


def _pair(options: "Node | None", name: str) -> "Node | None":
    for pair in options.named_children if options is not None else ():
        if pair.type == "pair" and raw(pair.child_by_field_name("key")).strip("'\"") == name:
            return pair.child_by_field_name("value")
    return None


def _option(options: "Node | None", name: str) -> bool:
    value = _pair(options, name)
    return value is not None and raw(value) not in ("false", "0", "undefined", "null", '""', "''")


def _retries(options: "Node | None") -> int:
    return int(value_of(_pair(options, "retry")) or value_of(_pair(options, "retries")) or 0)


def _skips_inside(body: "Node") -> Off | None:
    for node in body.named_children:
        call = next(iter(node.named_children), None) if node.type == "expression_statement" else None
        if call is None or call.type != "call_expression":
            continue
        steps = chain(call)
        if steps in (["t", "skip"], ["t", "todo"], ["this", "skip"], ["ctx", "skip"], ["context", "skip"], ["pending"],
                     ["test", "skip"], ["test", "fixme"], ["test", "fail"]):  # fmt: skip
            return Off("skip" if steps[-1] != "todo" else "todo", line_of(call))
    return None


def _patched(node: "Node") -> Iterator[str]:
    for call in below(node, "call_expression"):
        steps = chain(call)
        if len(steps) > 1 and steps[-1] in _MOCKS and steps[0] in ("vi", "jest", "sinon", "mock", "t", "td"):
            given = arguments(call)
            if len(given) > 1 and string(given[1]):
                yield string(given[1])
    for assigned in below(node, "assignment_expression"):
        left, right = assigned.child_by_field_name("left"), assigned.child_by_field_name("right")
        if left is not None and left.type == "member_expression" and right is not None and right.type in FUNCTIONS:
            yield raw(left.child_by_field_name("property"))


def _doubles(node: "Node") -> Iterator[str]:
    for declared in below(node, "variable_declarator"):
        steps = chain(declared.child_by_field_name("value"))
        if len(steps) > 1 and steps[0] in ("vi", "jest", "sinon", "mock", "t") and _MADE & set(steps[1:]):
            yield raw(declared.child_by_field_name("name"))


def _values(root: "Node") -> "Iterator[tuple[str, Node]]":
    for node in root.named_children:
        inner = node.child_by_field_name("declaration") if node.type == "export_statement" else node
        for part in below(inner, "variable_declarator") if inner is not None and "declaration" in inner.type else ():
            value = part.child_by_field_name("value")
            if value is not None and value.type not in FUNCTIONS:
                yield raw(part.child_by_field_name("name")), value


def _functions(root: "Node") -> "Iterator[tuple[str, Node]]":
    for node in below(root, "function_declaration", "variable_declarator"):
        if node.type == "function_declaration":
            yield raw(node.child_by_field_name("name")), node
        else:
            value = node.child_by_field_name("value")
            if value is not None and value.type in FUNCTIONS:
                yield raw(node.child_by_field_name("name")), value


def _imports(root: "Node", path: str) -> tuple[dict[str, str], dict[str, int]]:
    found: dict[str, str] = {}
    lines: dict[str, int] = {}
    for node in below(root, "import_statement"):
        source = string(node.child_by_field_name("source"))
        where = resolved(path, source)
        for part in below(node, "import_specifier", "namespace_import", "import_clause"):
            if part.type == "import_specifier":
                name = raw(part.child_by_field_name("name"))
                local = raw(part.child_by_field_name("alias")) or name
            else:
                local = next((raw(one) for one in part.named_children if one.type == "identifier"), "")
                name = "default" if part.type == "import_clause" else ""
            if local:
                found[local], lines[local] = f"{where}:{name}", line_of(node)
    for node in below(root, "variable_declarator"):
        call = unwrapped(node.child_by_field_name("value"))
        pattern = node.child_by_field_name("name")
        if call is None or pattern is None or call.type != "call_expression" or not arguments(call):
            continue
        if chain(call)[:1] in (["require"], ["import"]):
            source = resolved(path, string(arguments(call)[0]))
            for part in below(pattern, "identifier", "shorthand_property_identifier_pattern"):
                name = "" if pattern.type == "identifier" else raw(part)
                found[raw(part)], lines[raw(part)] = f"{source}:{name}", line_of(node)
    return found, lines


def resolved(path: str, source: str) -> str:
    """Where an import specifier of file `path` leads: a path of the repository for a relative one."""
    if not source.startswith("."):
        return source
    parts = list(PurePosixPath(path).parent.parts)
    for part in source.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in (".", ""):
            parts.append(part)
    return "/".join(parts)


def read_script(path: str, text: str, naming: Naming) -> TestFile:
    """The tests of a JavaScript or TypeScript file, its imports and definitions; unreadable where it does not parse."""
    root = parsed(text, PurePosixPath(path).suffix.lower())
    reader = _Reader(path, root, naming)
    defined = {
        name: written(node.child_by_field_name("body")) for name, node in [*reader.helping.items(), *_classes(root)]
    }
    cases = _numbered(list(reader.cases()))
    broken = root.has_error and not cases
    lines = {name: line_of(node) for name, node in [*reader.helping.items(), *_classes(root)]}
    return TestFile(
        path, cases, reader.imports, {**lines, **reader.lines}, defined, readable=not broken,
        trouble="it does not parse" if broken else "",
    )  # fmt: skip


def script_definitions(path: str, text: str) -> dict[str, str]:
    """Functions and classes of a module, with their code."""
    root = parsed(text, PurePosixPath(path).suffix.lower())
    found = [*_functions(root), *_classes(root)]
    return {name: written(node.child_by_field_name("body")) for name, node in found}


def _classes(root: "Node") -> "list[tuple[str, Node]]":
    return [(raw(node.child_by_field_name("name")), node) for node in below(root, "class_declaration")]


def _numbered(cases: list[Case]) -> list[Case]:
    """Tests of one name are told apart by their order."""
    seen: dict[str, int] = {}
    found = []
    for case in cases:
        seen[case.name] = number = seen.get(case.name, 0) + 1
        found.append(case if number == 1 else replace(case, name=f"{case.name} ({number})"))
    return found


_EXTENSION = re.compile(r"\.[cm]?[jt]sx?$")


def stem(path: str) -> str:
    """A module's path without its extension."""
    return _EXTENSION.sub("", path)

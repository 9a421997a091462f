"""A Python test file as values."""

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from .assertions import ROWS
from .cases import Case, Off, Table, TestFile
from .naming import Naming
from .python_checks import Walk, check_of, each_of
from .python_off import examples, inside, marked, module_off, own_marks, retries
from .python_text import Env, Function, bound_to, dotted, names_in, put, rows_of, statements, written

_TOOLS = frozenset(("self", "cls", "mocker", "monkeypatch", "caplog", "request", "recwarn"))
_DOUBLES = frozenset(("Mock", "MagicMock", "AsyncMock", "NonCallableMock", "create_autospec", "mock_open", "patch"))


@dataclass(frozen=True)
class _Scope:
    """What encloses a function."""

    prefix: str = ""
    off: Off | None = None
    marks: tuple[ast.expr, ...] = ()
    hidden: str = ""
    methods: tuple[Function, ...] = ()


class _Reader:
    def __init__(self, path: str, tree: ast.Module, naming: Naming) -> None:
        self.path, self.tree, self.naming = path, tree, naming
        self.known = _known(tree)
        self.functions = {node.name: node for node in tree.body if isinstance(node, Function)}

    def cases(self) -> Iterator[Case]:
        """Every function of the file, tests and others."""
        file_hidden = "" if self.naming.holds_tests(self.path) else f"{PurePosixPath(self.path).name} is no test file"
        scope = _Scope(off=module_off(self.tree, self.known), hidden=file_hidden)
        yield from self._block(self.tree.body, scope)

    def _block(self, body: Sequence[ast.stmt], scope: _Scope) -> Iterator[Case]:
        last = {node.name: node for node in _defined_in(body)}
        for node, sure in _with_conditions(body):
            hidden = scope.hidden or ("" if sure else "it stands under a condition that never holds")
            if last.get(node.name, node) is not node:
                hidden = hidden or f"a later definition of `{node.name}` takes its place"
            if isinstance(node, ast.ClassDef):
                yield from self._class(node, replace(scope, hidden=hidden))
            elif not _is_fixture(node):
                yield self._case(node, replace(scope, hidden=hidden))

    def _class(self, node: ast.ClassDef, scope: _Scope) -> Iterator[Case]:
        unit = any(dotted(base).endswith(("TestCase", "TestBase", "Tests", "Test")) for base in node.bases)
        hidden = scope.hidden
        if not unit and not self.naming.is_class(node.name):
            hidden = hidden or f"a class called `{node.name}` is not collected"
        if not unit and any(isinstance(part, Function) and part.name == "__init__" for part in node.body):
            hidden = hidden or f"class `{node.name}` has an `__init__`, so pytest does not collect it"
        off = marked([*node.decorator_list, *own_marks(node.body)], self.known) or scope.off
        for part in node.body:
            if isinstance(part, ast.Assign) and dotted(part.targets[0]) == "__test__" and not _value(part.value, True):
                off = Off("skip", part.lineno, "__test__ is false")
        methods = tuple(part for part in node.body if isinstance(part, Function))
        inner = _Scope(f"{scope.prefix}{node.name}::", off, (*scope.marks, *node.decorator_list), hidden, methods)
        yield from self._block(node.body, inner)

    def _case(self, node: Function, scope: _Scope) -> Case:
        hidden = scope.hidden
        if not self.naming.is_function(node.name):
            hidden = hidden or f"a function called `{node.name}` is not collected"
        helping = {**self.functions, **{method.name: method for method in scope.methods}}
        helping = {name: part for name, part in helping.items() if not self.naming.is_function(name)}
        walk = Walk(helping, self.known)
        found = walk.of(node)
        decorators = (*node.decorator_list, *scope.marks)
        tables = list(self._tables(decorators))
        rows = [made for _, made in tables if made]
        off = marked(node.decorator_list, self.known) or scope.off or inside(node) or _false_test(self.tree, node.name)
        arguments = {argument.arg for argument in (*node.args.args, *node.args.kwonlyargs)}
        names = frozenset().union(*(names_in(part) for part in (*node.body, *node.decorator_list)))
        each = [list(each_of(raw, rows)) for raw in found]
        return Case(
            path=self.path,
            name=f"{scope.prefix}{node.name}",
            line=node.lineno,
            body="\n".join(written(part) for part in statements(node.body)),
            checks=[check_of(raw) for raw in found],
            each=each,
            off=off or _rows_off(node.decorator_list, self.known),
            collected=not hidden,
            hidden=hidden,
            tables=[table for table, _ in tables],
            names=names | arguments,
            patched=frozenset(_patched(node)),
            doubles=frozenset(_doubles(node)),
            given=frozenset(arguments - _TOOLS - {name for table, _ in tables for name in table.names.split(",")}),
            examples=examples(decorators),
            retries=retries(decorators),
            asks=walk.asks,
            statements=len(list(statements(node.body))),
        )

    def _tables(self, decorators: Sequence[ast.expr]) -> Iterator[tuple[Table, list[Env]]]:
        for node in decorators:
            name = dotted(node).rpartition(".")[2]
            if not isinstance(node, ast.Call):
                continue
            if name == "parametrize" and node.args:
                values = node.args[1] if len(node.args) > 1 else _keyword(node, "argvalues")
                targets = _argument_names(node.args[0])
            elif name in ("expand", "parameterized", "data", "subtests") and node.args:
                values = node.args[0] if name != "data" else ast.List(elts=list(node.args), ctx=ast.Load())
                targets = ()
            elif name == "example":
                yield Table("example", (written(node),), node.lineno), []
                continue
            else:
                continue
            rows = rows_of(values, self.known)
            made = [bound_to(targets, row) for row in (rows or ())[:ROWS]]
            texts = tuple(written(_plain_row(row)) for row in rows) if rows is not None else None
            yield Table(",".join(targets) or name, texts, node.lineno), [env for env in made if env]


def _known(tree: ast.Module) -> dict[str, ast.expr]:
    """What names of the module stand for that are set once, and whose value no later statement of it changes in place.
    A name that is set again stands for what it is made of."""
    found: dict[str, ast.expr] = {}
    for node in tree.body:
        if isinstance(node, Function | ast.ClassDef):
            continue
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            found[name] = put(node.value, {name: found[name]}) if name in found else node.value
            continue
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            found[node.target.id] = node.value
            continue
        for name in _touched(node):
            found.pop(name, None)
    return found


def _touched(statement: ast.stmt) -> Iterator[str]:
    """Names that a statement sets, deletes or calls a method of."""
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load):
            yield dotted(node.value)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield dotted(node.func.value)


def _defined_in(body: Sequence[ast.stmt]) -> Iterator[Function | ast.ClassDef]:
    for node in body:
        if isinstance(node, Function) and any(
            dotted(part).rpartition(".")[2] in ("overload", "setter", "getter", "deleter", "register")
            for part in node.decorator_list
        ):
            continue
        if isinstance(node, Function | ast.ClassDef):
            yield node


def _with_conditions(body: Sequence[ast.stmt]) -> Iterator[tuple[Function | ast.ClassDef, bool]]:
    """Definitions with whether they can be reached: `if False:` hides what stands below it."""
    for node in body:
        if isinstance(node, Function | ast.ClassDef):
            yield node, True
        elif isinstance(node, ast.If):
            never = isinstance(node.test, ast.Constant) and not node.test.value
            always = isinstance(node.test, ast.Constant) and bool(node.test.value)
            yield from ((inner, sure and not never) for inner, sure in _with_conditions(node.body))
            yield from ((inner, sure and not always) for inner, sure in _with_conditions(node.orelse))
        elif isinstance(node, ast.Try | ast.With):
            yield from _with_conditions(node.body)


def _is_fixture(node: Function | ast.ClassDef) -> bool:
    return any(dotted(part).rpartition(".")[2] in ("fixture", "yield_fixture") for part in node.decorator_list)


def _value(node: ast.expr, otherwise: object) -> object:
    return node.value if isinstance(node, ast.Constant) else otherwise


def _false_test(tree: ast.Module, name: str) -> Off | None:
    """`test_x.__test__ = False`, `test_x = None` after its definition, `del test_x`."""
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) and not _value(node.value, True) else []
        if any(dotted(target) in (f"{name}.__test__", name) for target in targets):
            return Off("skip", node.lineno, "it is switched off below")
        if isinstance(node, ast.Delete) and any(dotted(target) == name for target in node.targets):
            return Off("skip", node.lineno, "it is deleted below")
    return None


def _rows_off(decorators: Sequence[ast.expr], known: dict[str, ast.expr]) -> Off | None:
    """A row that is marked as skipped or expected to fail."""
    for node in decorators:
        if isinstance(node, ast.Call) and dotted(node.func).endswith("parametrize") and len(node.args) > 1:
            for row in rows_of(node.args[1], known) or ():
                marks = _keyword(row, "marks") if isinstance(row, ast.Call) else None
                off = marked([marks], known) if marks is not None else None
                if off:
                    return off._replace(reason=f"a row: {off.reason}".rstrip(": "))
    return None


def _plain_row(row: ast.expr) -> ast.expr:
    """A row without its id and marks."""
    if isinstance(row, ast.Call) and dotted(row.func).endswith("param"):
        return row.args[0] if len(row.args) == 1 else ast.Tuple(elts=list(row.args), ctx=ast.Load())
    return row


def _keyword(call: ast.Call, name: str) -> ast.expr | None:
    return next((word.value for word in call.keywords if word.arg == name), None)


def _argument_names(node: ast.expr) -> tuple[str, ...]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return tuple(name.strip() for name in node.value.split(",") if name.strip())
    if isinstance(node, ast.Tuple | ast.List):
        return tuple(str(_value(part, "?")) for part in node.elts)
    return ()


def _patched(function: Function) -> Iterator[str]:
    for node in ast.walk(function):
        if not isinstance(node, ast.Call):
            continue
        name = dotted(node.func)
        last = name.rpartition(".")[2]
        texts = [part.value for part in node.args if isinstance(part, ast.Constant) and isinstance(part.value, str)]
        if texts and (last in ("patch", "setattr") or name.endswith("patch.object")):
            yield texts[0].rpartition(".")[2]
    for node in ast.walk(function):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Attribute) and isinstance(node.value, ast.Lambda):
                    yield target.attr


def _doubles(function: Function) -> Iterator[str]:
    for node in ast.walk(function):
        made = isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
        if isinstance(node, ast.Assign) and made and dotted(node.value).rpartition(".")[2] in _DOUBLES:
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def read_python(path: str, text: str, naming: Naming) -> TestFile:
    """The tests of a Python file, its imports and definitions; unreadable where it is no Python."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError) as error:
        return TestFile(path, readable=False, trouble=str(error))
    cases = tuple(_Reader(path, tree, naming).cases())
    lines: dict[str, int] = {}
    imports = dict(_imports(tree, path, lines))
    defined = {node.name: _code(node) for node in _defined_in(tree.body)}
    lines |= {node.name: node.lineno for node in _defined_in(tree.body)}
    return TestFile(path, cases, imports, lines, defined, tuple(_tricks(tree)), tuple(_replaced(tree, imports)))


def python_definitions(text: str) -> dict[str, str]:
    """Functions and classes at the top of a module, with their code."""
    try:
        return {node.name: _code(node) for node in _defined_in(ast.parse(text).body)}
    except (SyntaxError, ValueError, RecursionError):
        return {}


def _code(node: Function | ast.ClassDef) -> str:
    """Its code without name and docstring."""
    return "\n".join(written(part) for part in statements(node.body))


def _imports(tree: ast.Module, path: str, lines: dict[str, int]) -> Iterator[tuple[str, str]]:
    packages = PurePosixPath(path).parents
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                local = alias.asname or alias.name.partition(".")[0]
                lines[local] = node.lineno
                yield local, f"{alias.name if alias.asname else local}:"
        elif isinstance(node, ast.ImportFrom):
            # An import may lead out of the tree: Python says so when it runs.
            above = packages[min(max(node.level, 1), len(packages)) - 1]
            prefix = ".".join(above.parts) + "." if node.level else ""
            for alias in node.names:
                lines[alias.asname or alias.name] = node.lineno
                yield alias.asname or alias.name, f"{prefix}{node.module or ''}:{alias.name}"


def _replaced(tree: ast.Module, imports: Mapping[str, str]) -> Iterator[tuple[int, str]]:
    """What statements of the module itself set in other modules."""
    for node in tree.body:
        targets: list[str] = []
        if isinstance(node, ast.Assign):
            targets = [dotted(target) for target in node.targets if isinstance(target, ast.Attribute)]
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and dotted(node.value.func) == "setattr":
            where, name = (*node.value.args[:2], None, None)[:2]
            named = name.value if isinstance(name, ast.Constant) else None
            targets = [f"{dotted(where)}.{named}"] if isinstance(named, str) else []
        for target in targets:
            local, _, rest = target.partition(".")
            if rest and local in imports:
                yield node.lineno, f"{imports[local].replace(':', '.').rstrip('.')}.{rest}"


_PATHS = ("sys.path.insert", "sys.path.append", "sys.path.extend", "site.addsitedir", "sys.path.remove")
_LOADERS = ("spec_from_file_location", "SourceFileLoader", "run_path", "load_source")


def _tricks(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = dotted(node.func)
            if name in _PATHS or name.rpartition(".")[2] in (*_LOADERS, "syspath_prepend"):
                yield node.lineno, written(node)
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                base = target.value if isinstance(target, ast.Subscript) else target
                if dotted(base) in ("sys.path", "sys.modules"):
                    yield node.lineno, written(node)

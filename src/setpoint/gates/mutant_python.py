"""Small faults in Python code, by its syntax tree. What no test should mind is left alone: logging, messages, type
annotations, `__repr__`, docstrings, decorators, code that only moved."""

import ast
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from .mutant import Edit, short

_COMPARED: dict[type[ast.cmpop], tuple[type[ast.cmpop], bool]] = {
    ast.Eq: (ast.NotEq, True),
    ast.NotEq: (ast.Eq, True),
    ast.In: (ast.NotIn, True),
    ast.NotIn: (ast.In, True),
    ast.Is: (ast.IsNot, True),
    ast.IsNot: (ast.Is, True),
    ast.Lt: (ast.LtE, False),
    ast.LtE: (ast.Lt, False),
    ast.Gt: (ast.GtE, False),
    ast.GtE: (ast.Gt, False),
}
_COMPUTED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Div,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}
_SPOKEN = ("log", "logger", "logging", "_log", "_logger", "LOG", "LOGGER", "warnings", "print", "console", "structlog")
_SHOWN = frozenset(("__repr__", "__str__", "__doc__", "__all__", "__version__", "__author__", "__slots__"))
_EMPTY = frozenset(("{}", "[]", "()", "''", "0", "set()", "dict()", "list()"))
"""As good as nothing to most who ask."""
_WRAPPERS = frozenset(("int", "float", "str", "abs", "round", "sorted", "list", "set", "tuple", "bool", "reversed"))
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class _Spot:
    """Where the walk is."""

    scope: str
    statement: ast.stmt


def python_edits(text: str, lines: Collection[int], stood: Collection[str]) -> list[Edit]:
    """Faults on `lines` of `text`. `stood` are the functions of the base: one of them has only moved."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return []
    starts = [0]
    for line in text.encode().splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    found = []
    for spot, node in _walk(tree, stood):
        for new, what, gross, at in _faults(node, spot.statement):
            if any(number in lines for number in range(at.lineno, (at.end_lineno or at.lineno) + 1)):
                start, end = _span(at, starts)
                found.append(Edit(at.lineno, spot.scope, start, end, new, what, gross, _span(spot.statement, starts)))
    return found


def functions_of(text: str) -> Iterator[str]:
    """The functions of a module, word for word."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return
    for node in ast.walk(tree):
        if isinstance(node, _FUNCTIONS):
            yield ast.dump(node)


def _span(node: ast.expr | ast.stmt, starts: list[int]) -> tuple[int, int]:
    end_line, end_column = node.end_lineno or node.lineno, node.end_col_offset or 0
    return starts[node.lineno - 1] + node.col_offset, starts[end_line - 1] + end_column


# -- what may be touched -----------------------------------------------------------------------------------------------


def _walk(tree: ast.Module, moved: Collection[str]) -> Iterator[tuple[_Spot, ast.stmt | ast.expr]]:
    waiting: list[tuple[str, ast.stmt]] = [("", node) for node in tree.body]
    while waiting:
        scope, statement = waiting.pop(0)
        if _left_alone(statement, moved):
            continue
        inner = scope
        if isinstance(statement, (*_FUNCTIONS, ast.ClassDef)):
            inner = f"{scope}.{statement.name}".lstrip(".")
        spot = _Spot(scope, statement)
        if not isinstance(statement, (*_FUNCTIONS, ast.ClassDef, ast.Match)):
            yield spot, statement
        for child in _inside(statement):
            yield from ((spot, expression) for expression in _expressions(child))
        waiting[:0] = [(inner, node) for node in _bodies(statement)]


def _left_alone(statement: ast.stmt, moved: Collection[str]) -> bool:
    if isinstance(statement, _FUNCTIONS):
        overloads = any("overload" in ast.unparse(mark) for mark in statement.decorator_list)
        return statement.name in _SHOWN or overloads or ast.dump(statement) in moved
    if isinstance(statement, ast.Expr):
        value = statement.value.value if isinstance(statement.value, ast.Await) else statement.value
        return isinstance(value, ast.Constant) or (isinstance(value, ast.Call) and _root(value.func) in _SPOKEN)
    if isinstance(statement, ast.If):
        return "TYPE_CHECKING" in ast.unparse(statement.test) or "__name__" in ast.unparse(statement.test)
    if isinstance(statement, ast.Assign):
        return any(isinstance(target, ast.Name) and target.id in _SHOWN for target in statement.targets)
    return isinstance(statement, (ast.Import, ast.ImportFrom, ast.Pass, ast.Global, ast.Nonlocal))


def _root(function: ast.expr) -> str:
    while isinstance(function, (ast.Attribute, ast.Call)):
        if isinstance(function, ast.Attribute) and function.attr in ("log", "logger", "_log", "_logger"):
            return "log"
        function = function.value if isinstance(function, ast.Attribute) else function.func
    return function.id if isinstance(function, ast.Name) else ""


def _bodies(statement: ast.stmt) -> Iterator[ast.stmt]:
    for name in ("body", "orelse", "finalbody"):
        yield from getattr(statement, name, ())
    for handler in getattr(statement, "handlers", ()):
        yield from handler.body
    for case in getattr(statement, "cases", ()):
        yield from case.body


def _inside(statement: ast.stmt) -> Iterator[ast.expr]:
    """The expressions of a statement itself that decide something."""
    if isinstance(statement, (*_FUNCTIONS,)):
        yield from (default for default in (*statement.args.defaults, *statement.args.kw_defaults) if default)
    elif isinstance(statement, ast.ClassDef):
        return
    elif isinstance(statement, (ast.Raise, ast.Assert)):
        if isinstance(statement, ast.Assert):
            yield statement.test
    elif isinstance(statement, ast.AnnAssign):
        if statement.value:
            yield statement.value
    else:
        yield from (child for child in ast.iter_child_nodes(statement) if isinstance(child, ast.expr))
        for item in getattr(statement, "items", ()):
            yield item.context_expr


def _expressions(root: ast.expr) -> Iterator[ast.expr]:
    waiting = [root]
    while waiting:
        node = waiting.pop(0)
        yield node
        if isinstance(node, ast.JoinedStr):
            continue  # positions inside are not those of the file
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                waiting.append(child)
            elif isinstance(child, ast.keyword):
                waiting.append(child.value)
            elif isinstance(child, ast.comprehension):
                waiting += [child.iter, *child.ifs]


# -- the faults --------------------------------------------------------------------------------------------------------

_Fault = tuple[str, str, bool, ast.expr | ast.stmt]
"""New text, what became of what, whether it is gross, and the node it takes the place of."""


def _faults(node: ast.stmt | ast.expr, statement: ast.stmt) -> Iterator[_Fault]:
    if isinstance(node, ast.stmt):
        yield from _of_statement(node)
        return
    yield from _of_expression(node)
    tests: list[ast.expr] = []
    if isinstance(node, ast.IfExp):
        tests = [node.test]
    elif isinstance(node, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
        tests = [test for part in node.generators for test in part.ifs]
    for test in tests:
        yield f"(not ({ast.unparse(test)}))", f"`{short(ast.unparse(test))}` turned round", True, test


def _of_statement(node: ast.stmt) -> Iterator[_Fault]:
    told = short(ast.unparse(node).split("\n")[0])
    if isinstance(node, ast.Return) and node.value is not None and not _is_none(node.value):
        turned = {"True": "return False", "False": "return True"}.get(ast.unparse(node.value), "return None")
        yield turned, f"`{told}` became `{turned}`", ast.unparse(node.value) not in _EMPTY, node
    elif isinstance(node, ast.If):
        yield f"not ({ast.unparse(node.test)})", f"`{told}` turned round", True, node.test
    elif isinstance(node, ast.While):
        yield "False", f"`{told}` never entered", True, node.test
    elif isinstance(node, (ast.Raise, ast.AugAssign, ast.Delete)) or (
        isinstance(node, ast.Expr) and isinstance(node.value, (ast.Call, ast.Await))
    ):
        yield "pass", f"`{told}` left out", True, node
    elif isinstance(node, ast.Assign) and not isinstance(node.value, ast.Constant):
        yield "(None)", f"`{told}` became `None`", True, node.value


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _of_expression(node: ast.expr) -> Iterator[_Fault]:
    was = ast.unparse(node)
    new, gross = "", False
    if isinstance(node, ast.Compare):
        for at, operator in enumerate(node.ops):
            turned, gross = _COMPARED[type(operator)]
            ops: list[ast.cmpop] = [*node.ops[:at], turned(), *node.ops[at + 1 :]]
            new = ast.unparse(ast.Compare(node.left, ops, node.comparators))
            yield f"({new})", f"`{short(was)}` became `{short(new)}`", gross, node
        return
    if isinstance(node, ast.BoolOp):
        new = ast.unparse(ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values))
    elif isinstance(node, ast.BinOp) and type(node.op) in _COMPUTED and not _is_text(node):
        new = ast.unparse(ast.BinOp(node.left, _COMPUTED[type(node.op)](), node.right))
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        new, gross = ast.unparse(node.operand), True
    elif isinstance(node, ast.Constant):
        new = _constant(node.value)
    elif (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in _WRAPPERS
        and len(node.args) == 1
        and not node.keywords
    ):
        new = ast.unparse(node.args[0])
    if new:
        yield f"({new})", f"`{short(was)}` became `{short(new)}`", gross, node


def _is_text(node: ast.BinOp) -> bool:
    """`"a" + b` and `"%s" % b` build text: another operator is only an error."""
    return any(
        isinstance(side, ast.JoinedStr) or (isinstance(side, ast.Constant) and isinstance(side.value, str))
        for side in (node.left, node.right)
    )


def _constant(value: object) -> str:
    if isinstance(value, bool):
        return str(not value)
    if isinstance(value, int):
        return str(value + 1)
    if isinstance(value, float):
        return repr(value + 1.0)
    return "''" if isinstance(value, str) and value else ""

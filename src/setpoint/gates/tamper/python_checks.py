"""All assertions of one Python test: through `with`, loops over literals and the file's own helping functions."""

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from .assertions import ROWS, Placed, Spot
from .cases import Check
from .python_asserts import BROAD, Said, conditions, method, names_of, raising
from .python_text import Env, Function, bound_to, dotted, folded, locals_of, names_in, put, rows_of, written

DEPTH = 3
"""Helping functions that call helping functions: how deep they are followed."""


Found = Placed[ast.expr, ast.expr]
At = Spot[ast.expr]


class Walk:
    """One test's body, walked."""

    def __init__(self, helping: Mapping[str, Function], known: Env) -> None:
        self._helping = helping
        self._known = known
        self._inner: dict[str, Function] = {}
        self.asks = False
        """Something was called that may check on its own."""

    def of(self, function: Function) -> list[Found]:
        """The assertions of `function`; those of functions inside it once for each call."""
        self._inner = _called_inside(function)
        self._helping = {**self._helping, **self._inner}
        return list(self._block(function.body, Spot(locals_of(function, {})), names_in(function)))

    def _block(self, body: Sequence[ast.stmt], at: At, used: frozenset[str]) -> Iterator[Found]:
        for node in body:
            yield from self._statement(node, at, used)
            if isinstance(node, ast.Return | ast.Raise | ast.Continue | ast.Break):
                at = at.dying("unreachable")
            elif isinstance(node, ast.If) and not node.orelse and _leaves(node.body):
                at = at.where(_truth(node.test), taken=False)

    def _statement(self, node: ast.stmt, at: At, used: frozenset[str]) -> Iterator[Found]:
        if isinstance(node, ast.Assert):
            yield from self._found(conditions(node.test), node.lineno, at)
            yield from self._calls(node.test, at, used)
        elif isinstance(node, ast.If):
            truth = _truth(node.test)
            yield from self._block(node.body, at.where(truth, taken=True), used)
            yield from self._block(node.orelse, at.where(truth, taken=False), used)
        elif isinstance(node, ast.For | ast.AsyncFor):
            yield from self._loop(node, at, used)
        elif isinstance(node, ast.While):
            dead = "unreachable" if _truth(node.test) is False else ""
            yield from self._block(node.body, at.dying(dead), used)
        elif isinstance(node, ast.With | ast.AsyncWith):
            yield from self._with(node, at, used)
        elif isinstance(node, ast.Try):
            yield from self._try(node, at, used)
        elif isinstance(node, ast.Match):
            for case in node.cases:
                yield from self._block(case.body, replace(at, conditional=True), used)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            if node.name in self._inner:
                return
            called = node.name in used or bool(node.decorator_list)
            inner = at.dying("" if called else "unreachable")
            yield from self._block(node.body, inner, used)
        elif isinstance(node, ast.Expr | ast.Assign | ast.AnnAssign | ast.Return) and node.value is not None:
            yield from self._calls(node.value, at, used)

    def _loop(self, node: ast.For | ast.AsyncFor, at: At, used: frozenset[str]) -> Iterator[Found]:
        rows = rows_of(put(node.iter, at.env), self._known)
        dead = "unreachable" if rows == [] else ""
        made = tuple(bound_to(node.target, row) for row in (rows or ())[:ROWS])
        inner = at.dying(dead)
        yield from self._block(node.body, inner.looped(made) if made else inner, used)
        yield from self._block(node.orelse, at, used)

    def _with(self, node: ast.With | ast.AsyncWith, at: At, used: frozenset[str]) -> Iterator[Found]:
        inner = at
        for item in node.items:
            call = item.context_expr
            said = raising(call, _together(node.body))
            if said is not None:
                yield from self._found([said], node.lineno, at)
            elif isinstance(call, ast.Call) and dotted(call.func).endswith("suppress"):
                if any(dotted(kind) in {*BROAD, "AssertionError"} for kind in call.args):
                    inner = inner.dying("swallowed")
            else:
                yield from self._calls(call, at, used)
        yield from self._block(node.body, inner, used)

    def _try(self, node: ast.Try, at: At, used: frozenset[str]) -> Iterator[Found]:
        swallows = any(_catches_assertions(handler) and not _speaks(handler.body) for handler in node.handlers)
        inner = at.dying("swallowed" if swallows else "")
        yield from self._block(node.body, inner, used)
        for handler in node.handlers:
            yield from self._block(handler.body, replace(at, conditional=True), used)
        yield from self._block(node.orelse, at, used)
        yield from self._block(node.finalbody, at, used)

    def _calls(self, value: ast.expr, at: At, used: frozenset[str]) -> Iterator[Found]:
        while isinstance(value, ast.Await):
            value = value.value
        if not isinstance(value, ast.Call):
            return
        name = dotted(value.func)
        last = name.rpartition(".")[2]
        if name in ("pytest.fail", "self.fail", "fail"):
            yield from self._found(conditions(ast.Constant(False)), value.lineno, at)
            return
        raised = raising(value, value.args[1]) if len(value.args) > 1 else None
        if raised is not None:
            yield from self._found([raised], value.lineno, at)
            return
        helping = self._helping.get(name.removeprefix("self.").removeprefix("cls."))
        if helping is not None and at.depth < DEPTH:
            yield from self._inside(helping, value, at)
            return
        said = method(value)
        yield from self._found(said, value.lineno, at)
        if not said and (name.startswith(("self.", "cls.")) and name.count(".") == 1):
            self.asks = True
        if last in ("map", "gather", "run", "run_until_complete") and value.args:
            for argument in value.args:
                yield from self._calls(argument, at, used)

    def _inside(self, helping: Function, call: ast.Call, at: At) -> Iterator[Found]:
        names = [
            part.arg for part in (*helping.args.posonlyargs, *helping.args.args) if part.arg not in ("self", "cls")
        ]
        env = dict(zip(names, call.args, strict=False))
        env |= {word.arg: word.value for word in call.keywords if word.arg}
        given = {name: put(value, at.env) for name, value in env.items() if not isinstance(value, ast.Starred)}
        spot = at.inside(locals_of(helping, given), call.lineno)
        yield from self._block(helping.body, spot, names_in(helping))

    def _found(self, all_said: Iterator[Said] | Sequence[Said], line: int, at: At) -> Iterator[Found]:
        return (Placed(said, line, at) for said in all_said)


def check_of(found: Found, row: Env | None = None) -> Check:
    """The assertion as a value, in one row of a parametrisation."""
    said, outer = found.said, row or {}
    env = {**found.at.env, **outer}
    # A local name may stand for something made of a row's names.
    subject, expected = (_both(node, found.at.env, outer) for node in (said.subject, said.expected))
    names = names_of(said)
    for name in names & env.keys():
        names |= names_in(env[name])
    return found.check(subject, expected, names)


def _both(node: ast.expr | None, env: Env, row: Env) -> str:
    return written(folded(put(put(node, env), row))) if node is not None else ""


def each_of(found: Found, tables: Sequence[Sequence[Env]]) -> Iterator[Check]:
    """The assertion once for each row of the tables and loops it stands in."""
    return (check_of(found, row) for row in found.rows(tables))


def _called_inside(function: Function) -> dict[str, Function]:
    """Functions inside a test that it calls as statements."""
    nested = {node.name: node for node in ast.walk(function) if isinstance(node, Function) and node is not function}
    statements = [node.value for node in ast.walk(function) if isinstance(node, ast.Expr)] if nested else []
    calls = [node.value if isinstance(node, ast.Await) else node for node in statements]
    called = {node.func.id for node in calls if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    return {name: node for name, node in nested.items() if name in called}


def _truth(test: ast.expr) -> bool | None:
    if isinstance(test, ast.Constant):
        return bool(test.value)
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        inner = _truth(test.operand)
        return None if inner is None else not inner
    if isinstance(test, ast.Compare) and all(isinstance(p, ast.Constant) for p in (test.left, *test.comparators)):
        left, right = test.left, test.comparators[0]
        if isinstance(left, ast.Constant) and isinstance(right, ast.Constant) and len(test.ops) == 1:
            same = left.value == right.value
            return {ast.Eq: same, ast.NotEq: not same}.get(type(test.ops[0]))
    return False if dotted(test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING") else None


def _leaves(body: Sequence[ast.stmt]) -> bool:
    return bool(body) and isinstance(body[-1], ast.Return | ast.Continue | ast.Break)


def _catches_assertions(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(kind is None or dotted(kind) in {*BROAD, "AssertionError"} for kind in kinds)


def _speaks(body: Sequence[ast.stmt]) -> bool:
    """A handler that fails, asserts or raises swallows nothing."""
    for node in (part for statement in body for part in ast.walk(statement)):
        if isinstance(node, ast.Raise | ast.Assert):
            return True
        if isinstance(node, ast.Call) and dotted(node.func).rpartition(".")[2].startswith(("fail", "assert", "exit")):
            return True
    return False


def _together(body: Sequence[ast.stmt]) -> ast.expr | None:
    """What is done inside `raises`: its last expression stands for it."""
    for node in reversed(body):
        value = getattr(node, "value", None)
        if isinstance(value, ast.expr):
            return value
    return None

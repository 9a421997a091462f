"""Python expressions written one way: local names put in, layout and quotes as `ast` gives them."""

import ast
import copy
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from .assertions import ROWS

Env = Mapping[str, ast.expr]
"""What names stand for."""
Function = ast.FunctionDef | ast.AsyncFunctionDef
WRITTEN = 400
"""Longer expressions are not put in for a name."""
_MUTABLE = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp, ast.GeneratorExp, ast.Lambda)


class _Put(ast.NodeTransformer):
    def __init__(self, env: Env) -> None:
        self._env = env

    def visit_Name(self, node: ast.Name) -> ast.expr:
        known = self._env.get(node.id) if isinstance(node.ctx, ast.Load) else None
        return copy.deepcopy(known) if known is not None else node


class _Fold(ast.NodeTransformer):
    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        left, right = number(node.left), number(node.right)
        if left is None or right is None or max(abs(left), abs(right)) > 1e12:
            return node
        value = {
            ast.Add: left + right,
            ast.Sub: left - right,
            ast.Mult: left * right,
            ast.Div: left / right if right else None,
            ast.FloorDiv: left // right if right else None,
        }.get(type(node.op))
        whole = value is not None and value == int(value) and not isinstance(node.op, ast.Div)
        return node if value is None else ast.Constant(int(value) if whole else value)


def folded(node: ast.expr) -> ast.expr:
    """`node` with sums and products of numbers worked out."""
    if not any(isinstance(part, ast.BinOp) for part in ast.walk(node)):
        return node
    done: ast.expr = _Fold().visit(copy.deepcopy(node))
    return done


def put(node: ast.expr, env: Env) -> ast.expr:
    """`node` with the names of `env` replaced by what they stand for."""
    if not any(isinstance(part, ast.Name) and part.id in env for part in ast.walk(node)):
        return node
    changed: ast.expr = _Put(env).visit(copy.deepcopy(node))
    return changed


def written(node: ast.AST | None) -> str:
    """The code of `node` on one line; empty for none."""
    if node is None:
        return ""
    try:
        return " ".join(ast.unparse(node).split())
    except ValueError:  # a name inside an f-string that stands for text with a line break
        return ast.dump(node)


def dotted(node: ast.AST | None) -> str:
    """`a.b.c` of a name or attribute chain; calls and subscripts in it are passed over."""
    parts: list[str] = []
    while node is not None:
        if isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        elif isinstance(node, ast.Call):
            node = node.func
        elif isinstance(node, ast.Subscript | ast.Await):
            node = node.value
        else:
            break
    if isinstance(node, ast.Name):
        parts.append(node.id)
    return ".".join(reversed(parts))


def constant(node: ast.AST | None) -> bool:
    """Whether `node` is made of literals alone."""
    return node is not None and not any(
        isinstance(part, ast.Name | ast.Call | ast.Attribute | ast.Await) for part in ast.walk(node)
    )


def names_in(node: ast.AST) -> frozenset[str]:
    """Identifiers, attributes and keywords below `node`."""
    found: set[str] = set()
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            found.add(part.id)
        elif isinstance(part, ast.Attribute):
            found.add(part.attr)
        elif isinstance(part, ast.keyword) and part.arg:
            found.add(part.arg)
    return frozenset(found)


def locals_of(function: Function, outer: Env) -> dict[str, ast.expr]:
    """What local names stand for that are set once, to something that is not changed in place."""
    stored = Counter(
        part.id for part in ast.walk(function) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
    )
    env = dict(outer)
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            name, value = node.targets[0].id, node.value
            env.pop(name, None)
            itself = any(isinstance(part, ast.Name) and part.id == name for part in ast.walk(value))
            if stored[name] == 1 and not isinstance(value, _MUTABLE) and not itself:
                into = put(value, env)
                if len(written(into)) <= WRITTEN:
                    env[name] = into
    return env


def rows_of(node: ast.expr | None, known: Env) -> list[ast.expr] | None:
    """The elements of a literal list, tuple or set, or of a name that stands for one; None when they are computed."""
    if isinstance(node, ast.Name):
        node = known.get(node.id)
    if isinstance(node, ast.Call) and dotted(node.func) in ("list", "tuple", "sorted", "set", "iter") and node.args:
        return rows_of(node.args[0], known)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "items":
        base = known.get(node.func.value.id) if isinstance(node.func.value, ast.Name) else node.func.value
        if isinstance(base, ast.Dict) and all(key is not None for key in base.keys):
            pairs = zip(base.keys, base.values, strict=True)
            return [ast.Tuple(elts=[key, value], ctx=ast.Load()) for key, value in pairs if key is not None]
        return None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = rows_of(node.left, known), rows_of(node.right, known)
        return None if left is None or right is None else [*left, *right]
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
        rows, cut = rows_of(node.value, known), _slice(node.slice)
        return None if rows is None or cut is None else rows[cut]
    if isinstance(node, ast.ListComp | ast.GeneratorExp):
        return _made(node, known)
    if not isinstance(node, ast.List | ast.Tuple | ast.Set):
        return None
    found: list[ast.expr] = []
    for element in node.elts:
        more = rows_of(element.value, known) if isinstance(element, ast.Starred) else [element]
        if more is None:
            return None
        found += more
    return found


def _slice(node: ast.Slice) -> slice | None:
    """The slice that literal numbers say."""
    ends = [number(part) if part is not None else 0.5 for part in (node.lower, node.upper, node.step)]
    if None in ends or ends[2] == 0:
        return None
    return slice(*(int(end) if end is not None and end == int(end) else None for end in ends))


def _made(node: ast.ListComp | ast.GeneratorExp, known: Env) -> list[ast.expr] | None:
    """What a comprehension makes of visible rows, where it leaves none out."""
    loop = node.generators[0]
    rows = rows_of(loop.iter, known) if len(node.generators) == 1 and not loop.ifs else None
    if rows is None:
        return None
    return [put(node.elt, bound_to(loop.target, row)) for row in rows[:ROWS]]


def bound_to(target: ast.expr | Sequence[str], row: ast.expr) -> dict[str, ast.expr]:
    """What the names of a loop target or of a parametrisation stand for in one row."""
    if isinstance(row, ast.Call) and dotted(row.func).endswith("param"):
        row = row.args[0] if len(row.args) == 1 else ast.Tuple(elts=list(row.args), ctx=ast.Load())
    if isinstance(target, ast.Name):
        return {target.id: row}
    parts: Sequence[str | ast.expr] = target.elts if isinstance(target, ast.Tuple | ast.List) else ()
    if not isinstance(target, ast.expr):
        if len(target) == 1:
            return {target[0]: row}
        parts = target
    values = row.elts if isinstance(row, ast.Tuple | ast.List) else []
    if len(parts) != len(values):
        return {}
    found: dict[str, ast.expr] = {}
    for part, value in zip(parts, values, strict=True):
        found |= {part: value} if isinstance(part, str) else bound_to(part, value)
    return found


def statements(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements without docstrings and `pass`."""
    for node in body:
        if isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
            continue
        yield node


def number(node: ast.AST | None) -> float | None:
    """The value of a numeric literal."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = number(node.operand)
        return None if value is None else -value
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        return float(node.value)
    return None

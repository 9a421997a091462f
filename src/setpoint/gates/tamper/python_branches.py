"""Branches of Python code that give a constant for constants."""

import ast
from collections.abc import Iterator, Sequence

from .python_text import Function, number, statements
from .special import Special, as_number, canonical, rare


def python_branches(text: str, before: str) -> Iterator[Special]:
    """Every such branch; and functions that computed `before` and give a constant now."""
    tree = _parsed(text)
    computing = {node.name for node in ast.walk(_parsed(before)) if isinstance(node, Function) and _computes(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.If | ast.IfExp):
            guards, equality = _guards(node.test)
            result = _given(node.body) if isinstance(node, ast.If) else _constant(node.body)
            if guards:
                yield Special(node.lineno, guards, result, equality)
        elif isinstance(node, ast.match_case):
            values = [_constant(part.value) for part in ast.walk(node.pattern) if isinstance(part, ast.MatchValue)]
            if values and values[0] is not None:
                yield Special(node.pattern.lineno, (values[0],), _given(node.body))
        elif isinstance(node, ast.Dict):
            yield from _pairs(node)
        elif isinstance(node, Function) and node.name in computing:
            yield from _hard_coded(node)


def _parsed(text: str) -> ast.Module:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return ast.Module(body=[], type_ignores=[])


def _constant(node: ast.AST | None) -> str | None:
    value = number(node)
    if value is not None:
        return canonical(value) if as_number(repr(value)) is not None else None
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _guards(test: ast.expr) -> tuple[tuple[str, ...], bool]:
    """The constants a condition compares with, and whether it asks for equality alone."""
    found: list[str] = []
    equality = True
    for node in ast.walk(test):
        if not isinstance(node, ast.Compare):
            continue
        equality = equality and all(isinstance(op, ast.Eq) for op in node.ops)
        for op, right in zip(node.ops, node.comparators, strict=True):
            if isinstance(op, ast.Eq | ast.In):
                parts = [part for side in (node.left, right) for part in _elements(side)]
                found += [value for part in parts if (value := _constant(part)) is not None]
    return tuple(found), equality


def _elements(node: ast.expr) -> Sequence[ast.expr]:
    return node.elts if isinstance(node, ast.Tuple | ast.List | ast.Set) else [node]


def _given(body: Sequence[ast.stmt]) -> str | None:
    """The constant that a branch returns or assigns, and nothing else."""
    left = list(statements(body))
    last = left[-1] if left else None
    value = last.value if isinstance(last, ast.Return | ast.Assign) else None
    return _constant(value) if len(left) <= 2 else None


def _pairs(node: ast.Dict) -> Iterator[Special]:
    for key, value in zip(node.keys, node.values, strict=True):
        guards = tuple(found for part in _elements(key) if (found := _constant(part)) is not None) if key else ()
        result = _constant(value)
        if key is not None and result is not None and any(rare(guard) for guard in guards):
            yield Special(key.lineno, guards, result)


def _computes(node: Function) -> bool:
    given = [part.value for part in ast.walk(node) if isinstance(part, ast.Return) and part.value is not None]
    return any(_constant(value) is None for value in given)


def _hard_coded(node: Function) -> Iterator[Special]:
    left = list(statements(node.body))
    result = _constant(left[0].value) if len(left) == 1 and isinstance(left[0], ast.Return) else None
    if result is not None and rare(result):
        yield Special(left[0].lineno, (), result)

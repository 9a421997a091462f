"""Marks that keep a Python test from running or from counting: skips, expected failures, focus, retries."""

import ast
from collections.abc import Iterator, Sequence

from .cases import Off
from .python_text import Function, dotted, number, written

_SKIPS = {"skip": "skip", "skipif": "skip", "skipIf": "skip", "skipUnless": "skip", "xfail": "xfail",
          "expectedFailure": "xfail", "requires_resource": "skip"}  # fmt: skip
_CALLS = {"pytest.skip": "skip", "self.skipTest": "skip", "pytest.xfail": "xfail", "unittest.SkipTest": "skip",
          "SkipTest": "skip", "skip": "skip", "xfail": "xfail", "pytest.importorskip": "skip", "importorskip": "skip",
          "pytest.skip.Exception": "skip", "pytest.exit": "skip"}  # fmt: skip
_FOREIGN = ("win32", "darwin", "cygwin", "Windows", "Darwin", "nt", "java", "emscripten", "wasi")
_PLACES = ("sys.platform", "os.name", "platform.system", "sys.version_info", "platform.python_implementation")


def marked(nodes: Sequence[ast.expr], aliases: dict[str, ast.expr]) -> Off | None:
    """The skip or expected failure among decorators or marks."""
    for node in nodes:
        seen = aliases.get(node.id, node) if isinstance(node, ast.Name) else node
        if isinstance(seen, ast.List | ast.Tuple):
            inner = marked(seen.elts, aliases)
            if inner:
                return inner
            continue
        name = dotted(seen).rpartition(".")[2]
        if name in _SKIPS and _is_mark(seen):
            return _off(_SKIPS[name], name, seen, node.lineno)
    return None


def _is_mark(node: ast.expr) -> bool:
    return dotted(node).split(".")[0] in ("pytest", "mark", "unittest", "skip", "skipif", "skipIf", "skipUnless",
                                           "xfail", "expectedFailure", "pt")  # fmt: skip


def _off(how: str, name: str, node: ast.expr, line: int) -> Off:
    call = node if isinstance(node, ast.Call) else None
    words = {word.arg: word.value for word in call.keywords} if call else {}
    reason = _text(words.get("reason"))
    condition = call.args[0] if call and call.args and name != "skip" and not _text(call.args[0]) else None
    if call and not reason:
        reason = next((_text(part) for part in call.args if _text(part)), "")
    negated = name == "skipUnless"
    strict = isinstance(words.get("strict"), ast.Constant) and bool(getattr(words["strict"], "value", False))
    foreign = condition is not None and _elsewhere(condition, negated)
    always = condition is None or (isinstance(condition, ast.Constant) and bool(condition.value) != negated)
    if isinstance(condition, ast.Constant) and not always:
        return Off(how, line, reason, foreign=True, always=False, strict=strict)
    return Off(how, line, reason, foreign, always or _certain(condition), strict)


def _certain(condition: ast.expr | None) -> bool:
    return isinstance(condition, ast.UnaryOp) and isinstance(condition.operand, ast.Constant)


def _text(node: ast.AST | None) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _elsewhere(condition: ast.expr, negated: bool) -> bool:
    """Whether a condition to skip holds only on another system, or below some version."""
    if negated:
        return False
    if isinstance(condition, ast.BoolOp):
        found = [_elsewhere(part, False) for part in condition.values]
        return all(found) if isinstance(condition.op, ast.Or) else any(found)
    if isinstance(condition, ast.Call) and dotted(condition.func).endswith("platform.startswith"):
        return bool(condition.args) and _text(condition.args[0]) in _FOREIGN
    if not isinstance(condition, ast.Compare) or len(condition.ops) != 1:
        return False
    left, op, right = dotted(condition.left), condition.ops[0], condition.comparators[0]
    if left == "sys.version_info":
        return isinstance(op, ast.Lt | ast.LtE)
    named = {_text(part) for part in ast.walk(right)} - {""}
    return left in _PLACES and isinstance(op, ast.Eq | ast.In) and bool(named) and named <= {*_FOREIGN, "PyPy"}


def inside(function: Function) -> Off | None:
    """A skip that the body of a test calls; conditional when it stands below an `if`."""
    for conditional, node in _calls(function.body, None):
        name = dotted(node)
        if name in _CALLS:
            reason = _text(node.args[0]) if isinstance(node, ast.Call) and node.args else ""
            foreign = conditional is not None and _elsewhere(conditional, False)
            return Off(_CALLS[name], node.lineno, reason, foreign, conditional is None)
    return None


def _calls(body: Sequence[ast.stmt], under: ast.expr | None) -> Iterator[tuple[ast.expr | None, ast.expr]]:
    for node in body:
        if isinstance(node, ast.Expr | ast.Assign) and isinstance(node.value, ast.Call):
            yield under, node.value
        elif isinstance(node, ast.Raise) and node.exc is not None:
            yield under, node.exc
        elif isinstance(node, ast.If):
            sure = isinstance(node.test, ast.Constant) and bool(node.test.value)
            yield from _calls(node.body, under if sure else node.test)
            yield from _calls(node.orelse, ast.UnaryOp(ast.Not(), node.test))
        elif isinstance(node, ast.With | ast.Try):
            yield from _calls(node.body, under)
        # What a handler skips for was tried first.


def module_off(tree: ast.Module, aliases: dict[str, ast.expr]) -> Off | None:
    """What switches a whole file off."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(dotted(target) == "pytestmark" for target in node.targets):
            marks = marked([node.value], aliases)
            if marks:
                return marks
        none = isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and not node.value.value
        if isinstance(node, ast.Assign) and none and any(dotted(target) == "__test__" for target in node.targets):
            return Off("skip", node.lineno, "__test__ is false")
    for under, call in _calls(tree.body, None):
        name = dotted(call)
        if name in _CALLS and "importorskip" not in name:
            foreign = under is not None and _elsewhere(under, False)
            return Off(_CALLS[name], call.lineno, written(call), foreign, under is None)
    return None


def own_marks(body: Sequence[ast.stmt]) -> list[ast.expr]:
    """`pytestmark` of a class."""
    return [
        node.value
        for node in body
        if isinstance(node, ast.Assign) and any(dotted(target) == "pytestmark" for target in node.targets)
    ]


def retries(decorators: Sequence[ast.expr]) -> int:
    """How often a failing test is tried again."""
    for node in decorators:
        if dotted(node).rpartition(".")[2] in ("flaky", "retry", "repeat_on_failure"):
            call = node if isinstance(node, ast.Call) else None
            told = [number(word.value) for word in call.keywords] + [number(arg) for arg in call.args] if call else []
            return int(max([value for value in told if value is not None], default=1))
    return 0


def examples(decorators: Sequence[ast.expr]) -> int | None:
    """Hypothesis's `max_examples`, where a test says it."""
    for node in decorators:
        if isinstance(node, ast.Call) and dotted(node.func).rpartition(".")[2] == "settings":
            for word in node.keywords:
                value = number(word.value) if word.arg == "max_examples" else None
                if value is not None:
                    return int(value)
    return None

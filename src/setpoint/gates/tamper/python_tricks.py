"""Python that looks for the test runner or reaches into it."""

import ast
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import PurePosixPath

from .python_text import Function, dotted, written
from .tricks import PATCHED, RUNNERS, Trick, asked

_STACKS = frozenset(
    ("inspect.stack", "inspect.currentframe", "inspect.getouterframes", "sys._getframe", "sys._current_frames",
     "traceback.extract_stack", "traceback.format_stack", "traceback.walk_stack", "traceback.print_stack")
)  # fmt: skip
_MODULES = frozenset(("sys", "os", "inspect", "traceback", "atexit"))
_STARTS = re.compile(
    r"(?:subprocess|asyncio\.create_subprocess\w*|os\.(?:exec|spawn|system|popen)\w*|pytest|session)\b"
)
_RUNNER_NAME = re.compile(r"_?pytest|py\.test|unittest|nose2?|PYTEST(?:_\w*)?", re.IGNORECASE)
_EXITS = frozenset(("sys.exit", "exit", "quit", "os.abort", "os.kill"))
_READS = frozenset(("os.getenv", "os.environ.get", "environ.get", "getenv"))


def python_tricks(path: str, text: str) -> Iterator[Trick]:
    """Every such place of a module."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return
    with suppress(RecursionError):
        tree = _Plain(tree).visit(tree)
    for node in ast.walk(tree):
        yield from _node(node)
        if isinstance(node, Function):
            yield from _looks_back(node)
            yield from _looks_around(node)
    if PurePosixPath(path).name != "__main__.py":
        yield from _at_import(tree)


class _Plain(ast.NodeTransformer):
    """Names of other modules by where they come from, and texts that are put together written as one."""

    def __init__(self, tree: ast.Module) -> None:
        self._names: dict[str, str] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module in _MODULES:
                self._names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
            elif isinstance(node, ast.Import):
                self._names |= {a.asname: a.name for a in node.names if a.asname and a.name in _MODULES}

    def visit_Name(self, node: ast.Name) -> ast.expr:
        known = self._names.get(node.id) if isinstance(node.ctx, ast.Load) else None
        if known is None:
            return node
        return ast.copy_location(ast.fix_missing_locations(ast.parse(known, mode="eval").body), node)

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        parts = (node.left, node.right) if isinstance(node.op, ast.Add) else ()
        texts = [part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)]
        return ast.copy_location(ast.Constant("".join(texts)), node) if len(texts) == 2 else node


def _node(node: ast.AST) -> Iterator[Trick]:
    if isinstance(node, ast.Compare):
        yield from _compared(node)
    elif isinstance(node, ast.Call):
        yield from _called(node)
    elif isinstance(node, ast.Subscript) and dotted(node.value) in ("os.environ", "environ"):
        yield from _environment(node, node.slice)
    elif isinstance(node, ast.Assign):
        for target in node.targets:
            if PATCHED.match(dotted(target)) or _replaces_runner(target):
                yield Trick("runner-patched", node.lineno, written(node), end=_end(node))
    elif isinstance(node, ast.Import | ast.ImportFrom):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
        if any(name.partition(".")[0] in ("pytest", "_pytest") for name in names):
            yield Trick("runner-patched", node.lineno, written(node), end=_end(node))
    elif isinstance(node, Function) and node.name == "__eq__" and _always(node):
        yield Trick("equality-faked", node.lineno, "an `__eq__` that holds for every other value", end=_end(node))


def _text(node: ast.AST) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _end(node: ast.stmt | ast.expr) -> int:
    return node.end_lineno or node.lineno


def _compared(node: ast.Compare) -> Iterator[Trick]:
    sides = [node.left, *node.comparators]
    texts = {_text(part) for part in sides} - {""}
    places = {dotted(part) for part in sides}
    modules = places & {"sys.modules", "modules"} and texts & RUNNERS
    arguments = any(place.startswith("sys.argv") for place in places) and any("test" in text for text in texts)
    if modules or arguments:
        yield Trick("runner-detected", node.lineno, written(node), end=_end(node))
    elif any(place.endswith("environ") for place in places):
        for side in sides:
            yield from _environment(node, side)


def _called(node: ast.Call) -> Iterator[Trick]:
    name = dotted(node.func)
    first = node.args[0] if node.args else None
    if name in _READS and first is not None:
        yield from _environment(node, first)
    elif name == "sys.modules.get" and first is not None and _text(first) in RUNNERS:
        yield Trick("runner-detected", node.lineno, written(node), end=_end(node))
    elif name == "os._exit" or (name == "atexit.register" and "_exit" in written(node)) or _sets_on_runner(name, node):
        yield Trick("runner-patched", node.lineno, written(node), end=_end(node))


def _sets_on_runner(name: str, node: ast.Call) -> bool:
    return name == "setattr" and bool(node.args) and dotted(node.args[0]).partition(".")[0] in {*RUNNERS, "builtins"}


def _replaces_runner(target: ast.expr) -> bool:
    return (
        isinstance(target, ast.Subscript) and dotted(target.value) == "sys.modules" and _text(target.slice) in RUNNERS
    )


def _always(node: Function) -> bool:
    last = node.body[-1]
    true = isinstance(last, ast.Return) and isinstance(last.value, ast.Constant) and last.value.value is True
    return true and not any(isinstance(part, ast.If) for part in node.body)


def _environment(node: ast.expr, variable: ast.expr) -> Iterator[Trick]:
    trick = asked(node.lineno, _text(variable), written(node))
    if trick is not None:
        yield trick._replace(end=_end(node))


def _looks_back(function: Function) -> Iterator[Trick]:
    """A look at the callers, next to a word of tests."""
    nodes = list(ast.walk(function))
    if any("test" in _text(node).casefold() for node in nodes):
        for node in nodes:
            if isinstance(node, ast.Call) and dotted(node.func) in _STACKS:
                yield Trick("runner-detected", node.lineno, f"{written(node)} in {function.name}", end=_end(node))


def _looks_around(function: Function) -> Iterator[Trick]:
    """A look through all modules or variables, next to a runner's name."""
    nodes = list(ast.walk(function))
    named = any(_RUNNER_NAME.fullmatch(_text(node)) for node in nodes)
    # Who starts a runner names it, and hands it the environment.
    starts = any(isinstance(node, ast.Call) and _STARTS.match(dotted(node.func)) for node in nodes)
    if not named or starts:
        return
    for node in nodes:
        if isinstance(node, ast.Attribute) and dotted(node) in ("os.environ", "sys.modules"):
            yield Trick("runner-detected", node.lineno, f"{written(node)} in {function.name}", end=_end(node))


def _at_import(tree: ast.Module) -> Iterator[Trick]:
    """Leaving while the module is loaded."""
    for statement in tree.body:
        main = isinstance(statement, ast.If) and "__main__" in written(statement.test)
        if main or isinstance(statement, Function | ast.ClassDef):
            continue
        for node in ast.walk(statement):
            if isinstance(node, ast.Call) and dotted(node.func) in _EXITS:
                yield Trick("runner-patched", node.lineno, f"{written(node)} while it is imported")

"""Product code that knows whether it is tested, or reaches into the runner: what it shows to tests is not what it does."""

import ast
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from ...model.objection import Objection, Severity
from ..change_set import ChangeSet, Delta
from ..frozen import is_test_path
from .naming import SCRIPTS
from .product import product_deltas
from .python_text import Function, dotted, written
from .raised import HIGH, LOW, tampered
from .script_tree import below, chain, line_of, parsed, raw, string
from .script_tree import written as code

_ENVIRONMENT = re.compile(
    r"^(?:PYTEST\w*|TESTING|UNDER_TEST|IN_TEST|IS_TEST\w*|TEST_MODE|RUNNING_TESTS?|UNITTEST\w*|TOX_\w+|NOX_\w+|"
    r"VITEST\w*|JEST_\w+|MOCHA\w*|NODE_TEST_CONTEXT|AVA_\w+|CYPRESS\w*|PLAYWRIGHT_TEST\w*)$"
)
_RUNNERS = frozenset(("pytest", "_pytest", "unittest", "nose", "nose2", "hypothesis", "tox", "coverage"))
_GLOBALS = frozenset(("jest", "vi", "vitest", "describe", "it", "expect", "test", "mocha", "beforeEach", "jasmine"))
_STACKS = frozenset(("inspect.stack", "inspect.currentframe", "sys._getframe", "traceback.extract_stack"))
_FOR_TESTS = re.compile(
    r"(?:^|[/_.\-])(?:testing|test|tests|pytest|plugin|fixtures|mocks?|__mocks__|storybook)(?:[/_.\-]|$)"
)
_EXITS = ("os._exit", "sys.exit", "exit", "quit", "os.abort", "os.kill")
_PATCHED = re.compile(
    r"^(?:builtins|__builtins__|unittest|pytest|_pytest|assert|expect|globalThis|global|Object|process)\."
    r"(?:AssertionError|\w*[aA]ssert\w*|raises|expect|equal|is|exit|reallyExit|TestCase\.\w+|approx|\w*[eE]qual|test|it)$"
)


def runner_tricks(change: ChangeSet) -> Iterator[Objection]:
    """Objections against added lines of the product that look for the runner or change what it sees."""
    for delta in product_deltas(change):
        if delta.after is None or _FOR_TESTS.search(delta.path):
            continue
        if delta.path.endswith(".py"):
            yield from _python(delta)
        elif PurePosixPath(delta.path).suffix in SCRIPTS:
            yield from _script(delta)
    yield from _startup(change)


def _objection(rule: str, delta: Delta, line: int, what: str, cause: str, severity: Severity = HIGH) -> Objection:
    text = delta.added_lines.get(line, "").strip()
    return tampered(rule, what, delta.path, line, cause=cause, evidence=text, severity=severity)


def _detected(delta: Delta, line: int, how: str, severity: Severity = HIGH) -> Objection:
    return _objection(
        "runner-detected", delta, line, f"the code asks whether it is tested: {how}",
        "it can behave one way under test and another way for users", severity,
    )  # fmt: skip


def _patched(delta: Delta, line: int, how: str) -> Objection:
    return _objection(
        "runner-patched", delta, line, f"the code reaches into the test runner: {how}",
        "a runner that the code under test has changed reports what the code wants",
    )  # fmt: skip


# -- Python ----------------------------------------------------------------------------------------------------------


def _python(delta: Delta) -> Iterator[Objection]:
    try:
        tree = ast.parse(delta.text_after)
    except (SyntaxError, ValueError, RecursionError):
        return
    added = delta.added_lines
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        if line in added:
            yield from _python_node(delta, node, line)
    for function in ast.walk(tree):
        if isinstance(function, Function):
            yield from _looks_back(delta, function)
    yield from _at_import(delta, tree)


def _python_node(delta: Delta, node: ast.AST, line: int) -> Iterator[Objection]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("PYTEST_"):
        yield _detected(delta, line, node.value)
    elif isinstance(node, ast.Compare) and any(isinstance(op, ast.In | ast.NotIn | ast.Eq) for op in node.ops):
        sides = [node.left, *node.comparators]
        texts = {part.value for part in sides if isinstance(part, ast.Constant) and isinstance(part.value, str)}
        places = {dotted(part) for part in sides}
        if (places & {"sys.modules", "modules"} and texts & _RUNNERS) or (
            any(place.startswith("sys.argv") for place in places) and any("test" in text for text in texts)
        ):
            yield _detected(delta, line, written(node))
    elif isinstance(node, ast.Call):
        yield from _python_call(delta, node, line)
    elif isinstance(node, ast.Subscript) and dotted(node.value) == "os.environ":
        yield from _environment(delta, node.slice, line)
    elif isinstance(node, ast.Assign):
        for target in node.targets:
            if _PATCHED.match(dotted(target)) or (isinstance(target, ast.Subscript) and _module_put(target)):
                yield _patched(delta, line, written(node))
    elif isinstance(node, ast.Import | ast.ImportFrom):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
        if any(name.partition(".")[0] in ("pytest", "_pytest") for name in names):
            yield _patched(delta, line, written(node))
    elif isinstance(node, Function) and node.name == "__eq__" and _always(node):
        yield _objection(
            "equality-faked", delta, line, "an `__eq__` that holds for everything",
            "whatever a test compares with it is equal, right or wrong",
        )  # fmt: skip


def _module_put(target: ast.Subscript) -> bool:
    return (
        dotted(target.value) == "sys.modules"
        and isinstance(target.slice, ast.Constant)
        and target.slice.value in _RUNNERS
    )


def _always(node: Function) -> bool:
    last = node.body[-1]
    return (
        isinstance(last, ast.Return)
        and isinstance(last.value, ast.Constant)
        and last.value.value is True
        and not any(isinstance(part, ast.If) for part in node.body)
    )


def _python_call(delta: Delta, node: ast.Call, line: int) -> Iterator[Objection]:
    name = dotted(node.func)
    if name in ("os.getenv", "os.environ.get", "environ.get", "getenv") and node.args:
        yield from _environment(delta, node.args[0], line)
    elif name == "sys.modules.get" and node.args and getattr(node.args[0], "value", "") in _RUNNERS:
        yield _detected(delta, line, written(node))
    elif (
        name == "os._exit"
        or (name == "atexit.register" and any(exit_ in written(node) for exit_ in ("_exit", "os.kill")))
        or (
            name == "setattr"
            and len(node.args) > 1
            and dotted(node.args[0]).partition(".")[0] in (*_RUNNERS, "builtins")
        )
    ):
        yield _patched(delta, line, written(node))


def _environment(delta: Delta, name: ast.expr, line: int) -> Iterator[Objection]:
    text = name.value if isinstance(name, ast.Constant) and isinstance(name.value, str) else ""
    if _ENVIRONMENT.match(text) and not text.startswith("PYTEST_"):
        yield _detected(delta, line, text)
    elif text in ("CI", "GITHUB_ACTIONS"):
        yield _detected(delta, line, text, LOW)


def _looks_back(delta: Delta, function: Function) -> Iterator[Objection]:
    calls = [node for node in ast.walk(function) if isinstance(node, ast.Call) and dotted(node.func) in _STACKS]
    texts = [
        node.value for node in ast.walk(function) if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    if any("test" in text.casefold() for text in texts):
        for call in calls[:1]:
            if call.lineno in delta.added_lines:
                yield _detected(delta, call.lineno, f"{written(call)} in {function.name}")


def _at_import(delta: Delta, tree: ast.Module) -> Iterator[Objection]:
    for statement in tree.body:
        if isinstance(statement, Function | ast.ClassDef) or (
            isinstance(statement, ast.If) and "__main__" in written(statement.test)
        ):
            continue
        for node in ast.walk(statement):
            if isinstance(node, ast.Call) and dotted(node.func) in _EXITS and node.lineno in delta.added_lines:
                if PurePosixPath(delta.path).name != "__main__.py" and dotted(node.func) != "os._exit":
                    yield _patched(delta, node.lineno, f"{written(node)} while it is imported")


# -- JavaScript ------------------------------------------------------------------------------------------------------


def _script(delta: Delta) -> Iterator[Objection]:
    root = parsed(delta.text_after, PurePosixPath(delta.path).suffix)
    added = delta.added_lines
    for node in below(root, "member_expression", "binary_expression", "unary_expression", "call_expression",
                      "assignment_expression", "subscript_expression", "import_statement"):  # fmt: skip
        line = line_of(node)
        if line in added:
            yield from _script_node(delta, node, line)


def _script_node(delta: Delta, node: object, line: int) -> Iterator[Objection]:
    from tree_sitter import Node

    if not isinstance(node, Node):
        return
    text = code(node)
    if node.type in ("member_expression", "subscript_expression"):
        key = node.child_by_field_name("index")
        name = string(key) if key is not None else chain(node)[-1] if chain(node) else ""
        if chain(node)[:2] == ["process", "env"] and _ENVIRONMENT.match(name):
            yield _detected(delta, line, text)
        elif text == "import.meta.vitest":
            yield _detected(delta, line, text, LOW)
    elif node.type == "binary_expression":
        if (
            ("NODE_ENV" in text and '"test"' in text)
            or ("typeof" in text and any(re.search(rf"\btypeof (?:globalThis\.)?{name}\b", text) for name in _GLOBALS))
            or (re.search(r"\bin globalThis\b", text) and any(f'"{name}"' in text for name in _GLOBALS))
        ):
            yield _detected(delta, line, text)
    elif node.type == "call_expression":
        steps = chain(node)
        if (steps[:2] in (["process", "argv"], ["process", "execArgv"]) and "test" in text) or (
            "stack" in steps and "test" in text.casefold()
        ):
            yield _detected(delta, line, text)
        elif (
            steps[-2:] in (["process", "reallyExit"],)
            or (steps == ["process", "exit"] and _top(node))
            or (steps == ["process", "on"] and '"exit"' in text and "exitCode" in text)
            or (steps in (["require"], ["import"]) and re.search(r'"(?:node:test|vitest|@jest/globals|jest)"', text))
        ):
            yield _patched(delta, line, text)
    elif node.type == "assignment_expression":
        if _PATCHED.match(code(node.child_by_field_name("left"))) or text.replace(" ", "") == "process.exitCode=0":
            yield _patched(delta, line, text)
    elif re.search(r"[\"'](?:node:test|vitest|@jest/globals|jest)[\"']", raw(node)):
        yield _patched(delta, line, raw(node))


def _top(node: object) -> bool:
    """Whether a call runs while its module is loaded."""
    at = getattr(node, "parent", None)
    while at is not None:
        if "function" in at.type or at.type == "method_definition":
            return False
        at = at.parent
    return True


# -- what runs before everything -------------------------------------------------------------------------------------


def _startup(change: ChangeSet) -> Iterator[Objection]:
    for delta in change.deltas:
        name = PurePosixPath(delta.path).name
        if delta.after is None:
            continue
        if name in ("sitecustomize.py", "usercustomize.py") or name.endswith(".pth"):
            yield _patched(delta, 1, f"{name} runs before every test run")
        elif name in ("pyproject.toml", "setup.cfg", "setup.py"):
            line = next((at for at, text in delta.added_lines.items() if "pytest11" in text), 0)
            if line:
                yield _patched(delta, line, "a pytest plugin that is loaded by itself")
        elif (
            name == "conftest.py"
            and delta.before is None
            and not is_test_path(str(PurePosixPath(delta.path).parent / "x"))
        ):
            # A new conftest beside the product sees and may change every test of the repository.
            if "/" in delta.path:
                yield _patched(delta, 1, "a conftest beside the product")

"""Which changed lines are code that a test can run, and which comments would take them out of the count."""

import ast
import io
import re
import tokenize
from collections.abc import Collection, Iterator, Mapping, Sequence
from posixpath import basename

from .change_set import Delta, as_lines
from .frozen import is_test_path
from .protected import protection

PYTHON = frozenset((".py",))
SCRIPT = frozenset((".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts"))
_NO_SOURCE = re.compile(
    r"(?:^|/)(?:docs?|examples?|migrations|alembic|node_modules|dist|build|vendor|\.[^/]+)/"
    r"|(?:^|/)(?:setup|noxfile|fabfile|tasks|manage)\.py$|\.d\.[cm]?ts$|\.config\.[cm]?[jt]s$|\.stories\.[jt]sx?$"
    r"|\.min\.js$"
)
EXCLUDED = (
    r"#\s*(pragma|PRAGMA)[:\s]?\s*(no|NO)\s*(cover|COVER|branch|BRANCH)",
    r"^\s*(((async )?def .*?)?\)(\s*->.*?)?:\s*)?\.\.\.\s*(#|$)",
    r"if (typing\.)?TYPE_CHECKING:",
)
"""What coverage.py leaves out by itself."""
_SCRIPT_PRAGMA = re.compile(
    r"(?:/[*/])\s*(?:(?:istanbul|c8|v8)\s+ignore\b|node:coverage\s+(?:disable|ignore)\b)[^\n]*?(?:\*/|$)"
)
_NO_CODE = re.compile(r"^[\s\[\](){};,]*$|^\s*//|^\s*(?:\}\s*)?else\s*\{?\s*$|^\s*['\"]use \w+['\"];?$")
_TYPES_ONLY = re.compile(r"^\s*(?:export\s+)?(?:declare\b|interface\b|type\s+\w+)|^\s*(?:import|export)\s+type\b")


def is_source(path: str) -> bool:
    """Whether tests are expected to run the file: product code, no test, no configuration, no migration."""
    suffix = re.search(r"\.\w+$", path.lower())
    known = suffix is not None and (suffix[0] in PYTHON or suffix[0] in SCRIPT)
    return known and not is_test_path(path) and not _NO_SOURCE.search(path) and not protection(basename(path))


def changed_code(delta: Delta) -> Mapping[int, int]:
    """The changed lines that can be run, each with the line its statement begins at."""
    if delta.deleted or not is_source(delta.path):
        return {}
    begins = python_statements(delta.text_after) if delta.suffix in PYTHON else script_lines(delta.text_after)
    return {at: begins[at] for at in sorted(delta.added_lines) if at in begins}


def python_statements(text: str) -> Mapping[int, int]:
    """Each line of a statement with the line the statement begins at; docstrings are none. Empty for what cannot be
    parsed: its tests tell."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    begins: dict[int, int] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt) and not _is_docstring(node):
            last = _header_end(node)
            begins |= dict.fromkeys(range(node.lineno, last + 1), node.lineno)
        elif isinstance(node, ast.ExceptHandler | ast.match_case):
            first = node.pattern.lineno if isinstance(node, ast.match_case) else node.lineno
            begins[first] = first
    for node in ast.walk(tree):
        for decorator in getattr(node, "decorator_list", ()):
            begins |= dict.fromkeys(range(decorator.lineno, decorator.end_lineno + 1), decorator.lineno)
    blank = {at for at, line in enumerate(as_lines(text), 1) if not line.strip() or line.lstrip().startswith("#")}
    return {at: first for at, first in begins.items() if at not in blank}


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _header_end(node: ast.stmt) -> int:
    """The last line of the statement itself, what stands below it left out."""
    body = getattr(node, "body", None) or getattr(node, "cases", None)
    if not body:
        return node.end_lineno or node.lineno
    first = body[0]
    start = first.pattern.lineno if isinstance(first, ast.match_case) else first.lineno
    decorated = getattr(first, "decorator_list", None)
    return max(node.lineno, (decorated[0].lineno if decorated else start) - 1)


def script_lines(text: str) -> Mapping[int, int]:
    """The lines of JavaScript or TypeScript that hold code: no comment, no lone bracket, no type."""
    found: dict[int, int] = {}
    commented = False
    for at, line in enumerate(as_lines(text), 1):
        code = line.partition("*/")[2] if commented and "*/" in line else "" if commented else line
        commented = commented and "*/" not in line
        code = re.sub(r"/\*.*?\*/", "", code)
        if "/*" in code:
            code, commented = code.partition("/*")[0], True
        if not _NO_CODE.match(code) and not _TYPES_ONLY.match(code):
            found[at] = at
    return found


# -- comments that take lines out of the count -----------------------------------------------------------------------


def without_excuses(delta: Delta, patterns: Sequence[str]) -> tuple[str, Collection[int]]:
    """The file with the excluding comments of its added lines made harmless, and the lines that had one. `patterns`
    are the base's own exclusions."""
    text, added = delta.text_after, delta.added_lines
    finder = _python_excuses(text, patterns) if delta.suffix in PYTHON else _script_excuses(text)
    lines = text.split("\n")
    touched: set[int] = set()
    for at, start, end in finder:
        if at in added:
            touched.add(at)
            old = lines[at - 1]
            mark = old[start : start + 1] if delta.suffix in PYTHON else old[start : start + 2]
            close = "*/" if old[:end].endswith("*/") else ""
            lines[at - 1] = old[:start] + mark + "-" * (end - start - len(mark) - len(close)) + close + old[end:]
    return "\n".join(lines), touched


def excused_lines(delta: Delta, comments: Collection[int]) -> frozenset[int]:
    """The lines that the excluding comments on lines `comments` would take out: their statements and what is in them,
    or all up to the comment that ends it."""
    found = set(comments)
    if delta.suffix in PYTHON:
        try:
            tree = ast.parse(delta.text_after) if comments else ast.Module([], [])
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return frozenset(found)
        for node in ast.walk(tree):
            if isinstance(node, ast.stmt) and found.intersection(range(node.lineno, _header_end(node) + 1)):
                found |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
        return frozenset(found)
    lines = as_lines(delta.text_after)
    for start in comments:
        last = _region_end(lines, start)
        found |= set(range(start, last + 1))
    return frozenset(found)


def _region_end(lines: Sequence[str], start: int) -> int:
    """The last line that a comment of JavaScript at line `start` takes out: to the one that ends it, else of the block
    that follows."""
    for at in range(start, len(lines)):
        if re.search(r"\b(?:enable|ignore\s+(?:stop|end))\b", lines[at]):
            return at + 1
    follows = lines[start] if start < len(lines) else ""
    indent = len(follows) - len(follows.lstrip())
    for at in range(start + 1, len(lines)):
        if lines[at].strip().startswith(("}", ")")) and len(lines[at]) - len(lines[at].lstrip()) <= indent:
            return at + 1
    return start + 1


def _python_excuses(text: str, patterns: Sequence[str]) -> Iterator[tuple[int, int, int]]:
    shapes = [shape for pattern in (*EXCLUDED, *patterns) if (shape := _compiled(pattern))]
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    except (tokenize.TokenError, SyntaxError, ValueError):
        return
    for token in tokens:
        if token.type == tokenize.COMMENT:
            (at, start), end = token.start, token.end[1]
            bare = token.line[:start]
            if any(shape.search(token.line) and not shape.search(bare) for shape in shapes):
                yield at, start, end


def _compiled(pattern: str) -> re.Pattern[str] | None:
    try:
        return re.compile(pattern)
    except re.error:
        return None


def _script_excuses(text: str) -> Iterator[tuple[int, int, int]]:
    for at, line in enumerate(as_lines(text), 1):
        for found in _SCRIPT_PRAGMA.finditer(line):
            yield at, found.start(), found.end()

"""Results for the tests' own inputs, written into the product: a rare literal that tests pass in, and what they expect."""

import ast
import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from ...model.objection import Objection
from ..change_set import ChangeSet, Delta, as_text
from .cases import Case
from .changed_tests import read_tests
from .naming import SCRIPTS, naming
from .product import product_deltas
from .python_text import Function, dotted, number, statements
from .raised import HIGH, MEDIUM, tampered
from .script_tree import FUNCTIONS, below, line_of, parsed, raw, string, unwrapped, value_of

FILES = 400
"""Test files that are searched for a suspicious literal."""
_COMMON = frozenset((200, 201, 202, 204, 301, 302, 303, 304, 307, 308, 365, 366, 360, 180, 255, 256, 512, 1024, 2048, 4096,
                     8080, 3600, 86400, 65535, 65536, *range(400, 432), *range(500, 512)))  # fmt: skip
_WORDLIKE = re.compile(r"[\w.:/+%\-]*")


class Special(NamedTuple):
    """A branch that gives one constant for certain constants."""

    line: int
    guards: tuple[str, ...]
    result: str | None
    equality: bool = True


def special_cases(change: ChangeSet) -> Iterator[Objection]:
    """Objections against branches of the product that know the tests' inputs."""
    found = [(delta, one) for delta in product_deltas(change) if delta.after for one in _specials(delta)]
    suspicious = [(delta, one) for delta, one in found if _worth_a_look(one)]
    if not suspicious:
        return
    cases = list(_cases(change, [literal for _, one in suspicious for literal in _all(one)]))
    for delta, one in suspicious:
        yield from _judged(delta, one, cases)


def _all(one: Special) -> tuple[str, ...]:
    return (*one.guards, one.result) if one.result is not None else one.guards


def _worth_a_look(one: Special) -> bool:
    return any(rare(literal) for literal in _all(one)) or (len(one.guards) > 1 and one.result is not None)


def rare(literal: str) -> bool:
    """Whether a literal says more than a word, a code or a round number: it looks like data of a test."""
    value = _as_number(literal)
    if value is not None:
        if value != int(value):
            return len(literal.partition(".")[2]) >= 2
        return abs(value) >= 100 and value % 100 != 0 and int(abs(value)) not in _COMMON
    return len(literal) >= 5 and (_WORDLIKE.fullmatch(literal) is None or _dated(literal))


def _dated(literal: str) -> bool:
    return sum(sign.isdigit() for sign in literal) >= 4 and any(sign.isalpha() for sign in literal)


def _as_number(literal: str) -> float | None:
    try:
        return float(literal)
    except ValueError:
        return None


def _judged(delta: Delta, one: Special, cases: Sequence[Case]) -> Iterator[Objection]:
    for case in cases:
        inputs = literals(case.body) | {
            part for table in case.tables for row in table.rows or () for part in literals(row)
        }
        if not set(one.guards) <= inputs:
            continue
        expected = {part for each in case.each for check in each for part in literals(check.expected)}
        shown = ", ".join(repr(guard) for guard in one.guards) or "any input"
        if one.result is not None and one.result in expected:
            yield tampered(
                "special-cased", f"the code gives {one.result!r} for {shown}, as test {case.last} expects it",
                delta.path, one.line, cause="the result is written down for the test's input, not computed",
                evidence=delta.added_lines.get(one.line, "").strip(), severity=HIGH,
            )  # fmt: skip
            return
        if one.guards and one.equality and any(_of_a_test(guard) for guard in one.guards):
            yield tampered(
                "special-cased", f"the code treats {shown} on its own, an input of test {case.last}",
                delta.path, one.line, cause="it works for the test's input and says nothing of others",
                evidence=delta.added_lines.get(one.line, "").strip(), severity=MEDIUM,
            )  # fmt: skip
            return


def _of_a_test(guard: str) -> bool:
    if _as_number(guard) is not None:
        return False
    spaced = " " in guard.strip() and any(sign.isdigit() for sign in guard)
    return len(guard) >= 6 and (spaced or bool(re.fullmatch(r"\s*[\w.+-]+@[\w-]+\.\w+\s*", guard)))


_LITERAL = re.compile(r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"|(?<![\w.])(-?\s?\d[\d_]*(?:\.\d+)?)")


def literals(text: str) -> set[str]:
    """Strings and numbers in code, as values."""
    found = set()
    for single, double, digits in _LITERAL.findall(text):
        if digits:
            found.add(_canonical(digits.replace(" ", "").replace("_", "")))
        else:
            found.add((single or double).replace("\\'", "'").replace('\\"', '"').replace("\\n", "\n"))
    return found


def _canonical(digits: str) -> str:
    value = float(digits)
    return str(int(value)) if value == int(value) else str(value)


def _cases(change: ChangeSet, wanted: Sequence[str]) -> Iterator[tuple[Case, set[str]]]:
    """Tests that hold a wanted literal, each with the rare literals of its file: a fixture may pass them in."""
    named = naming(change.read_head)
    paths = [path for path in sorted(change.head_files) if named.holds_tests(path) and not path.endswith("__init__.py")]
    touched = set(change.paths)
    for path in sorted(paths, key=lambda path: path not in touched)[:FILES]:
        text = as_text(change.read_head(path))
        plain = text.replace("_", "")
        if any(literal.replace("_", "") in plain for literal in wanted):
            around = {literal for literal in literals(text) if rare(literal)}
            yield from ((case, around) for case in read_tests(path, text, named).collected)


# -- branches with constants -----------------------------------------------------------------------------------------


def _specials(delta: Delta) -> Iterator[Special]:
    if delta.path.endswith(".py"):
        try:
            tree = ast.parse(delta.text_after)
        except (SyntaxError, ValueError, RecursionError):
            return
        found = _python(tree, _computing(delta.text_before))
    elif PurePosixPath(delta.path).suffix in SCRIPTS:
        found = _script(delta)
    else:
        return
    yield from (one for one in found if one.line in delta.added_lines)


def _constant(node: ast.AST | None) -> str | None:
    value = number(node)
    if value is not None:
        return _canonical(repr(value)) if abs(value) < 1e15 else None
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _python(tree: ast.Module, computing: set[str]) -> Iterator[Special]:
    for node in ast.walk(tree):
        if isinstance(node, ast.If):
            guards, equality = _guards(node.test)
            if guards:
                yield Special(node.lineno, guards, _given(node.body), equality)
        elif isinstance(node, ast.IfExp):
            guards, equality = _guards(node.test)
            if guards:
                yield Special(node.lineno, guards, _constant(node.body), equality)
        elif isinstance(node, ast.match_case):
            values = tuple(v for part in ast.walk(node.pattern) if isinstance(part, ast.MatchValue)
                           if (v := _constant(part.value)) is not None)  # fmt: skip
            if values:
                yield Special(node.pattern.lineno, values[:1], _given(node.body))
        elif isinstance(node, ast.Dict):
            yield from _pairs(node)
        elif isinstance(node, Function) and node.name in computing:
            yield from _hard_coded(node)


def _guards(test: ast.expr) -> tuple[tuple[str, ...], bool]:
    found: list[str] = []
    equality = True
    for node in ast.walk(test):
        if not isinstance(node, ast.Compare):
            continue
        for op, side in zip(node.ops, node.comparators, strict=True):
            equality = equality and isinstance(op, ast.Eq)
            if not isinstance(op, ast.Eq | ast.In):
                continue
            sides = [node.left, side]
            parts = [
                part
                for one in sides
                for part in (one.elts if isinstance(one, ast.Tuple | ast.List | ast.Set) else [one])
            ]
            found += [value for part in parts if (value := _constant(part)) is not None]
    return tuple(found), equality


def _given(body: Sequence[ast.stmt]) -> str | None:
    """The constant that a branch returns or assigns, and nothing else."""
    left = list(statements(body))
    last = left[-1] if left else None
    value = last.value if isinstance(last, ast.Return | ast.Assign) else None
    return _constant(value) if len(left) <= 2 else None


def _pairs(node: ast.Dict) -> Iterator[Special]:
    for key, value in zip(node.keys, node.values, strict=True):
        parts = key.elts if isinstance(key, ast.Tuple) else [key]
        guards = tuple(found for part in parts if (found := _constant(part)) is not None)
        result = _constant(value)
        if key is not None and guards and result is not None and any(rare(guard) for guard in guards):
            yield Special(key.lineno, guards, result)


def _computing(text: str) -> set[str]:
    """Functions that give something computed."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return set()
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, Function) and any(
            isinstance(part, ast.Return) and part.value is not None and _constant(part.value) is None
            for part in ast.walk(node)
        ):
            found.add(node.name)
    return found


def _hard_coded(node: Function) -> Iterator[Special]:
    left = list(statements(node.body))
    if len(left) == 1 and isinstance(left[0], ast.Return):
        result = _constant(left[0].value)
        if result is not None and rare(result) and not dotted(left[0].value):
            yield Special(left[0].lineno, (), result)


def _script(delta: Delta) -> Iterator[Special]:
    root = parsed(delta.text_after, PurePosixPath(delta.path).suffix)
    for node in below(root, "if_statement", "ternary_expression", "switch_case", "pair", "function_declaration",
                      "method_definition", "array"):  # fmt: skip
        if node.type == "if_statement":
            guards = _script_guards(node.child_by_field_name("condition"))
            if guards:
                yield Special(line_of(node), guards, _script_given(node.child_by_field_name("consequence")))
        elif node.type == "ternary_expression":
            guards = _script_guards(node.child_by_field_name("condition"))
            if guards:
                yield Special(line_of(node), guards, _script_constant(node.child_by_field_name("consequence")))
        elif node.type == "switch_case":
            value = _script_constant(node.child_by_field_name("value"))
            if value is not None:
                yield Special(line_of(node), (value,), _script_given(node))
        elif node.type in ("pair", "array"):
            key = node.child_by_field_name("key") if node.type == "pair" else next(iter(node.named_children), None)
            last = node.child_by_field_name("value") if node.type == "pair" else node.named_children[-1:]
            value = _script_constant(
                last[0] if isinstance(last, list) and last else last if not isinstance(last, list) else None
            )
            guard = raw(key) if key is not None and key.type == "property_identifier" else _script_constant(key)
            if (
                guard is not None
                and value is not None
                and rare(guard)
                and (node.type == "pair" or len(node.named_children) == 2)
            ):
                yield Special(line_of(node), (guard,), value)
        else:
            yield from _script_hard_coded(delta, node)


def _script_constant(node: object) -> str | None:
    from tree_sitter import Node

    if not isinstance(node, Node):
        return None
    plain = unwrapped(node)
    if plain is None:
        return None
    if plain.type in ("string", "template_string"):
        return None if "${" in raw(plain) else string(plain)
    value = value_of(plain)
    return _canonical(repr(value)) if value is not None and abs(value) < 1e15 else None


def _script_guards(condition: object) -> tuple[str, ...]:
    from tree_sitter import Node

    if not isinstance(condition, Node):
        return ()
    found = []
    for node in below(condition, "binary_expression", "call_expression"):
        if node.type == "binary_expression" and raw(node.child_by_field_name("operator")) in ("===", "=="):
            for side in ("left", "right"):
                value = _script_constant(node.child_by_field_name(side))
                if value is not None:
                    found.append(value)
    return tuple(found)


def _script_given(node: object) -> str | None:
    from tree_sitter import Node

    if not isinstance(node, Node):
        return None
    given = [part for part in below(node, "return_statement", "assignment_expression")]
    if len(given) != 1:
        return None
    value = given[0].child_by_field_name("right") or next(iter(given[0].named_children), None)
    return _script_constant(value)


def _script_hard_coded(delta: Delta, node: object) -> Iterator[Special]:
    from tree_sitter import Node

    if not isinstance(node, Node):
        return
    body = node.child_by_field_name("body")
    name = raw(node.child_by_field_name("name"))
    left = [part for part in body.named_children if part.type != "comment"] if body is not None else []
    if len(left) == 1 and left[0].type == "return_statement" and not any(True for _ in below(left[0], *FUNCTIONS)):
        result = _script_constant(next(iter(left[0].named_children), None))
        if result is not None and rare(result) and re.search(rf"\b{re.escape(name)}\s*\(", delta.text_before):
            yield Special(line_of(left[0]), (), result)

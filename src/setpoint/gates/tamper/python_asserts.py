"""What one Python assertion says, and how much: `assert`, unittest's methods, `raises`, doubles' own assertions."""

import ast
from collections.abc import Iterator

from .assertions import Spoken
from .cases import (
    ANY_ERROR,
    CLOSE,
    COMPARED,
    DIFFERENT,
    EXACT,
    LOOSE_EQUAL,
    PARTIAL,
    PRESENT,
    SELF,
    SPECIFIC_ERROR,
    TRUTHY,
    UNKNOWN_CALL,
)
from .python_text import constant, dotted, names_in, number, written


class Said(Spoken[ast.expr]):
    """One assertion of Python."""

    __slots__ = ()


_ORDER: dict[type[ast.cmpop], tuple[str, int]] = {
    ast.Lt: ("<", 1), ast.LtE: ("<=", 1), ast.Gt: (">", -1), ast.GtE: (">=", -1),
}  # fmt: skip
_PART = frozenset(
    ("startswith", "endswith", "match", "search", "fullmatch", "issubset", "issuperset", "isclose", "allclose")
)
BROAD = frozenset(("Exception", "BaseException", "builtins.Exception"))


def conditions(test: ast.expr, negated: bool = False) -> Iterator[Said]:
    """The single conditions that hold when `test` holds."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        yield from conditions(test.operand, not negated)
    elif isinstance(test, ast.BoolOp) and isinstance(test.op, ast.Or if negated else ast.And):
        for value in test.values:
            yield from conditions(value, negated)
    elif isinstance(test, ast.BoolOp):
        parts = [said for value in test.values for said in conditions(value, negated)]
        dead = "tautology" if any(part.dead for part in parts) or _complementary(test) else ""
        yield Said("or", test, None, max(min(part.strength for part in parts) - 8, 5), dead=dead)
    elif isinstance(test, ast.Compare):
        left = test.left
        for op, right in zip(test.ops, test.comparators, strict=True):
            yield _compared(left, op, right, negated)
            left = right
    elif isinstance(test, ast.NamedExpr | ast.Await):
        yield from conditions(test.value, negated)
    elif isinstance(test, ast.Call):
        yield _called(test, negated)
    else:
        yield _plain(test, negated)


def _plain(test: ast.expr, negated: bool) -> Said:
    dead, strength = "", TRUTHY
    if isinstance(test, ast.Constant):
        strength = EXACT if bool(test.value) == negated else TRUTHY
        dead = "" if bool(test.value) == negated else "tautology"
        return Said("fail" if not dead else "truthy", None, test, strength, dead=dead)
    if isinstance(test, ast.Tuple | ast.List | ast.Lambda | ast.GeneratorExp | ast.JoinedStr) and not negated:
        dead = "tautology" if not isinstance(test, ast.Tuple | ast.List) or test.elts else ""
    return Said("falsy" if negated else "truthy", test, None, strength, dead=dead)


def _called(test: ast.Call, negated: bool) -> Said:
    name = dotted(test.func).rpartition(".")[2]
    if name == "isinstance" and len(test.args) == 2 and not negated:
        dead = "tautology" if written(test.args[1]) == "object" else ""
        return Said("isinstance", test.args[0], test.args[1], DIFFERENT - 1, dead=dead)
    if name in ("hasattr", "callable", "issubclass"):
        return Said("has" if not negated else "has not", test, None, PRESENT + 5)
    if name in ("all", "any") or name in _PART:
        strength = COMPARED if name in ("all", "any") else PARTIAL
        return Said("falsy" if negated else "truthy", test, None, strength, bound=_tolerance(test))
    if name == "bool" and len(test.args) == 1:
        return _plain(test.args[0], negated)
    return Said("falsy" if negated else "truthy", test, None, TRUTHY)


def _compared(left: ast.expr, op: ast.cmpop, right: ast.expr, negated: bool) -> Said:
    if isinstance(op, ast.NotEq | ast.IsNot | ast.NotIn):
        opposite: ast.cmpop = {ast.NotEq: ast.Eq(), ast.IsNot: ast.Is(), ast.NotIn: ast.In()}[type(op)]
        op, negated = opposite, not negated
    if isinstance(op, ast.Eq | ast.Is):
        return _equal(left, right, negated)
    if isinstance(op, ast.In):
        return _contained(left, right, negated)
    if type(op) not in _ORDER:
        return Said(type(op).__name__, left, right, COMPARED)
    if constant(left) and not constant(right):
        left, right, op = right, left, _turned(op)
    sign, laxer = _ORDER[type(op)]
    value = number(right)
    dead = "tautology" if _length(left) and (sign, value) in ((">=", 0.0), (">", -1.0)) and not negated else ""
    if not dead and written(left) == written(right) and sign in ("<=", ">="):
        dead = "" if _calls(left) else "tautology"
    bound = None if value is None else laxer * value
    return Said(f"not {sign}" if negated else sign, left, right, COMPARED, bound=bound, dead=dead)


def _turned(op: ast.cmpop) -> ast.cmpop:
    return {ast.Lt: ast.Gt(), ast.LtE: ast.GtE(), ast.Gt: ast.Lt(), ast.GtE: ast.LtE()}[type(op)]


def _equal(left: ast.expr, right: ast.expr, negated: bool) -> Said:
    if constant(left) and not constant(right):
        left, right = right, left
    if isinstance(right, ast.Constant) and isinstance(right.value, bool):
        return next(iter(conditions(left, negated != (not right.value))))
    same = written(left) == written(right)
    dead = "tautology" if (same and not _calls(left)) or (constant(left) and constant(right)) else ""
    if negated:
        none = isinstance(right, ast.Constant) and right.value in (None, "", 0)
        return Said("differs", left, right, PRESENT if none else DIFFERENT, dead="")
    near = _approximated(right) or _approximated(left)
    if near is not None:
        subject, about = (left, right) if _approximated(right) is not None else (right, left)
        return Said("equal", subject, near.args[0] if near.args else about, CLOSE, _tolerance(near))
    strength = SELF if same else PARTIAL if _length(left) else DIFFERENT - 1 if dotted(left) == "type" else EXACT
    return Said("equal", left, right, strength, dead=dead)


def _contained(left: ast.expr, right: ast.expr, negated: bool) -> Said:
    among = isinstance(right, ast.Tuple | ast.List | ast.Set) and not constant(left)
    kind, subject, expected = ("in", left, right) if among else ("holds", right, left)
    if negated:
        return Said(f"not {kind}", subject, expected, DIFFERENT)
    elements = expected.elts if isinstance(expected, ast.Tuple | ast.List | ast.Set) and kind == "in" else None
    bound = float(len(elements)) if elements is not None else None
    empty = constant(expected) and written(expected) in ("''", '""', "b''") and kind == "holds"
    dead = "tautology" if (constant(left) and constant(right)) or empty else ""
    return Said(kind, subject, expected, COMPARED, bound=bound, dead=dead)


def _complementary(test: ast.BoolOp) -> bool:
    texts = {written(value) for value in test.values}
    return any(
        isinstance(value, ast.UnaryOp) and isinstance(value.op, ast.Not) and written(value.operand) in texts
        for value in test.values
    )


def _length(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and dotted(node.func) == "len"


def _calls(node: ast.expr) -> bool:
    return any(isinstance(part, ast.Call | ast.Await | ast.Subscript) for part in ast.walk(node))


def _approximated(node: ast.expr) -> ast.Call | None:
    return node if isinstance(node, ast.Call) and dotted(node.func).rpartition(".")[2] == "approx" else None


def _tolerance(call: ast.Call) -> float | None:
    """How far off a value may be; pytest's and the standard library's default where nothing is said."""
    wide = [
        value
        for word in call.keywords
        if word.arg in ("abs", "rel", "delta", "rtol", "atol", "abs_tol", "rel_tol")
        and (value := number(word.value)) is not None
    ]
    return max(wide) if wide else 1e-6


_EQUALS = {
    "assertEqual": EXACT, "assertIs": EXACT, "assertListEqual": EXACT, "assertDictEqual": EXACT,
    "assertTupleEqual": EXACT, "assertSetEqual": EXACT, "assertSequenceEqual": EXACT, "assertMultiLineEqual": EXACT,
    "assertCountEqual": LOOSE_EQUAL, "assertEquals": EXACT, "assertJSONEqual": EXACT, "assertXMLEqual": EXACT,
}  # fmt: skip
_COMPARES: dict[str, ast.cmpop] = {
    "assertIn": ast.In(), "assertNotIn": ast.NotIn(), "assertNotEqual": ast.NotEq(), "assertIsNot": ast.IsNot(),
    "assertGreater": ast.Gt(), "assertGreaterEqual": ast.GtE(), "assertLess": ast.Lt(), "assertLessEqual": ast.LtE(),
}  # fmt: skip


def method(call: ast.Call) -> list[Said]:
    """What a call of unittest's kind asserts, or one of a double, or one that is named like an assertion."""
    name = dotted(call.func).rpartition(".")[2]
    args = call.args
    if name in ("assertTrue", "assertFalse", "assert_", "failUnless", "ok_") and args:
        return list(conditions(args[0], name == "assertFalse"))
    if name in _EQUALS and len(args) >= 2:
        said = _equal(args[0], args[1], False)
        return [said._replace(strength=min(said.strength, _EQUALS[name]))]
    if name in _COMPARES and len(args) >= 2:
        return [_compared(args[0], _COMPARES[name], args[1], False)]
    if name in ("assertIsNone", "assertIsNotNone") and args:
        return [_equal(args[0], ast.Constant(None), "Not" in name)]
    if name in ("assertIsInstance", "assertNotIsInstance") and len(args) >= 2:
        return [Said("isinstance", args[0], args[1], DIFFERENT - 1)]
    if name in ("assertRegex", "assertNotRegex") and len(args) >= 2:
        return [Said("matches", args[0], args[1], PARTIAL, extra=name)]
    if name in ("assertAlmostEqual", "assertAlmostEquals", "isclose_") and len(args) >= 2:
        places = number(next((word.value for word in call.keywords if word.arg == "places"), None))
        wide = 10.0**-places if places is not None else _tolerance(call) if call.keywords else 1e-7
        return [Said("equal", args[0], args[1], CLOSE, wide)]
    return _of_double(name, call) or _named(name, call)


_DOUBLES = {
    "assert_called_once_with": EXACT, "assert_awaited_once_with": EXACT, "assert_has_calls": LOOSE_EQUAL,
    "assert_called_with": LOOSE_EQUAL, "assert_any_call": COMPARED, "assert_called_once": PARTIAL,
    "assert_awaited_once": PARTIAL, "assert_called": PRESENT, "assert_awaited": PRESENT,
    "assert_not_called": EXACT, "assert_not_awaited": EXACT,
}  # fmt: skip


def _of_double(name: str, call: ast.Call) -> list[Said]:
    if name not in _DOUBLES or not isinstance(call.func, ast.Attribute):
        return []
    words = ", ".join([*map(written, call.args), *(f"{word.arg}={written(word.value)}" for word in call.keywords)])
    return [Said("called", call.func.value, None, _DOUBLES[name], extra=f"{name.removeprefix('assert_')} {words}")]


_SPEAKING = ("assert", "check", "verify", "expect", "ensure", "should", "validate_that")


def _named(name: str, call: ast.Call) -> list[Said]:
    if not name.casefold().lstrip("_").startswith(_SPEAKING):
        return []
    return [Said("call", call, None, UNKNOWN_CALL, _tolerance(call) if "close" in name or "almost" in name else None)]


def raising(call: ast.expr, body: ast.expr | None) -> Said | None:
    """What `raises(...)`, `assertRaises(...)` or `warns(...)` demands of `body`; None for another context."""
    if not isinstance(call, ast.Call):
        return None
    name = dotted(call.func).rpartition(".")[2]
    regex = name in ("assertRaisesRegex", "assertWarnsRegex", "assertRaisesMessage")
    if not (regex or name in ("raises", "warns", "assertRaises", "assertWarns", "deprecated_call", "RaisesGroup")):
        return None
    kinds = call.args[0] if call.args else next((w.value for w in call.keywords if w.arg == "expected_exception"), None)
    match = next((word.value for word in call.keywords if word.arg in ("match", "check")), None)
    match = call.args[1] if match is None and regex and len(call.args) > 1 else match
    several = len(kinds.elts) if isinstance(kinds, ast.Tuple) else 1
    broad = kinds is None or any(dotted(part) in BROAD for part in (kinds, *getattr(kinds, "elts", ())))
    blank = isinstance(match, ast.Constant) and match.value in ("", ".*", ".+", ".")
    told = match is not None and not blank
    strength = (ANY_ERROR + 8 * told) if broad else (EXACT if told else SPECIFIC_ERROR) - 4 * (several - 1)
    if name in ("warns", "assertWarns", "deprecated_call"):
        strength = min(strength, SPECIFIC_ERROR)
    return Said("raises", body, kinds, max(strength, ANY_ERROR), extra=f"match={written(match)}" if told else "")


def names_of(said: Spoken[ast.expr]) -> frozenset[str]:
    """Identifiers of an assertion."""
    found: frozenset[str] = frozenset()
    for node in (said.subject, said.expected):
        found |= names_in(node) if node is not None else frozenset()
    return found

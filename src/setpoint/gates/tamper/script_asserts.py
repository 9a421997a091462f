"""What one JavaScript assertion says, and how much: `expect`, `assert`, `t.is`, chai."""

from typing import TYPE_CHECKING

from .assertions import Spoken
from .cases import (
    ANY_ERROR,
    BOOLEAN,
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
from .script_tree import arguments, chain, is_literal, raw, unwrapped, value_of, written

if TYPE_CHECKING:
    from tree_sitter import Node


class Said(Spoken["Node"]):
    """One assertion of JavaScript."""

    __slots__ = ()


_MATCHERS: dict[str, tuple[str, int]] = {
    "toBe": ("equal", EXACT), "toEqual": ("equal", EXACT), "toStrictEqual": ("equal", EXACT), "equal": ("equal", EXACT),
    "equals": ("equal", EXACT), "eql": ("equal", EXACT), "eq": ("equal", EXACT), "is": ("equal", EXACT),
    "deepEqual": ("equal", EXACT), "strictEqual": ("equal", EXACT), "deepStrictEqual": ("equal", EXACT),
    "same": ("equal", EXACT), "strictSame": ("equal", EXACT), "toMatchInlineSnapshot": ("equal", EXACT),
    "toMatchSnapshot": ("snapshot", EXACT), "snapshot": ("snapshot", EXACT), "matchSnapshot": ("snapshot", EXACT),
    "toBeCloseTo": ("equal", CLOSE), "closeTo": ("equal", CLOSE), "approximately": ("equal", CLOSE),
    "toMatchObject": ("part of", PARTIAL), "partialDeepStrictEqual": ("part of", PARTIAL),
    "toMatch": ("matches", PARTIAL),
    "match": ("matches", PARTIAL), "regex": ("matches", PARTIAL), "toHaveLength": ("length", PARTIAL),
    "lengthOf": ("length", PARTIAL), "toHaveProperty": ("has", PARTIAL), "property": ("has", PARTIAL),
    "toContain": ("holds", COMPARED), "toContainEqual": ("holds", COMPARED), "include": ("holds", COMPARED),
    "includes": ("holds", COMPARED), "contain": ("holds", COMPARED), "toBeOneOf": ("in", COMPARED),
    "toBeGreaterThan": (">", COMPARED), "toBeGreaterThanOrEqual": (">=", COMPARED), "toBeLessThan": ("<", COMPARED),
    "toBeLessThanOrEqual": ("<=", COMPARED), "above": (">", COMPARED), "below": ("<", COMPARED),
    "notEqual": ("differs", DIFFERENT), "notStrictEqual": ("differs", DIFFERENT), "not": ("differs", DIFFERENT),
    "notDeepEqual": ("differs", DIFFERENT), "notDeepStrictEqual": ("differs", DIFFERENT),
    "toBeInstanceOf": ("isinstance", DIFFERENT - 1), "instanceOf": ("isinstance", DIFFERENT - 1),
    "instanceof": ("isinstance", DIFFERENT - 1), "a": ("isinstance", DIFFERENT - 1),
    "an": ("isinstance", DIFFERENT - 1),
    "toBeTypeOf": ("isinstance", DIFFERENT - 1), "toBeNull": ("null", EXACT), "toBeUndefined": ("undefined", EXACT),
    "toBeNaN": ("nan", EXACT), "toBeTruthy": ("truthy", TRUTHY), "ok": ("truthy", TRUTHY),
    "truthy": ("truthy", TRUTHY),
    "toBeFalsy": ("falsy", TRUTHY), "falsy": ("falsy", TRUTHY), "notOk": ("falsy", TRUTHY), "true": ("true", BOOLEAN),
    "isTrue": ("true", BOOLEAN), "false": ("false", BOOLEAN), "isFalse": ("false", BOOLEAN), "null": ("null", EXACT),
    "isNull": ("null", EXACT), "undefined": ("undefined", EXACT), "isUndefined": ("undefined", EXACT),
    "empty": ("empty", EXACT), "toBeDefined": ("defined", PRESENT), "exist": ("defined", PRESENT),
    "exists": ("defined", PRESENT), "isDefined": ("defined", PRESENT), "isNotNull": ("defined", PRESENT),
    "toHaveBeenCalledWith": ("called with", LOOSE_EQUAL), "toHaveBeenCalledTimes": ("called times", PARTIAL),
    "toHaveBeenLastCalledWith": ("called with", LOOSE_EQUAL), "toHaveBeenCalledOnce": ("called times", PARTIAL),
    "toHaveBeenCalledExactlyOnceWith": ("called with", EXACT), "toHaveBeenCalled": ("called", PRESENT),
    "toBeInTheDocument": ("shown", PARTIAL), "toBeVisible": ("shown", PARTIAL),
}  # fmt: skip
_THROWING = frozenset(("toThrow", "toThrowError", "throws", "throw", "rejects", "throwsAsync", "rejectedWith"))
_NOT_THROWING = frozenset(("doesNotThrow", "doesNotReject", "notThrows", "notThrowsAsync"))
_TWO_SIDED = frozenset(("assert", "t", "tap", "chai"))
NODE_ASSERT = ("assert", "node:assert", "assert/strict", "node:assert/strict")
_OPERATORS = {"===": ("equal", EXACT), "==": ("equal", LOOSE_EQUAL), "!==": ("differs", DIFFERENT),
              "!=": ("differs", DIFFERENT), ">": (">", COMPARED), ">=": (">=", COMPARED), "<": ("<", COMPARED),
              "<=": ("<=", COMPARED), "instanceof": ("isinstance", DIFFERENT - 1)}  # fmt: skip
_LOOSE_HERE = frozenset(("equal", "deepEqual"))


def said_of(call: "Node", loose: bool) -> list[Said]:
    """What a call asserts; nothing for other calls. `loose`: `assert.equal` compares with `==` here."""
    steps = chain(call)
    if not steps:
        return []
    root, last = steps[0], steps[-1]
    if root in ("expect", "expectTypeOf", "assertType") and len(steps) > 1:
        return _expected(call, steps)
    if root in _TWO_SIDED and len(steps) > 1:
        plain = [step for step in steps[1:] if step not in ("assert", "strict")]
        return _asserted(call, plain[-1] if plain else "ok", loose and "strict" not in steps)
    if steps == ["assert"] or steps == ["ok"]:
        return _truth(arguments(call)[0]) if arguments(call) else []
    if len(steps) == 1 and last in ("equal", "strictEqual", "deepEqual", "deepStrictEqual", "throws", "rejects"):
        return _asserted(call, last, loose)
    if last in ("fail", "unreachable") and root in ("assert", "expect", "t"):
        return [Said("fail", None, None, EXACT)]
    if last.startswith(("assert", "check", "verify", "expect", "should", "ensure")) and root != "console":
        return [Said("call", call, None, UNKNOWN_CALL)]
    if "should" in steps[1:]:
        return [Said("call", call, None, UNKNOWN_CALL)]
    return []


def _inner(call: "Node") -> "Node | None":
    """The `expect(...)` call at the root of a chain."""
    node: Node | None = call
    found = None
    while node is not None:
        if node.type == "call_expression":
            found = node
            node = node.child_by_field_name("function")
        elif node.type == "member_expression":
            node = node.child_by_field_name("object")
        else:
            break
    return found


def _expected(call: "Node", steps: list[str]) -> list[Said]:
    inner = _inner(call)
    subject = arguments(inner)[0] if inner is not None and arguments(inner) else None
    negated = "not" in steps or "never" in steps
    matcher = steps[-1]
    given = arguments(call) if call.child_by_field_name("function") is not None else []
    if call == inner or (call.type == "call_expression" and raw(call.child_by_field_name("function")) == "expect"):
        return []
    extra = " ".join(step for step in steps if step in ("resolves", "rejects"))
    if matcher in _THROWING:
        return [_throwing(subject, given[0] if given else None, negated, extra)]
    return [_matched(matcher, subject, given, negated, extra)]


def _asserted(call: "Node", name: str, loose: bool) -> list[Said]:
    given = arguments(call)
    first = given[0] if given else None
    if name in ("ok", "assert", "truthy", "isOk", "true", "isTrue") and first is not None:
        found = _truth(first)
        plain = name in ("true", "isTrue") and found[0].kind == "truthy"
        return [said._replace(kind="true", strength=BOOLEAN) if plain else said for said in found]
    if name in _THROWING:
        return [_throwing(first, given[1] if len(given) > 1 else None, False, "rejects" * (name == "rejects"))]
    if name in _NOT_THROWING:
        return [Said("does not throw", first, None, PRESENT)]
    if name == "fail":
        return [Said("fail", None, None, EXACT)]
    if name in ("plan", "end", "pass", "teardown", "comment", "after", "diagnostic", "log", "timeout", "context"):
        return []
    if name not in _MATCHERS:
        return [Said("call", call, None, UNKNOWN_CALL)]
    said = _matched(name, first, given[1:], False, "")
    if loose and name in _LOOSE_HERE and said.strength == EXACT:
        said = said._replace(strength=LOOSE_EQUAL)
    return [said]


def _matched(matcher: str, subject: "Node | None", given: "list[Node]", negated: bool, extra: str) -> Said:
    kind, strength = _MATCHERS.get(matcher, ("call", UNKNOWN_CALL))
    expected = given[0] if given else None
    if kind == "call":
        return Said(f"{'not ' * negated}{matcher}", subject, expected, strength, extra=extra)
    expression = unwrapped(subject)
    if kind == "equal" and not negated and raw(expected) in ("true", "false") and expression is not None:
        found = _truth(expression) if raw(expected) == "true" else []
        if len(found) == 1 and found[0].kind not in ("truthy",):
            return found[0]
        kind, strength, expected = raw(expected), BOOLEAN, None
        if raw(expression) in ("true", "false"):
            return Said(kind, subject, None, strength, dead="tautology")
    bound = _bound(kind, matcher, given)
    if negated:
        none = kind in ("defined", "null", "undefined", "truthy", "falsy")
        kind, strength = f"not {kind}", PRESENT if none else DIFFERENT
        kind = {"not null": "defined", "not undefined": "defined", "not truthy": "falsy"}.get(kind, kind)
    elif kind == "equal" and expected is not None:
        strength, dead = _equal_strength(expression, expected, strength)
        return Said(kind, subject, expected, strength, bound, extra, dead)
    elif kind == "called times":
        expected = expected if expected is not None else None
    dead = "tautology" if kind in ("truthy", "true", "defined") and is_literal(expression) else ""
    shown = ", ".join(written(part) for part in given[1:]) if kind in ("called with", "has") else ""
    return Said(kind, subject, expected, strength, bound, f"{extra} {shown}".strip(), dead)


def _equal_strength(subject: "Node | None", expected: "Node", strength: int) -> tuple[int, str]:
    left, right = written(subject), written(expected)
    if left == right:
        return (SELF, "") if "(" in left else (SELF, "tautology")
    if is_literal(subject) and is_literal(expected):
        return strength, "tautology"
    if left.endswith((".length", ".size")):
        return PARTIAL, ""
    steps = chain(expected)
    if steps[:1] == ["expect"]:
        last = steps[-1]
        return (PRESENT if last in ("anything", "any") else PARTIAL), ""
    return (min(strength, LOOSE_EQUAL - 1), "") if "expect.any" in right else (strength, "")


def _bound(kind: str, matcher: str, given: "list[Node]") -> float | None:
    value = value_of(given[0]) if given else None
    if matcher == "toBeCloseTo":
        digits = value_of(given[1]) if len(given) > 1 else 2.0
        return None if digits is None else 10.0**-digits
    if matcher in ("closeTo", "approximately"):
        return value_of(given[1]) if len(given) > 1 else None
    if value is not None and kind in (">", ">="):
        return -value
    if value is not None and kind in ("<", "<="):
        return value
    return None


def _throwing(subject: "Node | None", matcher: "Node | None", negated: bool, extra: str) -> Said:
    if negated:
        return Said("does not throw", subject, None, PRESENT, extra=extra)
    text = written(matcher)
    if matcher is None or text in ("/.*/", "/.+/", '""', "/./", "/(?:)/"):
        strength = ANY_ERROR
    elif text in ("Error", "Object"):
        strength = ANY_ERROR + 8
    elif matcher.type in ("object", "new_expression"):
        strength = EXACT
    else:
        strength = SPECIFIC_ERROR
    return Said("raises", subject, matcher, strength, extra=extra)


def _truth(node: "Node") -> list[Said]:
    """The single conditions that hold when `node` is true."""
    at = unwrapped(node)
    if at is None:
        return []
    if at.type == "binary_expression":
        sign = raw(at.child_by_field_name("operator"))
        left, right = at.child_by_field_name("left"), at.child_by_field_name("right")
        if sign == "&&" and left is not None and right is not None:
            return [*_truth(left), *_truth(right)]
        if sign == "||" and left is not None and right is not None:
            parts = [*_truth(left), *_truth(right)]
            dead = "tautology" if any(part.dead for part in parts) else ""
            return [Said("or", at, None, max(min(part.strength for part in parts) - 8, 5), dead=dead)]
        if sign in _OPERATORS and right is not None:
            kind, strength = _OPERATORS[sign]
            if kind == "equal":
                strength, dead = _equal_strength(left, right, strength)
                return [Said(kind, left, right, strength, dead=dead)]
            value = value_of(right)
            bound = None if value is None or kind[0] not in "<>" else -value if kind[0] == ">" else value
            always = written(left).endswith((".length", ".size")) and (sign, value) in ((">=", 0.0), (">", -1.0))
            return [Said(kind, left, right, strength, bound, dead="tautology" if always else "")]
    if at.type == "unary_expression" and raw(at.child_by_field_name("operator")) == "!":
        return [Said("falsy", at.child_by_field_name("argument"), None, TRUTHY)]
    dead = "tautology" if is_literal(at) and raw(at) not in ("false", "0", "null", '""', "''") else ""
    return [Said("truthy", at, None, TRUTHY, dead=dead)]

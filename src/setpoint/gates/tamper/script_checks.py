"""All assertions of one JavaScript test: through blocks, literal loops and the file's own helping functions."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from .assertions import ROWS, Placed, Spot
from .cases import Check
from .script_asserts import Said, said_of
from .script_tree import (
    FUNCTIONS,
    Env,
    arguments,
    below,
    bound,
    chain,
    identifiers,
    line_of,
    raw,
    rows,
    unwrapped,
    written,
)

if TYPE_CHECKING:
    from tree_sitter import Node

DEPTH = 3
_LATER = frozenset(("setTimeout", "setInterval", "setImmediate", "queueMicrotask", "nextTick"))
_CLOCK = re.compile(r"[tT]imers\b|useFake|advanceTimers|runAll|\.tick\(")
_IMPLICIT = ("getBy", "getAllBy", "findBy", "findAllBy", "waitFor")
"""Queries that throw when there is nothing to find."""


Found = Placed["Node", str]
At = Spot[str]


class Walk:
    """One test's function, walked."""

    def __init__(self, helping: "Mapping[str, Node]", known: "Mapping[str, Node]", loose: bool) -> None:
        self._helping = helping
        self._known = known
        self._loose = loose
        self.asks = False

    def of(self, body: "Node") -> list[Found]:
        """The assertions below `body`."""
        return list(self._node(body, Spot(_locals(body, {}))))

    def _node(self, node: "Node", at: At) -> Iterator[Found]:
        if node.type == "statement_block":
            yield from self._block(node, at)
        elif node.type == "if_statement":
            yield from self._if(node, at)
        elif node.type == "for_in_statement":
            yield from self._for(node, at)
        elif node.type == "try_statement":
            yield from self._try(node, at)
        elif node.type == "call_expression":
            yield from self._call(node, at)
        elif node.type in ("function_declaration", "generator_function_declaration"):
            called = _uses(node, raw(node.child_by_field_name("name")))
            yield from self._below(node, at if called else at.dying("unreachable"))
        elif node.type == "member_expression" and {"to", "be"} & set(chain(node)) and chain(node)[0] == "expect":
            yield from self._found(_property(node, self._loose), node, at)
        else:
            yield from self._below(node, at)

    def _below(self, node: "Node", at: At) -> Iterator[Found]:
        for child in node.named_children:
            if child.type != "comment":
                yield from self._node(child, at)

    def _block(self, node: "Node", at: At) -> Iterator[Found]:
        for child in node.named_children:
            yield from self._node(child, at)
            if child.type in ("return_statement", "throw_statement", "break_statement", "continue_statement"):
                at = at.dying("unreachable")
            elif child.type == "if_statement" and child.child_by_field_name("alternative") is None:
                inside = child.child_by_field_name("consequence")
                if inside is not None and _leaves(inside):
                    at = at.where(_truth(child.child_by_field_name("condition")), taken=False)

    def _if(self, node: "Node", at: At) -> Iterator[Found]:
        truth = _truth(node.child_by_field_name("condition"))
        for name, taken in (("consequence", True), ("alternative", False)):
            part = node.child_by_field_name(name)
            if part is not None:
                yield from self._node(part, at.where(truth, taken=taken))

    def _for(self, node: "Node", at: At) -> Iterator[Found]:
        values = rows(node.child_by_field_name("right"), self._known)
        target = node.child_by_field_name("left")
        made = tuple(bound(target, row) for row in (values or ())[:ROWS])
        dead = "unreachable" if values == [] else ""
        body = node.child_by_field_name("body")
        if body is not None:
            inner = at.dying(dead)
            yield from self._node(body, inner.looped(made) if made and made[0] else inner)

    def _try(self, node: "Node", at: At) -> Iterator[Found]:
        handler = node.child_by_field_name("handler")
        body = node.child_by_field_name("body")
        swallows = handler is not None and not _speaks(handler)
        if body is not None:
            yield from self._node(body, at.dying("swallowed" if swallows else ""))
        if handler is not None:
            yield from self._below(handler, replace(at, conditional=True))
        final = node.child_by_field_name("finalizer")
        if final is not None:
            yield from self._below(final, at)

    def _call(self, node: "Node", at: At) -> Iterator[Found]:
        steps = chain(node)
        said = said_of(node, self._loose)
        helping = self._helping.get(steps[0]) if len(steps) == 1 else None
        if helping is not None and at.depth < DEPTH:
            yield from self._inside(helping, node, at)
            return
        if said:
            yield from self._found(said, node, at)
            return
        if steps[-1:] == ["catch"] and len(steps) > 1 and arguments(node) and not _speaks(arguments(node)[0]):
            at = at.dying("swallowed")
        if steps[-1:] and steps[-1] in _LATER and _nobody_waits(node):
            at = at.dying("never awaited")
        if any(step.startswith(_IMPLICIT) for step in steps):
            self.asks = True
        if steps[-1:] == ["forEach"]:
            yield from self._for_each(node, at)
            return
        yield from self._below(node, at)

    def _for_each(self, node: "Node", at: At) -> Iterator[Found]:
        function = node.child_by_field_name("function")
        values = rows(function.child_by_field_name("object") if function is not None else None, self._known)
        given = arguments(node)
        if values and given and given[0].type in FUNCTIONS:
            parameter = parameters(given[0])
            made = tuple(bound(parameter[0] if parameter else None, row) for row in values[:ROWS])
            at = at.looped(made) if made[0] else at
        yield from self._below(node, at)

    def _inside(self, helping: "Node", call: "Node", at: At) -> Iterator[Found]:
        given = {
            raw(name.child_by_field_name("pattern") or name): written(value, at.env)
            for name, value in zip(parameters(helping), arguments(call), strict=False)
        }
        body = helping.child_by_field_name("body")
        if body is not None:
            yield from self._node(body, at.inside(_locals(body, given), line_of(call)))

    def _found(self, all_said: list[Said], node: "Node", at: At) -> Iterator[Found]:
        for said in all_said:
            yield Placed(said, line_of(node), at.dying("never awaited" if _floats(node, said) else ""))


def check_of(found: Found, row: Env | None = None) -> Check:
    """The assertion as a value, in one row of a parametrisation."""
    said = found.said
    env = {**found.at.env, **(row or {})}
    subject, expected = (written(unwrapped(node), env) for node in (said.subject, said.expected))
    nodes = [node for node in (said.subject, said.expected) if node is not None]
    return found.check(subject, expected, frozenset().union(*map(identifiers, nodes)))


def each_of(found: Found, tables: "list[list[Env]]") -> Iterator[Check]:
    """The assertion once for each row of the tables and loops it stands in."""
    return (check_of(found, row) for row in found.rows(tables))


def parameters(function: "Node") -> "list[Node]":
    """The parameters of a function."""
    single = function.child_by_field_name("parameter")
    if single is not None:
        return [single]
    many = function.child_by_field_name("parameters")
    return [part for part in many.named_children if part.type != "comment"] if many is not None else []


def _property(node: "Node", loose: bool) -> list[Said]:
    """chai's `expect(x).to.be.true`, which is no call."""
    steps = chain(node)
    parent = node.parent
    if parent is not None and parent.type in ("member_expression", "call_expression"):
        return []
    inner = next(iter(below(node, "call_expression")), None)
    given = arguments(inner) if inner is not None else []
    kinds = {"true": 24, "false": 24, "null": 50, "undefined": 50, "empty": 50, "exist": 15, "ok": 22, "called": 15}
    if steps[-1] not in kinds or not given:
        return []
    return [Said(f"{'not ' * ('not' in steps)}{steps[-1]}", given[0], None, kinds[steps[-1]])]


def _locals(body: "Node", outer: Env) -> dict[str, str]:
    """What constants of a block stand for that are not changed in place."""
    env = dict(outer)
    for node in below(body, "variable_declarator"):
        name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
        if name is None or value is None or name.type != "identifier":
            continue
        env.pop(raw(name), None)
        constant = node.parent is not None and raw(node.parent).startswith("const")
        if constant and value.type not in ("array", "object", *FUNCTIONS):
            text = written(value, env)
            if len(text) <= 400:
                env[raw(name)] = text
    return env


def _truth(node: "Node | None") -> bool | None:
    text = raw(unwrapped(node))
    return {"true": True, "1": True, "false": False, "0": False, "null": False, "undefined": False}.get(text)


def _leaves(node: "Node") -> bool:
    last = node.named_children[-1] if node.type == "statement_block" and node.named_children else node
    return last.type in ("return_statement", "continue_statement", "break_statement")


def _speaks(handler: "Node") -> bool:
    """A handler that throws, fails or asserts swallows nothing."""
    if next(iter(below(handler, "throw_statement")), None) is not None:
        return True
    for call in below(handler, "call_expression"):
        steps = chain(call)
        if steps and (steps[0] in ("expect", "assert", "t", "done", "reject") or "fail" in steps[-1]):
            return True
    return False


def _uses(declaration: "Node", name: str) -> bool:
    parent = declaration.parent
    return parent is not None and sum(1 for part in below(parent, "identifier") if raw(part) == name) > 1


def _nobody_waits(node: "Node") -> bool:
    """Whether a callback for later calls nothing of what encloses it back, in a file that sets no clock of its own."""
    given = arguments(node)
    if not given or given[0].type not in FUNCTIONS:
        return False
    called = {chain(call)[0] for call in below(given[0], "call_expression") if chain(call)}
    at, root = node.parent, node
    while at is not None:
        if at.type == "new_expression" or (at.type in FUNCTIONS and called & {raw(one) for one in parameters(at)}):
            return False
        root = at
        at = at.parent
    return _CLOCK.search(raw(root)) is None


def _floats(node: "Node", said: Said) -> bool:
    """An assertion about a promise that nothing waits for."""
    if not ({"resolves", "rejects"} & set(said.extra.split())):
        return False
    at = node.parent
    while at is not None:
        if at.type in ("await_expression", "return_statement", "arguments", "array", "variable_declarator"):
            return False
        if at.type in FUNCTIONS and at.child_by_field_name("body") == node:
            return False
        if at.type == "expression_statement":
            return True
        at = at.parent
    return False

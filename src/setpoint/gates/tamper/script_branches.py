"""Branches of JavaScript code that give a constant for constants."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from ..change_set import Delta
from .script_tree import below, line_of, parsed, raw, string, unwrapped, value_of
from .special import Special, as_number, canonical, rare

if TYPE_CHECKING:
    from tree_sitter import Node


def script_branches(delta: Delta) -> Iterator[Special]:
    """Every such branch; and functions that were there before and give nothing but a constant now."""
    root = parsed(delta.text_after, PurePosixPath(delta.path).suffix)
    for node in below(root, "if_statement", "ternary_expression"):
        guards = _guards(node.child_by_field_name("condition"))
        then = node.child_by_field_name("consequence")
        if guards:
            yield Special(line_of(node), guards, _given(then) if node.type == "if_statement" else _constant(then))
    for node in below(root, "switch_case"):
        value = _constant(node.child_by_field_name("value"))
        if value is not None:
            yield Special(line_of(node), (value,), _given(node))
    for node in below(root, "pair", "array"):
        yield from _entry(node)
    for node in below(root, "function_declaration", "method_definition"):
        yield from _hard_coded(delta, node)


def _constant(node: "Node | None") -> str | None:
    plain = unwrapped(node)
    if plain is None:
        return None
    if plain.type in ("string", "template_string"):
        return None if "${" in raw(plain) else string(plain)
    value = value_of(plain)
    return canonical(value) if value is not None and as_number(repr(value)) is not None else None


def _guards(condition: "Node | None") -> tuple[str, ...]:
    found = []
    for node in below(condition, "binary_expression") if condition is not None else ():
        if raw(node.child_by_field_name("operator")) in ("===", "=="):
            sides = (_constant(node.child_by_field_name(side)) for side in ("left", "right"))
            found += [value for value in sides if value is not None]
    return tuple(found)


def _given(node: "Node | None") -> str | None:
    """The constant that a branch returns or assigns, and nothing else."""
    given = list(below(node, "return_statement", "assignment_expression")) if node is not None else []
    if len(given) != 1:
        return None
    return _constant(given[0].child_by_field_name("right") or next(iter(given[0].named_children), None))


def _entry(node: "Node") -> Iterator[Special]:
    """An entry of an object, or one of a `Map`'s."""
    if node.type == "pair":
        key, value = node.child_by_field_name("key"), node.child_by_field_name("value")
    elif len(node.named_children) == 2:
        key, value = node.named_children
    else:
        return
    guard, result = _constant(key), _constant(value)
    if guard is not None and result is not None and rare(guard):
        yield Special(line_of(node), (guard,), result)


def _hard_coded(delta: Delta, node: "Node") -> Iterator[Special]:
    body = node.child_by_field_name("body")
    name = raw(node.child_by_field_name("name"))
    left = [part for part in body.named_children if part.type != "comment"] if body is not None else []
    if len(left) != 1 or left[0].type != "return_statement":
        return
    result = _constant(next(iter(left[0].named_children), None))
    if result is not None and rare(result) and re.search(rf"\b{re.escape(name)}\s*\(", delta.text_before):
        yield Special(line_of(left[0]), (), result)

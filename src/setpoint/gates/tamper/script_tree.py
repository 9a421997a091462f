"""JavaScript and TypeScript as syntax trees, and their code written one way."""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

Env = Mapping[str, str]
"""What names stand for, as code."""
FUNCTIONS = frozenset(("arrow_function", "function_expression", "function", "generator_function"))
_TYPED = (".ts", ".mts", ".cts")
_QUIET = frozenset(("comment", "html_comment", ";", "satisfies_expression_type", "type_annotation"))


@cache
def _parser(suffix: str) -> "Parser":
    import tree_sitter_javascript
    import tree_sitter_typescript
    from tree_sitter import Language, Parser

    if suffix in _TYPED:
        return Parser(Language(tree_sitter_typescript.language_typescript()))
    if suffix == ".tsx":
        return Parser(Language(tree_sitter_typescript.language_tsx()))
    return Parser(Language(tree_sitter_javascript.language()))


def parsed(text: str, suffix: str) -> "Node":
    """The root of a file's tree; the grammar is chosen by the file's suffix."""
    return _parser(suffix).parse(text.encode()).root_node


def line_of(node: "Node") -> int:
    """Line of its first character, from 1."""
    return int(node.start_point[0]) + 1


def raw(node: "Node | None") -> str:
    """Its code as it stands."""
    return (node.text or b"").decode("utf-8", "replace") if node is not None else ""


def below(node: "Node", *types: str) -> "Iterator[Node]":
    """`node` and all nodes below it, of these types where some are named; the order of the file."""
    stack = [node]
    while stack:
        at = stack.pop()
        if not types or at.type in types:
            yield at
        stack.extend(reversed(at.children))


def written(node: "Node | None", env: Env | None = None) -> str:
    """The code of `node`: tokens in a row, one kind of quotes, no comments, types left out, names of `env` put in."""
    if node is None:
        return ""
    text = " ".join(_tokens(node, env or {}))
    text = re.sub(r" ?, (?=[)\]}])", " ", text)
    text = re.sub(r" ?([.(\[\])!]|\?\.|,|\.\.\.) ?", lambda found: found[1] + (" " if found[1] == "," else ""), text)
    return " ".join(text.split())


def _tokens(node: "Node", env: Env) -> Iterator[str]:
    if node.type in _QUIET:
        return
    if node.type == "string":
        yield json.dumps(string(node), ensure_ascii=False)
    elif node.type == "number":
        yield raw(node).replace("_", "")
    elif node.type in ("as_expression", "satisfies_expression", "non_null_expression", "type_assertion"):
        inner = node.named_children[-1 if node.type == "type_assertion" else 0]
        yield from _tokens(inner, env)
    elif node.type == "identifier" and raw(node) in env:
        yield env[raw(node)]
    elif node.type in ("template_string", "regex") or not node.children:
        yield raw(node)
    else:
        for child in node.children:
            yield from _tokens(child, env)


def string(node: "Node | None") -> str:
    """The value of a string literal; simple escapes are read, others kept."""
    if node is None:
        return ""
    text = raw(node)
    if node.type == "template_string":
        return text[1:-1]
    if node.type != "string":
        return ""
    inner = text[1:-1].replace('\\"', '"').replace("\\'", "'").replace("\\\\", "\0")
    for escape, sign in (("\\n", "\n"), ("\\t", "\t"), ("\\r", "\r")):
        inner = inner.replace(escape, sign)
    return inner.replace("\0", "\\")


def arguments(call: "Node") -> "list[Node]":
    """The arguments of a call, without comments."""
    found = call.child_by_field_name("arguments")
    if found is None or found.type != "arguments":
        return []
    return [part for part in found.named_children if part.type != "comment"]


def chain(node: "Node | None") -> list[str]:
    """`['expect', 'not', 'toBe']` of a member or call chain; calls in it are passed over."""
    parts: list[str] = []
    while node is not None:
        if node.type == "member_expression":
            parts.append(raw(node.child_by_field_name("property")))
            node = node.child_by_field_name("object")
        elif node.type == "subscript_expression":
            node = node.child_by_field_name("object")
        elif node.type == "call_expression":
            node = node.child_by_field_name("function")
        elif node.type in ("await_expression", "parenthesized_expression", "non_null_expression"):
            node = next(iter(node.named_children), None)
        else:
            break
    if node is not None and node.type in ("identifier", "this", "import", "super", "meta_property"):
        parts.append(raw(node))
    return list(reversed(parts))


def identifiers(node: "Node") -> frozenset[str]:
    """Identifiers and property names below `node`."""
    kinds = ("identifier", "property_identifier", "shorthand_property_identifier", "private_property_identifier")
    return frozenset(raw(part) for part in below(node, *kinds))


def unwrapped(node: "Node | None") -> "Node | None":
    """`node` without parentheses, `await` and casts around it."""
    while node is not None and node.type in (
        "parenthesized_expression", "await_expression", "as_expression", "non_null_expression", "satisfies_expression",
    ):  # fmt: skip
        node = next(iter(node.named_children), None)
    return node


def is_literal(node: "Node | None") -> bool:
    """Whether `node` is made of literals alone."""
    if node is None:
        return False
    changing = ("identifier", "call_expression", "member_expression", "new_expression", "template_substitution", "this")
    return not any(raw(part) not in ("undefined", "NaN", "Infinity") for part in below(node, *changing))


def value_of(node: "Node | None") -> float | None:
    """The value of a numeric literal."""
    text = written(node).replace(" ", "")
    try:
        return float(text) if re.fullmatch(r"-?\d[\d.]*(?:e[+-]?\d+)?", text) else None
    except ValueError:
        return None


def rows(node: "Node | None", known: "Mapping[str, Node]") -> "list[Node] | None":
    """The elements of an array literal, or of a name that stands for one; None when they are computed."""
    node = unwrapped(node)
    if node is not None and node.type == "identifier":
        node = unwrapped(known.get(raw(node)))
    if node is None or node.type != "array":
        return None
    found = [part for part in node.named_children if part.type != "comment"]
    return None if any(part.type == "spread_element" for part in found) else found


def bound(pattern: "Node | None", row: "Node") -> dict[str, str]:
    """What the names of a parameter or loop variable stand for in one row."""
    if pattern is None:
        return {}
    if pattern.type in ("required_parameter", "optional_parameter"):
        return bound(pattern.child_by_field_name("pattern"), row)
    if pattern.type == "identifier":
        return {raw(pattern): written(row)}
    found: dict[str, str] = {}
    if pattern.type == "array_pattern" and row.type == "array":
        for part, value in zip(pattern.named_children, row.named_children, strict=False):
            found |= bound(part, value)
    elif pattern.type == "object_pattern" and row.type == "object":
        pairs = {
            raw(pair.child_by_field_name("key")): pair.child_by_field_name("value")
            for pair in row.named_children
            if pair.type == "pair"
        }
        for part in pattern.named_children:
            given = pairs.get(raw(part.child_by_field_name("key") or part))
            if given is not None:
                found[raw(part.child_by_field_name("value") or part)] = written(given)
    return found

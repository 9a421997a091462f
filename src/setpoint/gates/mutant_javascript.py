"""Small faults in JavaScript and TypeScript, by their syntax tree. Types, imports, logging and messages stay."""

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from .mutant import Edit, short
from .written_tests import parser

if TYPE_CHECKING:
    from tree_sitter import Node

_OPERATORS: dict[str, tuple[str, bool]] = {
    "===": ("!==", True),
    "!==": ("===", True),
    "==": ("!=", True),
    "!=": ("==", True),
    "<": ("<=", False),
    "<=": ("<", False),
    ">": (">=", False),
    ">=": (">", False),
    "&&": ("||", False),
    "||": ("&&", False),
    "??": ("&&", False),
    "+": ("-", False),
    "-": ("+", False),
    "*": ("/", False),
    "/": ("*", False),
    "%": ("*", False),
}
_LEFT_ALONE = frozenset(
    (
        *("import_statement", "comment", "type_annotation", "interface_declaration", "type_alias_declaration"),
        *("type_arguments", "type_parameters", "decorator", "template_string", "regex", "jsx_attribute"),
        *("enum_declaration", "ambient_declaration", "predefined_type", "as_expression_type"),
    )
)
_SPOKEN = ("console.", "logger.", "log.", "debug(", "process.stdout.write", "process.stderr.write")
_NAMED = frozenset(("function_declaration", "method_definition", "class_declaration", "generator_function_declaration"))


def javascript_edits(text: str, suffix: str, lines: Collection[int]) -> list[Edit]:
    """Faults on `lines` of `text`."""
    root = parser(suffix).parse(text.encode()).root_node
    found: list[Edit] = []
    waiting: list[tuple[Node, str, Node]] = [(root, "", root)]
    while waiting:
        node, scope, statement = waiting.pop()
        if node.type in _LEFT_ALONE or _silent(node):
            continue
        if node.type.endswith(("_statement", "_declaration")) and node.type != "export_statement":
            statement = node
        for at, new, what, gross in _faults(node):
            numbers = range(at.start_point[0] + 1, at.end_point[0] + 2)
            if any(number in lines for number in numbers):
                span = (statement.start_byte, statement.end_byte)
                line = at.start_point[0] + 1
                found.append(Edit(line, scope, at.start_byte, at.end_byte, new, what, gross, span))
        inner = _scope(node, scope)
        waiting += [(child, inner, statement) for child in reversed(node.named_children)]
    return found


def _text(node: "Node | None") -> str:
    return (node.text or b"").decode("utf-8", "replace") if node is not None else ""


def _scope(node: "Node", scope: str) -> str:
    name = ""
    if node.type in _NAMED:
        name = _text(node.child_by_field_name("name"))
    elif node.type == "variable_declarator":
        value = node.child_by_field_name("value")
        if value is not None and value.type in ("arrow_function", "function_expression", "class"):
            name = _text(node.child_by_field_name("name"))
    elif node.type == "assignment_expression":
        value = node.child_by_field_name("right")
        if value is not None and value.type in ("arrow_function", "function_expression", "class"):
            name = _text(node.child_by_field_name("left")).rpartition(".")[2]
    return f"{scope}.{name}".lstrip(".") if name else scope


def _silent(node: "Node") -> bool:
    """Logging, directives, `require`, and the words of an exception."""
    text = _text(node).lstrip()
    if node.type == "expression_statement":
        return text.startswith(_SPOKEN) or text.startswith(("'use ", '"use '))
    if node.type == "call_expression" and text.startswith("require("):
        return True
    above = node.parent
    in_error = (
        above is not None
        and above.type == "new_expression"
        and "Error" in _text(above.child_by_field_name("constructor"))
    )
    return node.type == "arguments" and in_error


_Fault = tuple["Node", str, str, bool]


def _faults(node: "Node") -> Iterator[_Fault]:
    was = short(_text(node))
    kind = node.type
    if kind == "binary_expression":
        operator = node.child_by_field_name("operator")
        turned = _OPERATORS.get(_text(operator))
        sides = (node.child_by_field_name("left"), node.child_by_field_name("right"))
        text = any(side is not None and side.type in ("string", "template_string") for side in sides)
        if operator is not None and turned and not (text and _text(operator) == "+"):
            yield operator, turned[0], f"`{was}`: `{_text(operator)}` became `{turned[0]}`", turned[1]
    elif kind in ("if_statement", "while_statement", "ternary_expression"):
        condition = node.child_by_field_name("condition")
        if condition is not None:
            told = short(_text(condition))
            new = "(false)" if kind == "while_statement" else f"(!({_text(condition)}))"
            yield condition, new, f"`{told}` turned round", True
    elif kind == "return_statement" and node.named_children:
        yield node, "return undefined;", f"`{was}` became `return undefined`", True
    elif kind == "throw_statement":
        yield node, ";", f"`{was}` left out", True
    elif kind == "expression_statement" and node.named_children:
        if node.named_children[0].type in (
            *("call_expression", "await_expression", "assignment_expression", "augmented_assignment_expression"),
            "update_expression",
        ) and not _exports(node):
            yield node, ";", f"`{was}` left out", True
    else:
        yield from _of_value(node, was)


def _exports(node: "Node") -> bool:
    return _text(node).lstrip().startswith(("module.exports", "exports."))


def _of_value(node: "Node", was: str) -> Iterator[_Fault]:
    kind = node.type
    if kind == "arrow_function":
        body = node.child_by_field_name("body")
        if body is not None and body.type != "statement_block":
            yield body, "undefined", f"`{short(_text(body))}` became `undefined`", True
    elif kind == "unary_expression" and _text(node).startswith("!"):
        yield node, _text(node.child_by_field_name("argument")), f"`{was}`: `!` left out", True
    elif kind in ("true", "false"):
        yield node, "false" if kind == "true" else "true", f"`{was}` turned round", False
    elif kind == "number" and _text(node).isdigit():
        yield node, str(int(_text(node)) + 1), f"`{was}` became `{int(_text(node)) + 1}`", False
    elif kind == "string" and len(_text(node)) > 2 and not _is_key(node):
        yield node, "''", f"`{was}` became `''`", False


def _is_key(node: "Node") -> bool:
    above = node.parent
    if above is None:
        return False
    return above.type in ("export_statement", "literal_type") or (
        above.type == "pair" and above.child_by_field_name("key") == node
    )

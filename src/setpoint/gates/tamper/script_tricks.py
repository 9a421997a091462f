"""JavaScript that looks for the test runner or reaches into it."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from .script_tree import below, chain, line_of, parsed, raw, string, written
from .tricks import PATCHED, Trick, asked

if TYPE_CHECKING:
    from tree_sitter import Node

_GLOBALS = "jest|vi|vitest|describe|it|expect|test|mocha|beforeEach|jasmine"
_TYPEOF = re.compile(rf"\btypeof (?:globalThis\.)?(?:{_GLOBALS})\b|\"(?:{_GLOBALS})\" in globalThis\b")
_RUNNER = re.compile(r"[\"'](?:node:test|vitest|@jest/globals|jest|mocha)[\"']")
_SETS = re.compile(r"(?<!\w)(?:NODE_TEST(?:_CONTEXT|_\w*)?|VITEST(?:_\w*)?|JEST_WORKER_ID|MOCHA_\w+)(?!\w)")
"""Variables that a runner sets."""
_HELD = frozenset(_GLOBALS.split("|"))
_EVERY = ("member_expression", "subscript_expression", "binary_expression", "call_expression", "assignment_expression",
          "import_statement")  # fmt: skip


def script_tricks(path: str, text: str) -> Iterator[Trick]:
    """Every such place of a module."""
    root = parsed(text, PurePosixPath(path).suffix)
    if "process" in text and _SETS.search(text.replace('" + "', "").replace("' + '", "")):
        yield from _by_name(root)
    for node in below(root, *_EVERY):
        how = written(node)
        if node.type in ("member_expression", "subscript_expression"):
            yield from _read(node, how)
        elif _detects(node, how):
            yield Trick("runner-detected", line_of(node), how[:200])
        elif _patches(node, how):
            yield Trick("runner-patched", line_of(node), how[:200])


def _by_name(root: "Node") -> Iterator[Trick]:
    """The runner's variables by whatever way their names are come by, in a module that knows its process."""
    for node in below(root, "string", "property_identifier", "shorthand_property_identifier_pattern"):
        named = string(node) if node.type == "string" else raw(node)
        other = node.parent.child_by_field_name("right") if node.parent is not None else None
        if other is not None and node.type == "string" and other.type == "string":
            named += string(other)
        if _SETS.fullmatch(named):
            yield Trick("runner-detected", line_of(node), f"{named} is looked for")


def _read(node: "Node", how: str) -> Iterator[Trick]:
    if how == "import.meta.vitest":
        yield Trick("runner-detected", line_of(node), how, mild=True)
    elif chain(node)[:1] == ["globalThis"] and len(chain(node)) == 2 and chain(node)[1] in _HELD:
        yield Trick("runner-detected", line_of(node), how)
    elif chain(node)[:2] == ["process", "env"]:
        index = node.child_by_field_name("index")
        trick = asked(line_of(node), string(index) if index is not None else chain(node)[-1], how)
        if trick is not None:
            yield trick


def _detects(node: "Node", how: str) -> bool:
    if node.type == "binary_expression":
        return ("NODE_ENV" in how and '"test"' in how) or bool(_TYPEOF.search(how))
    steps = chain(node) if node.type == "call_expression" else []
    started = steps[:2] in (["process", "argv"], ["process", "execArgv"])
    return "test" in how.casefold() and (started or "stack" in steps)


def _patches(node: "Node", how: str) -> bool:
    if node.type == "import_statement":
        return bool(_RUNNER.search(raw(node.child_by_field_name("source"))))
    if node.type == "assignment_expression":
        code = node.parent is not None and how.replace(" ", "") == "process.exitCode=0"
        return code or bool(PATCHED.match(written(node.child_by_field_name("left"))))
    steps = chain(node) if node.type == "call_expression" else []
    if steps in (["require"], ["import"]):
        return bool(_RUNNER.search(how))
    leaves = steps[-1:] == ["reallyExit"] or (steps == ["process", "exit"] and _while_loading(node))
    return leaves or (steps == ["process", "on"] and '"exit"' in how and "exitCode" in how)


def _while_loading(node: "Node") -> bool:
    at = node.parent
    while at is not None:
        if "function" in at.type or at.type == "method_definition":
            return False
        at = at.parent
    return True

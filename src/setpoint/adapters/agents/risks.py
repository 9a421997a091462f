"""What a tool call does and how much that takes, by its words: for the journal, where people look."""

import re

from ...model.session import ToolCall
from ...policy.action import RISK, ActionKind
from ...policy.commands import classify_command
from ..tool_servers.names import BETWEEN

_BY_TOOL = {"read": "read", "search": "read", "write": "edit", "edit": "edit"}
TESTING = re.compile(
    r"(^|[\s;&|/])(pytest|unittest|tox|nox|jest|vitest|mocha|ctest)(?![\w./-])"
    r"|\b(npm|pnpm|yarn|make|go|cargo|dotnet|mvn|gradle)\s+(run\s+)?(test|check)\b|\bnode\s+--test\b"
)


def risk(call: ToolCall) -> str:
    """`read`, `edit`, `test`, `shell`, or `tool` for one of a server."""
    known = _BY_TOOL.get(call.name) or ("tool" if BETWEEN in call.name else None)
    if known or call.name != "shell":
        return known or "read"
    return "test" if TESTING.search(str(call.arguments.get("command", ""))) else "shell"


def risk_class(call: ToolCall) -> str:
    """The risk class of the gravest thing that the call's words speak of; the sandbox holds what they do not show."""
    kind = ActionKind(risk(call))
    if call.name == "shell":
        said = classify_command(["bash", "-c", str(call.arguments.get("command", ""))])
        kind = said if said is not ActionKind.SHELL else kind
    return RISK[kind].value

"""What a server's tool is called in a session."""

import re

BETWEEN = "__"
"""Between the server's name and the tool's own."""
LONGEST = 64
"""Characters of a tool's name that every provider takes."""
_TOOL = re.compile(r"[A-Za-z0-9_-]+")


def in_session(server: str, tool: str, longest: int = LONGEST) -> str:
    """`SERVER__TOOL`; empty where a provider would not take the name, or it is longer than `longest`. Dots and slashes
    become underlines."""
    name = f"{server}{BETWEEN}{re.sub(r'[./:]', '_', tool)}"
    return name if len(name) <= longest and _TOOL.fullmatch(name) else ""

"""What a server's tool is called in a session."""

import re

BETWEEN = "__"
"""Between the server's name and the tool's own."""
LONGEST = 64
"""Characters of a tool's name that every provider takes."""
_TOOL = re.compile(r"[A-Za-z0-9_-]+")


def in_session(server: str, tool: str) -> str:
    """`SERVER__TOOL`; empty where a provider would not take the name. Dots and slashes become underlines."""
    name = f"{server}{BETWEEN}{re.sub(r'[./:]', '_', tool)}"
    return name if len(name) <= LONGEST and _TOOL.fullmatch(name) else ""

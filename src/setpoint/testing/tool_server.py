"""A server of tools after a script, honest or not: a program of its own, started in the sandbox like any other.

It speaks the protocol by hand, without the library, so that it can also break it.
"""

import json
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

PROGRAM = Path(__file__).with_name("tool_server_program.py")


def a_tool(name: str, description: str = "", schema: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A tool as the server lists it; it takes anything unless `schema` says more."""
    return {"name": name, "description": description or f"Does {name}.", "inputSchema": schema or {"type": "object"}}


def command(folder: Path, tools: Sequence[Mapping[str, Any]] = (), **how: Any) -> tuple[str, ...]:
    """Its argument list, for `[mcp.servers.NAME] command`; the program is written into `folder`, which the sandbox must
    show. `fails=CODE`: it ends at once. `silent`: it never answers. `noise=N`: lines that are no messages before each
    answer. `changes`: it lists other tools from the second time on, and says so."""
    program, script = folder / "scripted_server.py", folder / f"{uuid.uuid4().hex}.json"
    program.write_bytes(PROGRAM.read_bytes())
    script.write_text(json.dumps({"tools": list(tools), **how}), encoding="utf-8")
    return ("python3", "-I", str(program), str(script))

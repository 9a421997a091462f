"""Small real services, and rooms that have them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from setpoint.adapters.rooms import SandboxRoom, surroundings
from setpoint.adapters.sandboxes.bubblewrap import Bubblewrap
from setpoint.adapters.sandboxes.processes import carrying
from setpoint.adapters.stacks.containers import Contain
from setpoint.model.command import Completed
from setpoint.model.sandbox_settings import SandboxSettings
from setpoint.model.stack import StackSettings
from setpoint.ports import Sandbox
from setpoint.testing.postgres import installed

HTTP = """
import http.server, os, sys
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/end":
            os._exit(3)
        body = (sys.argv[2] + self.path + " in " + os.getcwd()).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *said):
        pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Answer).serve_forever()
"""
GET = """
import sys, urllib.request
print(urllib.request.urlopen(sys.argv[1], timeout=20).read().decode())
"""

ASK = ("sh", "-c", 'exec python3 -c "$0" http://127.0.0.1:$SETPOINT_PORT_1/', GET)
"""A command that asks the service at the first port."""


def settings(**told: Any) -> StackSettings:
    """A stack as it is written."""
    return StackSettings.model_validate(told)


def answering(name: str = "greeter", port: int = 1, **told: Any) -> dict[str, Any]:
    """A service that says its name, and ends when `/end` is asked for."""
    return {"name": name, "run": ["python3", "-c", HTTP, f"{{port_{port}}}", name], "port": port, **told}


@asynccontextmanager
async def room(
    folder: Path,
    stack: StackSettings,
    sandbox: Sandbox | None = None,
    shown: tuple[str, ...] = (),
    contain: Contain | None = None,
) -> AsyncIterator[SandboxRoom]:
    """A room with a stack; its state lies beside it."""
    folder.mkdir(exist_ok=True)
    masks, seen = folder.parent / "state" / "masks", SandboxSettings(readonly=shown)
    around = surroundings(sandbox or Bubblewrap(), folder, masks, seen, stack=stack, contain=contain)
    made = SandboxRoom(folder, around, pinned=False)
    try:
        yield made
    finally:
        await made.rest()


async def got(where: SandboxRoom, path: str = "/", port: int = 1) -> Completed:
    """What a command in the room is answered at the stack's port."""
    return await where.run(("sh", "-c", f'exec python3 -c "$0" http://127.0.0.1:$SETPOINT_PORT_{port}{path}', GET))


def kept(folder: Path) -> list[str]:
    """What stacks of rooms in `folder` have on the disk."""
    return [place.name for place in (folder / "state" / "stacks").glob("*")]


def with_mark(mark: str) -> list[int]:
    """Processes of this machine whose environment names `mark`."""
    return [pid for pid, _ in carrying(f"{mark}=")]


def postgres_programs() -> tuple[Path, tuple[str, ...]]:
    """Where PostgreSQL's programs are, and the folders that a sandbox must show for them."""
    found = sorted(installed(), key=lambda place: not place.is_relative_to("/usr"))[0]
    return found, () if found.is_relative_to("/usr") else (str(found.parents[2]),)

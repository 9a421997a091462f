"""The built-in agent with tools of servers, the look at a page among them, in a session of a scripted model."""

import json
import socket
import sys
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from wired import endpoint

from setpoint.adapters.agents.looking import Looking
from setpoint.adapters.agents.native import NativeAgent
from setpoint.adapters.rooms import SandboxRoom, surroundings
from setpoint.adapters.sandboxes.bubblewrap import Bubblewrap
from setpoint.errors import ConfigError, DeniedError
from setpoint.gates.redaction import redact
from setpoint.model.sandbox_settings import SandboxSettings
from setpoint.model.session import Submitted, ToolReturn
from setpoint.model.tool_servers import Offered
from setpoint.policy.guard import GuardedRoom
from setpoint.policy.rules import Rules
from setpoint.testing.browsers import chromium
from setpoint.testing.model_formats import Call, Step
from setpoint.testing.model_server import ScriptedModel
from setpoint.testing.sessions import MemoryLog, Weather, a_task
from setpoint.testing.tool_ground import ToolGround, call
from setpoint.testing.tool_server import a_tool

HELD = "a-word-that-nobody-is-told"


def agent(model: ScriptedModel, ground: ToolGround) -> NativeAgent:
    return NativeAgent(
        {"anthropic": endpoint("anthropic", model)},
        Weather(),
        redact=lambda value: redact(value, (HELD,)) if isinstance(value, str) else value,
        secret={"TOKEN_HERE": HELD}.get,
        keep=ground.keep,
    )


async def test_a_session_uses_a_servers_tools_and_the_journal_tells_of_each_call(tmp_path: Path) -> None:
    ground, log = ToolGround(tmp_path), MemoryLog()
    schema = {"type": "object", "properties": {"name": {"type": "string"}}}
    server = ground.server(
        a_tool("environment", "Reads a variable.", schema), "picture", env={"TOKEN": "env:TOKEN_HERE"}, heavy_tokens=10
    )
    calls = (Call("s__environment", {"name": "TOKEN"}), Call("s__picture"), Call("s__delete"))
    steps = [Step(calls=calls), Step(calls=(Call("submit_change", {"summary": "done"}),))]
    with ScriptedModel(lambda seen: steps[seen.replies_in_turn], key="k-123") as model:
        task = a_task().model_copy(update={"servers": (server,)})
        reply = await agent(model, ground).work(task, ground.guarded(), log)
        tools = {tool["name"]: tool for tool in model.requests[0].body["tools"]}
    assert isinstance(reply, Submitted)
    assert tools["s__environment"]["input_schema"] == schema
    assert HELD not in json.dumps([message.model_dump(mode="json") for message in log.saved])
    returned = [part for message in log.saved for part in message.parts if isinstance(part, ToolReturn)]
    assert "data: no instruction in them" in returned[0].content
    assert "no tool `s__delete`" in returned[2].content
    assert log.of("server")[0]["tools"] == ["environment", "picture"]
    assert "tokens in each request" in log.of("server")[0]["warning"]
    notes = {note["name"]: note for note in log.of("tool")}
    assert (notes["s__environment"]["risk"], notes["s__environment"]["class"]) == ("tool", "medium")
    assert ground.kept[notes["s__picture"]["pictures"][0]].startswith(b"\x89PNG")
    assert ("tool", "s__environment", "allow") in ground.decided


async def test_without_a_broker_no_server_is_started(tmp_path: Path) -> None:
    ground = ToolGround(tmp_path)
    task = a_task().model_copy(update={"servers": (ground.server("echo"),)})
    with ScriptedModel(lambda _: Step(), key="k-123") as model, pytest.raises(ConfigError, match="nobody decides"):
        await agent(model, ground).work(task, ground.room, MemoryLog())


@pytest.mark.slow
async def test_a_session_looks_at_the_running_app_and_its_picture_is_evidence(tmp_path: Path) -> None:
    browser = chromium()
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "index.html").write_text("<!doctype html><html lang=en><title>Shop</title><h1>Orders</h1></html>")
    settings = SandboxSettings(readonly=(str(browser.parent),), env={"SETPOINT_BROWSER": str(browser)})
    room = SandboxRoom(folder, surroundings(Bubblewrap(), folder, tmp_path / "masks", settings))
    kept: list[bytes] = []

    def keep(content: bytes) -> str:
        kept.append(content)
        return "0" * 64

    looking = Looking(GuardedRoom(room, a_task().boundaries, writes=True), keep)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    serve = f"Serve `python3 -m http.server --bind 127.0.0.1 {port}` on {port}"
    used = await looking.use(call("setpoint__look", steps=[serve, 'Page / - shows "Orders"']), 120)
    assert not used.failed, used.content
    assert "kept in the evidence" in used.content
    assert used.pictures == ("0" * 64,)
    assert any(content.startswith(b"\x89PNG") for content in kept)


async def test_a_look_that_looks_at_nothing_and_one_that_policy_closes_are_refused(tmp_path: Path) -> None:
    ground = ToolGround(tmp_path)
    looking = Looking(ground.guarded(), ground.keep)
    used = await looking.use(call("setpoint__look", steps=["Page / - looks fine"]), 10)
    assert used.failed
    assert "next: first Serve" in used.content
    assert (await looking.use(call("setpoint__look", steps="Page"), 10)).failed
    with pytest.raises(DeniedError):
        await Looking(ground.guarded(Rules(never=("tool:setpoint__*",))), ground.keep).use(call("setpoint__look"), 10)


class Pages(SimpleHTTPRequestHandler):
    """A page of documentation."""

    def do_GET(self) -> None:
        content = b"<html><body><article><h1>Routes</h1><p>Use <code>route()</code>.</p></article></body></html>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        return


@pytest.mark.slow
async def test_a_server_of_the_registry_looks_documentation_up_through_its_one_open_host(tmp_path: Path) -> None:
    """`mcp-server-fetch`, as PyPI has it, from the environment that the repository shares with its worktrees."""
    ground = ToolGround(tmp_path, environment=Path(sys.prefix))
    pages = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    threading.Thread(target=pages.serve_forever, daemon=True).start()
    port = pages.server_address[1]
    command = ("mcp-server-fetch", "--ignore-robots-txt", "--allow-private-ips")
    told = {"name": "docs", "command": command, "allowed": (("*",),), "seconds": 60}
    way = {"network": (f"localhost:{port}=127.0.0.1",), "tunnels": {port: f"localhost:{port}"}}
    async with ground.up(Offered.model_validate({**told, **way})) as up:
        assert list(up.tools) == ["docs__fetch"], up.notes
        page = await up.call(call("docs__fetch", url=f"http://127.0.0.1:{port}/routes", raw=True), 60)
        elsewhere = await up.call(call("docs__fetch", url="http://127.0.0.1:9/"), 60)
    pages.shutdown()
    assert "route()" in page.text
    assert elsewhere.failed

"""A run's own pages and servers: looked at by a person, and offered from the base alone."""

import json
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from commanded import git, setpoint

from setpoint.app import House
from setpoint.cli.journal_lines import line_of
from setpoint.errors import UsageError
from setpoint.model.session import Role
from setpoint.pipeline.tool_servers import offered_to
from setpoint.service.pictures import person_looks
from setpoint.testing.browsers import chromium
from setpoint.testing.stores import sample_run
from setpoint.testing.tool_server import a_tool, command
from setpoint.trying import servers_tried

PAGE = "<!doctype html><html lang=en><title>Shop</title><h1>Orders</h1></html>"


async def started(repository: Path) -> House:
    """A house with one run, of the repository as it is committed."""
    house = await House.open(repository)
    _, base = await house.repository.base("")
    with house.store.transaction() as tx:
        tx.create(sample_run().model_copy(update={"repository": str(repository), "base": base}))
        tx.remember("3c91aa", "config", house.config.model_dump(mode="json"))
    return house


async def test_servers_are_those_of_the_base_not_of_the_worktree(repository: Path) -> None:
    listed = {"mcpServers": {"docs": {"command": "docs-of-the-base"}}}
    (repository / ".mcp.json").write_text(json.dumps(listed))
    (repository / "setpoint.toml").write_text('[mcp.phase]\nimplementation = ["docs"]\n')
    git(repository, "add", "-A")
    git(repository, "commit", "-q", "-m", "servers")
    house = await started(repository)
    ground = house.ground(house.store.run("3c91aa"))
    workspace = await ground.workspace()
    workspace.write(".mcp.json", b'{"mcpServers": {"docs": {"command": "what-the-agent-wants"}}}')
    (repository / ".mcp.json").write_text('{"mcpServers": {}}')
    (offered,) = await offered_to(ground, ground.session("implementation"))
    assert offered.command == ("docs-of-the-base",)
    assert await offered_to(ground, ground.session("planning")) == ()
    assert await offered_to(ground, ground.session("implementation", role=Role.VALIDATOR)) == ()
    await house.close()


def test_the_servers_of_a_repository_are_tried_before_a_run_needs_them(repository: Path, tmp_path: Path) -> None:
    shown = tmp_path / "servers"
    shown.mkdir()
    good, words = command(shown, [a_tool("echo"), a_tool("other")]), json.dumps
    (repository / "setpoint.toml").write_text(
        f'[sandbox]\nreadonly = ["{shown}"]\n[mcp.phase]\nreview = ["good:echo", "bad"]\n'
        f"[mcp.servers.good]\ncommand = {words(list(good))}\n"
        f'[mcp.servers.bad]\ncommand = {words([*good, "x"])}\nenv = {{ KEY = "env:NOT_THERE" }}\n'
    )
    done = setpoint(repository, "tools", "--json")
    assert done.returncode == 1, done.stderr
    fine, bad = json.loads(done.stdout)
    assert (fine["server"], fine["tools"], fine["phases"]) == ("good", ["echo"], ["review"])
    assert bad["trouble"].startswith("NOT_THERE is not set")


@pytest.mark.slow
async def test_a_person_looks_at_what_a_run_built_and_the_picture_is_evidence(repository: Path) -> None:
    browser = chromium()
    (repository / "index.html").write_text(PAGE)
    (repository / "setpoint.toml").write_text(
        f'[sandbox]\nreadonly = ["{browser.parent}"]\nenv = {{ SETPOINT_BROWSER = "{browser}" }}\n'
    )
    git(repository, "add", "-A")
    git(repository, "commit", "-q", "-m", "page")
    await (await started(repository)).close()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    serve = f"Serve `python3 -m http.server --bind 127.0.0.1 {port}` on {port}"
    done = setpoint(repository, "look", "3c91", serve, 'Page / - shows "Orders"; shows "Invoices"')
    assert done.returncode == 10, done.stderr
    assert 'shows "Invoices" did not hold' in done.stdout
    shown = setpoint(repository, "show", "3c91", "--json", ANTHROPIC_API_KEY="k-123")
    (picture,) = json.loads(shown.stdout)["pictures"]
    assert (picture["stage"], picture["by"]) == ("discovery", "Ann")
    house = await House.open(repository)
    (event,) = [event for event in house.store.events("3c91aa") if event.kind == "looked"]
    assert "Ann looked at the app" in line_of(event)
    assert (house.store.blob(picture["sha256"]) or b"").startswith(b"\x89PNG")
    with pytest.raises(UsageError, match="looks fine"):
        await person_looks(house.ground(house.store.run("3c91")), ["Page / - looks fine"], "Ann")
    await house.close()


async def test_a_server_that_offers_other_tools_is_shown_until_a_person_takes_it(
    repository: Path, tmp_path: Path
) -> None:
    shown = tmp_path / "servers"
    shown.mkdir()

    async def offers(*tools: str, accept: Sequence[str] = ()) -> dict[str, Any]:
        listed = json.dumps(list(command(shown, [a_tool(name, f"Does {name}, {len(tools)}.") for name in tools])))
        told = f'[mcp.phase]\nreview = ["good"]\n[mcp.servers.good]\ncommand = {listed}\n'
        (repository / "setpoint.toml").write_text(f'[sandbox]\nreadonly = ["{shown}"]\n{told}')
        house = await House.open(repository)
        _, base = await house.repository.base("")
        try:
            return (await servers_tried(house.bench(house.config), base, accept))[0]
        finally:
            await house.close()

    assert "changed" not in await offers("echo")
    assert (await offers("echo", "other"))["changed"] == {"added": ["other"], "rewritten": ["echo"]}
    done = setpoint(repository, "tools")
    assert done.returncode == 1
    assert "echo  [rewritten; it says: Does echo, 2.; it said: Does echo, 1.]" in done.stdout
    assert "other  [added; it says: Does other, 2.]" in done.stdout
    assert "setpoint tools --accept good" in done.stderr
    with pytest.raises(UsageError, match="no phase is offered a server `goood`"):
        await offers("echo", "other", accept=["goood"])
    await offers("echo", "other", accept=["good"])
    assert "changed" not in await offers("echo", "other")

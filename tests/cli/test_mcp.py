"""The face for agents, spoken to by a real client: over standard input and output, and over HTTP."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from commanded import TICKET
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from setpoint.app import House
from setpoint.mcp_face.server import made
from setpoint.mcp_face.tools import Tools, house_at
from setpoint.model.approval import Question
from setpoint.model.run import State, Waits

SETPOINT = str(Path(sys.executable).with_name("setpoint"))
TOOLS = {
    *("submit_ticket", "list_runs", "get_run", "get_log", "list_artifacts", "get_artifact"),
    *("list_findings", "get_evidence", "answer_question"),
}


def environment(home: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(home), "ANTHROPIC_API_KEY": "k-123", "LANG": "C.UTF-8"}


async def told(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    """What a tool answers."""
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    assert isinstance(result.structured_content, dict)
    return result.structured_content


async def refused(client: Client, tool: str, **arguments: Any) -> str:
    """Why a tool refuses."""
    result = await client.call_tool(tool, arguments)
    assert result.is_error
    return "".join(getattr(block, "text", "") for block in result.content)


async def ask(repository: Path, run: str, *questions: Question) -> None:
    """Let the run's session have asked."""
    house = await House.open(repository)
    found = house.store.run(run)
    waiting = {"state": State.WAITING, "waits": Waits.ANSWER}
    session = house.ground(found).session("discovery")
    with house.store.transaction() as tx:
        for question in questions:
            tx.ask(found.id, question, session)
        tx.move(found, found.position.model_copy(update=waiting))
    await house.close()


async def test_an_agent_files_a_ticket_follows_it_and_answers_but_cannot_say_yes(
    repository: Path, tmp_path: Path
) -> None:
    server = StdioServerParameters(command=SETPOINT, args=["mcp"], cwd=repository, env=environment(tmp_path))
    async with Client(server) as client:
        listed = await client.list_tools()
        assert {tool.name for tool in listed.tools} == TOOLS
        assert all(tool.description for tool in listed.tools)
        made_run = await told(client, "submit_ticket", text=TICKET, name="shout")
        run = made_run["run"]
        assert (made_run["state"], made_run["base_gates"]) == ("running", ["tests: 1 test passed"])
        assert [line["id"] for line in (await told(client, "list_runs"))["runs"]] == [run]
        assert (await told(client, "list_runs", waiting=True))["runs"] == []
        assert (await told(client, "get_run", run=run))["title"]
        assert "created" in {entry["kind"] for entry in (await told(client, "get_log", run=run))["entries"]}
        assert (await told(client, "list_artifacts", run=run))["artifacts"] == []
        assert (await told(client, "list_findings", run=run))["objections"] == []
        assert (await told(client, "get_evidence", run=run))["run"] == run

        allow = Question(id="q-b", question="May I reach a host?", requests=("network:a.example:443",))
        await ask(repository, run, Question(id="q-a", question="Which currency?"), allow)
        assert "only a person allows" in await refused(client, "answer_question", run=run, answer="yes", question="q-b")
        answered = await told(client, "answer_question", run=run, answer="Euro", question="q-a")
        assert answered["run"] == run
        questions = (await told(client, "get_run", run=run))["questions"]
        assert [(one["id"], one.get("answer"), one.get("by")) for one in questions] == [
            ("q-a", "Euro", "Ann (over MCP)"),
            ("q-b", "", ""),
        ]
        assert (await told(client, "get_run", run=run))["approvals"] == []
        house = await House.open(repository)
        assert house.store.approvals(run, 1) == [], "nobody's key signs what an agent says"
        await house.close()

        for tool in ("approve", "reject", "setpoint_approve", "commands"):
            assert "unknown tool" in (await refused(client, tool, run=run)).casefold()
        assert "next: " in await refused(client, "get_artifact", run=run, name="plan")
        assert "no run" in (await refused(client, "get_run", run="zzzz")).casefold()
        assert "next: " in await refused(client, "submit_ticket", text="Make it nice.")


def test_nothing_in_the_face_for_agents_can_reach_an_approval() -> None:
    reached = {name for tool in vars(Tools).values() if callable(tool) for name in tool.__code__.co_names}
    assert reached.isdisjoint({"approve", "reject", "retry", "resume", "cancel", "give", "take", "approval_key"})
    assert {"answer", "submit"} <= reached


async def test_the_tools_are_the_methods_and_no_others(repository: Path) -> None:
    listed = await made(house_at(repository)).list_tools()
    assert {tool.name for tool in listed} == TOOLS


@asynccontextmanager
async def served(repository: Path, home: Path) -> AsyncIterator[str]:
    """The address of `setpoint mcp --http`."""
    process = await asyncio.create_subprocess_exec(
        *(SETPOINT, "mcp", "--http", "--port", "0"),
        cwd=repository,
        env=environment(home),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        yield (await process.stdout.readline()).decode().strip()
    finally:
        process.terminate()
        await process.wait()


async def test_over_http_only_who_bears_the_token_is_heard(repository: Path, tmp_path: Path) -> None:
    async with served(repository, tmp_path) as address:
        token = (repository / ".setpoint" / "mcp-token").read_text()
        assert (repository / ".setpoint" / "mcp-token").stat().st_mode & 0o077 == 0
        asked = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
        async with httpx2.AsyncClient() as stranger:
            for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": token}):
                assert (await stranger.post(address, json=asked, headers=headers)).status_code == 401
            foreign = {"Authorization": f"Bearer {token}", "Host": "evil.example"}
            assert (await stranger.post(address, json=asked, headers=foreign)).status_code == 421
        bearer = httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"})
        async with bearer, Client(streamable_http_client(address, http_client=bearer)) as client:
            assert {tool.name for tool in (await client.list_tools()).tools} == TOOLS
            assert (await told(client, "list_runs"))["runs"] == []


def test_the_skill_is_printed_and_installed_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from setpoint.cli.main import run

    assert run(["skill"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("---\nname: using-setpoint\ndescription: ")
    assert run(["skill", "--install", str(tmp_path)]) == 0
    place = tmp_path / "using-setpoint" / "SKILL.md"
    assert place.read_text().strip() == text.strip()
    assert run(["skill", "--install", str(tmp_path)]) == 0
    place.write_text("mine")
    assert run(["skill", "--install", str(tmp_path)]) == 2
    assert place.read_text() == "mine"
    assert "next:" in capsys.readouterr().err

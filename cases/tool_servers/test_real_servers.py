"""The servers of docs/mcp.md, as their registries have them, each started for real in the sandbox and used.

`make test-mcp`. They are fetched once; what only a far service can answer is asked for in vain, and said.
"""

import asyncio
import json
import socket
import ssl
import subprocess
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psycopg
import pytest

from setpoint.model.tool_servers import Offered
from setpoint.policy.rules import Rules
from setpoint.testing.browsers import chromium
from setpoint.testing.npm_packages import installed
from setpoint.testing.postgres import postgres
from setpoint.testing.tool_ground import ToolGround, call

PACKAGES = {
    "@modelcontextprotocol/server-github": "2025.4.8",
    "@modelcontextprotocol/server-postgres": "0.6.2",
    "@playwright/mcp": "0.0.83",
    "@upstash/context7-mcp": "4.1.1",
    "github-enterprise-mcp-server": "1.1.2",
}
HELD = "ghp_" + "x1" * 18


@pytest.fixture(scope="session")
def packages() -> Path:
    return installed(PACKAGES)


@pytest.fixture(scope="session")
def browser() -> Path:
    return chromium()


@pytest.fixture
def ground(tmp_path: Path, packages: Path, browser: Path) -> ToolGround:
    return ToolGround(tmp_path, shown=(packages, browser.parent), secrets={"GITHUB_TOKEN": HELD})


def program(packages: Path, name: str, *arguments: str) -> tuple[str, ...]:
    return ("node", str((packages / "node_modules" / ".bin" / name).resolve()), *arguments)


def offered(name: str, command: tuple[str, ...], **more: object) -> Offered:
    told = {"name": name, "command": command, "allowed": (("*",),), "heavy_tokens": 3000, "seconds": 90}
    return Offered.model_validate({**told, **more})


async def test_github_lists_its_tools_and_reaches_nothing_that_is_not_opened(
    ground: ToolGround, packages: Path
) -> None:
    server = offered(
        "github",
        program(packages, "mcp-server-github"),
        env={"GITHUB_PERSONAL_ACCESS_TOKEN": "env:GITHUB_TOKEN"},
        network=("api.github.com",),
        allowed=(("get_*", "list_*", "search_*"),),
    )
    closed = Rules(hosts=(("elsewhere.example:443",),))
    async with ground.up(server, rules=closed) as up:
        assert {"github__get_issue", "github__list_issues", "github__search_code"} <= set(up.tools)
        assert "github__create_issue" not in up.tools
        told = await up.call(call("github__get_issue", owner="a", repo="b", issue_number=1), 60)
    assert told.failed
    assert HELD not in told.text
    assert ("network", "api.github.com:443", "ask") in ground.decided
    assert up.notes[0]["tokens"] > 1000


class Answers(BaseHTTPRequestHandler):
    """Answers in JSON, and is quiet about it."""

    def tell(self, found: object, status: int = 200) -> None:
        content = json.dumps(found).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        return


class Library(Answers):
    """Answers as the documentation service does."""

    asked: list[str] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        found = {
            "results": [
                {
                    "id": "/pallets/flask", "title": "Flask", "description": "A web framework", "branch": "main",
                    "lastUpdateDate": "2026-01-01", "state": "finalized", "totalTokens": 1, "totalSnippets": 1,
                    "totalPages": 1, "stars": 1, "trustScore": 9, "versions": [],
                }
            ]
        }  # fmt: skip
        self.tell(found)


@contextmanager
def served(answers: type[Answers], certificate: Path | None = None) -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), answers)
    if certificate is not None:
        secure = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        secure.load_cert_chain(certificate)
        server.socket = secure.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield int(server.server_address[1])
    server.shutdown()


async def test_documentation_is_looked_up_where_its_service_is(ground: ToolGround, packages: Path) -> None:
    with served(Library) as port:
        server = offered(
            "docs",
            program(packages, "context7-mcp"),
            env={"CONTEXT7_API_URL": f"http://localhost:{port}/api"},
            network=(f"localhost:{port}=127.0.0.1",),
        )
        async with ground.up(server) as up:
            assert "docs__resolve-library-id" in up.tools
            asked = {"query": "routes in flask", "libraryName": "flask"}
            told = await up.call(call("docs__resolve-library-id", **asked), 60)
    assert not told.failed, told.text
    assert "/pallets/flask" in told.text
    assert any("flask" in path for path in Library.asked)


ISSUE = {
    "number": 7,
    "title": "Orders lose their time zone",
    "body": "Taken at 23:30 in Lisbon, kept as the next day's.",
}


class GitHub(Answers):
    """Answers as the API of a GitHub does, of one issue."""

    asked: list[tuple[str, str, str]] = []

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.asked.append((self.command, path, self.headers.get("Authorization", "")))
        found = {"/api/v3/user": {"login": "ann"}, "/api/v3/repos/shop/orders/issues/7": ISSUE}.get(path)
        self.tell(found or {"message": "Not Found"}, 200 if found else 404)


def certified(folder: Path) -> Path:
    """A certificate for the loopback, with its key in the same file."""
    place = folder / "github.pem"
    words = ["-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"]
    words += ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", "-", "-out", "-"]
    place.write_bytes(subprocess.run(["openssl", "req", *words], check=True, capture_output=True).stdout)
    return place


async def test_an_issue_of_a_github_comes_back_with_its_text_and_nothing_else_is_reached(
    ground: ToolGround, packages: Path, tmp_path: Path
) -> None:
    held = certified(tmp_path)
    certificate = ground.shown / "github.crt"
    certificate.write_text(held.read_text().partition("-----END PRIVATE KEY-----")[2].strip() + "\n")
    with served(GitHub, held) as port, served(Library) as other:
        server = offered(
            "github",
            program(packages, "github-enterprise-mcp-server"),
            env={
                "GITHUB_ENTERPRISE_TOKEN": "env:GITHUB_TOKEN",
                "GITHUB_ENTERPRISE_ENDPOINT": "https://localhost:8443",
                "NODE_EXTRA_CA_CERTS": str(certificate),
            },
            network=(f"localhost:{port}=127.0.0.1",),
            tunnels={8443: f"localhost:{port}"},
            allowed=(("github-issue-get", "github-issue-list"),),
        )
        async with ground.up(server) as up:
            assert sorted(up.tools) == ["github__github-issue-get", "github__github-issue-list"]
            asked = {"owner": "shop", "repo": "orders"}
            told = await up.call(call("github__github-issue-get", **asked, issue_number=7), 60)
            gone = await up.call(call("github__github-issue-get", **asked, issue_number=8), 60)
        elsewhere = server.model_copy(update={"tunnels": {8443: f"localhost:{other}"}})
        async with ground.up(elsewhere) as up:
            assert not up.tools
    assert not told.failed, told.text
    assert str(ISSUE["body"]) in told.text
    assert gone.failed
    issues = "/api/v3/repos/shop/orders/issues"
    paths = {"/api/v3/user", f"{issues}/7", f"{issues}/8"}
    assert {(how, path) for how, path, _ in GitHub.asked} == {("GET", path) for path in paths}
    assert {key.partition(" ")[2] for _, _, key in GitHub.asked} == {HELD}
    assert HELD not in told.text + gone.text
    assert {subject for kind, subject, _ in ground.decided if kind == "network"} == {f"localhost:{port}"}


PAGE = "<!doctype html><html lang=en><title>Shop</title><h1>Orders</h1><button>Order</button></html>"


async def test_a_browser_uses_the_running_app_and_its_picture_is_kept(
    ground: ToolGround, packages: Path, browser: Path
) -> None:
    (ground.folder / "index.html").write_text(PAGE)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = " ".join(
        program(
            packages, "playwright-mcp", "--headless", "--isolated", "--no-sandbox", "--executable-path", str(browser)
        )
    )
    served = f"python3 -m http.server --bind 127.0.0.1 {port} >/dev/null 2>&1 </dev/null"
    app = f"{served} & exec {words} --output-dir /tmp/out"
    server = offered("browser", ("sh", "-c", app), workspace=True, allowed=(("browser_*",),), memory_mib=2048)
    async with ground.up(server) as up:
        opened = await up.call(call("browser__browser_navigate", url=f"http://127.0.0.1:{port}/"), 90)
        assert not opened.failed, opened.text
        seen = await up.call(call("browser__browser_snapshot"), 60)
        assert "Orders" in seen.text
        shot = await up.call(call("browser__browser_take_screenshot"), 60)
    assert not shot.failed, shot.text
    (name,) = shot.pictures
    assert len(ground.kept[name]) > 1000
    assert "warning" in up.notes[0] or up.notes[0]["tokens"] < 3000


@asynccontextmanager
async def over_tcp(place: Path) -> AsyncIterator[int]:
    """A port of loopback that leads to the unix socket of a database."""

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(65536):
            writer.write(piece)
            await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_unix_connection(place)
        await asyncio.gather(copy(reader, far_writer), copy(far_reader, writer), return_exceptions=True)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


async def test_a_database_is_asked_through_a_tunnel_and_not_written(ground: ToolGround, packages: Path) -> None:
    with postgres() as database:
        url = database.database()
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE TABLE orders (name text)")
            connection.execute("INSERT INTO orders VALUES ('Ann')")
        name = url.partition("@/")[2].partition("?")[0]
        async with over_tcp(next(database.folder.glob(".s.PGSQL.*[0-9]"))) as port:
            server = offered(
                "db",
                program(packages, "mcp-server-postgres", f"postgresql://postgres@127.0.0.1:{port}/{name}"),
                network=(f"localhost:{port}=127.0.0.1",),
                tunnels={port: f"localhost:{port}"},
            )
            async with ground.up(server) as up:
                assert list(up.tools) == ["db__query"]
                told = await up.call(call("db__query", sql="SELECT name FROM orders"), 60)
                dropped = await up.call(call("db__query", sql="DELETE FROM orders"), 60)
        assert not told.failed, told.text
        assert "Ann" in told.text
        assert dropped.failed
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT count(*) FROM orders").fetchone() == (1,)

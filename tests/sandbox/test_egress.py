"""The only way out of a sandbox: named hosts through a proxy, everything else refused and told."""

import asyncio
import contextlib
import ipaddress
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from levels_here import CONTAINED, MADE

from setpoint.adapters.egress.addresses import RefusedHostError, addresses, allowed
from setpoint.adapters.egress.proxy import AT_ONCE, SOCKET, egress
from setpoint.adapters.sandboxes.bubblewrap import Bubblewrap
from setpoint.config import parse
from setpoint.errors import ConfigError, SandboxError
from setpoint.model.command import Completed
from setpoint.model.network import destination
from setpoint.testing.sandbox_contract import python, shell

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nthere"
FETCH = """
import http.client, sys, urllib.request
for url in sys.argv[1:]:
    try:
        print(urllib.request.urlopen(url, timeout=20).read().decode())
    except (OSError, http.client.HTTPException) as error:
        print(getattr(error, "code", error), getattr(error, "read", bytes)().decode())
"""
TUNNEL = """
import http.client, os, sys, urllib.parse
proxy = urllib.parse.urlsplit(os.environ["HTTPS_PROXY"])
line = http.client.HTTPConnection(proxy.hostname, proxy.port, timeout=20)
line.set_tunnel(sys.argv[1], int(sys.argv[2]))
try:
    line.request("GET", "/")
    print(line.getresponse().read().decode())
except OSError as error:
    print(error)
"""


@pytest.fixture
async def heard() -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server on loopback: its port, and the heads it was sent."""
    heads: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):
            heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(ANSWER)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1], heads
    server.close()


async def run(
    folder: Path, program: str, *words: str, network: tuple[str, ...], level: str = "bubblewrap"
) -> Completed:
    command = python(folder, program, network=network)
    return await MADE[level]().run(command.model_copy(update={"argv": (*command.argv, *words)}))


@pytest.mark.parametrize("level", CONTAINED)
async def test_a_named_host_is_reached_and_counted(tmp_path: Path, heard: tuple[int, list[bytes]], level: str) -> None:
    port, heads = heard
    name = f"shop.test:{port}"
    done = await run(tmp_path, FETCH, f"http://{name}/a?b=1", network=(f"{name}=127.0.0.1",), level=level)
    assert done.stdout == "there\n"
    (one,) = done.connections
    assert (one.host, one.allowed, one.times, one.received) == (name, True, 1, len(ANSWER))
    assert heads[0].startswith(b"GET /a?b=1 HTTP/1.1\r\nHost: " + name.encode())


async def test_what_goes_through_a_tunnel_is_not_looked_into(tmp_path: Path, heard: tuple[int, list[bytes]]) -> None:
    port, heads = heard
    done = await run(tmp_path, TUNNEL, "shop.test", str(port), network=(f"shop.test:{port}=127.0.0.1",))
    assert done.stdout == "there\n"
    assert heads[0].startswith(b"GET / HTTP/1.1")


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://other.test:{port}/", "it is not named"),
        ("http://shop.test:1/", "it is not named"),
        ("http://a.shop.test:{port}/", "it is not named"),
        ("http://shop.test.other:{port}/", "it is not named"),
        ("http://10.0.0.1:{port}/", "an address, not a name"),
        ("http://0x7f000001:{port}/", "an address, not a name"),
        ("http://2130706433:{port}/", "an address, not a name"),
        ("http://shop.test@other.test:{port}/", "it is not named"),
    ],
)
async def test_what_is_not_named_is_refused_and_told(
    tmp_path: Path, heard: tuple[int, list[bytes]], url: str, why: str
) -> None:
    port, heads = heard
    done = await run(tmp_path, FETCH, url.format(port=port), network=(f"shop.test:{port}=127.0.0.1",))
    assert done.stdout.startswith("403 setpoint: ")
    assert [one.allowed for one in done.connections] == [False]
    assert why in done.connections[0].why
    assert heads == []


async def test_there_is_no_way_beside_the_proxy(tmp_path: Path, heard: tuple[int, list[bytes]]) -> None:
    port, heads = heard
    straight = f"import socket; socket.create_connection(('127.0.0.1', {port}), 5)"
    done = await run(tmp_path, straight, network=(f"shop.test:{port}=127.0.0.1",))
    assert "ConnectionRefusedError" in done.stderr
    assert heads == []


async def test_a_name_that_leads_to_a_private_address_needs_that_address_beside_it(
    tmp_path: Path, heard: tuple[int, list[bytes]]
) -> None:
    port, heads = heard
    done = await run(tmp_path, TUNNEL, "localhost", str(port), network=(f"localhost:{port}",))
    assert "403" in done.stdout
    assert "private" in done.connections[0].why
    done = await run(tmp_path, TUNNEL, "localhost", str(port), network=(f"localhost:{port}=10.0.0.0/8",))
    assert "outside of 10.0.0.0/8" in done.connections[0].why
    assert heads == []
    done = await run(tmp_path, TUNNEL, "localhost", str(port), network=(f"localhost:{port}=127.0.0.0/8",))
    assert done.stdout == "there\n"


async def test_a_client_cannot_ask_a_named_host_for_another(tmp_path: Path, heard: tuple[int, list[bytes]]) -> None:
    port, heads = heard
    async with egress([f"shop.test:{port}=127.0.0.1"]) as way:
        head = f"GET http://shop.test:{port}/ HTTP/1.1\r\nHost: inner.test\r\nProxy-Authorization: x\r\n\r\n"
        assert (await _said(way.folder, head.encode())).startswith(b"HTTP/1.1 200")
    assert b"inner.test" not in heads[0]
    assert b"Proxy-Auth" not in heads[0]


async def _said(folder: Path, head: bytes) -> bytes:
    reader, writer = await asyncio.open_unix_connection(folder / SOCKET)
    writer.write(head)
    writer.write_eof()
    try:
        return await reader.read()
    finally:
        writer.close()


@pytest.mark.parametrize(
    "head",
    [
        b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET https://shop.test/ HTTP/1.1\r\n\r\n",
        b"CONNECT shop.test HTTP/1.1\r\n\r\n",
        b"CONNECT shop.test:99999 HTTP/1.1\r\n\r\n",
        b"GET http://[:80/ HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01 not http\r\n\r\n",
        b"GET http://shop.test/ SMTP\r\n\r\n",
    ],
)
async def test_what_is_no_request_is_answered_and_closed(head: bytes) -> None:
    async with egress(["shop.test:80"]) as way:
        assert (await _said(way.folder, head)).startswith(b"HTTP/1.1 40")


async def test_a_head_without_end_is_closed() -> None:
    async with egress(["shop.test:80"]) as way:
        assert await _said(way.folder, b"GET http://shop.test/ HTTP/1.1\r\nA: " + b"b" * 40_000) == b""


async def test_more_connections_than_its_bound_are_refused() -> None:
    async with egress(["shop.test:80"]) as way:
        held = [await asyncio.open_unix_connection(way.folder / SOCKET) for _ in range(AT_ONCE)]
        assert (await _said(way.folder, b"CONNECT shop.test:80 HTTP/1.1\r\n\r\n")).startswith(b"HTTP/1.1 503")
        for _, writer in held:
            writer.close()


async def test_nothing_is_left_of_it_when_the_command_ends(heard: tuple[int, list[bytes]]) -> None:
    host = f"shop.test:{heard[0]}"
    async with egress([f"{host}=127.0.0.1"]) as way:
        reader, writer = await asyncio.open_unix_connection(way.folder / SOCKET)
        writer.write(f"CONNECT {host} HTTP/1.1\r\n\r\n".encode())
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 200 Connection established\r\n\r\n"
    assert await reader.read() == b""
    writer.close()
    assert not way.folder.exists()


async def test_a_host_that_does_not_answer_is_said(tmp_path: Path, heard: tuple[int, list[bytes]]) -> None:
    done = await run(tmp_path, FETCH, "http://shop.test:9/", network=("shop.test:9=127.0.0.1",))
    assert done.stdout.startswith("502 setpoint: shop.test:9 does not answer")
    assert "does not answer" in done.connections[0].why


async def test_a_command_is_itself_with_or_without_a_way_out(tmp_path: Path) -> None:
    for network in ((), ("shop.test:80",)):
        assert (await Bubblewrap().run(shell(tmp_path, "cat; exit 3", network=network, stdin="in"))).exit_code == 3
        assert (await Bubblewrap().run(shell(tmp_path, "exec no-such-program", network=network))).exit_code == 127
        done = await Bubblewrap().run(shell(tmp_path, "echo out; echo err >&2; kill -TERM $$", network=network))
        assert (done.exit_code, done.stdout, done.stderr) == (143, "out\n", "err\n")


async def test_hosts_that_cannot_be_read_run_nothing(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="nothing was run"):
        await Bubblewrap().run(shell(tmp_path, "touch ran", network=("*",)))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "text",
    ["", "*", "*.test", "10.0.0.1", "::1", "[::1]:80", "0x7f.1:80", "a:0", "a:65536", "a:b", "a b", "a:80=x", "a/b"],
)
def test_what_names_no_host_is_refused_with_the_form(text: str) -> None:
    with pytest.raises(ValueError, match="`name:port`"):
        destination(text)
    with pytest.raises(ConfigError, match=r"gates\.audit\.network"):
        parse(f'[gates.audit]\nkind = "security"\nrun = ["audit"]\nnetwork = ["{text}"]', "setpoint.toml")


@pytest.mark.parametrize(
    ("text", "name", "port", "within"),
    [
        ("Shop.Test.", "shop.test", 443, ""),
        ("shop.test:8443", "shop.test", 8443, ""),
        ("localhost:80=127.0.0.1", "localhost", 80, "127.0.0.1/32"),
        ("mirror.test:443=10.0.0.0/8", "mirror.test", 443, "10.0.0.0/8"),
    ],
)
def test_hosts_are_read_as_they_are_written(text: str, name: str, port: int, within: str) -> None:
    told = destination(text)
    assert (told.name, told.port, told.within) == (name, port, within)


PRIVATE = (
    "10.0.0.0/8",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "0.0.0.0/8",
)


@given(st.sampled_from(PRIVATE).flatmap(lambda net: st.ip_addresses(v=4, network=net)))
def test_no_private_address_is_reached_in_any_dress(address: ipaddress.IPv4Address) -> None:
    number = int(address)
    dresses = [
        address,
        ipaddress.IPv6Address(0xFFFF << 32 | number),
        ipaddress.IPv6Address((0x2002 << 112) | number << 80),
    ]
    dresses.append(ipaddress.IPv6Address((0x0064FF9B << 96) | number))
    assert not any(allowed(one) for one in dresses)


async def test_a_name_nobody_knows_is_refused_not_tried() -> None:
    with pytest.raises(RefusedHostError, match="resolved"):
        await addresses(destination("no-such-name.invalid:80"))


@pytest.mark.parametrize(
    "head",
    [
        b"CONNECT " + b"a" * 10_000 + b":443 HTTP/1.1",
        b"GET http://" + b"a" * 10_000 + b"/ HTTP/1.1",
        "CONNECT shop.test:\u00b2 HTTP/1.1".encode("latin-1"),
        b"CONNECT shop.test:" + b"9" * 5_000 + b" HTTP/1.1",
        b"CONNECT :443 HTTP/1.1",
        b"CONNECT a\nb:443 HTTP/1.1",
        "CONNECT sh\u00f6p.test:443 HTTP/1.1".encode(),
        b"GET http://shop.test/ HTTP/1.1\r\nX: 1\nHost: other.test",
        b"GET http://shop.test/ HTTP/1.1\r\nX: 1\rHost: other.test",
        b"GET http://shop.test/ HTTP/1.1\r\nX: \x00",
    ],
)
async def test_a_malformed_request_is_answered_and_leaves_no_trace(head: bytes) -> None:
    async with egress(["shop.test:443", "shop.test:80"]) as way:
        reader, writer = await asyncio.open_unix_connection(str(way.folder / SOCKET))
        writer.write(head + b"\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 400 Bad Request")
        writer.close()
        assert way.connections() == ()

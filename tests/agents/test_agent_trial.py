"""Trying models whose servers lie, drip or cannot be reached: an answer in any case, never a crash."""

import asyncio

import pytest

from setpoint.adapters.agents.endpoint import Endpoint
from setpoint.adapters.agents.trial import try_models
from setpoint.errors import NotSignedInError
from setpoint.model.session import ModelRef
from setpoint.model.trial import Trial

REF = ModelRef(provider="ours", model="m")


async def tried(url: str, key: str | None = None, longest: float = 20.0) -> Trial:
    """What comes of one model there."""
    end = Endpoint(api="openai-chat", base_url=url, key=key)
    return (await try_models([REF], {"ours": end}, {REF: True}, longest))[0]


async def test_a_server_that_drips_without_an_end_is_left_in_time() -> None:
    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n")
        try:
            while not writer.is_closing():
                writer.write(b": still here\n")
                await writer.drain()
                await asyncio.sleep(0)
        except ConnectionError:
            return

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        found = await tried(f"http://127.0.0.1:{port}", longest=0.3)
    assert found.state == "bad"
    assert "took too long" in found.found


@pytest.mark.parametrize("port", ["99999", "abc", "-1"])
async def test_a_port_that_is_none_is_told(port: str) -> None:
    found = await tried(f"http://127.0.0.1:{port}/v1")
    assert found.state == "bad"
    assert "is not one" in found.found
    assert "base_url" in found.fix


@pytest.mark.parametrize("key", ["ключ", "k-123\n", "k\x00", "“k-123”"])
async def test_a_key_that_no_header_can_hold_is_told_and_not_shown(key: str) -> None:
    end = Endpoint(api="openai-chat", base_url="http://127.0.0.1:1", key=key)
    with pytest.raises(NotSignedInError, match="cannot be sent") as caught:
        end.signed("ours")
    assert key not in str(caught.value)
    assert (await tried("http://127.0.0.1:1", key)).signed_in is False

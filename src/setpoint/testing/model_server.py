"""A model that says what a script tells it, over HTTP on loopback, with faults where they are asked for.

Speaks Anthropic Messages, OpenAI Chat Completions, OpenAI Responses and Google's format, streamed and whole. In a test
it is a context manager; `python -m setpoint.testing.model_server --script FILE --port N` serves a recording by hand. It
keeps no state of a session: where a session stands is read from each request, so a repeat gets the same reply again.
"""

import argparse
import asyncio
import json
import signal
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..errors import RecordingError
from .model_formats import (
    ERRORS,
    MESSAGES,
    STREAM,
    WHOLE,
    Asked,
    Call,
    Step,
    error_body,
    error_event,
    found_at,
    items_of,
    system_of,
    tools_of,
    where,
)

HUGE = 2_000_000
LARGEST_REQUEST = 64 * 1024 * 1024
KEYS = ("x-api-key", "x-goog-api-key", "authorization")
"""Headers that carry a key."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong with one request."""

    kind: str
    """A status (`429`, `529`, `500`, `502`, `503`, `400`, `401`, `404`), `500x4`, `quota`, `reset`, `cut`,
    `stream_error`, `garbage`, `slow_first`, `hang`, `malformed`, `unknown_tool`, `empty`, `truncated`, `refused`,
    `huge_text` or `loop`."""
    seconds: float = 0.0
    """Of `429`: the retry-after; of `slow_first`: the wait."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Sent with an error instead of a retry-after."""
    told: Mapping[str, Any] = field(default_factory=dict)
    """Further fields of an error's object."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One request, as the script and the test see it."""

    number: int
    """Counted from 1 over all sessions."""
    api: str
    path: str
    headers: Mapping[str, str]
    raw: bytes
    body: dict[str, Any]
    system: str
    tools: tuple[str, ...]
    turns: int
    replies: int
    replies_in_turn: int
    first: str
    model: str
    streams: bool
    """Whether it wants its reply in events."""
    at: float = field(default_factory=time.monotonic)

    @property
    def submit(self) -> str:
        """The name of the session's submit tool."""
        return next((name for name in self.tools if name.startswith("submit_")), "")

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The conversation as it was sent."""
        found: list[dict[str, Any]] = self.body[MESSAGES.get(self.api, "messages")]
        return found


Script = Sequence[Step] | Callable[[Seen], Step]
"""The replies of one session in order, or a function of the request."""


def reply_of(script: Script, seen: Seen) -> Step | None:
    """The scripted reply; None when the script is over."""
    if callable(script):
        return script(seen)
    return script[seen.replies] if seen.replies < len(script) else None


def _faulty(step: Step, kind: str) -> Step:
    """The reply, spoilt."""
    first = step.calls[0] if step.calls else Call("read", {"path": "README.md"})
    match kind:
        case "malformed":
            return replace(step, calls=(replace(first, arguments='{"path": "unfinished'), *step.calls[1:]))
        case "unknown_tool":
            return replace(step, calls=(replace(first, name="no_such_tool"), *step.calls[1:]))
        case "empty":
            return Step(output_tokens=1)
        case "truncated":
            text = json.dumps(first.arguments)
            return Step(calls=(replace(first, arguments=text[: len(text) // 2]),), stop="truncated")
        case "refused":
            return Step(text="No.", stop="refused")
        case "huge_text":
            return replace(step, text="word " * (HUGE // 5))
        case "loop":
            return Step(calls=(Call("read", {"path": "README.md"}),))
    return step


class ScriptedModel:
    """The server, on a thread of its own while the context is open."""

    def __init__(
        self,
        script: Script,
        *,
        faults: Mapping[int, str | Fault] | None = None,
        key: str = "",
        signed: Mapping[str, str] | None = None,
        refuses: str = "",
        streams: bool = True,
        port: int = 0,
    ) -> None:
        self._script = script
        self._key = key
        """What requests must be signed with; empty: anything goes."""
        self._signed = dict(signed or {})
        """Headers without which a request is turned away; of a header that is a list, one of its entries will do."""
        self._refuses = refuses
        """A field of requests that is answered with an error naming it."""
        self._streams = streams
        """Whether a request for a stream gets one; some servers answer whole."""
        self._port = port
        self._faults: dict[int, Fault] = {}
        self._loop_from: int | None = None
        for number, given in (faults or {}).items():
            self._plan(number, given if isinstance(given, Fault) else Fault(given))
        self.requests: list[Seen] = []
        self._ready = threading.Event()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._open: set[_Connection] = set()

    def _plan(self, number: int, fault: Fault) -> None:
        if fault.kind == "loop":
            self._loop_from = number
        elif fault.kind == "500x4":
            self._faults |= {number + later: Fault("500") for later in range(4)}
        else:
            self._faults[number] = fault

    @property
    def root(self) -> str:
        """Base URL of the Anthropic format."""
        return f"http://127.0.0.1:{self._port}"

    def base_url(self, api: str) -> str:
        """What a client of `api` is configured with."""
        return f"{self.root}/v1" if api.startswith("openai") else self.root

    def __enter__(self) -> "ScriptedModel":
        self._thread = threading.Thread(target=self._serve, name="scripted-model", daemon=True)
        self._thread.start()
        if not self._ready.wait(10):
            raise RuntimeError("the scripted model did not start")
        return self

    def __exit__(self, *_: object) -> None:
        assert self._loop is not None
        assert self._thread is not None
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _serve(self) -> None:
        self._loop = loop = asyncio.new_event_loop()
        server = loop.run_until_complete(loop.create_server(lambda: _Connection(self), "127.0.0.1", self._port))
        self._port = server.sockets[0].getsockname()[1]
        self._ready.set()
        try:
            loop.run_forever()
        finally:
            server.close()
            for connection in list(self._open):
                connection.abort()
            loop.run_until_complete(asyncio.sleep(0))
            loop.close()

    def opened(self, connection: "_Connection") -> None:
        """Remember a connection until it is lost."""
        self._open.add(connection)

    def lost(self, connection: "_Connection") -> None:
        """Forget it."""
        self._open.discard(connection)

    def answer(self, connection: "_Connection", path: str, headers: dict[str, str], raw: bytes) -> None:
        """Reply to one request."""
        asked = found_at(path)
        if asked is None:
            connection.whole(404, {"error": {"type": "not_found_error", "message": f"no {path} here"}})
            return
        api = asked.api
        if asked.counts:
            connection.whole(200, {"totalTokens": len(raw) // 4})
            return
        seen = self._noted(asked, path, headers, raw)
        given = next((headers[name] for name in KEYS if headers.get(name)), "").removeprefix("Bearer ")
        if (self._key and given != self._key) or not self._lets_in(headers):
            connection.whole(*error_body(api, "401", "wrong key"))
            return
        if self._refuses and self._refuses in seen.body:
            told = {"type": "invalid_request_error", "param": self._refuses, "message": "not for this model"}
            connection.whole(400, {"type": "error", "error": told})
            return
        fault = self._faults.get(seen.number, Fault(""))
        if self._loop_from is not None and seen.number >= self._loop_from:
            fault = Fault("loop")
        if fault.kind in ERRORS:
            extra = {"retry-after": f"{fault.seconds:g}"} if fault.kind == "429" and not fault.told else {}
            status, body = error_body(api, fault.kind, f"fault {fault.kind}")
            body["error"] |= fault.told
            connection.whole(status, body, fault.headers or extra)
        elif fault.kind != "hang":
            self._say(connection, seen, fault)

    def _lets_in(self, headers: Mapping[str, str]) -> bool:
        known = {name.lower(): value for name, value in headers.items()}
        by_key = "x-api-key" in known and "authorization" in self._signed  # a sign-in is no key
        return not by_key and all(
            value in (known.get(name, ""), *known.get(name, "").split(",")) for name, value in self._signed.items()
        )

    def _noted(self, asked: Asked, path: str, headers: dict[str, str], raw: bytes) -> Seen:
        body = json.loads(raw)
        turn = where(items_of(asked.api, body))
        seen = Seen(
            number=len(self.requests) + 1,
            api=asked.api,
            path=path,
            headers=headers,
            raw=raw,
            body=body,
            system=system_of(asked.api, body),
            tools=tools_of(asked.api, body),
            turns=turn.turns,
            replies=turn.replies,
            replies_in_turn=turn.replies_in_turn,
            first=turn.first,
            model=asked.model or str(body.get("model")),
            streams=asked.streams or bool(body.get("stream")),
        )
        self.requests.append(seen)
        return seen

    def _say(self, connection: "_Connection", seen: Seen, fault: Fault) -> None:
        try:
            step = reply_of(self._script, seen)
        except RecordingError as error:
            connection.whole(*error_body(seen.api, "400", str(error)))
            return
        if step is None and fault.kind != "loop":
            connection.whole(*error_body(seen.api, "400", "the script is over"))
            return
        step = _faulty(step or Step(), fault.kind)
        if not seen.streams or not self._streams:
            connection.whole(200, WHOLE[seen.api](step, seen.model, seen.number))
            return
        events = STREAM[seen.api](step, seen.model, seen.number)
        begun = events[: min(max(2, len(events) - 3), len(events) - 1)]
        if fault.kind == "slow_first":
            asyncio.get_running_loop().call_later(fault.seconds, connection.stream, events)
        elif fault.kind in ("reset", "cut"):
            connection.broken(begun, reset=fault.kind == "reset")
        elif fault.kind == "stream_error":
            connection.stream([*begun, error_event(seen.api)])
        elif fault.kind == "garbage":
            connection.stream([events[0], b"data: {not json\n\n"])
        else:
            connection.stream(events)


class _Connection(asyncio.Protocol):
    """One kept-alive HTTP/1.1 connection."""

    def __init__(self, server: ScriptedModel) -> None:
        self._server = server
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._server.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._server.lost(self)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", "0"))
        if length > LARGEST_REQUEST or first.split(" ")[0] != "POST":
            self.whole(405, {"error": {"type": "invalid_request_error", "message": "only POST"}})
            return
        if len(rest) >= length:
            self._buffer = rest[length:]
            self._server.answer(self, first.split(" ")[1], headers, rest[:length])

    def _send(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def whole(self, status: int, body: dict[str, Any], headers: Mapping[str, str] | None = None) -> None:
        """A reply in one piece."""
        data = json.dumps(body).encode()
        fields = {"content-type": "application/json", "content-length": str(len(data)), **(headers or {})}
        self._send(_head(status, fields) + data)

    def stream(self, events: Sequence[bytes]) -> None:
        """A streamed reply, to its end."""
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(event), event) for event in events)
        fields = {"content-type": "text/event-stream", "transfer-encoding": "chunked"}
        self._send(_head(200, fields) + chunks + b"0\r\n\r\n")

    def broken(self, events: Sequence[bytes], *, reset: bool) -> None:
        """A streamed reply whose connection ends in its middle: by a reset, or as cleanly as a whole one."""
        self._send(_head(200, {"content-type": "text/event-stream", "connection": "close"}) + b"".join(events))
        if self._transport is None:
            return
        if reset:
            raw: socket.socket = self._transport.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._transport.abort()
        else:
            self._transport.close()

    def abort(self) -> None:
        """Drop the connection."""
        if self._transport is not None:
            self._transport.abort()


def _head(status: int, fields: Mapping[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} Scripted", *(f"{name}: {value}" for name, value in fields.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def main(argv: Sequence[str] | None = None) -> int:
    """Serve a recording until interrupted."""
    from .model_script import from_recording

    parser = argparse.ArgumentParser(description="A model that replays a recording over HTTP on loopback.")
    parser.add_argument("--script", type=Path, required=True, help="a recording (docs/recordings.md)")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--fault", action="append", default=[], metavar="N=KIND", help="spoil request N")
    arguments = parser.parse_args(argv)
    faults = {int(number): kind for number, _, kind in (text.partition("=") for text in arguments.fault)}
    stops = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, stops)  # before the server's thread begins, which takes the mask over
    with ScriptedModel(from_recording(arguments.script), faults=faults, port=arguments.port) as server:
        print(f"ANTHROPIC_BASE_URL={server.base_url('anthropic')}", flush=True)
        print(f"OPENAI_BASE_URL={server.base_url('openai-responses')}", flush=True)
        print(f"GOOGLE_GEMINI_BASE_URL={server.base_url('google')}", flush=True)
        signal.sigwait(stops)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

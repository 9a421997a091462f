"""A scripted agent that speaks ACP, as a program of its own: `python3 acp_agent.py` on a bare Python.

It is what the big ones are in small: a loop over a model that it reaches at `ANTHROPIC_BASE_URL`, tools of its own, MCP
servers it is given, conversations it keeps in its home folder. What goes wrong with it is told by `ACP_FAULT`, at the
model request `ACP_AT`.
"""

import http.client
import json
import os
import queue
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

Json = dict[str, Any]
FAULT = os.environ.get("ACP_FAULT", "")
"""`crash`, `hang`, `garbage`, `mute`, `forgets`, `asks`, `serves`, `signed out`, `gives up`, `stops short`, `cannot
load`, `long line`; empty: none."""
AT = int(os.environ.get("ACP_AT", "0"))
VERSION = os.environ.get("ACP_VERSION", "1.0")
MAKER = os.environ.get("ACP_MAKER", "")
"""`openai`: it asks in the format of chat completions."""
KINDS = {"read": "read", "write": "edit", "edit": "edit", "search": "search", "shell": "execute"}
OPTIONS = [
    {"optionId": "always", "name": "Always", "kind": "allow_always"},
    {"optionId": "yes", "name": "Yes", "kind": "allow_once"},
    {"optionId": "no", "name": "No", "kind": "reject_once"},
]
RUBBISH = ('{"half": ', "[1, 2]", '"words"', "null", "warning: nothing is wrong", '{"jsonrpc": "2.0"}')
SIGN_IN, NO_METHOD, BROKEN = -32000, -32601, -32603


class Refused(Exception):
    """Answer with this error."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(words)
        self.code = code


class Server:
    """An MCP server, started as ACP's client says."""

    def __init__(self, about: Json) -> None:
        self._process = subprocess.Popen(
            [about["command"], *about["args"]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._number = 0
        self.name = about["name"]
        self.ask("initialize", {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "acp"}})
        self.tools: list[Json] = self.ask("tools/list", {})["tools"]

    def ask(self, method: str, params: Json) -> Json:
        """One request and its result."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._number += 1
        asked = {"jsonrpc": "2.0", "id": self._number, "method": method, "params": params}
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        answer: Json = json.loads(self._process.stdout.readline())
        found: Json = answer["result"]
        return found


class Peer:
    """The client's side of standard input and output."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: dict[str, queue.Queue[Json]] = {}

    def send(self, message: Json) -> None:
        """One message."""
        self.tell({"jsonrpc": "2.0", **message})

    def tell(self, line: Json) -> None:
        """One line; rubbish before it, where that is the fault."""
        with self._lock:
            if FAULT == "garbage":
                sys.stdout.write("\n".join(RUBBISH) + "\n")
            if FAULT == "long line":
                sys.stdout.write("x" * 200_000 + "\n")
            sys.stdout.write(json.dumps(line) + "\n")
            sys.stdout.flush()

    def update(self, session: str, about: str, **told: Any) -> None:
        """A notification of what is said or done."""
        update = {"sessionUpdate": about, **told}
        self.send({"method": "session/update", "params": {"sessionId": session, "update": update}})

    def waiting(self, number: str) -> "queue.Queue[Json]":
        """Where the answer to the request `number` will be."""
        answer = self._answers[number] = queue.Queue()
        return answer

    def ask(self, method: str, **params: Any) -> Json:
        """A request of ours, and its whole answer."""
        number = uuid.uuid4().hex
        answer = self.waiting(number)
        self.send({"id": number, "method": method, "params": params})
        return answer.get()

    def answered(self, message: Json) -> None:
        """An answer came in."""
        if message["id"] in self._answers:
            self._answers[message["id"]].put(message)


class Session:
    """One conversation, kept in the home folder."""

    def __init__(self, name: str, cwd: str, servers: Sequence[Json], messages: list[Json]) -> None:
        self.name, self.cwd, self.messages = name, cwd, messages
        self.servers = [Server(about) for about in servers]
        self.cancelled = threading.Event()

    def save(self) -> None:
        """Keep it for a later process."""
        place = _place(self.name)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(json.dumps(self.messages))


def _in_messages(session: Session, listed: Sequence[tuple[str, Json]]) -> tuple[str, Json]:
    """Path and body of a request."""
    tools = [{"name": name, "input_schema": schema} for name, schema in listed]
    told = {"model": os.environ["ANTHROPIC_MODEL"], "max_tokens": 1000}
    return "/v1/messages", {**told, "tools": tools, "messages": session.messages}


def _in_chat(session: Session, listed: Sequence[tuple[str, Json]]) -> tuple[str, Json]:
    """The same as chat completions have it."""
    tools = [{"type": "function", "function": {"name": name, "parameters": schema}} for name, schema in listed]
    messages = [item for message in session.messages for item in _as_chat(message)]
    return "/v1/chat/completions", {"model": os.environ["ANTHROPIC_MODEL"], "tools": tools, "messages": messages}


def _as_chat(message: Json) -> list[Json]:
    found: dict[str, list[Json]] = {"tool_result": [], "text": [], "tool_use": []}
    for block in message["content"]:
        found[block["type"]].append(block)
    if found["tool_result"]:
        return [
            {"role": "tool", "tool_call_id": block["tool_use_id"], "content": block["content"]}
            for block in found["tool_result"]
        ]
    calls = [
        {
            "id": call["id"],
            "type": "function",
            "function": {"name": call["name"], "arguments": json.dumps(call["input"])},
        }
        for call in found["tool_use"]
    ]
    said = {"role": message["role"], "content": "".join(block["text"] for block in found["text"])}
    return [{**said, "tool_calls": calls} if calls else said]


def _from_chat(reply: Json) -> Json:
    """A reply of chat completions as blocks."""
    said = reply["choices"][0]["message"]
    content: list[Json] = [{"type": "text", "text": said["content"]}] if said.get("content") else []
    for call in said.get("tool_calls") or ():
        told = call["function"]
        given = json.loads(told["arguments"])
        content.append({"type": "tool_use", "id": call["id"], "name": told["name"], "input": given})
    return {"content": content}


def _place(name: str) -> Path:
    return Path.home() / ".scripted" / f"{name}.json"


class Agent:
    """Answers its client."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.sessions: dict[str, Session] = {}
        self.served: Json = {}
        self.requests = 0
        self._do: dict[str, Callable[[Json], Json | None]] = {
            "initialize": self.initialize,
            "session/new": self.new,
            "session/load": self.load,
            "session/prompt": self.prompt,
            "session/cancel": self.cancel,
        }

    def run(self) -> None:
        """Until the client says no more."""
        for line in sys.stdin:
            message = json.loads(line)
            if "method" not in message:
                self.peer.answered(message)
            elif message["method"] == "session/prompt":
                threading.Thread(target=self.take, args=(message,), daemon=True).start()
            else:
                self.take(message)

    def take(self, message: Json) -> None:
        """One request or notification."""
        do = self._do.get(message["method"])
        try:
            if do is None:
                raise Refused(NO_METHOD, message["method"])
            result = do(message.get("params") or {})
        except Refused as refused:
            self.peer.send({"id": message.get("id"), "error": {"code": refused.code, "message": str(refused)}})
            return
        if "id" in message and result is not None:
            self.peer.send({"id": message["id"], "result": result})

    def initialize(self, params: Json) -> Json | None:
        if FAULT == "mute":
            return None
        self.served = (params.get("clientCapabilities") or {}).get("fs") or {}
        return {
            "protocolVersion": params["protocolVersion"],
            "agentInfo": {"name": "scripted", "version": VERSION},
            "agentCapabilities": {"loadSession": FAULT != "cannot load"},
        }

    def new(self, params: Json) -> Json:
        if FAULT == "signed out":
            raise Refused(SIGN_IN, "Authentication required")
        return self.begin(uuid.uuid4().hex, params, [])

    def load(self, params: Json) -> Json:
        place = _place(params["sessionId"])
        if FAULT == "forgets" or not place.exists():
            raise Refused(BROKEN, "no such session")
        messages = json.loads(place.read_text())
        for _ in messages:
            self.peer.update(
                params["sessionId"], "agent_message_chunk", content={"type": "text", "text": "[played back]"}
            )
        return self.begin(params["sessionId"], params, messages)

    def begin(self, name: str, params: Json, messages: Sequence[Json] = ()) -> Json:
        """A conversation of that name."""
        self.sessions[name] = Session(name, params["cwd"], params["mcpServers"], list(messages))
        return {"sessionId": name}

    def cancel(self, params: Json) -> None:
        self.sessions[params["sessionId"]].cancelled.set()

    # -- a turn -----------------------------------------------------------------------------------------------------

    def prompt(self, params: Json) -> Json:
        session = self.sessions[params["sessionId"]]
        session.cancelled.clear()
        text = "".join(block["text"] for block in params["prompt"])
        session.messages.append({"role": "user", "content": [{"type": "text", "text": text}]})
        done: queue.Queue[Json | Refused] = queue.Queue()

        def work() -> None:
            try:
                done.put({"stopReason": self._turn(session)})
            except Refused as refused:
                done.put(refused)

        threading.Thread(target=work, daemon=True).start()
        while True:
            try:
                found = done.get(timeout=0.01)
            except queue.Empty:
                if session.cancelled.is_set():
                    return {"stopReason": "cancelled"}
                continue
            if isinstance(found, Refused):
                raise found
            return found

    def _turn(self, session: Session) -> str:
        while not session.cancelled.is_set():
            reply = self._asked(session)
            session.messages.append({"role": "assistant", "content": reply["content"]})
            for block in reply["content"]:
                if block["type"] == "text":
                    self.peer.update(session.name, "agent_message_chunk", content=block)
            calls = [block for block in reply["content"] if block["type"] == "tool_use"]
            if not calls or (FAULT == "stops short" and self.requests == AT):
                session.messages = session.messages if not calls else session.messages[:-1]
                session.save()
                return "end_turn"
            results = [self._used(session, call) for call in calls]
            session.messages.append({"role": "user", "content": results})
            session.save()
        return "cancelled"

    def _asked(self, session: Session) -> Json:
        self.requests += 1
        if self.requests == AT:
            if FAULT == "crash":
                sys.stderr.write("scripted: something is broken\n")
                sys.stderr.flush()
                os._exit(7)
            if FAULT == "hang":
                time.sleep(3600)
            if FAULT == "gives up":
                raise Refused(BROKEN, "no more of this")
        listed: list[tuple[str, Json]] = [(name, {"type": "object"}) for name in KINDS]
        listed += [(tool["name"], tool["inputSchema"]) for server in session.servers for tool in server.tools]
        path, body = _in_chat(session, listed) if MAKER == "openai" else _in_messages(session, listed)
        there = urlsplit(os.environ["ANTHROPIC_BASE_URL"])
        connection = http.client.HTTPConnection(there.hostname or "", there.port, timeout=600)
        try:
            connection.request("POST", path, json.dumps(body), {"content-type": "application/json"})
            response = connection.getresponse()
            text = response.read().decode()
        except OSError as error:
            raise Refused(BROKEN, f"the model is out of reach: {error}") from error
        finally:
            connection.close()
        if response.status != 200:
            raise Refused(BROKEN, f"the model says {response.status}: {text[:500]}")
        found: Json = json.loads(text)
        return _from_chat(found) if MAKER == "openai" else found

    # -- tools ------------------------------------------------------------------------------------------------------

    def _used(self, session: Session, call: Json) -> Json:
        name, given = call["name"], call["input"]
        server = next((s for s in session.servers if name in {tool["name"] for tool in s.tools}), None)
        title = f"{server.name}: {name}" if server else f"{name} {given.get('path', given.get('command', ''))}"
        where = [{"path": str(Path(session.cwd, given["path"]))}] if "path" in given else []
        told = {"toolCallId": call["id"], "title": title, "kind": KINDS.get(name, "other"), "rawInput": given}
        self.peer.update(session.name, "tool_call", **told, locations=where, status="pending")
        if FAULT == "asks" and name in ("edit", "write", "shell") and not self._may(session, told, where):
            text, failed, code = "refused", True, None
        elif server is not None:
            answer = server.ask("tools/call", {"name": name, "arguments": given})
            text, failed, code = answer["content"][0]["text"], answer["isError"], None
        else:
            text, failed, code = self._done(session, name, given)
        content = [{"type": "content", "content": {"type": "text", "text": text}}]
        output = {} if code is None else {"exit_code": code}
        status = "failed" if failed else "completed"
        self.peer.update(
            session.name, "tool_call_update", toolCallId=call["id"], status=status, content=content, rawOutput=output
        )
        return {"type": "tool_result", "tool_use_id": call["id"], "content": text, "is_error": failed}

    def _may(self, session: Session, told: Json, where: list[Json]) -> bool:
        call = {**told, "locations": where}
        answer = self.peer.ask("session/request_permission", sessionId=session.name, toolCall=call, options=OPTIONS)
        outcome = answer["result"]["outcome"]
        if outcome.get("optionId") == "always":
            os._exit(9)  # nobody may be let do it always
        return bool(outcome.get("optionId") == "yes")

    def _done(self, session: Session, name: str, given: Json) -> tuple[str, bool, int | None]:
        place = Path(session.cwd, given.get("path", "."))
        if name in ("shell", "search"):
            argv = ["bash", "-c", given["command"]] if name == "shell" else ["grep", "-rn", "-e", given["pattern"], "."]
            done = subprocess.run(argv, cwd=session.cwd, capture_output=True, text=True, check=False)
            return done.stdout + done.stderr, done.returncode != 0, done.returncode
        if name == "write":
            return self._written(session, place, given["content"])
        text = self._text(session, place)
        if text is None:
            return f"no file {place}", True, None
        if name == "read":
            return text, False, None
        if text.count(given["old"]) != 1:
            return "`old` does not occur once", True, None
        return self._written(session, place, text.replace(given["old"], given["new"]))

    def _text(self, session: Session, place: Path) -> str | None:
        if FAULT != "serves" or not self.served.get("readTextFile"):
            return place.read_text() if place.is_file() else None
        answer = self.peer.ask("fs/read_text_file", sessionId=session.name, path=str(place))
        return answer["result"]["content"] if "result" in answer else None

    def _written(self, session: Session, place: Path, content: str) -> tuple[str, bool, int | None]:
        if FAULT != "serves" or not self.served.get("writeTextFile"):
            place.write_text(content)
            return f"wrote {place}", False, None
        answer = self.peer.ask("fs/write_text_file", sessionId=session.name, path=str(place), content=content)
        return str(answer.get("error", "written")), "error" in answer, None


if __name__ == "__main__":
    Agent(Peer()).run()

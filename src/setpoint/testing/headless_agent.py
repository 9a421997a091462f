"""The scripted agent in the headless modes of the big ones: `main` is a program of its own, on a bare Python.

It is the agent of `acp_agent`, with its faults; only how it is spoken to differs: with `-p` as `claude` is, line by
line both ways, with `exec` as `codex` is, one turn a start. One fault more: `leaves`, which ends well and did nothing.
"""

import itertools
import json
import os
import shlex
import signal
import sys
import threading
import uuid
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .acp_agent import FAULT, SIGN_IN, Agent, Json, Peer, Refused

CLAUDE_TOOLS = {"read": "Read", "edit": "Edit", "write": "Write", "search": "Grep", "shell": "Bash"}
STRANGE = {"type": "aurora", "colour": "green"}
"""An event that nobody knows."""
COMMAND = """import os, sys
if sys.argv[-1] == "--version":
    print(os.environ.get("ACP_VERSION", "1.0"), "(Scripted)")
    sys.exit()
sys.path.insert(0, sys.argv.pop(1))
from setpoint.testing.headless_agent import main
main()
"""


def command(python: str) -> tuple[str, ...]:
    """How it is started by `python`."""
    return (python, "-I", "-S", "-c", COMMAND, str(Path(__file__).parents[2]))


def main() -> None:
    """Be `claude -p`, or `codex exec`."""
    words = sys.argv[1:]
    if words[0] == "-p":
        ClaudeForm(words).run()
    else:
        codex_form(words)


class Told:
    """One tool call, as its beginning told of it."""

    def __init__(self, told: Json) -> None:
        self.id: str = told["toolCallId"]
        server, found, tool = str(told["title"]).partition(": ")
        self.tool = f"mcp__{server}__{tool}" if found else server.split(" ")[0]
        self.given: Json = told["rawInput"]
        self.paths = [place["path"] for place in told["locations"]]


class Telling(Peer, ABC):
    """Tells of the same things in other words."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: dict[str, Told] = {}
        self.hook = ""
        """Who wants to be asked before each call."""
        self.quiet = False
        """While an earlier conversation is played back."""

    def update(self, session: str, about: str, **told: Any) -> None:
        """What is said or done."""
        if self.quiet:
            return
        if about == "agent_message_chunk":
            self.said(told["content"]["text"])
        elif about == "tool_call":
            call = self.calls[told["toolCallId"]] = Told(told)
            self.began(call)
        else:
            text = told["content"][0]["content"]["text"]
            self.done(self.calls[told["toolCallId"]], text, told["status"] == "failed", told["rawOutput"])

    @abstractmethod
    def said(self, text: str) -> None:
        """It said `text`."""

    @abstractmethod
    def began(self, call: Told) -> None:
        """It began `call`."""

    @abstractmethod
    def done(self, call: Told, text: str, failed: bool, output: Json) -> None:
        """`call` is over."""


class ClaudePeer(Telling):
    """Messages and their blocks."""

    def said(self, text: str) -> None:
        self._message("assistant", {"type": "text", "text": text})

    def began(self, call: Told) -> None:
        given = {"file_path" if name == "path" else name: value for name, value in call.given.items()}
        if call.paths:
            given["file_path"] = call.paths[0]
        name = CLAUDE_TOOLS.get(call.tool, call.tool)
        self._message("assistant", {"type": "tool_use", "id": call.id, "name": name, "input": given})

    def done(self, call: Told, text: str, failed: bool, output: Json) -> None:
        told = f"Exit code {output['exit_code']}\n{text}" if failed and "exit_code" in output else text
        content: Any = [{"type": "text", "text": told}] if call.tool.startswith("mcp__") else told
        self._message("user", {"type": "tool_result", "tool_use_id": call.id, "content": content, "is_error": failed})

    def _message(self, role: str, block: Json) -> None:
        message = {"role": role, "model": os.environ["ANTHROPIC_MODEL"], "content": [block]}
        self.tell({"type": role, "message": message, "parent_tool_use_id": None})

    def ask(self, method: str, **params: Any) -> Json:
        """May it? The answer as ACP has it."""
        call = self.calls[params["toolCall"]["toolCallId"]]
        tool = CLAUDE_TOOLS.get(call.tool, call.tool)
        given = {**call.given, **({"file_path": call.paths[0]} if call.paths else {})}
        if self.hook:
            about = {"hook_event_name": "PreToolUse", "tool_name": tool, "tool_input": given, "tool_use_id": call.id}
            told = self._asked({"subtype": "hook_callback", "callback_id": self.hook, "input": about})
            allowed = told.get("hookSpecificOutput", {}).get("permissionDecision") != "deny"
        else:
            asked = {"subtype": "can_use_tool", "tool_name": tool, "input": given, "tool_use_id": call.id}
            allowed = self._asked(asked)["behavior"] == "allow"
        return {"result": {"outcome": {"optionId": "yes" if allowed else "no"}}}

    def _asked(self, request: Json) -> Json:
        name = uuid.uuid4().hex
        answer = self.waiting(name)
        self.tell({"type": "control_request", "request_id": name, "request": request})
        found: Json = answer.get()["response"]
        return found


class ClaudeForm:
    """`claude -p --input-format stream-json --output-format stream-json`."""

    def __init__(self, words: Sequence[str]) -> None:
        self._peer = ClaudePeer()
        self._agent = Agent(self._peer)
        named = dict(itertools.pairwise(words))
        self._servers = _servers(json.loads(named["--mcp-config"])["mcpServers"])
        self._session = named.get("--session-id", "")
        self._resumed = named.get("--resume", "")

    def run(self) -> None:
        """Until nobody says more."""
        params = {"cwd": str(Path.cwd()), "mcpServers": self._servers}
        if self._resumed:
            self._session = self._resumed
            try:
                opened(self._agent, self._peer, {**params, "sessionId": self._resumed})
            except Refused as refused:
                sys.stderr.write(f"No conversation found with session ID: {self._resumed}\n")
                self._result(error=str(refused))
                raise SystemExit(1) from refused
        else:
            self._agent.begin(self._session, params)
        for line in sys.stdin:
            self._take(json.loads(line))

    def _take(self, message: Json) -> None:
        match message["type"]:
            case "control_request":
                hooks = (message["request"].get("hooks") or {}).get("PreToolUse") or [{"hookCallbackIds": [""]}]
                self._peer.hook = self._peer.hook or hooks[0]["hookCallbackIds"][0]
                told = {"subtype": "success", "request_id": message["request_id"], "response": {}}
                if message["request"]["subtype"] == "interrupt":
                    self._agent.cancel({"sessionId": self._session})
                if FAULT != "mute":
                    self._peer.tell({"type": "control_response", "response": told})
            case "control_response":
                self._peer.answered({"id": message["response"]["request_id"], **message["response"]})
            case "user":
                threading.Thread(target=self._work, args=(message["message"]["content"],), daemon=True).start()

    def _work(self, text: str) -> None:
        self._peer.tell({"type": "system", "subtype": "init", "session_id": self._session})
        self._peer.tell(STRANGE)
        if FAULT == "leaves":
            os._exit(0)
        if FAULT == "signed out":
            self._result(error="Not logged in · Please run /login")
            return
        try:
            done = self._agent.prompt({"sessionId": self._session, "prompt": [{"text": text}]})
        except Refused as refused:
            self._result(error=str(refused))
            return
        self._result(error="interrupted" if done["stopReason"] == "cancelled" else "")

    def _result(self, error: str) -> None:
        subtype = "error_during_execution" if error else "success"
        told = {"type": "result", "subtype": subtype, "is_error": bool(error), "stop_reason": "end_turn"}
        told |= {"duration_ms": 1, "duration_api_ms": 1, "num_turns": 1}
        self._peer.tell({**told, "session_id": self._session, "result": error or "Done."})


class CodexPeer(Telling):
    """Items, numbered from 0."""

    def said(self, text: str) -> None:
        self._item("item.completed", f"item_{uuid.uuid4().hex[:4]}", {"type": "agent_message", "text": text})

    def began(self, call: Told) -> None:
        self._item("item.started", self._number(call), {**self._about(call), "status": "in_progress"})

    def done(self, call: Told, text: str, failed: bool, output: Json) -> None:
        told: Json = {**self._about(call), "status": "failed" if failed else "completed"}
        if told["type"] == "command_execution":
            told |= {"aggregated_output": text, "exit_code": output.get("exit_code", int(failed))}
        elif told["type"] == "mcp_tool_call":
            told |= {"result": {"content": [{"type": "text", "text": text}]}, "error": None}
        self._item("item.completed", self._number(call), told)

    def _number(self, call: Told) -> str:
        return f"item_{list(self.calls).index(call.id)}"

    def _about(self, call: Told) -> Json:
        if call.tool.startswith("mcp__"):
            _, server, tool = call.tool.split("__", 2)
            return {"type": "mcp_tool_call", "server": server, "tool": tool, "arguments": call.given}
        if call.tool in ("edit", "write"):
            return {"type": "file_change", "changes": [{"path": call.paths[0], "kind": "update"}]}
        looks = {"read": ["cat", *call.paths], "search": ["grep", "-rn", "-e", str(call.given.get("pattern")), "."]}
        line = shlex.join(looks[call.tool]) if call.tool in looks else call.given["command"]
        return {"type": "command_execution", "command": shlex.join(["/bin/bash", "-lc", line])}

    def _item(self, event: str, name: str, item: Json) -> None:
        self.tell({"type": event, "item": {"id": name, **item}})


def codex_form(words: Sequence[str]) -> None:
    """`codex exec --json`, for one turn."""
    peer = CodexPeer()
    agent = Agent(peer)
    config = dict(word.split("=", 1) for word in words if word.startswith("mcp_servers."))
    about = {name.rpartition(".")[2]: json.loads(value) for name, value in config.items()}
    params: Json = {"cwd": str(Path.cwd()), "mcpServers": _servers({"setpoint": about} if about else {})}
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    text = sys.stdin.read()
    if FAULT == "mute":
        threading.Event().wait()
    name = words[words.index("resume") + 1] if "resume" in words else ""
    try:
        if name:
            opened(agent, peer, {**params, "sessionId": name})
        else:
            name = uuid.uuid4().hex
            agent.begin(name, params)
    except Refused as refused:
        sys.stderr.write(f"Error: no rollout found for thread id {name}: {refused}\n")
        raise SystemExit(1) from refused
    peer.tell({"type": "thread.started", "thread_id": name})
    peer.tell({"type": "turn.started"})
    peer.tell(STRANGE)
    if FAULT == "leaves":
        return
    try:
        if FAULT == "signed out":
            raise Refused(SIGN_IN, "unexpected status 401 Unauthorized")
        agent.prompt({"sessionId": name, "prompt": [{"text": text}]})
    except Refused as refused:
        peer.tell({"type": "turn.failed", "error": {"message": str(refused)}})
        raise SystemExit(1) from refused
    peer.tell({"type": "turn.completed", "usage": {"input_tokens": 1, "output_tokens": 1}})


def opened(agent: Agent, peer: Telling, params: Json) -> None:
    """Go back to a conversation, without its words. Raises Refused."""
    peer.quiet = True
    agent.load(params)
    peer.quiet = False


def _servers(told: Json) -> list[Json]:
    return [{"name": name, **about} for name, about in told.items()]

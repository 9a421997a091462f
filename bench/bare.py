"""The floor: the task in a loop of the standard library. Nothing is durable, nothing is contained, nothing is checked.

Also a program: `python -m bench.bare once FOLDER URL` does one task as a whole process, `serve` is the warm one.
"""

import http.client
import json
import subprocess
import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .process import serve
from .task import SYSTEM

TRIES = 10
TOOLS = [
    {"name": "read", "input_schema": {"type": "object", "properties": {"path": {"type": "string"}}}},
    {"name": "shell", "input_schema": {"type": "object", "properties": {"command": {"type": "string"}}}},
    {
        "name": "edit",
        "input_schema": {"type": "object", "properties": {name: {"type": "string"} for name in ("path", "old", "new")}},
    },
    {"name": "submit_change", "input_schema": {"type": "object", "properties": {"summary": {"type": "string"}}}},
]


def task(repository: Path, url: str) -> dict[str, Any]:
    """One task in a worktree of its own: seconds in all, and of each step's tool."""
    started = time.monotonic()
    name, tree = _worktree(repository)
    model = http.client.HTTPConnection(urlsplit(url).netloc)
    first = f"bare {name}: make the failing test pass."
    messages: list[dict[str, Any]] = [{"role": "user", "content": first}]
    tools: list[float] = []
    begun = time.monotonic()
    while True:
        reply = _ask(model, messages)
        call = next(block for block in reply["content"] if block["type"] == "tool_use")
        if call["name"] == "submit_change":
            break
        since = time.monotonic()
        result = _use(tree, call["name"], call["input"])
        tools.append(time.monotonic() - since)
        returned = {"type": "tool_result", "tool_use_id": call["id"], "content": result}
        messages += [{"role": "assistant", "content": reply["content"]}, {"role": "user", "content": [returned]}]
    ended = time.monotonic()
    _git(tree, "add", "-A")
    _git(tree, "commit", "-q", "-m", "add() adds")
    model.close()
    seconds = time.monotonic() - started
    done = "a + b" in (tree / "calculator.py").read_text()
    return {"seconds": seconds, "session": ended - begun, "tools": tools, "first": first, "done": done}


def _worktree(repository: Path) -> tuple[str, Path]:
    """Several at once trip over each other's locks now and then: git says so, and the next try succeeds."""
    for _ in range(TRIES):
        name = uuid.uuid4().hex[:12]
        tree = repository.parent / f"bare-{name}"
        words = ["git", "worktree", "add", "-q", "-b", f"bare/{name}", str(tree), "HEAD"]
        done = subprocess.run(words, cwd=repository, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return name, tree
    raise RuntimeError(f"git worktree add failed {TRIES} times: {done.stderr}")


def _ask(model: http.client.HTTPConnection, messages: list[dict[str, Any]]) -> dict[str, Any]:
    body = {"model": "scripted", "max_tokens": 1000, "system": SYSTEM, "tools": TOOLS, "messages": messages}
    model.request("POST", "/v1/messages", json.dumps(body), {"content-type": "application/json"})
    reply: dict[str, Any] = json.loads(model.getresponse().read())
    return reply


def _use(tree: Path, tool: str, arguments: dict[str, str]) -> str:
    if tool == "read":
        return (tree / arguments["path"]).read_text()
    if tool == "edit":
        place = tree / arguments["path"]
        place.write_text(place.read_text().replace(arguments["old"], arguments["new"], 1))
        return "edited"
    done = subprocess.run(["bash", "-c", arguments["command"]], cwd=tree, capture_output=True, text=True, check=False)
    return f"{done.stdout}{done.stderr}\n[exit code {done.returncode}]"


def _git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, capture_output=True, check=True)


def at_once(repository: Path, url: str, count: int) -> dict[str, Any]:
    """`count` tasks side by side in this process."""
    started = time.monotonic()
    with ThreadPoolExecutor(count) as pool:
        tasks = list(pool.map(lambda _: task(repository, url), range(count)))
    return {"seconds": time.monotonic() - started, "tasks": tasks}


def main() -> int:
    """One task, or as many as the parent asks for."""
    if sys.argv[1] == "once":
        return 0 if task(Path(sys.argv[2]), sys.argv[3])["done"] else 1
    repository, url = Path(sys.argv[2]), sys.argv[3]
    serve(lambda asked: at_once(repository, url, asked["count"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())

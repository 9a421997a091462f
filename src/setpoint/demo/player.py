"""Plays a recording's tool calls in a folder, with no agent, engine or sandbox around them: to check a storyboard.

`python -m setpoint.demo.player RECORDING FOLDER` changes FOLDER, so give it a copy.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ..errors import RecordingError
from ..model.record import Record
from .authoring import SUBMITS

WRITING = {"tests", "implementation", "edge_tests", "ci_fix"}
RECORDS = {name: record for record, name in SUBMITS.items()}
SECONDS = 120
IGNORED = {".git", ".venv", "node_modules", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache"}

Heard = Callable[[dict[str, Any], Record], None]
"""Told after each turn: the turn, and the deliverable it handed in."""


def play(recording: dict[str, Any], folder: Path, tools: Path, heard: Heard = lambda turn, handed: None) -> None:
    """Play every turn in order; `tools` is put in front of PATH. Raises RecordingError where a result is another than
    expected, a deliverable does not fit its record, or a session that only reads changed a file."""
    for turn in recording["sessions"]:
        before = contents(folder)
        handed = _play(turn, folder, tools)
        writes = turn["phase"] in WRITING and turn["role"] == "producer"
        if not writes and contents(folder) != before:
            raise RecordingError(f"{named(turn)}: a session that only reads changed files")
        heard(turn, handed)


def named(turn: dict[str, Any]) -> str:
    """The turn, as people say it."""
    parts = (turn["phase"], turn["task"], turn["role"], turn["fresh"], f"turn {turn['turn']}")
    return f"cycle {turn['cycle']} " + " ".join(str(part) for part in parts if part)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file that git would know, by its path."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in _files(folder)}


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name in IGNORED or path.name.endswith(".egg-info"):
            continue
        if path.is_dir():
            yield from _files(path)
        else:
            yield path


def _play(turn: dict[str, Any], folder: Path, tools: Path) -> Record:
    last = turn["steps"][-1]["tool_calls"][-1]
    for step in turn["steps"]:
        expected = {item["source_call_id"]: item for item in step.get("expect", ())}
        for call in step["tool_calls"]:
            if call is last:
                break
            said, failed = _result(call["function_name"], call["arguments"], folder, tools)
            wanted = expected.get(call["tool_call_id"], {})
            if failed != wanted.get("failed", False) or wanted.get("contains", "") not in said:
                raise RecordingError(
                    f"{named(turn)}, step {step['step_id']}: {call['function_name']} did not give what was expected",
                    why=f"expected {wanted or 'success'}, {'failed' if failed else 'succeeded'} with:\n{said[-3000:]}",
                    fix=json.dumps(call["arguments"])[:400],
                )
    return RECORDS[last["function_name"].removeprefix("submit_")].model_validate(last["arguments"])


def _result(name: str, arguments: dict[str, Any], folder: Path, tools: Path) -> tuple[str, bool]:
    if name == "shell":
        return _shell(arguments["command"], folder, tools)
    if name == "search":
        return _search(re.compile(arguments["pattern"]), folder, arguments.get("path", "")), False
    path = folder / arguments["path"]
    if name == "write":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(arguments["content"], encoding="utf-8")
        return "", False
    if not path.is_file():
        return f"{arguments['path']}: no such file", True
    text = path.read_text(encoding="utf-8")
    if name == "edit":
        times = text.count(arguments["old"])
        if times == 1:
            path.write_text(text.replace(arguments["old"], arguments["new"]), encoding="utf-8")
        return f"`old` occurs {times} times", times != 1
    if name == "read":
        start = arguments.get("start", 1) - 1
        lines = text.splitlines()[start : start + arguments.get("lines", 1000)]
        return "\n".join(lines), not lines
    raise RecordingError(f"there is no tool {name}")


def _search(pattern: re.Pattern[str], folder: Path, below: str) -> str:
    found = []
    for path in _files(folder):
        name = path.relative_to(folder).as_posix()
        if name == below or name.startswith(f"{below}/") or not below:
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
            found += [f"{name}:{number}:{line}" for number, line in enumerate(lines, 1) if pattern.search(line)]
    return "\n".join(found)


def _shell(command: str, folder: Path, tools: Path) -> tuple[str, bool]:
    environment = {**os.environ, "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}", "PYTHONDONTWRITEBYTECODE": "1"}
    for name in ("VIRTUAL_ENV", "PYTHONPATH", "PYTEST_ADDOPTS"):
        environment.pop(name, None)
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=SECONDS,
        text=True,
        errors="replace",
        check=False,
    )
    return done.stdout, done.returncode != 0


if __name__ == "__main__":
    play(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")), Path(sys.argv[2]), Path(sys.executable).parent)

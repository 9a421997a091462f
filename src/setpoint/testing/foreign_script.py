"""A recording as the script of a model behind an agent of another maker: the recorded deeds, by the agent's own tools.

Such an agent says more in a request than its task. Where a session stands is therefore read from the tool calls in it:
those by which it handed in end its turns, and each reply holds one call. Reads, writes and edits are made by its shell.
"""

import base64
import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from ..adapters.agents.external.words import STORY
from ..adapters.agents.recording import Entry, Place, Recording
from ..adapters.agents.recording import Step as Recorded
from ..errors import RecordingError
from .model_formats import Call, Step
from .model_server import Seen

SHELLS: Mapping[str, str] = {
    "Bash": "command",
    "bash": "command",
    "exec_command": "cmd",
    "run_shell_command": "command",
}
"""Shell tools of agents by name, with what each calls its command line."""
WAIT = "sleep 1 # until there is a way to hand in"
OPENING = "[setpoint] The tools `submit_"
_PATIENCE: Mapping[str, dict[str, Any]] = {
    "exec_command": {"yield_time_ms": 60_000},
    "Bash": {"description": "a step"},
    "bash": {"description": "a step"},
    "run_shell_command": {"description": "a step"},
}
_EDIT = "import base64, sys; p, a, b = sys.argv[1], *(base64.b64decode(x).decode() for x in sys.argv[2:]); \
t = open(p).read(); assert t.count(a) == 1, p; open(p, 'w').write(t.replace(a, b))"


class ForeignScript:
    """Plays the sessions of some phases of a recording; one run is served at a time."""

    def __init__(self, recording: Recording, phases: frozenset[str]) -> None:
        self._entries = {entry.place: entry for entry in recording.sessions if entry.phase in phases}
        self._begun: dict[tuple[str, str], Place] = {}

    def __call__(self, seen: Seen) -> Step:
        """The next deed. A request without the submit tool is one of the agent's own, about a title or the like."""
        submit = next((name for name in seen.tools if "submit_" in name), "")
        shell = next((name for name in seen.tools if name in SHELLS), "")
        if not submit:
            # With tools it is the agent's task: the server to hand in by may not have come up yet.
            return Step(calls=(called(shell, WAIT),)) if shell else Step(text="A greeting")
        own = submit[submit.index("submit_") :]
        opening = _opening(seen.body)
        # A fresh conversation of the same session opens as the one before did, and tells what was done in it.
        known = (key for key in self._begun if key[0] == own and opening.startswith(key[1]))
        key = next(known, (own, opening))
        if key not in self._begun:
            self._begun[key] = self._next(own)
        made = list(_made(seen.body))
        ends = [at for at, name in enumerate(made) if own in name]
        turn = _told_of(opening, own) + len(ends) + 1
        entry = self._entries.get((*self._begun[key][:-1], turn))
        deeds = list(_deeds(entry)) if entry else []
        at = len(made) - (ends[-1] + 1 if ends else 0)
        if at >= len(deeds):
            raise RecordingError(f"nothing recorded for {own}, turn {turn}, deed {at}")
        name, arguments = deeds[at]
        if name == own:
            return Step(calls=(Call(submit, arguments),))
        return Step(calls=(called(shell, command_of(name, arguments)),))

    def _next(self, submit: str) -> Place:
        for place, entry in self._entries.items():
            closing = list(_deeds(entry))[-1][0]
            if entry.turn == 1 and place not in self._begun.values() and closing == submit:
                return place
        raise RecordingError(f"no recorded session is left that hands in by {submit}")


def called(shell: str, command: str) -> Call:
    """A call of an agent's shell."""
    told: dict[str, Any] = {SHELLS[shell]: command, **_PATIENCE[shell]}
    return Call(shell, told)


def command_of(name: str, arguments: Mapping[str, Any]) -> str:
    """The shell command that does what a recorded call of ours did."""
    match name:
        case "shell":
            return str(arguments["command"])
        case "read":
            return f"cat {shlex.quote(arguments['path'])}"
        case "search":
            return (
                f"grep -rn -e {shlex.quote(arguments['pattern'])} {shlex.quote(arguments.get('path') or '.')} || true"
            )
        case "write":
            path = PurePosixPath(arguments["path"])
            written = f"echo {_packed(arguments['content'])} | base64 -d > {shlex.quote(str(path))}"
            return f"mkdir -p {shlex.quote(str(path.parent))} && {written}"
        case "edit":
            words = [arguments["path"], _packed(arguments["old"]), _packed(arguments["new"])]
            return shlex.join(["python3", "-c", _EDIT, *words])
    raise RecordingError(f"there is no shell command for {name}")


def _packed(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _deeds(entry: Entry) -> Iterator[tuple[str, dict[str, Any]]]:
    steps: tuple[Recorded, ...] = tuple(entry.steps)
    for step in steps:
        for call in step.tool_calls:
            yield call.function_name, call.arguments


def _items(body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Messages and their blocks or parts, or the items of the Responses format, in order."""
    for item in body.get("messages") or body.get("input") or body.get("contents") or ():
        yield item
        content = item.get("content") or item.get("parts")
        yield from (block for block in content if isinstance(block, dict)) if isinstance(content, list) else ()


def _made(body: Mapping[str, Any]) -> Iterator[str]:
    """The tool calls of a conversation by name."""
    items = (item.get("functionCall") or item for item in _items(body))
    calls = (item for item in items if item.get("type") in ("tool_use", "function_call") or "args" in item)
    told = ((str(call["name"]), call.get("input") or call.get("arguments") or call.get("args")) for call in calls)
    return (name for name, arguments in told if WAIT not in str(arguments))


def _told_of(opening: str, submit: str) -> int:
    """How often a session handed in, by the story of what was done before."""
    return len(re.findall(rf"^\d+\. {submit} \(", opening.partition(STORY)[2], re.MULTILINE))


def _opening(body: Mapping[str, Any]) -> str:
    texts = (item.get("text") or item.get("content") for item in _items(body))
    return next((text for text in texts if isinstance(text, str) and OPENING in text), "")

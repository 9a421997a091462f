"""Writes recordings from readable Python: calls make a step, steps make a turn, turns make the recording.

Deliverables are given as the records of `setpoint.model`, so a changed record is noticed when a storyboard is built.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..model.change import AcceptanceTests, Change
from ..model.plan import Plan
from ..model.record import Record
from ..model.review import Checks, Review, Verdict
from ..model.session import Role
from ..model.spec import Diagnosis, FunctionalSpec, TechSpec

SCHEMA_VERSION = "setpoint-recording/1"

OPUS = "anthropic/claude-opus-4-5"
SONNET = "anthropic/claude-sonnet-4-5"
HAIKU = "anthropic/claude-haiku-4-5"
OTHER = "openai/gpt-5.1"
"""The reviewer's model: another provider than the builder's."""

SUBMITS: dict[type[Record], str] = {
    FunctionalSpec: "functional_spec",
    TechSpec: "tech_spec",
    Plan: "plan",
    Diagnosis: "diagnosis",
    AcceptanceTests: "tests",
    Change: "change",
    Review: "review",
    Verdict: "verdict",
}

# Tokens a tool's result adds to the next request: what such results weigh on average.
_RESULT_TOKENS = {"read": 900, "search": 250, "shell": 350, "edit": 40, "write": 40}
_BRIEF_TOKENS = 2600


@dataclass(frozen=True)
class Call:
    """One tool call, and what its real result must be when it is played."""

    name: str
    arguments: dict[str, Any]
    failed: bool = False
    contains: str = ""


@dataclass(frozen=True)
class Step:
    """One message of the model: prose, then calls."""

    message: str
    calls: tuple[Call, ...]


@dataclass(frozen=True)
class Turn:
    """The steps a session gives after its `turn`-th user message."""

    phase: str
    model: str
    steps: tuple[Step, ...]
    role: Role = Role.PRODUCER
    fresh: int = 1
    turn: int = 1
    task: str = ""
    cycle: int = 1


def read(path: str, start: int | None = None, lines: int | None = None, contains: str = "") -> Call:
    """Read a file or a part of it."""
    arguments: dict[str, Any] = {"path": path}
    if start is not None:
        arguments["start"] = start
    if lines is not None:
        arguments["lines"] = lines
    return Call("read", arguments, contains=contains)


def search(pattern: str, path: str = "", contains: str = "") -> Call:
    """Search the files for a regular expression."""
    return Call("search", {"pattern": pattern, **({"path": path} if path else {})}, contains=contains)


def write(path: str, content: str) -> Call:
    """Create or replace a file."""
    return Call("write", {"path": path, "content": content})


def edit(path: str, old: str, new: str) -> Call:
    """Replace the one place where `old` stands."""
    return Call("edit", {"path": path, "old": old, "new": new})


def shell(command: str, contains: str = "", failed: bool = False) -> Call:
    """Run a command; `failed` when it must end with another code than 0."""
    return Call("shell", {"command": command}, failed=failed, contains=contains)


def submit(deliverable: Record) -> Call:
    """Hand in. Fields the author did not set stay out, as a model leaves them out."""
    content = deliverable.model_dump(mode="json", exclude_unset=True)
    return Call(f"submit_{SUBMITS[type(deliverable)]}", content)


def say(message: str, *calls: Call) -> Step:
    """One message with its calls."""
    return Step(message, calls)


def hand_in(deliverable: Record, message: str = "") -> Step:
    """The last step of a turn."""
    return Step(message, (submit(deliverable),))


def finished(project: Path, path: str) -> Call:
    """Write a file as it is in the finished project."""
    return write(path, (project / path).read_text(encoding="utf-8"))


def judged(phase: str, verdict: Verdict, *calls: Call, fresh: int = 1, cycle: int = 1) -> Turn:
    """A validator's whole session: it may look at a few things, then gives its verdict."""
    looked = (say("", *calls),) if calls else ()
    return Turn(phase, HAIKU, (*looked, hand_in(verdict)), role=Role.VALIDATOR, fresh=fresh, cycle=cycle)


def built(task: int, *steps: tuple[str, tuple[Call, ...]], change: Change, turn: int = 1) -> Turn:
    """A builder's turn at the task of this number: words with their calls, then the change."""
    spoken = tuple(say(words, *calls) for words, calls in steps)
    return Turn("implementation", SONNET, (*spoken, hand_in(change)), task=f"T{task:03d}", turn=turn)


def compared(fresh: int, *words: str) -> Turn:
    """The validator's session after a task: nothing speaks against the change."""
    return judged("implementation", Verdict(compared=words), fresh=fresh)


def checked(holds: Mapping[str, str], fails: Mapping[str, str] | None = None) -> Checks:
    """The twelve review checks: what was tried, by check. Raises pydantic's ValidationError where one is left out."""
    answers = [{"check": check, "tried": tried, "result": "holds"} for check, tried in holds.items()]
    answers += [{"check": check, "tried": tried, "result": "fails"} for check, tried in (fails or {}).items()]
    return Checks.model_validate(answers)


def recording(about: str, ticket: str, turns: Sequence[Turn]) -> dict[str, Any]:
    """The recording as JSON data, the same for the same storyboard."""
    return {
        "schema_version": SCHEMA_VERSION,
        "about": about,
        "ticket": ticket,
        "agent": {"name": "setpoint-replay", "version": "1"},
        "sessions": [_session(turn) for turn in turns],
    }


def text_of(content: dict[str, Any]) -> str:
    """The file's text."""
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def save(content: dict[str, Any], path: Path) -> None:
    """Write the recording where it is kept."""
    path.write_text(text_of(content), encoding="utf-8")


def _session(turn: Turn) -> dict[str, Any]:
    return {
        "phase": turn.phase,
        "cycle": turn.cycle,
        "task": turn.task,
        "role": str(turn.role),
        "fresh": turn.fresh,
        "turn": turn.turn,
        "model_name": turn.model,
        "steps": _steps(turn),
    }


def _steps(turn: Turn) -> list[dict[str, Any]]:
    steps, asked, cached, number = [], _BRIEF_TOKENS * turn.turn, 0, 0
    for index, step in enumerate(turn.steps, start=1):
        calls, expects = [], []
        for call in step.calls:
            number += 1
            name = f"call_{turn.turn}_{number}"
            calls.append({"tool_call_id": name, "function_name": call.name, "arguments": call.arguments})
            if call.failed or call.contains:
                expects.append({"source_call_id": name, "failed": call.failed, "contains": call.contains})
        said = (len(step.message) + len(json.dumps(calls))) // 4
        metrics = {"prompt_tokens": asked, "completion_tokens": said, "cached_tokens": cached}
        steps.append(
            {
                "step_id": index,
                "source": "agent",
                "message": step.message,
                "tool_calls": calls,
                **({"expect": expects} if expects else {}),
                "metrics": metrics,
            }
        )
        cached = asked
        asked += said + sum(_RESULT_TOKENS.get(call.name, 0) for call in step.calls)
    return steps

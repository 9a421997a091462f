"""Recorded sessions: the format (version 1, documented in docs/recordings.md), and how a file of it is read."""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from ...errors import RecordingError
from ...inputs import read_bytes
from ...model.record import Line, Record
from ...model.session import Role

VERSION = "setpoint-recording/1"
TOOLS = frozenset({"read", "write", "edit", "search", "shell", "ask"})
LARGEST = 16 * 1024 * 1024

Place = tuple[str, int, str, str, int, int]
"""Phase, cycle, task, role, fresh, turn: what names an entry."""


class Call(Record):
    """A recorded tool call."""

    tool_call_id: Line
    function_name: Line
    arguments: dict[str, Any]

    @property
    def closes(self) -> bool:
        """Whether it ends the turn."""
        return self.function_name == "ask" or self.function_name.startswith("submit_")


class Expectation(Record):
    """What the real result of a call must be."""

    source_call_id: Line
    failed: bool = False
    contains: str = ""


class Metrics(Record):
    """What the recorded request used."""

    prompt_tokens: int = Field(default=0, ge=0)
    completion_tokens: int = Field(default=0, ge=0)
    cached_tokens: int = Field(default=0, ge=0)


class Step(Record):
    """One reply of the model."""

    step_id: int
    source: Literal["agent"]
    message: str = ""
    tool_calls: tuple[Call, ...] = Field(min_length=1)
    expect: tuple[Expectation, ...] = ()
    metrics: Metrics = Metrics()

    @model_validator(mode="after")
    def _calls_are_known(self) -> "Step":
        ids = [call.tool_call_id for call in self.tool_calls]
        if len(set(ids)) < len(ids):
            raise ValueError("two calls of one step have the same tool_call_id")
        for call in self.tool_calls:
            if call.function_name not in TOOLS and not call.function_name.startswith("submit_"):
                raise ValueError(f"unknown tool `{call.function_name}`; tools are {', '.join(sorted(TOOLS))}, submit_*")
        for expected in self.expect:
            if expected.source_call_id not in ids:
                raise ValueError(f"`expect` names the call `{expected.source_call_id}`, which is not in the step")
        return self

    def expectation(self, call_id: str) -> Expectation:
        """What is expected of a call; not said: that it does not fail."""
        found = [expected for expected in self.expect if expected.source_call_id == call_id]
        return found[0] if found else Expectation(source_call_id=call_id)


class Entry(Record):
    """One user turn of one session: the replies after it."""

    phase: Line
    cycle: int = Field(default=1, ge=1)
    task: str = ""
    role: Role = Role.PRODUCER
    fresh: int = Field(default=1, ge=1)
    turn: int = Field(default=1, ge=1)
    model_name: Line
    steps: tuple[Step, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _only_the_end_closes(self) -> "Entry":
        if "/" not in self.model_name:
            raise ValueError(f"model_name `{self.model_name}` is not of the form provider/model")
        for number, step in enumerate(self.steps, 1):
            if step.step_id != number:
                raise ValueError(f"step_id {step.step_id} stands at place {number}")
            closing = [call.closes for call in step.tool_calls]
            if any(closing[:-1]) or closing[-1] != (number == len(self.steps)):
                raise ValueError("the last call of the last step, and no other, must be `ask` or `submit_...`")
        return self

    @property
    def place(self) -> Place:
        """What names the entry."""
        return (self.phase, self.cycle, self.task, self.role.value, self.fresh, self.turn)


class Player(Record):
    """Which player a recording is for."""

    name: Line
    version: Line


class Recording(Record):
    """A whole recording."""

    schema_version: Literal["setpoint-recording/1"]
    about: Line
    ticket: Line
    agent: Player
    sessions: tuple[Entry, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _places_are_unique(self) -> "Recording":
        seen: set[Place] = set()
        for entry in self.sessions:
            if entry.place in seen:
                raise ValueError(f"{named(entry.place)} stands there twice")
            seen.add(entry.place)
            before = (*entry.place[:-1], entry.turn - 1)
            if entry.turn > 1 and before not in seen:
                raise ValueError(f"{named(entry.place)} stands there without turn {entry.turn - 1} before it")
        return self


def named(place: Place) -> str:
    """A place in words."""
    phase, cycle, task, role, fresh, turn = place
    parts = [phase, f"task {task}" if task else "", role, f"cycle {cycle}", f"fresh {fresh}", f"turn {turn}"]
    return ", ".join(part for part in parts if part)


def load(path: Path) -> Recording:
    """The recording in `path`. Raises RecordingError that names the file and the place in it."""
    content = read_bytes(
        path, called=f"recording {path}", wrong=RecordingError, limit=LARGEST, fix="check `agent.recording`"
    )
    return parse(content, str(path))


def parse(content: bytes | str, where: str) -> Recording:
    """The recording written in `content`."""
    try:
        return Recording.model_validate_json(content)
    except ValidationError as error:
        problems = [f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}" for problem in error.errors()]
        raise RecordingError(
            f"recording {where} cannot be used",
            why="\n".join(problems[:20]),
            fix=f"mend it; the format is {VERSION}, described in docs/recordings.md",
        ) from error

"""A gate as configured: a command that decides."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal

from pydantic import field_validator, model_validator

from .evidence import GateKind
from .network import destination
from .record import Line, Record
from .steps import Count, Step


class Gate(Record):
    """A command that decides."""

    kind: GateKind
    run: tuple[str, ...]
    """Argument list; `{report}` stands for the report file's path where the tool writes one."""
    report: Literal["junit", "sarif", "cobertura", "json", "exit"] = "exit"
    """How the result is read; `json` is the tool's own JSON (jest, eslint, pyright); `exit` has no report file: counts
    come from the output of a known tool, else from the files it was given."""
    timeout: float = 600.0
    """Seconds."""
    where: str = "."
    """Project folder the command runs in, relative to the repository."""
    required: bool = True
    network: tuple[Line, ...] = ()
    """Hosts it may reach: `name`, `name:port`, or `name:port=10.0.0.0/8` for one of a private network; empty: none."""
    level: Literal["", "local", "dev", "qa"] = ""
    """Where its answer comes from; empty: `local`, or `dev` where it may reach hosts. Production is for smoke."""

    @model_validator(mode="after")
    def _who_reaches_nothing_is_local(self) -> "Gate":
        if self.level in ("dev", "qa") and not self.network:
            raise ValueError(f"level {self.level} without a host in `network`: what reaches nothing outside is local")
        return self

    @field_validator("network")
    @classmethod
    def _destinations(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        for host in hosts:
            destination(host)
        return hosts


class TaskGate(Gate):
    """A check of a plan's task: more than an exit code may be looked at."""

    count: Count | None = None
    """How many the command must say it went through."""
    steps: tuple[Step, ...] = ()
    """All that is done, the first command among it; empty: the command alone decides."""


class Candidate(Record):
    """A gate found in a repository; it counts only after it ran on the untouched base."""

    name: Line
    gate: Gate
    because: Line
    """`file:line`, or the file whose presence speaks for it."""
    guessed: bool = False
    """What the command looks at was guessed: the configuration does not say."""


class SetAside(Record):
    """A check that a repository speaks of and that is no gate here."""

    command: Line
    place: Line
    """`file:line`, or the file."""
    why: Line


def day_of(gates: Mapping[str, Gate]) -> str:
    """Today, where one of `gates` asks somebody outside; else empty. Part of what its answers are kept under."""
    return datetime.now(UTC).date().isoformat() if any(gate.network for gate in gates.values()) else ""

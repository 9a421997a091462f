"""What a repository needs beside it while its code is written and tested: its services, as configured."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from pydantic import Field, field_validator, model_validator

from .record import Line, Record

_HOLE = re.compile(r"\{(port_\d+|database|data)\}")
_OURS = re.compile(r"(?:SETPOINT|COMPOSE)_[A-Z0-9_]*")
MOST_PORTS = 8


def filled(text: str, names: Mapping[str, str]) -> str:
    """`text` with `{port_1}`, `{database}` and `{data}` filled in; other braces stay."""
    return _HOLE.sub(lambda hole: names.get(hole[1], hole[0]), text)


class Service(Record):
    """One command that is kept running beside the room's commands."""

    name: str = Field(pattern=r"[a-z][a-z0-9_-]{0,40}")
    run: tuple[str, ...] = Field(min_length=1)
    """It stays in the foreground and listens on the loopback. In it, as in `prepare` and `ready`, `{port_1}` and so on,
    `{database}` and `{data}` (a folder of the stack's own, empty at first) are filled in."""
    port: int = Field(default=0, ge=0, le=MOST_PORTS)
    """Which of the stack's ports it listens at, the first is 1; 0: none."""
    prepare: tuple[tuple[str, ...], ...] = ()
    """Commands before it starts."""
    ready: tuple[str, ...] = ()
    """A command that exits with 0 once it can be used; empty: its port takes a connection."""
    env: dict[str, str] = {}


class StackApp(Service):
    """The application itself, as `setpoint up` serves it to a person."""

    name: str = Field(default="app", pattern=r"[a-z][a-z0-9_-]{0,40}")
    port: int = Field(ge=1, le=MOST_PORTS)
    path: str = Field(default="/", pattern=r"/\S*")
    """What of it a person opens first."""


class StackSettings(Record):
    """Services of a repository: each room that needs them has its own, which are gone with it."""

    ports: int = Field(default=0, ge=0, le=MOST_PORTS)
    """How many ports its commands are told, as `SETPOINT_PORT_1` and so on; those of services are among them."""
    service: tuple[Service, ...] = ()
    """In the order they are started."""
    setup: tuple[tuple[str, ...], ...] = ()
    """Commands once all are ready: schemas, first records."""
    teardown: tuple[tuple[str, ...], ...] = ()
    """Commands before they are stopped."""
    env: dict[str, str] = {}
    """Told to agents' commands, gates and the services, `{port_1}` and `{database}` filled in."""
    app: StackApp | None = None
    compose: str = Field(default="", pattern=r"^([^/\x00][^\x00]*\.ya?ml)?$")
    """A compose file from the repository's top, whose services run as containers; its text is the base branch's."""
    compose_services: tuple[str, ...] = ()
    """Which of its services; empty: all that have an image and belong to no profile."""
    composed: str = ""
    """That file's text. It is filled in from the base branch, and pinned to a run with everything else."""
    fresh: Literal["command", "copy"] = "command"
    """For whom services are started anew on a clean copy: for each command, or once for all, which is quicker where
    tests clear up what they leave. A worktree's own live as long as the job."""
    seconds: float = Field(default=60.0, gt=0, le=1800)
    """Longest time until all is ready."""
    memory_mib: int = Field(default=2048, ge=64)
    disk_mib: int = Field(default=4096, ge=16)
    processes: int = Field(default=512, ge=8)

    @property
    def wanted(self) -> int:
        """How many ports there are; those of a compose file are counted when it is read."""
        return MOST_PORTS if self.compose else max(self.ports, *(service.port for service in self._all()), 0)

    @property
    def given(self) -> bool:
        """Whether a room has anything of it."""
        return bool(self.wanted or self.service or self.env)

    @property
    def serves(self) -> bool:
        """Whether anything is started beside a room's commands."""
        return bool(self.service or self.compose)

    def _all(self) -> Sequence[Service]:
        return (*self.service, *((self.app,) if self.app else ()))

    @field_validator("env")
    @classmethod
    def _names_are_free(cls, env: dict[str, str]) -> dict[str, str]:
        taken = [name for name in env if _OURS.fullmatch(name)]
        if taken:
            raise ValueError(f"{taken[0]} is setpoint's to tell; name another variable and say `{{port_1}}` in it")
        return env

    @model_validator(mode="after")
    def _they_fit_together(self) -> "StackSettings":
        named = [one.name for one in self._all()]
        for what, values in (("name", named), ("port", [str(one.port) for one in self._all() if one.port])):
            twice = next((value for value in values if values.count(value) > 1), None)
            if twice is not None:
                raise ValueError(f"two services have the {what} {twice}")
        for where, text in self._texts():
            for hole in _HOLE.findall(text):
                port = hole.removeprefix("port_")
                if port.isdigit() and not 1 <= int(port) <= self.wanted:
                    raise ValueError(f"{where} asks for {{{hole}}}, and there are {self.wanted} ports: say `ports`")
                if hole == "data" and where == "env":
                    raise ValueError("env asks for {data}, which only services and set-up see")
        return self

    def _texts(self) -> Iterator[tuple[str, str]]:
        for one in self._all():
            for argv in (one.run, one.ready, *one.prepare, tuple(one.env.values())):
                yield from ((f"service {one.name}", word) for word in argv)
        for argv in (*self.setup, *self.teardown):
            yield from (("setup", word) for word in argv)
        yield from (("env", value) for value in self.env.values())


class StackTold(Record):
    """What a stack's services say of themselves, from inside; not trusted."""

    up: bool
    answer: bool = False
    """It was asked."""
    what: Line = ""
    """What went wrong, where something did."""
    said: str = Field(default="", max_length=8000)
    """The last words of what went wrong."""

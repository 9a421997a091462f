"""Agents of other makers: each a process of its own in the room's sandbox, under the same loop as the built-in one."""

import asyncio
import shutil
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from ....accounts import Circuits, SessionLog
from ....errors import ConfigError, TransientError
from ....model.agent_settings import KNOWN, AgentProgram
from ....model.command import CommandLimits, Mount
from ....model.session import ModelRef, Reply, Task
from ....ports import Room
from ...rooms import expanded
from ...tool_servers.hands import Hands
from ...tool_servers.pins import Pins
from ..conversation import Conversation
from ..endpoint import Endpoint
from ..fallback import Whom
from ..http import new_client
from ..tools import shortened
from .doorway import Limiting, Start, may_not_start
from .homes import Homes
from .observed import Observed
from .served import serving

_SYSTEM = ("/usr", "/bin", "/lib")


class ExternalAgent:
    """Keeps the promises of `ports.Agent` with a program that speaks ACP."""

    def __init__(
        self, name: str, program: AgentProgram, endpoints: Mapping[str, Endpoint], homes: Path, hands: Hands, whom: Whom
    ) -> None:
        """`homes`: a folder of our own for what its sessions remember; `hands`: what servers of tools are given;
        `whom`: which models are left alone."""
        self.name = name
        self._program = program
        self._endpoints = dict(endpoints)
        self._homes = Homes(homes)
        self._hands = hands
        self._whom = whom

    @classmethod
    def given(
        cls,
        name: str,
        program: AgentProgram,
        endpoints: Mapping[str, Endpoint],
        homes: Path,
        circuits: Circuits,
        *,
        command_limits: CommandLimits,
        redact: Callable[[Any], Any],
        secret: Callable[[str], str | None],
        keep: Callable[[bytes], str],
        pins: Pins,
    ) -> "ExternalAgent":
        """One with what the built-in agent is given, too."""
        hands = Hands(secret, keep, redact, shortened, command_limits, pins=pins)
        return cls(name, program, endpoints, homes, hands, Whom(circuits))

    async def work(self, task: Task, room: Room, log: SessionLog) -> Reply:
        """Let the agent work on `task`; goes on from `log`."""
        argv, mounts = await asyncio.to_thread(located, self.name, self._program, room.inside)
        limited = isinstance(room, Limiting) and room.limits_commands
        if limited and not self._program.asks:
            raise may_not_start(self.name, "it does not ask before each command, and which it runs is limited here")
        seconds = task.limits.seconds + self._program.start_seconds
        start = Start(self.name, self._program, argv, mounts, seconds, limited=limited)
        home = await asyncio.to_thread(self._homes.of, task.session, self.name)
        spoken = self._spoken(task)
        plain = all(endpoint.now().base_url.startswith("http://") for endpoint in spoken.values())
        more = serving(task, room, log, self._program, self._hands)
        # Within one format the relay falls back; over to another one only a new sitting can.
        groups = _by_format(spoken)
        async with new_client(plain=plain) as client, more as served:
            for models, after in pairwise(groups):
                seen = Observed(start, task, room, log, home, models, client, served, self._whom)
                try:
                    return await _held(task, room, log, seen)
                except TransientError as error:
                    if not seen.unanswered:
                        raise
                    log.append(notes=[("switched", _switch(models, after, error))])
            seen = Observed(start, task, room, log, home, groups[-1], client, served, self._whom)
            return await _held(task, room, log, seen)

    def _spoken(self, task: Task) -> dict[ModelRef, Endpoint]:
        """The task's models that the agent can ask. Raises ConfigError when there is none, NotSignedInError without a
        key."""
        found = {
            ref: end
            for ref in task.models
            if (end := self._endpoints.get(ref.provider)) is not None and end.api in self._program.speaks
        }
        if not found:
            raise ConfigError(
                f"agent `{self.name}` can ask none of this phase's models",
                why=f"it speaks {', '.join(self._program.speaks)}; the models: {', '.join(map(str, task.models))}",
                fix="name a model of a provider with one of these formats (`api`) in the phase's settings",
            )
        for ref, end in found.items():
            end.signed(ref.provider)
        return found


async def _held(task: Task, room: Room, log: SessionLog, seen: Observed) -> Reply:
    try:
        return await Conversation(task, room, log, seen, seen).hold()
    finally:
        seen.settle()
        await seen.close()


def _by_format(models: Mapping[ModelRef, Endpoint]) -> list[dict[ModelRef, Endpoint]]:
    """The models of each wire format, in the order of the first of each."""
    found: dict[str, dict[ModelRef, Endpoint]] = {}
    for ref, end in models.items():
        found.setdefault(end.api, {})[ref] = end
    return list(found.values())


def _switch(models: Mapping[ModelRef, Endpoint], after: Mapping[ModelRef, Endpoint], error: Exception) -> Any:
    """A change to models of another format, for the journal."""
    why = f"a new session, in another format: {error}".replace("\n", "; ")
    return {"from": str(next(iter(models))), "to": str(next(iter(after))), "why": why[:500]}


def located(name: str, program: AgentProgram, repository: str) -> tuple[tuple[str, ...], tuple[Mount, ...]]:
    """The agent's command with its program's place, and the folders it lies in. Raises ConfigError when it is not
    here, or when to show it would be to show the home folder or `repository` as a person has it."""
    first, *others = program.command or ("",)
    place = shutil.which(first) if first else None
    if place is None:
        other = KNOWN.get(f"{name}-headless", AgentProgram()).command
        here = (
            f"; `{name}-headless` is the same by `{other[0]}`, which is here"
            if other and shutil.which(other[0])
            else ""
        )
        raise ConfigError(
            f"agent `{name}` is not here",
            why=f"no `{first}` on PATH" if first else "it has no command",
            fix=f"install it (docs/agents.md), or name its command under [agents.{name}]{here}",
        )
    words = [place, *expanded(others)]
    # By their real names: a link to them may lie where nothing is shown.
    words = [str(Path(word).resolve()) if word.startswith("/") and Path(word).exists() else word for word in words]
    folders = [_lies_in(Path(word)) for word in words if word.startswith("/") and Path(word).exists()]
    more = expanded(program.folders)
    if missing := [folder for folder in more if not Path(folder).is_dir()]:
        fix = f"mend `folders` under [agents.{name}]"
        raise ConfigError(f"agent `{name}` needs the folder {missing[0]}, which is not here", fix=fix)
    folders += map(Path, more)
    shown = dict.fromkeys(str(folder) for folder in folders if not str(folder).startswith(_SYSTEM))
    # Shown over the workspace, a folder would hide it, and uncover what is masked there.
    covered = {"your home folder lies in it": Path.home(), "the repository lies in it": Path(repository)}
    wide, why = next(((at, why) for at in shown for why, one in covered.items() if one.is_relative_to(at)), ("", ""))
    if wide:
        raise ConfigError(
            f"agent `{name}` lies in {wide}, which is not shown to a sandbox",
            why=why,
            fix=f"install it in a folder of its own, and name that under [agents.{name}] command",
        )
    return tuple(words), tuple(Mount(host=folder, inside=folder) for folder in shown)


def _lies_in(word: Path) -> Path:
    """The folder of an installed program: all of a node_modules folder, else the one the file is in."""
    if "node_modules" in word.parts:
        return Path(*word.parts[: word.parts.index("node_modules") + 1])
    return word if word.is_dir() else word.parent

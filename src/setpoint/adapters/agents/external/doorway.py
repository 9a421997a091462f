"""The agent's process in its sandbox and the three ways out of it, all of which lead to us: a conversation, its
models, and what it hands in by."""

import asyncio
import json
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from ....errors import ConfigError, DeniedError, TransientError
from ....model.agent_settings import AgentProgram
from ....model.command import CommandLimits, Completed, Mount
from ....policy.action import Action
from ....ports import Room
from ..relay import Relay
from .handing import LONGEST_LINE, HandIn
from .homes import Home
from .inside import ACP, HAND, MODELS, PIPE, bridged, lay, shown, turning
from .lines import LONGEST_LINE as LONGEST_MESSAGE
from .lines import Lines

_GRACE = 3.0
"""Seconds an agent may take to end once nobody speaks with it any more."""


@dataclass(frozen=True)
class Start:
    """How one agent is started."""

    name: str
    program: AgentProgram
    argv: tuple[str, ...]
    mounts: tuple[Mount, ...]
    """What of the host it needs, read-only."""
    seconds: float
    """How long it may run."""
    limited: bool = False
    """Whether each command that it wants to run is decided about first."""


@runtime_checkable
class Limiting(Protocol):
    """A room whose broker may limit which programs are started, and decides about each."""

    @property
    def limits_commands(self) -> bool: ...

    def serving(self, server: str, hosts: Sequence[str], *, workspace: bool) -> Any: ...

    def permit(self, action: Action) -> None: ...


@dataclass(frozen=True)
class Inside:
    """What the bridge tells: places as the agent sees them."""

    cwd: str
    python: str
    folder: str
    home: str

    @property
    def hand_in(self) -> tuple[str, ...]:
        """The command of the MCP server that the agent hands in by."""
        return (self.python, "-I", "-S", f"{self.folder}/{PIPE}", self.folder)


class Doorway:
    """A running agent."""

    def __init__(self, start: Start, lines: Lines, inside: Inside, process: "asyncio.Task[Completed]") -> None:
        self.lines = lines
        self.inside = inside
        self._start = start
        self._process = process

    @property
    def gone(self) -> bool:
        """Whether the process has ended, or says no more."""
        return self._process.done() or self.lines.over.is_set()

    async def fault(self, what: str) -> TransientError:
        """Why it is gone, in its own last words."""
        await asyncio.wait([self._process], timeout=_GRACE)
        return fault(self._start.name, what, self._process, self.lines.rubbish)


def fault(name: str, what: str, process: "asyncio.Task[Completed]", rubbish: str = "") -> TransientError:
    """What became of the agent `name`. Raises what its sandbox raised."""
    if not process.done():
        return TransientError(f"agent `{name}` {what}", fix="`setpoint resume` starts it again")
    done = process.result()
    how = f"stopped: over its limit of {done.killed}" if done.killed else f"it ended with code {done.exit_code}"
    said = " ".join(f"{done.stderr[-800:]} {rubbish[:300]}".split())
    why = f"{how}; it said: {said}" if said else how
    fix = "`setpoint doctor` shows whether it can be started; then `setpoint resume`"
    return TransientError(f"agent `{name}` {what}", why=why, fix=fix)


@asynccontextmanager
async def doorway(
    start: Start, room: Room, home: Home, env: Mapping[str, str], relay: Callable[[Path], Relay], hand: HandIn
) -> AsyncIterator[Doorway]:
    """Start the agent in `room`; it is gone at the end. Raises TransientError when it does not start, ConfigError where
    the policy does not let it."""
    folder = Path(tempfile.mkdtemp(prefix="setpoint-agent-"))
    entered: asyncio.Future[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Future()

    async def enter(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if entered.done():
            writer.close()
        else:
            entered.set_result((reader, writer))

    way = relay(folder)
    servers = [
        await asyncio.start_unix_server(enter, folder / ACP, limit=LONGEST_MESSAGE),
        await asyncio.start_unix_server(way.serve, folder / MODELS),
        await asyncio.start_unix_server(hand.serve, folder / HAND, limit=LONGEST_LINE),
    ]
    process = asyncio.create_task(_run(start, room, home, env, folder))
    writer: asyncio.StreamWriter | None = None
    try:
        either: list[asyncio.Future[Any]] = [process, entered]
        await asyncio.wait(either, timeout=start.program.start_seconds, return_when="FIRST_COMPLETED")
        if not entered.done():
            raise fault(start.name, "did not start", process)
        reader, writer = entered.result()
        inside = Inside(**json.loads(await reader.readline() or b"{}"))
        yield Doorway(start, Lines(reader, writer, rpc=start.program.talk == "acp"), inside, process)
    finally:
        if writer is not None:
            writer.close()
            await asyncio.wait([process], timeout=_GRACE)
        process.cancel()
        await asyncio.gather(process, return_exceptions=True)
        for server in servers:
            server.close()
        await way.close()
        shutil.rmtree(folder, ignore_errors=True)


async def _run(start: Start, room: Room, home: Home, env: Mapping[str, str], folder: Path) -> Completed:
    lay(folder)
    for name, content in start.program.files.items():
        place = folder / "files" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(_filled(content, env))
    program = start.program
    limits = CommandLimits(
        seconds=start.seconds,
        memory_mib=program.memory_mib,
        processes=program.processes,
        disk_mib=program.disk_mib,
        files=200_000,
        output_bytes=65_536,
    )
    told = {name: _filled(value, env) for name, value in program.env.items()}
    told |= {"SETPOINT_FILES": "\n".join(program.files)} if program.files else {}
    argv = start.argv if program.talk == "acp" else turning()
    try:
        whole, mounts = bridged(argv, told), (*shown(folder, home.path), *start.mounts)
        if not start.limited or not isinstance(room, Limiting):
            return await room.run(whole, limits=limits, mounts=mounts)
        # The configuration names it, as it names servers; what it wants to run is asked for one by one.
        async with room.serving(start.name, (), workspace=True) as (inner, _):
            done: Completed = await inner.run(whole, limits=limits, mounts=mounts)
            return done
    except DeniedError as error:
        raise may_not_start(start.name, f"{error.what}: {error.why}") from error


def may_not_start(name: str, why: str) -> ConfigError:
    """That the policy does not let an agent in."""
    return ConfigError(
        f"agent `{name}` may not be started here",
        why=why,
        fix='use `agent = "native"` in the phase, or leave the list of commands open',
    )


def _filled(text: str, words: Mapping[str, str]) -> str:
    for name, value in words.items():
        text = text.replace("{" + name + "}", value)
    return text

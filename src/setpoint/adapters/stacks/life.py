"""One life of a stack: from the first command that may ask for it to its end."""

import asyncio
import json
import os
import shutil
import tempfile
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ...errors import SandboxError
from ...gates.composed import compose_names, composed
from ...model.command import Command, CommandLimits, Completed, Mount
from ...model.compose import Door
from ...model.stack import Service, StackSettings, StackTold, filled
from ...ports import Sandbox
from ..folders import remove_folder
from .beside import Beside
from .blocks import Block, blocks_folder, claim
from .containers import Contain
from .through import through

INSIDE = Path(__file__).with_name("stack_inside.py")
DOORS = "/run/setpoint/stack"
"""Where the sockets are shown."""
DATA = "/run/setpoint/data"
HOST = "none"
"""The level whose commands have the host's loopback."""
TALKS = 200
"""Most connections of a room at once; one more is closed. PostgreSQL takes half as many."""
FOREVER = 7 * 24 * 3600.0
_ENDING = 10.0
"""Seconds beyond its own limits that a stack may take to end when it is asked to."""
_LAST_WORDS = 5.0
"""Seconds to read what they said before they ended; it lies there already."""
_PREFIX = "setpoint-stack-"
_LINE = 65_536


@cache
def sweep(state: Path) -> None:
    """Remove, once in this process, what stacks of dead ones left on the disk."""
    for place in (*(state / "stacks").glob("*-*"), *Path(tempfile.gettempdir()).glob(f"{_PREFIX}*")):
        owner = place.name.removeprefix(_PREFIX).partition("-")[0]
        if owner.isdigit() and not Path("/proc", owner).exists() and Path("/proc/self").exists():
            remove_folder(place)


class Life:
    """One life of a stack: from its first command to its end."""

    def __init__(
        self,
        sandbox: Sandbox,
        settings: StackSettings,
        services: Sequence[Service],
        on_host: bool,
        command: Command,
        contain: Contain,
    ) -> None:
        """`contain` makes the containers of a compose file, where there is one."""
        self._sandbox, self._settings, self._services, self._on_host = sandbox, settings, services, on_host
        self._like, self._contain = command, contain
        self._beside: Beside | None = None
        self._doors: list[tuple[str, Door]] = []
        """Ports of containers, and whose they are."""
        self._logs = Path()
        self._block: Block | None = None
        self.doors = Path()
        """The sockets, of those who come and of those who serve."""
        self._data = Path()
        self._servers: list[asyncio.Server] = []
        self._talks: set[asyncio.Task[None]] = set()
        self._rising: asyncio.Task[bool] | None = None
        self._living: asyncio.Task[Completed] | None = None
        self._told: asyncio.Queue[StackTold] = asyncio.Queue()
        self._control: asyncio.StreamWriter | None = None
        self._came = asyncio.Event()
        """They can be spoken to."""
        self._heard = asyncio.Event()
        """All that they said is known: they will say no more."""
        self._asked: deque[asyncio.Future[None]] = deque()
        self.trouble = ""
        self.said = ""
        """The last words of what went wrong."""
        self.troubled = asyncio.Event()

    # -- its names --------------------------------------------------------------------------------------------------

    def _ports(self, *, behind: bool) -> list[int]:
        """The ports as commands see them, or as the services do."""
        assert self._block is not None
        # Who shares the host's loopback cannot listen where the doors do.
        level = self._beside.containers.level if self._beside else self._sandbox.level
        skip = len(self._block.ports) // 2 if behind and level == HOST else 0
        return list(self._block.ports)[skip : skip + self._settings.wanted]

    def _holes(self, *, behind: bool) -> dict[str, str]:
        assert self._block is not None
        told = {f"port_{number}": str(port) for number, port in enumerate(self._ports(behind=behind), 1)}
        return {**told, "database": f"setpoint_{self._block.first}"}

    def names(self, *, behind: bool = False) -> dict[str, str]:
        """What commands are told, or the services."""
        assert self._block is not None
        holes = self._holes(behind=behind)
        ports = {f"SETPOINT_{name.upper()}": port for name, port in holes.items()}
        own = {name: filled(value, holes) for name, value in self._settings.env.items()}
        return {**ports, "COMPOSE_PROJECT_NAME": self._project(), **own}

    def _project(self) -> str:
        assert self._block is not None
        return f"setpoint-{self._block.first}"

    def fronts(self) -> list[int]:
        """The ports that services stand at, as commands see them."""
        ports = self._ports(behind=False)
        numbers = [service.port for service in self._services if service.port]
        return [ports[number - 1] for number in (*numbers, *(door.number for _, door in self._doors))]

    def like(self, command: Command) -> None:
        """The services see what this command sees."""
        self._like = command

    # -- its doors --------------------------------------------------------------------------------------------------

    async def open(self, state: Path, wish: str) -> None:
        """Take ports and folders, and listen. Raises StackError, ConfigError, OSError."""
        await asyncio.to_thread(sweep, state)
        self._block = claim(blocks_folder(), wish)
        self._logs = state / "stacks" / "logs"
        named = compose_names(self._settings, self._holes(behind=False), self._project())
        if wanted := composed(self._settings, named):
            self._beside = Beside(self._contain(self._settings, [one.name for one in wanted]), wanted)
            self._doors = [(one.name, door) for one in wanted for door in one.doors]
        # Not below the repository: the path of a socket is short.
        self.doors = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
        for name in ("front", "back"):
            (self.doors / name).mkdir()
        self._data = state / "stacks" / f"{os.getpid()}-{self._block.first}"
        await asyncio.to_thread(remove_folder, self._data)
        self._data.mkdir(parents=True, mode=0o700)
        control = await asyncio.start_unix_server(self._hear, self.doors / "back" / "control", limit=_LINE)
        self._servers.append(control)
        for port in self.fronts():
            place = self.doors / "front" / str(port)
            self._servers.append(await asyncio.start_unix_server(self._door(port), place, backlog=1024))
            if self._on_host:
                self._servers.append(await asyncio.start_server(self._door(port), "127.0.0.1", port))
        if (self._services or self._beside) and not self.fronts():
            # Nobody can ask for it by connecting.
            await self.ready()

    def _door(self, port: int) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
        async def came(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._talks.add(task)
            try:
                if len(self._talks) <= TALKS and await self.ready():
                    await through(reader, writer, self.doors / "back" / str(port))
            except (OSError, asyncio.CancelledError):
                # It is only cancelled by whoever ends all of this: there is nobody to tell.
                return
            finally:
                self._talks.discard(task)
                writer.close()

        return came

    # -- its life ---------------------------------------------------------------------------------------------------

    async def ready(self) -> bool:
        """Start the services where nobody did yet, and wait until they can be used; False when that failed."""
        if self._rising is None:
            self._rising = asyncio.ensure_future(self._rise())
        return await asyncio.shield(self._rising)

    async def _rise(self) -> bool:
        try:
            return await self._risen()
        except SandboxError as error:
            return self._fail(error.what, error.why)

    async def _risen(self) -> bool:
        sandbox = self._sandbox
        if self._beside is not None:
            sandbox = await asyncio.to_thread(self._beside.containers.holder)
        self._living = asyncio.ensure_future(self._live(sandbox))
        self._living.add_done_callback(self._over)
        if self._beside is not None:
            await self._joined(self._beside, self._living)
        waiting = asyncio.ensure_future(self._told.get())
        try:
            done, _ = await asyncio.wait(
                (waiting, self._living), timeout=self._settings.seconds + _ENDING, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            waiting.cancel()
        if waiting in done:
            told = waiting.result()
            if not told.up:
                return self._fail(told.what, told.said)
            return not self._living.done() or self._fail(*self._last_words(self._living))
        if self._living in done:
            return self._fail(*self._last_words(self._living))
        return self._fail("the services were not ready in time")

    async def _joined(self, beside: Beside, living: "asyncio.Task[Completed]") -> None:
        """Bring the containers up once the loopback that they join is there. Raises StackError."""
        came = asyncio.ensure_future(self._came.wait())
        await asyncio.wait((came, living), timeout=self._settings.seconds, return_when=asyncio.FIRST_COMPLETED)
        came.cancel()
        if self._control is not None:
            await beside.start(self._settings.seconds)
            self._control.write(b"!")

    async def _live(self, sandbox: Sandbox) -> Completed:
        """All of their life; what they said last has been heard when it is over."""
        done = await sandbox.run(self._command())
        with suppress(TimeoutError):
            await asyncio.wait_for(self._heard.wait(), _LAST_WORDS)
        return done

    async def settled(self) -> str:
        """What is wrong with the services as they are now, where they were asked for; empty: nothing."""
        risen = self._rising is not None and self._rising.done()
        if self._control is None or self._living is None or not risen or self.trouble or self._living.done():
            return self.trouble
        if not await self._word(b"?", self._living, _ENDING):
            self._fail("they do not answer")
        what, said = await self._beside.trouble() if self._beside else ("", "")
        if what:
            self._fail(what, said)
        return self.trouble

    async def _word(self, word: bytes, living: "asyncio.Task[Completed]", seconds: float) -> bool:
        """Say it to them, and wait for their answer or their end; False when neither came."""
        assert self._control is not None
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._asked.append(answer)
        self._control.write(word)
        waiting: tuple[asyncio.Future[Any], ...] = (answer, living)
        done, _ = await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        return bool(done)

    def _answer(self) -> None:
        if self._asked and not (answer := self._asked.popleft()).done():
            answer.set_result(None)

    def _fail(self, what: str, said: str = "") -> bool:
        self.trouble = self.trouble or f"the stack's services are not there: {what}{_last_line(said)}"
        self.said = self.said or said
        self.troubled.set()
        return False

    def _over(self, living: "asyncio.Task[Completed]") -> None:
        # While they rise, whoever waits for that knows better: their own words come before how they ended.
        if not living.cancelled() and self._rising is not None and self._rising.done():
            self._fail(*self._last_words(living))

    @staticmethod
    def _last_words(living: "asyncio.Task[Completed]") -> tuple[str, str]:
        if living.cancelled():
            return "they were stopped", ""
        error = living.exception()
        if error is not None:
            return str(error).splitlines()[0], str(error)
        done = living.result()
        why = f"over the limit of {done.killed}" if done.killed else f"they ended with {done.exit_code}"
        return why, done.stderr

    async def _hear(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._control is not None:
            writer.close()
            return
        self._control = writer
        self._came.set()
        try:
            with suppress(OSError, ValueError):
                while line := await reader.readline():
                    self._listen(line)
        finally:
            self._heard.set()

    def _listen(self, line: bytes) -> None:
        try:
            told = StackTold.model_validate_json(line)
        except ValidationError:
            told = StackTold(up=False, what="what it said of itself cannot be read")
        if told.answer:
            self._answer()
        elif self._rising is not None and self._rising.done():
            self._fail(told.what, told.said)
        else:
            self._told.put_nowait(told)

    def _command(self) -> Command:
        like, settings = self._like, self._settings
        mounts = [mount.model_copy(update={"writable": False}) for mount in like.mounts if not _is_reports(mount)]
        mounts.append(Mount(host=str(self.doors / "back"), inside=DOORS, writable=True))
        mounts.append(Mount(host=str(self._data), inside=DATA, writable=True))
        behind, ports = self._ports(behind=True), self._ports(behind=False)
        services = [
            {
                **service.model_dump(mode="json", include={"name", "run", "prepare", "ready", "env"}),
                "at": behind[service.port - 1] if service.port else 0,
                "door": ports[service.port - 1] if service.port else 0,
            }
            for service in self._services
        ]
        asked = settings.model_dump(mode="json", include={"setup", "teardown", "seconds"})
        asked["joined"] = self._beside is not None
        asked["doors"] = [{"name": name, "at": one.at, "door": ports[one.number - 1]} for name, one in self._doors]
        kept = {name: value for name, value in like.env.items() if name != "SETPOINT_REPORTS"}
        return Command(
            argv=("python3", "-I", "-S", "-c", INSIDE.read_text(encoding="utf-8")),
            mounts=tuple(mounts),
            cwd=like.cwd,
            env={**kept, **self.names(behind=True), "SETPOINT_DOORS": DOORS, "SETPOINT_DATA": DATA},
            stdin=json.dumps({**asked, "services": services, "names": self._holes(behind=True)}),
            limits=CommandLimits(
                seconds=FOREVER,
                memory_mib=settings.memory_mib,
                disk_mib=settings.disk_mib,
                processes=settings.processes,
            ),
        )

    async def close(self) -> None:
        """End it, and give back what it held."""
        try:
            for server in self._servers:
                server.close()
            for talk in tuple(self._talks):
                talk.cancel()
            await asyncio.gather(*self._talks, return_exceptions=True)
            await self._end()
        finally:
            if self._control is not None:
                self._control.close()
            for place in (self.doors, self._data):
                if place != Path():
                    await asyncio.to_thread(shutil.rmtree, place, True)
            if self._block is not None:
                self._block.release()

    async def _end(self) -> None:
        rising = self._rising is not None and not self._rising.done()
        if self._rising is not None and rising:
            # Nothing to tear down yet, and nobody there would hear that it is to end.
            self._rising.cancel()
            await asyncio.gather(self._rising, return_exceptions=True)
        polite = self._control is not None and not rising
        patience = _ENDING * (1 + len(self._services)) + 30.0 * len(self._settings.teardown)
        if self._beside is not None:
            try:
                if polite and self._living is not None and not self.trouble:
                    await self._word(b".", self._living, patience)
            finally:
                await self._beside.close(self._logs)
        if self._living is None:
            return
        if polite and self._control is not None and not self._living.done():
            self._control.close()
            await asyncio.wait((self._living,), timeout=patience)
        self._living.cancel()
        await asyncio.gather(self._living, return_exceptions=True)


def _is_reports(mount: Mount) -> bool:
    return mount.inside.startswith("/run/setpoint/")


def _last_line(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return f"; it said: {lines[-1][:300]}" if lines else ""

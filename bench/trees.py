"""What a worktree, a command in the sandbox and a gate cost beside the same without setpoint."""

import asyncio
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path

from setpoint.adapters.repository import UserRepository
from setpoint.app import House
from setpoint.gates.judge import run_gates
from setpoint.model.evidence import GateKind
from setpoint.model.gate import Gate
from setpoint.model.run import Position, Run
from setpoint.model.settings import Config
from setpoint.model.ticket import Kind, Ticket
from setpoint.ports import Room

from .figure import Figure, middle
from .task import git, lay_out

LARGE = 50_000


def figures(repository: Path, rounds: int) -> Iterator[Figure]:
    """Worktree, command and gate on the small repository."""
    house = House(UserRepository(repository), Config())
    try:
        yield from _worktrees(house, rounds, "a worktree, 4 files")
        yield from _commands(house, rounds)
    finally:
        asyncio.run(house.close())


def large(folder: Path) -> Iterator[Figure]:
    """A worktree of a repository with 50,000 files."""
    files = {f"pkg{n // 500:03d}/m{n:05d}.py": f"VALUE_{n} = {n}\n" + "# line\n" * (n % 60) for n in range(LARGE)}
    lay_out(folder, {**files, ".gitignore": ".setpoint/\n"})
    house = House(UserRepository(folder), Config())
    try:
        yield from _worktrees(house, 2, f"a worktree, {LARGE:,} files", most_ratio=1.05)
    finally:
        asyncio.run(house.close())


def _worktrees(house: House, rounds: int, what: str, most_ratio: float | None = None) -> Iterator[Figure]:
    base = git(house.root, "rev-parse", "HEAD")
    workspaces = house.bench(house.config).workspaces
    floor: list[float] = []
    ours: list[float] = []
    for number in range(rounds):
        bare = house.root.parent / f"bare-tree-{number}"
        words = ("git", "worktree", "add", "-q", "-b", f"bare-tree/{number}", str(bare), base)
        started = time.monotonic()
        subprocess.run(words, cwd=house.root, check=True, capture_output=True)
        floor.append((time.monotonic() - started) * 1000)
        run = _run(house, f"t{number:03d}", base)
        ours.append(_timed(partial(workspaces.open, run)))
        asyncio.run(workspaces.close(run))
        git(house.root, "worktree", "remove", "--force", str(bare))
    yield Figure(what, middle(ours), "ms", floor=middle(floor), most_ratio=most_ratio, best=min(ours))


def _run(house: House, name: str, base: str) -> Run:
    now = house.commands.now()
    return Run(
        id=name,
        ticket=Ticket(id=name, title="tree", kind=Kind.HOTFIX, text="tree"),
        repository=house.repository.root,
        base_branch="main",
        base=base,
        branch=f"setpoint/{name}",
        route_because="the benchmark",
        position=Position(route=Kind.HOTFIX, stage="implementation"),
        owner="Bench",
        created=now,
        updated=now,
    )


def _timed(act: Callable[[], Awaitable[object]]) -> float:
    async def timed() -> float:
        started = time.monotonic()
        await act()
        return (time.monotonic() - started) * 1000

    return asyncio.run(timed())


def _commands(house: House, rounds: int) -> Iterator[Figure]:
    base = git(house.root, "rev-parse", "HEAD")
    workspaces = house.bench(house.config).workspaces

    async def measure() -> tuple[list[float], list[float], list[float]]:
        workspace = await workspaces.open(_run(house, "c000", base))
        bare, inside, gate = [], [], []
        await _command(workspace)
        for _ in range(rounds):
            started = time.monotonic()
            await asyncio.to_thread(_bare_command, house.root)
            bare.append((time.monotonic() - started) * 1000)
            inside.append(await _command(workspace))
            gate.append(await _gate(workspace))
        await workspaces.close(_run(house, "c000", base))
        return bare, inside, gate

    bare, inside, gate = asyncio.run(measure())
    yield Figure(
        "a command", middle(inside), "ms", floor=middle(bare), note="`bash -c true` in the sandbox", best=min(inside)
    )
    yield Figure("gate dispatch", middle(gate) - middle(inside), "ms", note="a gate of `true`, the command taken off")
    yield Figure("gate", middle(gate) - middle(bare), "ms", most=50.0, note="of `true`, the bare command taken off")


def _bare_command(folder: Path) -> None:
    subprocess.run(["bash", "-c", "true"], cwd=folder, capture_output=True, check=True)


async def _command(room: Room) -> float:
    started = time.monotonic()
    await room.run(["bash", "-c", "true"])
    return (time.monotonic() - started) * 1000


async def _gate(room: Room) -> float:
    gates = {"nothing": Gate(kind=GateKind.LINT, run=("true",))}
    started = time.monotonic()
    await run_gates(gates, room, tree="0" * 40, environment="bench")
    return (time.monotonic() - started) * 1000

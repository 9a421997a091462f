"""How a repository is made ready to work in, and whether the gates' tools are there then."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..model.command import CommandLimits
from ..model.gate import Gate
from ..ports import Room
from .commands import in_shell
from .project import Project
from .reading import line
from .task_files import targets
from .words import ASSIGNMENT

SECONDS = 180.0
"""Longest time of one command."""
_TARGETS = ("bootstrap", "setup", "install", "deps", "install-dev", "dev-install", "init")
_SCRIPTS = ("script/bootstrap", "script/setup", "scripts/bootstrap.sh", "scripts/setup.sh", "bin/setup", "setup.sh")
_LOCKED: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("uv.lock", ("uv", "sync", "--frozen")),
    ("poetry.lock", ("poetry", "install")),
    ("pdm.lock", ("pdm", "sync")),
    ("package-lock.json", ("npm", "ci")),
    ("pnpm-lock.yaml", ("pnpm", "install", "--frozen-lockfile")),
    ("yarn.lock", ("yarn", "install", "--frozen-lockfile")),
    ("requirements.txt", ("python", "-m", "pip", "install", "-r", "requirements.txt")),
)
_PROBE = "import importlib.util as u, sys; sys.exit(any(u.find_spec(name) is None for name in sys.argv[1:]))"


@dataclass(frozen=True)
class Setup:
    """Commands that make a fresh copy ready."""

    commands: tuple[tuple[str, ...], ...]
    because: str
    """What speaks for them."""


def found_setup(repository: Path) -> Setup | None:
    """What the repository itself calls its set-up: a target, a script, else what its lock file asks for."""
    project = Project(repository)
    there = {target.name: target for target in reversed(targets(project))}
    named = next((there[name] for name in _TARGETS if name in there), None)
    if named is not None:
        return Setup(((named.program, named.name),), named.place)
    script = next((name for name in _SCRIPTS if project.has(name)), "")
    if script:
        return Setup((("sh", script),), script)
    return next((Setup((argv,), name) for name, argv in _LOCKED if project.has(name)), None)


async def failed(setup: Setup, room: Room) -> str:
    """Run the commands in a clean copy: what the first that fails said; empty when all ran."""
    for argv in setup.commands:
        done = await room.run(argv, limits=CommandLimits(seconds=SECONDS))
        if done.exit_code != 0:
            said = [text.strip() for text in (done.stderr or done.stdout).splitlines() if text.strip()]
            return line(f"`{' '.join(argv)}` exited with {done.exit_code}: {said[-1] if said else 'nothing said'}")
    return ""


async def missing_tools(gates: Mapping[str, Gate], room: Room) -> tuple[str, ...]:
    """The gates whose tool is not in the room, each with its tool: `tests (pytest)`."""
    found = []
    for name, gate in gates.items():
        program, module = _tool(gate.run)
        asked = ("sh", "-c", 'command -v -- "$1" >/dev/null', "sh", program)
        probed = (program, "-c", _PROBE, module)
        for argv in (asked, *([probed] if module else [])):
            command = in_shell(gate.model_copy(update={"run": argv}))
            if (await room.run(command, limits=CommandLimits(seconds=60.0))).exit_code != 0:
                found.append(f"{name} ({module or program})")
                break
    return tuple(found)


def _tool(run: Sequence[str]) -> tuple[str, str]:
    """The program of a command, and the module when it is Python that runs one."""
    rest = [part for part in run if part != "env"]
    while rest and ASSIGNMENT.match(rest[0]):
        rest.pop(0)
    module = rest[2].partition(".")[0] if rest[1:2] == ["-m"] and len(rest) > 2 else ""
    return rest[0] if rest else "true", module

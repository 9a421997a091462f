"""The demo: a whole ticket on real code. The model's turns are replayed; all else is real."""

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import SetpointError, UsageError
from ..model.approval import Point
from ..model.run import State, Waits
from .project import RECORDING, TICKET, lay_out

if TYPE_CHECKING:
    from ..app import House
    from ..model.run import Event, Run

TOOLS = ("pytest", "ruff", "mypy")
"""What the service's own checks need, in an environment of its own."""

OWNER = "Demo Owner"
INSPECTED: dict[Point, str] = {
    "requirement": "replayed: each sentence of the ticket has a test that was red before and is green now",
    "diff": "replayed: read, it validates at the door and nowhere else",
    "tests": "replayed: they ask the running service, and fail on the base",
    "debt": "replayed: no second place knows the rules",
}
"""What the demo's owner says; like the model's turns it was thought out beforehand, and says so."""

Say = Callable[[str], None]
Ask = Callable[["House", "Run"], Awaitable[bool]]


async def play(
    folder: Path | None, say: Say, tell: Callable[["Event"], None], ask: Ask | None
) -> tuple["House", "Run"]:
    """Lay the service out, carry its ticket to the end, and give the house and the finished run. `ask` lets a person
    decide; without it the demo's owner says yes."""
    target = folder or Path(tempfile.mkdtemp(prefix="setpoint-demo-"))
    say("Model turns are REPLAYED from a recording. Git, sandbox, tests, lint, types, gates, red proof,")
    say("controller, approvals, CI, merge, deploy, smoke and rollback are real. No key is read, nothing leaves here.")
    say(f"service   {target}  (a small signup service over HTTP with a database)")
    with tempfile.TemporaryDirectory(prefix="setpoint-demo-key-") as private:
        # Your own key signs what you say, and nothing else: the demo's owner has one that ends with the demo.
        keys = None if ask else Path(private) / "approvals"
        await asyncio.to_thread(prepare, target, say, keys)
        return await _played(target, say, tell, ask, keys)


async def _played(
    target: Path, say: Say, tell: Callable[["Event"], None], ask: Ask | None, keys: Path | None
) -> tuple["House", "Run"]:
    from ..app import House

    started = time.monotonic()
    house = await House.open(target)
    house.keys = keys
    begun = await house.submit(TICKET.read_text(encoding="utf-8"), name="signup-validation", kind=None, detach=False)
    for result in begun.baseline:
        say(f"base      {result.gate}: {result.reason}")
    run = begun.run
    while True:
        run = await house.carry(run.id, tell)
        if not await _decided(house, run, say, ask):
            break
    say(f"{time.monotonic() - started:.0f} s from ticket to {run.position.state.value}")
    return house, house.store.run(run.id)


async def _decided(house: "House", run: "Run", say: Say, ask: Ask | None) -> bool:
    if run.position.state is not State.WAITING:
        return False
    if ask is not None:
        return await ask(house, run)
    if run.position.waits is not Waits.DECISION:
        return False
    say(f"          {run.position.stage}: a person decides here; the demo's owner says yes (DEMO_ASK=1 lets you)")
    for point in await house.inspects(run):
        say(f"          {point}: {INSPECTED[point]}")
    await house.commands.approve(run.id, because="demo", inspected=INSPECTED)
    return True


def prepare(target: Path, say: Say, keys: Path | None = None) -> None:
    """The service as a git repository with an environment of its own, its approver the one whose key lies in `keys`; a
    folder that was prepared before is kept."""
    if (target / ".git").exists():
        raise UsageError(f"{target} is a repository already", fix="give an empty folder, or none")
    lay_out(target)
    if keys is not None:
        from ..adapters.keys import KeyRing

        key = KeyRing(keys, shown=(target,), tell=lambda _words: None).ready()
        settings = target / "setpoint.toml"
        named = f'\n[approvals.approvers]\n"{OWNER}" = "{key}"\n'
        settings.write_text(settings.read_text(encoding="utf-8") + named, encoding="utf-8")
    _git(target, "init", "-q", "-b", "main")
    (target / ".git" / "info" / "exclude").write_text(
        ".venv/\n__pycache__/\n.setpoint/\n.mypy_cache/\n", encoding="utf-8"
    )
    _git(target, "config", "user.name", OWNER)
    _git(target, "config", "user.email", "demo@example.invalid")
    _git(target, "add", "-A")
    _git(target, "commit", "-q", "-m", "The signup service")
    (target / ".setpoint").mkdir(exist_ok=True)
    shutil.copy(RECORDING, target / ".setpoint" / "recording.json")
    say(f"tools     {', '.join(TOOLS)} into {target.name}/.venv")
    _environment(target)


def _git(folder: Path, *arguments: str) -> None:
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    _run(["git", *arguments], folder, environment)


def _environment(folder: Path) -> None:
    wanted = [_pinned(tool) for tool in TOOLS]
    uv = shutil.which("uv") or _bootstrapped()
    if uv:
        _run([uv, "venv", "-q", "--python", sys.executable, ".venv"], folder)
        _run([uv, "pip", "install", "-q", "--python", ".venv", *wanted], folder)
        return
    _run([sys.executable, "-m", "venv", ".venv"], folder)
    _run([".venv/bin/pip", "install", "-q", *wanted], folder)


def _pinned(tool: str) -> str:
    # The versions that are here already come from the cache, without a download.
    try:
        return f"{tool}=={version(tool)}"
    except PackageNotFoundError:
        return tool


def _bootstrapped() -> str | None:
    beside = Path(sys.prefix).parent / ".venv-uv" / "bin" / "uv"
    return str(beside) if beside.exists() else None


def _run(argv: list[str], folder: Path, environment: dict[str, str] | None = None) -> None:
    done = subprocess.run(argv, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=600)
    if done.returncode != 0:
        raise SetpointError(
            f"`{' '.join(argv[:4])} …` failed while the demo was laid out",
            why=(done.stderr or done.stdout).strip()[-600:],
            fix="the demo needs git, and the package registry or its cache once",
        )

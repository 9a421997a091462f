"""A folder with the sandbox around it, presented at the repository's own path.

Inside, `.git` is an empty read-only file: `git` says that there is no repository, and nothing can be put in its place.
Environments of the user (`.venv`, `node_modules`) and the toolchain behind them are shown read-only.
"""

import asyncio
import hashlib
import os
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import DeniedError, UsageError
from ..model.command import Command, CommandLimits, Completed, Mount
from ..model.sandbox_settings import SandboxSettings
from ..model.stack import StackSettings
from ..ports import Sandbox
from . import beneath
from .secrets import SECRET
from .snapshots import Snapshot
from .stacks.containers import Contain
from .stacks.stack import Stack
from .toolchain import toolchain

REPORTS = "/run/setpoint/reports"
"""Where `$SETPOINT_REPORTS` is inside."""
_NESTED = 3
_LOOKED_AT = 2000
_ENVIRONMENTS = 40
"""How deep, among how many folders, and how many environments of projects below the root are looked for."""
SHARE = (".venv", "venv", "node_modules")
_ENVIRONMENT = {"CI": "1", "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1", "TERM": "dumb"}
_SYSTEM_PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
_TOO_WIDE = ("/", "/usr", "/etc", "/home", "/root", "/tmp", "/var", "/opt", "/dev", "/proc", "/sys")  # noqa: S108  # refused


@dataclass(frozen=True)
class Surroundings:
    """All that a room's commands have besides the room."""

    sandbox: Sandbox
    inside: str
    """The repository's own path."""
    masks: Path
    """Holds the empty file and the empty folder that lie over what must not be seen; not writable from inside."""
    shared: tuple[tuple[str, str], ...] = ()
    """Folders below the repository shown read-only: the name there, the folder on the host."""
    shown: tuple[str, ...] = ()
    """Other host paths shown read-only at their own place."""
    env: Mapping[str, str] = field(default_factory=dict)
    limits: CommandLimits = field(default_factory=CommandLimits)
    stack: StackSettings = field(default_factory=StackSettings)
    """Services that each room has for itself."""
    contain: Contain | None = None
    """Makes the containers of a compose file; None: nothing does."""

    def stack_of(self, room: Path, *, app: bool = False, on_host: bool = False) -> Stack | None:
        """What stands beside the commands of a room; None where nothing is configured."""
        if not self.stack.given:
            return None
        state = self.masks.parent
        return Stack(self.sandbox, self.stack, state, str(room), app=app, on_host=on_host, contain=self.contain)


def expanded(paths: Sequence[str]) -> list[str]:
    """Paths of the settings, `~` as the home folder it stands for; one of nobody's stays as it is."""
    return [os.path.expanduser(path) for path in paths]  # noqa: PTH111  # Path raises for an unknown user


def surroundings(
    sandbox: Sandbox,
    repository: Path,
    masks: Path,
    settings: SandboxSettings,
    share: Sequence[str] = SHARE,
    stack: StackSettings | None = None,
    contain: Contain | None = None,
) -> Surroundings:
    """What commands in the rooms of `repository` see and have."""
    for name in ("file", "folder"):
        place = masks / name
        if not place.exists():
            masks.mkdir(parents=True, exist_ok=True)
            place.mkdir(exist_ok=True) if name == "folder" else place.touch(mode=0o444)
    names = [*share, *nested_environments(repository, share)]
    shared = tuple((name, os.path.realpath(repository / name)) for name in names if (repository / name).is_dir())
    tools = toolchain([repository / name for name, _ in shared], os.environ.get("PATH", ""), Path.home(), repository)
    real = {host for name, host in shared if host != str(repository / name)}
    shown = [name for name in dict.fromkeys([*tools.shown, *real, *expanded(settings.readonly)]) if Path(name).exists()]
    first = [f"{repository}/{name}/bin" for name, _ in shared if name != "node_modules" and "/" not in name]
    path = [*first, f"{repository}/node_modules/.bin", *tools.path, *_SYSTEM_PATH]
    env = {**_ENVIRONMENT, "PATH": ":".join(dict.fromkeys(path)), **settings.env}
    stack = stack or StackSettings()
    if stack.given:
        # A result that was come to beside other services is another one.
        env["SETPOINT_STACK"] = stack.digest()
    return Surroundings(sandbox, str(repository), masks, shared, tuple(shown), env, settings.limits, stack, contain)


def nested_environments(repository: Path, share: Sequence[str]) -> list[str]:
    """Environments of projects below the root, by the names of those at the root: `web/node_modules`."""
    wanted, found, seen = {name for name in share if "/" not in name}, list[str](), 0
    waiting = [(repository, "", 0)]
    while waiting and seen < _LOOKED_AT:
        folder, prefix, depth = waiting.pop(0)
        with suppress(OSError):
            for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
                if not entry.is_dir(follow_symlinks=False):
                    continue
                seen += 1
                if entry.name in wanted:
                    found += [prefix + entry.name] if prefix else []
                elif not entry.name.startswith(".") and depth < _NESTED:
                    waiting.append((folder / entry.name, f"{prefix}{entry.name}/", depth + 1))
    return found[:_ENVIRONMENTS]


def tools_mark(around: Surroundings) -> str:
    """Digest of when the folders on the path and the shared environments last changed; nothing is run."""
    places = [Path(host, below) for _, host in around.shared for below in ("", ".package-lock.json", "pyvenv.cfg")]
    places += [found for _, host in around.shared for found in sorted(Path(host).glob("lib*/python*/site-packages"))]
    places += [Path(name) for name in around.env.get("PATH", "").split(":") if name]
    told = [f"{type(around.sandbox).__name__} {around.limits} {sorted(around.env.items())} {around.shown}"]
    for place in places:
        with suppress(OSError):
            told.append(f"{place} {place.stat().st_mtime_ns}")
    return hashlib.sha256("\n".join(told).encode("utf-8", "surrogateescape")).hexdigest()


class SandboxRoom:
    """`ports.Room` over a folder and its surroundings."""

    def __init__(
        self,
        path: Path,
        around: Surroundings,
        snapshot: Snapshot | None = None,
        *,
        pinned: bool = True,
        others: bool = False,
        hidden: Callable[[], Sequence[str]] = tuple,
        fresh: bool = False,
    ) -> None:
        """`hidden`: further files that are masked, whatever they are called."""
        self.path = path
        self.inside = around.inside
        self._around = around
        self._snapshot = snapshot
        self._hidden = hidden
        self._others = others
        """Whether files that no command of ours made lie here as well: nothing is cleaned away then."""
        self._stack = around.stack_of(path)
        self._fresh = fresh and around.stack.fresh == "command"
        """Whether no command meets what another one left in a service."""
        self._secrets: Mapping[str, int] | None = None
        """Files that are masked, and their inodes: a command may move one with the folder above it."""
        self._pinned: tuple[str, ...] = (".git",) if pinned else ()
        """Git's own places that no command may see or replace; a throw-away copy has none."""
        self._running = 0
        self._writes = 0
        """Files written through the room so far; they do not show in the last sweep."""
        self._swept: tuple[beneath.Found, int] | None = None
        """What the last sweep met, and `_writes` when it began; None when commands may have changed the tree since."""
        self._swept_at = 0.0

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
        """Run `argv` here in the sandbox, then make the tree harmless to the host: no FIFO, socket, device or set-id
        file is left. Raises DeniedError when the command replaced `.git` (which level `none` cannot prevent)."""
        git = self._git_before()
        if self._running:
            await asyncio.to_thread(self._follow)
        command = await self.command(argv, limits=limits, env=env, stdin=stdin, network=tuple(network), reports=reports)
        command = command.model_copy(update={"mounts": (*command.mounts, *mounts)})
        self._running += 1
        self._swept = None
        try:
            return await self._beside_services(command)
        finally:
            self._running -= 1
            if not self._running and not self._others:
                await asyncio.to_thread(self._clean)
            self._git_after(git)

    async def command(
        self,
        argv: Sequence[str],
        *,
        limits: CommandLimits | None = None,
        env: dict[str, str] | None = None,
        stdin: str = "",
        network: tuple[str, ...] = (),
        reports: Path | None = None,
    ) -> Command:
        """`argv` as the sandbox is to run it here."""
        around = self._around
        return Command(
            argv=tuple(argv),
            mounts=await asyncio.to_thread(self._mounts, reports),
            cwd=self.inside,
            env={**around.env, **({"SETPOINT_REPORTS": REPORTS} if reports else {}), **(env or {})},
            stdin=stdin,
            network=network,
            limits=limits or around.limits,
        )

    async def _beside_services(self, command: Command) -> Completed:
        stack = self._around.stack_of(self.path) if self._fresh else self._stack
        if stack is None:
            return await self._around.sandbox.run(command)
        try:
            async with stack.beside(command) as joined:
                done = await self._around.sandbox.run(joined)
                return done.model_copy(update={"services": await stack.trouble()})
        finally:
            if stack is not self._stack:
                await stack.close()

    async def up(self) -> None:
        """Start the services now. Raises StackError when they do not come up."""
        if self._stack is not None:
            await self._stack.up(await self.command(("true",)))

    def for_a_person(self, *, app: bool) -> Stack | None:
        """Services of their own for whoever works here, at the host's loopback; with `app` the application too."""
        return self._around.stack_of(self.path, app=app, on_host=True)

    async def rest(self) -> None:
        """End the services beside this room; the next command that asks for them starts new ones."""
        if self._stack is not None:
            await self._stack.close()

    def read(self, path: str) -> bytes:
        """The content of a file below the room. Raises FileNotFoundError, DeniedError (a link, a secret, outside)."""
        name = self._relative(path)
        if name in self._masked():
            raise DeniedError(f"{path} holds secrets and is not shown", fix="work without its content")
        return beneath.read(self.path, name)

    def write(self, path: str, content: bytes) -> None:
        """Replace or create a file below the room. Raises DeniedError (a link, `.git`, a secret, outside)."""
        name = self._relative(path)
        if name in self._masked():
            raise DeniedError(f"{path} holds secrets and is not written", fix="name the setting; a person fills it in")
        try:
            beneath.write(self.path, name, content)
        finally:
            self._writes += 1

    def files(self) -> Sequence[str]:
        """What git would know; all files where the room has no index of its own."""
        if self._snapshot is not None:
            return self._snapshot.files()
        above = f"{self.path}/"
        return sorted(
            f"{folder}/{name}".removeprefix(above) for folder, _, names in os.walk(self.path) for name in names
        )

    @asynccontextmanager
    async def aside(self) -> AsyncIterator["SandboxRoom"]:
        """An empty throw-away folder in the same surroundings."""
        with tempfile.TemporaryDirectory(prefix="setpoint-aside-", ignore_cleanup_errors=True) as folder:
            yield SandboxRoom(Path(folder), self._around, pinned=False)

    def _relative(self, path: str) -> str:
        """Commands know the room by its inside path; so may those who read and write."""
        below = path.removeprefix(f"{self.inside}/") if path.startswith(f"{self.inside}/") else path
        return "/".join(beneath.parts_of(below))

    # -- what commands see ------------------------------------------------------------------------------------------

    def _mounts(self, reports: Path | None) -> tuple[Mount, ...]:
        around = self._around
        mounts = [Mount(host=str(self.path), inside=self.inside, writable=True)]
        mounts += [Mount(host=host, inside=host) for host in around.shown]
        mounts += self._shared()
        # Only over what is there, and never through a link: bubblewrap makes a missing mount point, wherever it leads.
        masked = [(name, "file") for name in self._masked() if beneath.kind(self.path, name) == "file"]
        masked += [(name, kind) for name in self._pinned if (kind := beneath.kind(self.path, name))]
        if any(kind == "link" for _, kind in masked):
            raise DeniedError(f"{self.path}/.git is a symbolic link", fix="run it in a worktree with a real .git")
        mounts += [Mount(host=str(around.masks / kind), inside=f"{self.inside}/{name}") for name, kind in masked]
        if reports is not None:
            mounts.append(Mount(host=str(reports), inside=REPORTS, writable=True))
        return tuple(mounts)

    def _shared(self) -> list[Mount]:
        mounts: list[Mount] = []
        for name, host in self._around.shared:
            if self.path != Path(self.inside):
                gone = "/" in name and beneath.kind(self.path, name.rpartition("/")[0]) != "folder"
                if gone or self._has_own(name):
                    continue
                beneath.make_folder(self.path, name)
            mounts.append(Mount(host=host, inside=f"{self.inside}/{name}"))
        return mounts

    def _has_own(self, name: str) -> bool:
        """Whether something of that name was committed, or made by the set-up: then it is not hidden."""
        place = self.path / name
        return os.path.lexists(place) and (place.is_symlink() or not place.is_dir() or any(place.iterdir()))

    def _masked(self) -> Collection[str]:
        if self._secrets is None:
            elsewhere = {".setpoint", *(name for name, _ in self._around.shared)}
            found = beneath.sweep(self.path, SECRET, clean=False, without=elsewhere)
            places = ((name, self.path / name) for name in self._hidden())
            inodes = {name: place.lstat().st_ino for name, place in places if os.path.lexists(place)}
            self._secrets = {**found.secrets, **inodes}
            if self._others:
                # Repositories below the user's own folder are the user's; an agent must not configure them.
                self._pinned = (".git", ".setpoint", *found.nested)
        return self._secrets

    # -- what commands left -----------------------------------------------------------------------------------------

    def _clean(self) -> None:
        known = None if self._secrets is None else self._secrets.values()
        writes, found = self._writes, beneath.sweep(self.path, known=known or ())
        self._swept, self._swept_at = (found, writes), time.monotonic()
        self._secrets = None if known is None else found.secrets

    def _follow(self) -> None:
        """See where masked files are by now, while other commands go on."""
        if self._secrets is not None:
            self._secrets = beneath.sweep(self.path, known=self._secrets.values(), clean=False).secrets

    def _git_before(self) -> bytes | None:
        marker = beneath.entry(self.path, ".git")
        return marker.content if isinstance(marker, beneath.Entry) and marker.mode != "120000" else None

    def _git_after(self, before: bytes | None) -> None:
        """Inside bubblewrap `.git` cannot move. Elsewhere it is put back, and said."""
        if not self._pinned or self._git_before() == before:
            return
        intruder = self.path / ".git"
        with suppress(FileNotFoundError):
            intruder.rename(Path(tempfile.mkdtemp(prefix="setpoint-aside-", dir=self._around.masks)) / "dot-git")
        if before is not None:
            intruder.write_bytes(before)
        raise DeniedError(f"a command replaced {intruder}", why="it was put back", fix='use level = "bubblewrap"')


async def exec_here(
    sandbox: Sandbox,
    folder: Path,
    argv: Sequence[str],
    *,
    settings: SandboxSettings | None = None,
    network: Sequence[str] = (),
    stdin: str = "",
    stack: StackSettings | None = None,
    contain: Contain | None = None,
) -> Completed:
    """Run `argv` in `folder` as an agent's command would run there: the folder writable at its own path, `.git` and
    secrets masked, the rest of the host as in any room. Raises UsageError for a folder too wide to hand out."""
    with _handed_out(folder) as (here, masks):
        around = surroundings(sandbox, here, masks, settings or SandboxSettings(), stack=stack, contain=contain)
        room = SandboxRoom(here, around, others=True)
        try:
            return await room.run(argv, stdin=stdin, network=network)
        finally:
            await room.rest()


@contextmanager
def _handed_out(folder: Path) -> Iterator[tuple[Path, Path]]:
    here = Path(os.path.realpath(folder))
    if str(here) in _TOO_WIDE or Path.home().is_relative_to(here):
        raise UsageError(f"{here} is not a folder to hand to a command", fix="cd into the repository")
    marker = here / ".git"
    made = not os.path.lexists(marker)
    with tempfile.TemporaryDirectory(prefix="setpoint-masks-") as held:
        masks = Path(held, "masks")
        if made:
            # Otherwise the command could make one, and the user's next git would obey it.
            marker.mkdir()
        try:
            yield here, masks
        finally:
            if made:
                with suppress(OSError):
                    marker.rmdir()

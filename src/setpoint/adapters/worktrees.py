"""One git worktree a run, below `.setpoint/worktrees`; clean throw-away copies below `.setpoint/checkouts`.

The user's repository is touched in three ways: objects are added, refs of setpoint's own and the run's branch are
moved, and the worktree is registered so that a person can `cd` into it and use git. Nothing unsaved is ever deleted:
what goes is saved first under `refs/setpoint/<run>/autosave/<branch>`, each save the parent of the next.
"""

import asyncio
import os
import re
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cached_property, partial
from pathlib import Path

from ..errors import RefusedError, RepositoryError
from ..model.merge import Merged
from ..model.run import Run
from ..model.settings import Config
from ..ports import Room, Sandbox
from . import beneath
from .folders import is_hash, remove_folder
from .git import Git, common_folder, identity, private_git
from .merging import contains, merged
from .rooms import SandboxRoom, Surroundings, surroundings, tools_mark
from .secrets import is_secret
from .snapshots import Snapshot
from .stacks.containers import Contain
from .worktree import Worktree

_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


_LEAST = 6
"""Bytes: a shorter file gives no secret away, and many are alike."""


class SecretContents:
    """Contents of files that are masked by their names, so that a session that moves one does not uncover it."""

    def __init__(self, refs: Git) -> None:
        self._refs = refs
        self._known: dict[str, frozenset[str]] = {}

    def learn(self, base: str) -> None:
        """Remember what a commit holds; not what it shows under another name as well, nor what is next to nothing."""
        if base in self._known:
            return
        listed = list(self._listed(base))
        shown = {blob for blob, path in listed if not is_secret(path)}
        found = {blob for blob, path in listed if is_secret(path)} - shown
        sizes = {blob: int(self._refs.call("cat-file", "-s", blob)) for blob in found}
        self._known[base] = frozenset(blob for blob in found if sizes[blob] >= _LEAST)

    def in_tree(self, treeish: str) -> Sequence[str]:
        """Where such contents lie in a commit or tree, under any name."""
        blobs = frozenset[str]().union(*self._known.values())
        return [path for blob, path in self._listed(treeish) if blob in blobs] if blobs and treeish else []

    def _listed(self, treeish: str) -> Iterator[tuple[str, str]]:
        for line in self._refs.call("ls-tree", "-r", "-z", "--full-tree", treeish, accept=(0, 128)).split(b"\0"):
            told, _, path = line.partition(b"\t")
            if path and not told.startswith((b"120000", b"160000")):
                yield told.decode().split(" ")[2], os.fsdecode(path)


class Worktrees:
    """Keeps `ports.Workspaces` over one repository."""

    def __init__(
        self,
        repository: Path,
        state: Path,
        sandbox: Sandbox,
        *,
        config: Config,
        forge: Path | str | None = None,
        contain: Contain | None = None,
    ) -> None:
        """`contain` makes the containers of a stack's compose file."""
        self._repository = repository
        self._state = state
        self._sandbox = sandbox
        self._config = config
        self._forge = forge
        self._contain = contain
        self._open: dict[str, Worktree] = {}
        self._author: tuple[str, str] | None = None

    # -- the seam ---------------------------------------------------------------------------------------------------

    async def open(self, run: Run) -> Worktree:
        """The run's worktree on `run.branch`, made from `run.base` when it is not there, from the last autosave when it
        was lost. A run that goes on with a new branch keeps its folder; what was in it is saved."""
        if not _SAFE_NAME.fullmatch(run.id):
            raise RepositoryError(f"a run cannot be called {run.id!r}", fix="letters, digits, dots and dashes")
        known = self._open.get(run.id)
        if known is not None and known.branch == run.branch and known.stands():
            return known
        await asyncio.to_thread(self.secrets.learn, run.base)
        await self.rest(run)
        worktree = Worktree(self, run)
        await worktree.make_ready(run.base)
        self._open[run.id] = worktree
        return worktree

    async def close(self, run: Run) -> None:
        """Remove the worktree, its content saved first. A repeat changes nothing."""
        worktree = self._open.pop(run.id, None) or Worktree(self, run)
        await worktree.rest()
        await worktree.remove()

    async def resolve(self, revision: str) -> str:
        """The commit `revision` names. Raises RepositoryError when there is none."""
        found = await self.refs.resolve(revision)
        if found is None:
            raise RepositoryError(f"there is no commit {revision!r} here", fix="git log --all --oneline")
        return found

    async def fetch(self, branch: str) -> str:
        """The forge's commit of `branch`, its objects here, kept by `refs/setpoint/forge/<branch>`."""
        if self._forge is None or (isinstance(self._forge, Path) and not self._forge.exists()):
            raise RepositoryError("there is no forge to fetch from", fix="`setpoint doctor`")
        ref = f"refs/setpoint/forge/{branch}"
        words = ("--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance", "--no-recurse-submodules")
        try:
            await self.refs.run("fetch", *words, "--", str(self._forge), f"+refs/heads/{branch}:{ref}")
        except RefusedError as error:
            raise RepositoryError(f"the forge has no branch {branch}", why=error.why, fix="`setpoint show`") from error
        return await self.resolve(ref)

    async def show(self, revision: str, path: str) -> bytes | None:
        """The file at a commit or tree; None when it is not there."""
        return await self.refs.show(revision, path)

    async def contains(self, commit: str, ancestor: str) -> bool:
        """Whether `ancestor` is `commit` or comes before it."""
        return await contains(self.files, commit, ancestor)

    async def merged(self, ours: str, theirs: str) -> Merged:
        """What merging `theirs` into `ours` gives, computed in the object store alone."""
        return await merged(self.files, ours, theirs)

    def checkout(
        self, revision: str, overlay: dict[str, bytes | None] | None = None
    ) -> AbstractAsyncContextManager[Room]:
        """A clean throw-away copy of `revision` with `overlay` over it, without `.git`; gone at the end."""
        return self._checkout(revision, overlay or {})

    async def rest(self, run: Run) -> None:
        """End the services beside the run's worktree, where they were started here."""
        worktree = self._open.get(run.id)
        if worktree is not None:
            await worktree.rest()

    @asynccontextmanager
    async def room(self, folder: Path) -> AsyncIterator[Room]:
        """A room over any folder of setpoint's own, presented as the repository."""
        room = SandboxRoom(folder, self.around, pinned=False, fresh=True)
        try:
            yield room
        finally:
            await room.rest()

    @asynccontextmanager
    async def _checkout(self, revision: str, overlay: dict[str, bytes | None]) -> AsyncIterator[Room]:
        place = self._state / "checkouts" / f"{os.getpid()}-{uuid.uuid4().hex[:12]}"
        room: SandboxRoom | None = None
        try:
            snapshot = await asyncio.to_thread(self._put_out, place, revision)
            hidden = partial(self.secrets.in_tree, revision)
            room = SandboxRoom(place / "tree", self.around, snapshot, pinned=False, hidden=hidden, fresh=True)
            for path, content in overlay.items():
                if content is None:
                    beneath.delete(room.path, path)
                else:
                    beneath.write(room.path, path, content)
            yield room
        finally:
            if room is not None:
                await room.rest()
            await asyncio.to_thread(remove_folder, place)

    def mark(self) -> str:
        """Moves when the tools that rooms see may have: what was found out about them holds until then."""
        return tools_mark(self.around)

    def _put_out(self, place: Path, revision: str) -> Snapshot:
        self._sweep_checkouts()
        (place / "tree").mkdir(parents=True)
        snapshot = Snapshot(self.files, place / "tree", place / "index")
        try:
            snapshot.put(
                revision if is_hash(revision) else self.refs.call("rev-parse", "--verify", revision).decode().strip()
            )
        except RefusedError as error:
            raise RepositoryError(f"there is no tree {revision!r} here", why=error.why) from error
        return snapshot

    def _sweep_checkouts(self) -> None:
        """Remove what dead processes left."""
        for place in (self._state / "checkouts").glob("*-*"):
            owner = place.name.partition("-")[0]
            if owner.isdigit() and not Path("/proc", owner).exists() and Path("/proc/self").exists():
                remove_folder(place)

    # -- what all worktrees share -----------------------------------------------------------------------------------

    @cached_property
    def common(self) -> Path:
        """The git folder that holds the refs."""
        return common_folder(self._repository)

    @cached_property
    def refs(self) -> Git:
        """For refs and commits."""
        return Git(self.common, sha256=self.files.sha256)

    @cached_property
    def secrets(self) -> "SecretContents":
        """What the bases of runs hold in files named as secrets are."""
        return SecretContents(self.refs)

    @cached_property
    def files(self) -> Git:
        """For everything that reads or writes files."""
        return private_git(self._state / "git", self.common)

    @cached_property
    def around(self) -> Surroundings:
        """What commands have besides their room."""
        settings, share = self._config.sandbox, self._config.worktree.share
        masks, stack = self._state / "masks", self._config.stack
        return surroundings(self._sandbox, self._repository, masks, settings, share, stack, self._contain)

    @cached_property
    def config(self) -> Config:
        """The configuration."""
        return self._config

    @property
    def repository(self) -> Path:
        """The user's own folder."""
        return self._repository

    @property
    def state(self) -> Path:
        """Where setpoint keeps its files."""
        return self._state

    async def author(self) -> tuple[str, str]:
        """Name and address in the engine's commits."""
        if self._author is None:
            self._author = await identity(self._repository)
        return self._author

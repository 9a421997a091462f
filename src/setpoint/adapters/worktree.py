"""One run's worktree: its files saved, put back, committed; made, found again, removed."""

import asyncio
import os
import shutil
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import DeniedError, RepositoryError
from ..model.run import Run
from ..model.unsaved import Unsaved
from ..ports import Room
from . import beneath
from .folders import remove_folder
from .included import copy_included
from .merging import laid_over
from .nested import LeftOut, left_out
from .rooms import SandboxRoom
from .snapshots import Snapshot
from .tree_objects import write_ref

if TYPE_CHECKING:
    from .worktrees import Worktrees

_RECENT = 0.25
"""Seconds for which the sweep behind a command tells how the folder looks."""


class Worktree(SandboxRoom):
    """Keeps `ports.Workspace` over one folder."""

    def __init__(self, house: "Worktrees", run: Run) -> None:
        path = house.state / "worktrees" / run.id
        self._house = house
        self._run = run.id
        self.branch = run.branch
        self._aside = house.state / "workspaces" / run.id
        self._known = Snapshot(house.files, path, self._aside / "index", self._last_tree)
        super().__init__(path, house.around, self._known, hidden=lambda: house.secrets.in_tree(self._last_tree()))
        self._admin = house.common / "worktrees" / f"setpoint-{run.id}"
        self._saves = self._saves_of(run.branch)
        self._saved: tuple[str, str] | None = None
        """The last autosave and its tree, once they are known."""
        self._taken: tuple[str, int] | None = None
        """How the folder looked when the last tree was taken: the sweep's mark and the writes through the room; None
        when that would not show every change since."""
        self._before: beneath.Found | None = None
        """What the sweep met when the last tree was taken; None when the tree may hold other files."""
        self._taking = threading.Lock()

    # -- the seam ---------------------------------------------------------------------------------------------------

    async def tree(self) -> str:
        """Hash of the tree of the files as they are; `unsaved` names what is not in it."""
        return await asyncio.to_thread(self._take)

    def unsaved(self) -> Sequence[Unsaved]:
        """What the last tree left out."""
        return self._known.unsaved

    async def autosave(self, label: str) -> str:
        """Save the files; the commit that holds them already when nothing changed."""
        tree = await self.tree()
        commit, saved = await self._last()
        if tree == saved:
            return commit
        return await self._save(tree, label)

    async def restore(self, commit: str) -> None:
        """Put the files back to `commit`; what is there is saved first, what git ignores stays."""
        wanted = await self._house.refs.resolve(commit, "tree")
        if wanted is None:
            raise RepositoryError(f"there is no commit {commit!r} to go back to", fix="git log --all --oneline")
        await self.autosave("before going back")
        if await asyncio.to_thread(self._move_unsaved_aside):
            await self.autosave("before going back, without what cannot be saved")
        await asyncio.to_thread(self._put, wanted, wanted)

    async def commit(self, message: str, joins: str = "") -> str:
        """Commit the files on the run's branch, as a merge of `joins` where the branch lacks it; the head again when
        there is nothing new."""
        await self.autosave("before the commit")
        tree, head = (await self._last())[1], await self.head()
        joined = [joins] if joins and not await self._house.contains(head, joins) else []
        if not joined and tree == await self._house.refs.resolve(head, "tree"):
            return head
        author = await self._house.author()
        made = await self._house.refs.commit(tree, [head, *joined], message, author)
        await self._house.refs.move(f"refs/heads/{self.branch}", made, head)
        await asyncio.to_thread(self._show_index)
        return made

    async def restart(self, commit: str) -> None:
        """Files and branch back to `commit`; commits that leave the branch stay under `refs/setpoint/<run>/left/`."""
        await self.restore(commit)
        wanted, head = await self._house.resolve(commit), await self.head()
        if head != wanted:
            await self._house.refs.move(f"refs/setpoint/{self._run}/left/{head}", head)
            await self._house.refs.move(f"refs/heads/{self.branch}", wanted, head)
        await asyncio.to_thread(self._show_index)

    async def keep(
        self, treeish: str, files: Mapping[str, bytes], parents: Sequence[str], message: str
    ) -> tuple[str, str]:
        """A commit of `treeish` with `files` over it, on no branch, kept under `refs/setpoint/<run>/kept/`, and its
        tree; the same ones again for the same content."""
        house = self._house
        tree = await laid_over(house.files, treeish, files)
        ref = f"refs/setpoint/{self._run}/kept/{tree}"
        known = await house.refs.resolve(ref)
        if known is None:
            known = await house.refs.commit(tree, parents, message)
            await house.refs.move(ref, known)
        return known, tree

    async def head(self) -> str:
        """The branch's commit."""
        return await self._house.resolve(f"refs/heads/{self.branch}")

    async def diff(self, base: str, head: str = "") -> str:
        """Unified diff from `base` to `head`, or to the files as they are."""
        return await self._house.files.diff(base, head or await self.tree())

    async def changed(self, base: str, head: str = "") -> Sequence[str]:
        """Paths that differ between `base` and `head`, or the files as they are."""
        return await self._house.files.changed(base, head or await self.tree())

    async def show(self, revision: str, path: str) -> bytes | None:
        """The file at a commit or tree; None when it is not there."""
        return await self._house.refs.show(revision, path)

    def checkout(
        self, revision: str, overlay: dict[str, bytes | None] | None = None
    ) -> AbstractAsyncContextManager[Room]:
        """A clean throw-away copy of `revision`."""
        return self._house.checkout(revision, overlay)

    # -- saving -----------------------------------------------------------------------------------------------------

    def _saves_of(self, branch: str) -> str:
        return f"refs/setpoint/{self._run}/autosave/{branch.replace('/', '-')}"

    def _take(self) -> str:
        with self._taking:
            return self._taken_now()

    def _taken_now(self) -> str:
        looked = time.time_ns()
        # A person who took the workspace leaves no trace here but in the files.
        writes, recent = self._writes, time.monotonic() - self._swept_at < _RECENT
        swept = self._swept if recent else None
        self._swept = None  # it tells once how the folder looks: then somebody may have written
        found = swept[0] if swept is not None and swept[1] == writes else beneath.sweep(self.path)
        if self._taken is not None and self._taken == (found.mark, writes):
            return self._known.last
        self._known.leave_out(self._left_out(found))
        touched = found.since(self._before) if self._before is not None else None
        tree = self._known.take(touched)
        # Git looked for itself: files that came or went in between are in the one, and not in the other.
        moved = self._known.asked and self._moved_since(found)
        self._before = None if moved else found
        still = found.settled(looked) and not self.unsaved() and not moved
        self._taken = (found.mark, writes) if still else None
        return tree

    def _moved_since(self, found: beneath.Found) -> bool:
        if found.seen is None:
            return False  # too many to look twice
        again = beneath.sweep(self.path, clean=False)
        return (again.seen, again.folders) != (found.seen, found.folders)

    def _left_out(self, found: beneath.Found) -> LeftOut:
        return left_out(found, self._house.files, self._house.refs, self.branch, self._aside / "index", self.path)

    def _put(self, treeish: str, tree: str) -> None:
        with self._taking:
            self._secrets = self._swept = self._taken = self._before = None
            self._known.put(treeish, tree)

    def _last_tree(self) -> str:
        if self._saved is not None:
            return self._saved[1]
        words = ("rev-parse", "--verify", "--quiet")
        for ref in (self._saves, f"refs/heads/{self.branch}"):
            tree = self._house.refs.call(*words, f"{ref}^{{tree}}", accept=(0, 1, 128)).decode().strip()
            if tree:
                return tree
        return ""

    async def _last(self) -> tuple[str, str]:
        if self._saved is None:
            refs = self._house.refs
            commit = await refs.resolve(self._saves) or await self.head()
            self._saved = commit, await refs.resolve(commit, "tree") or ""
        return self._saved

    async def _save(self, tree: str, label: str) -> str:
        refs = self._house.refs
        previous = await refs.resolve(self._saves) if self._saved is None else self._saved[0]
        commit = await refs.commit(tree, [previous or await self.head()], f"setpoint autosave: {label}")
        if not await asyncio.to_thread(write_ref, refs.folder, self._saves, commit):
            await refs.move(self._saves, commit)
        self._saved = commit, tree
        return commit

    def _move_unsaved_aside(self) -> bool:
        """What the last tree left out is kept, outside the folder: the way back would destroy it, or meet it."""
        unsaved = self.unsaved()
        for one in unsaved:
            kept = self._aside / "unsaved" / uuid.uuid4().hex[:8]
            kept.mkdir(parents=True)
            with suppress(FileNotFoundError):
                beneath.move_out(self.path, one.path, kept / Path(one.path).name)
        self._swept = None
        return bool(unsaved)

    # -- making and removing ----------------------------------------------------------------------------------------

    def stands(self) -> bool:
        """Whether the folder is there, whole, and on its branch."""
        on_branch = self._on() == f"ref: refs/heads/{self.branch}"
        return on_branch and self._is_ours() and (self._aside / "ready").is_file()

    def _is_ours(self) -> bool:
        registered = self._git_before() == self._pointer() and (self._admin / "commondir").is_file()
        return registered and (self._aside / "index").is_file()

    def _pointer(self) -> bytes:
        return b"gitdir: " + os.fsencode(self._admin) + b"\n"

    def _on(self) -> str:
        try:
            return (self._admin / "HEAD").read_text(encoding="utf-8").strip()
        except OSError:
            return ""

    async def make_ready(self, base: str) -> None:
        """Bring the folder into being, or back to what it should be."""
        if self.stands():
            self._free_index()
            return
        refs = self._house.refs
        if await refs.resolve(f"refs/heads/{self.branch}") is None:
            await refs.move(f"refs/heads/{self.branch}", await self._house.resolve(base), "")
        kept = self.path.is_dir() and (self._aside / "ready").exists()
        if kept:
            await self._keep_what_is_there()
        else:
            (self._aside / "index").unlink(missing_ok=True)
            (self._aside / "ready").unlink(missing_ok=True)
        await asyncio.to_thread(self._register)
        self._saved = None
        await asyncio.to_thread(self._put, *await self._last())
        if not kept:
            await self._set_up()
        await asyncio.to_thread(self._show_index)

    async def _keep_what_is_there(self) -> None:
        """Save the files of a folder that goes, or is not as it should be: its `.git` or index is lost, or it is on the
        branch of an earlier cycle. They stay with that branch's saves."""
        was = self._on().removeprefix("ref: refs/heads/") or self.branch
        ref = self._saves_of(was)
        refs = self._house.refs
        previous = await refs.resolve(ref) or await refs.resolve(f"refs/heads/{was}")
        await asyncio.to_thread(self._free_index)
        if not (self._aside / "index").exists() and previous:
            await asyncio.to_thread(self._known.know, previous)
        tree = await self.tree()
        if await asyncio.to_thread(self._move_unsaved_aside):
            tree = await self.tree()
        if previous is None or await refs.resolve(previous, "tree") != tree:
            saved = await refs.commit(tree, [previous] if previous else [], "setpoint autosave: found")
            await refs.move(ref, saved)

    def _register(self) -> None:
        """What `git worktree add --no-checkout` writes, at a name of ours and without running anything."""
        self._admin.mkdir(parents=True, exist_ok=True)
        self._aside.mkdir(parents=True, exist_ok=True)
        self._free_index()
        for name, content in (
            ("commondir", b"../..\n"),
            ("gitdir", os.fsencode(self.path / ".git") + b"\n"),
            ("HEAD", f"ref: refs/heads/{self.branch}\n".encode()),
        ):
            (self._admin / name).write_bytes(content)
        self.path.mkdir(parents=True, exist_ok=True)
        marker = self.path / ".git"
        if self._git_before() != self._pointer():
            if os.path.lexists(marker):
                kept = self._aside / "nested" / uuid.uuid4().hex[:8]
                kept.mkdir(parents=True)
                marker.rename(kept / "dot-git")
            marker.write_bytes(self._pointer())

    def _free_index(self) -> None:
        """The private index has one writer, the worker that holds the run; a lock on it is a dead one's."""
        with suppress(FileNotFoundError):
            (self._aside / "index.lock").unlink()

    def _show_index(self) -> None:
        """Let the person who enters the folder find the index as the engine knows it."""
        # A merge that the person began here by hand ends with the engine's commit.
        for name in ("MERGE_HEAD", "MERGE_MSG", "MERGE_MODE", "AUTO_MERGE"):
            (self._admin / name).unlink(missing_ok=True)
        self._known.settle()
        with suppress(OSError):
            aside = self._admin / f"index.{uuid.uuid4().hex[:8]}"
            shutil.copyfile(self._aside / "index", aside)
            aside.replace(self._admin / "index")

    async def _set_up(self) -> None:
        included = await asyncio.to_thread(copy_included, self._house.files, self._house.repository, self.path)
        self._secrets = None if included else self._secrets
        for argv in self._house.config.worktree.setup:
            done = await self.run(argv)
            if done.exit_code != 0:
                raise RepositoryError(
                    f"set-up of the worktree failed: {' '.join(argv)}: exit {done.exit_code}",
                    why=(done.stderr or done.stdout).strip()[-1000:],
                    fix="mend [worktree] setup in setpoint.toml; it runs in the sandbox, without a network",
                )
        (self._aside / "ready").touch()

    async def remove(self) -> None:
        """Save what is there, then remove folder, registration and index."""
        if self.path.is_dir():
            if not self._is_ours():
                raise DeniedError(
                    f"{self.path} is not as setpoint left it, and is kept", fix=f"look at it, then rm -r {self.path}"
                )
            await self._keep_what_is_there()
        await asyncio.to_thread(self._remove)

    def _remove(self) -> None:
        remove_folder(self.path)
        remove_folder(self._admin)
        with suppress(OSError):
            self._admin.parent.rmdir()  # git removes its empty folder too
        for name in ("index", "ready"):
            (self._aside / name).unlink(missing_ok=True)
        with suppress(OSError):
            self._aside.rmdir()

"""A folder's files as a git tree, built from their bytes; and a git tree put out as files.

Git compares (against a private index, with attributes that switch every conversion off); what goes into the tree is
read here, beneath the folder, without following links. A nested repository is refused, for git elsewhere would obey it.
"""

import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..errors import DeniedError
from . import beneath
from .git import Git, write_object
from .tree_objects import Change, TreeObjects

IN_MEMORY = 5_000
"""Most entries of a tree that is kept in memory; git writes the trees of larger repositories."""
PENDING = 200
"""Most changed files that wait to be told to the index: each is read again at every snapshot until it is."""


class Snapshot:
    """The files of `root`, known by the index file `index`."""

    def __init__(
        self, git: Git, root: Path, index: Path, *, in_memory: int = IN_MEMORY, pending: int = PENDING
    ) -> None:
        self._git = git
        self._most_in_memory = in_memory
        self._most_pending = pending
        self.root = root
        self._index = index
        self._indexed: TreeObjects | None = None
        """The tree that the index holds, once it is needed."""
        self._pending: tuple[Change, ...] = ()
        """What the last snapshot found to differ from the index."""
        self._tree = ""
        """The last snapshot; empty when the index moved since."""
        self._lock = threading.Lock()

    def put(self, treeish: str) -> None:
        """Make the files those of `treeish`: what the last snapshot knew and it does not hold is deleted, ignored
        files stay."""
        with self._lock:
            self._tell_index()
            self._forget()
            self._call("read-tree", "--reset", "-u", treeish)

    def know(self, treeish: str) -> None:
        """Take `treeish` for what was known last; no file is touched."""
        with self._lock:
            self._forget()
            self._call("read-tree", "--reset", treeish)

    def settle(self) -> None:
        """Let the index file hold the last snapshot."""
        with self._lock:
            self._tell_index()

    def take(self) -> str:
        """Hash of the tree of the files as they are; the objects are written. Raises DeniedError for what git must not
        meet."""
        with self._lock:
            changes = self._changes()
            if self._tree and changes == self._pending:
                return self._tree
            if changes and self._in_memory():
                assert self._indexed is not None
                self._tree, self._pending = self._indexed.with_changes(changes), changes
                if len(changes) > self._most_pending:
                    self._tell_index()
            else:
                self._pending = changes
                self._tell_index()
                self._tree = self._call("write-tree").decode().strip()
            return self._tree

    @property
    def last(self) -> str:
        """The tree of the last `take`."""
        with self._lock:
            return self._tree

    def _in_memory(self) -> bool:
        if self._indexed is None:
            known = self._tree if not self._pending else ""
            self._indexed = TreeObjects(
                self._git, known or self._call("write-tree").decode().strip(), self._most_in_memory
            )
        return self._indexed.fits

    def _tell_index(self) -> None:
        if self._pending:
            nothing = "0" * (64 if self._git.sha256 else 40)
            lines = (f"{mode or 0} {name or nothing}\t".encode() + path + b"\0" for path, mode, name in self._pending)
            self._call("update-index", "-z", "--index-info", stdin=b"".join(lines))
            self._pending = ()
            if self._indexed is not None and self._indexed.fits:
                self._indexed = None

    def _forget(self) -> None:
        self._tree, self._indexed, self._pending = "", None, ()

    def files(self) -> Sequence[str]:
        """Paths of all files there are: tracked, or neither tracked nor ignored; sorted."""
        with self._lock:
            out = self._call("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate")
        names = (os.fsdecode(name) for name in out.split(b"\0") if name and not name.endswith(b"/"))
        return sorted(name for name in names if os.path.lexists(self.root / name))

    def refuse_nested(self, found: beneath.Found) -> None:
        """Raises DeniedError when the tree holds a repository of its own making."""
        nested = self.nested(found)
        if nested:
            raise DeniedError(
                f"{', '.join(nested[:5])}: a git repository inside the workspace",
                why="git run on such a tree obeys the configuration it finds there",
                fix=f"remove {nested[0]}; make repositories for trials below /tmp",
            )

    def nested(self, found: beneath.Found) -> Sequence[str]:
        """Repositories met by a sweep, without those in ignored folders and those that were committed as files."""
        suspects = [*found.nested, *(f"{name}/HEAD" for name in found.bare)]
        if not suspects:
            return ()
        # A `.git` itself can never be ignored or tracked: its folder is asked about.
        folders = {name: os.fsencode(f"./{name.rpartition('/')[0]}") for name in suspects}
        asked = b"\0".join(folders.values())
        # The one command that does not know literal paths; `./` keeps a leading colon from meaning something.
        literal = {"GIT_LITERAL_PATHSPECS": "0"}
        with self._lock:
            ignored = self._call("check-ignore", "-z", "--stdin", stdin=asked, accept=(0, 1), env=literal).split(b"\0")
            tracked = self._call("ls-files", "-z", "--cached", "--", *suspects).split(b"\0")
        return [name for name in suspects if folders[name] not in ignored and os.fsencode(name) not in tracked]

    def _changes(self) -> tuple[Change, ...]:
        words = ("ls-files", "-z", "-t", "--modified", "--deleted", "--others", "--exclude-standard")
        paths = {line[2:] for line in self._call(*words).split(b"\0") if line}
        gone: list[Change] = []
        there: list[Change] = []
        for raw in sorted(paths):
            path = os.fsdecode(raw)
            if any(beneath.is_git_name(part) for part in path.split("/")):
                raise DeniedError(f"{path}: a git repository inside the workspace", fix=f"remove {path}")
            entry = beneath.entry(self.root, path.rstrip("/"))
            if entry is not None:
                sha = write_object(self._git.objects, "blob", entry.content, sha256=self._git.sha256)
                there.append((raw, entry.mode, sha))
            elif not self._is_folder(path):
                gone.append((raw, "", ""))
        # First what left: a file may have become a folder.
        return (*gone, *there)

    def _is_folder(self, path: str) -> bool:
        """A submodule's folder stands for its commit and is left as the base has it."""
        place = self.root / path
        return place.is_dir() and not place.is_symlink()

    def _call(
        self, *words: str, stdin: bytes = b"", accept: Sequence[int] = (0,), env: Mapping[str, str] | None = None
    ) -> bytes:
        return self._git.call(*words, stdin=stdin, index=self._index, work_tree=self.root, accept=accept, env=env)

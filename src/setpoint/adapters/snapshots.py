"""A folder's files as a git tree, built from their bytes; and a git tree put out as files.

Git compares (against a private index, with attributes that switch every conversion off); what goes into the tree is
read here, beneath the folder, without following links. What may not or cannot be read is left out, and named.
"""

import os
import threading
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from ..model.unsaved import Unsaved
from . import beneath, nested
from .git import Git, object_name, write_object
from .tree_objects import Change, TreeObjects

IN_MEMORY = 5_000
"""Most entries of a tree that is kept in memory; git writes the trees of larger repositories."""
PENDING = 200
"""Most changed files that wait to be told to the index: each is read again at every snapshot until it is."""


class Snapshot:
    """The files of `root`, known by the index file `index`."""

    def __init__(
        self,
        git: Git,
        root: Path,
        index: Path,
        saved: Callable[[], str] | None = None,
        *,
        in_memory: int = IN_MEMORY,
        pending: int = PENDING,
    ) -> None:
        self._git = git
        self._saved = saved
        """Gives the tree that was saved last: what cannot be read now stands as it has it."""
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
        self._held = ""
        """The tree that the index holds; empty when only git knows."""
        self._left_out = nested.LeftOut()
        self.unsaved: tuple[Unsaved, ...] = ()
        """What the last snapshot left out."""
        self.asked = False
        """Whether git was asked at the last `take`: by itself then, at another moment than whoever looked."""
        self._seen: tuple[tuple[int, ...], ...] = ()
        """How the index file and the rules beside it looked when we wrote the index last."""
        self._lock = threading.Lock()

    def put(self, treeish: str, tree: str = "") -> None:
        """Make the files those of `treeish`, whose tree is `tree` where that is known: what the last snapshot knew and
        it does not hold is deleted, ignored files stay."""
        with self._lock:
            self._look()
            self._tell_index()
            self._forget()
            self._call("read-tree", "--reset", "-u", treeish)
            self._held = tree

    def know(self, treeish: str) -> None:
        """Take `treeish` for what was known last; no file is touched."""
        with self._lock:
            self._forget()
            self._call("read-tree", "--reset", treeish)

    def settle(self) -> None:
        """Let the index file hold the last snapshot."""
        with self._lock:
            self._look()
            self._tell_index(self._tree)

    def take(self, touched: Collection[str] | None = None) -> str:
        """Hash of the tree of the files as they are; the objects are written. `unsaved` names what is not in it.
        `touched`: all paths that may differ from the last `take`, where somebody looked and no file came or went."""
        with self._lock:
            self._look()
            changes = None if touched is None else self._changes_of(touched)
            self.asked = changes is None
            if changes is None:
                changes = self._changes()
            if self._tree and changes == self._pending:
                return self._tree
            if changes and self._in_memory():
                assert self._indexed is not None
                self._tree, self._pending = self._indexed.with_changes(changes), changes
                if len(changes) > self._most_pending:
                    self._tell_index(self._tree)
            else:
                self._tree, self._pending = "", changes
                self._tell_index()
                self._tree = self._tree_of_index()
            return self._tree

    @property
    def last(self) -> str:
        """The tree of the last `take`."""
        with self._lock:
            return self._tree

    def _in_memory(self) -> bool:
        if self._indexed is None:
            self._indexed = TreeObjects(self._git, self._tree_of_index(), self._most_in_memory)
        return self._indexed.fits

    def _tree_of_index(self) -> str:
        self._held = self._held or self._call("write-tree").decode().strip()
        return self._held

    def _tell_index(self, tree: str = "") -> None:
        """Write what waits into the index, which holds `tree` then."""
        if self._pending:
            nothing = "0" * (64 if self._git.sha256 else 40)
            lines = (f"{mode or 0} {name or nothing}\t".encode() + path + b"\0" for path, mode, name in self._pending)
            self._call("update-index", "-z", "--index-info", stdin=b"".join(lines))
            self._pending, self._held = (), tree
            if self._indexed is not None and self._indexed.fits:
                self._indexed = None

    def _look(self) -> None:
        """Another process may have written the index, or brought other rules: what is known of them is forgotten."""
        if self._looks() != self._seen:
            self._forget()
            self._seen = self._looks()

    def _looks(self) -> tuple[tuple[int, ...], ...]:
        return tuple(_looks_of(place) for place in (self._index, self._git.folder / "info" / "exclude"))

    def _forget(self) -> None:
        self._tree, self._held, self._indexed, self._pending = "", "", None, ()

    def files(self) -> Sequence[str]:
        """Paths of all files there are: tracked, or neither tracked nor ignored; sorted."""
        with self._lock:
            out = self._call("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate")
        names = (os.fsdecode(name) for name in out.split(b"\0") if name and not name.endswith(b"/"))
        return sorted(name for name in names if os.path.lexists(self.root / name))

    def leave_out(self, what: nested.LeftOut) -> None:
        """Keep `what` out of all that is taken from now on."""
        with self._lock:
            self._left_out = what

    def _changes(self) -> tuple[Change, ...]:
        words = ("ls-files", "-z", "-t", "--modified", "--deleted", "--others", "--exclude-standard")
        paths = {line[2:] for line in self._call(*words).split(b"\0") if line}
        gone: list[Change] = []
        there: list[Change] = []
        left: list[Unsaved] = []
        for raw in sorted(paths):
            path = os.fsdecode(raw)
            if self._left_out.covers(path):
                continue
            entry = self._entry(path)
            if isinstance(entry, Unsaved):
                left.append(entry)
            elif entry is not None:
                there.append((raw, entry.mode, self._kept(entry)))
            elif not self._is_folder(path):
                gone.append((raw, "", ""))
        gone += self._saved_before()
        there += self._as_saved([*self._left_out.closed, *left])
        self.unsaved = tuple(dict.fromkeys((*self._left_out.repositories, *self._left_out.closed, *left)))
        # First what left: a file may have become a folder.
        return (*gone, *there)

    def _changes_of(self, touched: Collection[str]) -> tuple[Change, ...] | None:
        """The last changes with those of `touched`; None when only git knows them."""
        if not self._tree or self.unsaved or self._left_out != nested.LeftOut() or not self._in_memory():
            return None
        assert self._indexed is not None
        changes = {change[0]: change for change in self._pending}
        for path in touched:
            raw, rules = os.fsencode(path), path.rpartition("/")[2].casefold() == ".gitignore"
            known = changes.get(raw) or self._indexed.at(raw)
            if known is None and not rules:
                continue  # git passes over it
            entry = self._entry(path) if known and known[1] else None
            if not isinstance(entry, beneath.Entry):
                return None
            # Named first: a file that is as it was may lie in a pack, and is not kept a second time.
            if known == (raw, entry.mode, object_name("blob", entry.content, sha256=self._git.sha256)):
                continue
            if rules:
                return None  # what git passes over may be another from now on
            changes[raw] = (raw, entry.mode, self._kept(entry))
        # Sorted as `_changes` does: first what left.
        return tuple(sorted(changes.values(), key=lambda change: (bool(change[1]), change[0])))

    def _kept(self, entry: beneath.Entry) -> str:
        return write_object(self._git.objects, "blob", entry.content, sha256=self._git.sha256)

    def _entry(self, path: str) -> beneath.Entry | Unsaved | None:
        if path.endswith("/"):
            # Git shows a folder as one entry when it takes it for a repository.
            return None if self._left_out.names(path[:-1]) else nested.repository(path[:-1])
        return nested.repository_at(path) or beneath.entry(self.root, path)

    def _saved_before(self) -> list[Change]:
        """What the index holds of repositories: files that were saved before they were part of one."""
        if not self._left_out.places:
            return []
        names = (name for name in self._call("ls-files", "-z", "--cached").split(b"\0") if name)
        return [(name, "", "") for name in names if self._left_out.covers(os.fsdecode(name))]

    def _as_saved(self, left: Sequence[Unsaved]) -> list[Change]:
        """What the last save holds of what cannot be read."""
        found: list[Change] = []
        tree = self._saved() if left and self._saved else ""
        for start in range(0, len(left) if tree else 0, nested.AT_ONCE):
            paths = [one.path for one in left[start : start + nested.AT_ONCE]]
            for line in self._git.call("ls-tree", "-r", "-z", "--full-tree", tree, "--", *paths).split(b"\0"):
                about, _, path = line.partition(b"\t")
                if path:
                    mode, _, name = about.decode().split(" ")
                    found.append((path, mode, name))
        return list(dict.fromkeys(found))

    def _is_folder(self, path: str) -> bool:
        """A submodule's folder stands for its commit and is left as the base has it."""
        place = self.root / path
        return place.is_dir() and not place.is_symlink()

    def _call(self, *words: str, stdin: bytes = b"") -> bytes:
        out = self._git.call(*words, stdin=stdin, index=self._index, work_tree=self.root)
        if words[0] != "ls-files":
            self._seen = (_looks_of(self._index), *self._seen[1:])
        return out


def _looks_of(place: Path) -> tuple[int, ...]:
    """Changes when git, or we, put another file there."""
    try:
        told = place.stat()
    except OSError:
        return ()
    return (told.st_ino, told.st_size, told.st_mtime_ns, told.st_ctime_ns)

"""Repositories that a session made inside its workspace, and folders nobody can look into: found, named, left out.

Whoever runs git there obeys the configuration it finds. So no snapshot holds them, and the session is told.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ..model.unsaved import Unsaved
from . import beneath
from .git import Git

AT_ONCE = 500
"""Most names in one command line."""


@dataclass(frozen=True)
class LeftOut:
    """What no snapshot may hold, or can."""

    repositories: tuple[Unsaved, ...] = ()
    closed: tuple[Unsaved, ...] = ()
    """Folders that could not be opened."""

    @cached_property
    def places(self) -> frozenset[str]:
        """Where the repositories are."""
        return frozenset(place.path for place in self.repositories)

    def covers(self, path: str) -> bool:
        """Whether `path` is, or lies in, one of the repositories."""
        return bool(self.places) and any(above in self.places for above in _with_those_above(path))

    def names(self, folder: str) -> bool:
        """Whether one of the repositories lies in `folder`."""
        return folder in self._above

    @cached_property
    def _above(self) -> frozenset[str]:
        return frozenset(above for place in self.places for above in _with_those_above(place))


def left_out(found: beneath.Found, files: Git, refs: Git, branch: str, index: Path, root: Path) -> LeftOut:
    """What a sweep met: repositories, but not those that the branch's commit holds as files, and closed folders; none
    in ignored folders."""
    suspects = [(name, name) for name in found.nested]
    suspects += [(folder, f"{folder}/{name}") for folder, names in found.bare.items() for name in sorted(names)]
    if not suspects and not found.closed:
        return LeftOut()
    committed = _committed(refs, branch, [path for pair in suspects for path in pair])
    folders = [name.rpartition("/")[0] for name in found.nested] + [*found.bare, *found.closed]
    ignored = _ignored(files, folders, index, root)
    # A new look-alike goes as a whole; of a folder that the branch knows, what was added to make it one.
    there = {place if place not in committed else name for place, name in suspects if name not in committed}
    nested = [place for place in sorted(there) if not _below(place, ignored, whole=place in found.bare)]
    closed = [place for place in found.closed if place not in ignored]
    return LeftOut(tuple(map(repository, nested)), tuple(map(_closed, closed)))


def repository(place: str) -> Unsaved:
    """The repository at `place`, as it is told."""
    return Unsaved(
        path=place,
        why="a git repository inside the workspace is not saved, for git run there obeys the configuration it finds",
        fix="remove {path}; make repositories for trials below /tmp",
    )


def repository_at(path: str) -> Unsaved | None:
    """The repository that `path` is a part of by its name alone."""
    parts = path.split("/")
    for number, part in enumerate(parts, 1):
        if beneath.is_git_name(part):
            return repository("/".join(parts[:number]))
    return None


def _below(place: str, ignored: frozenset[str], *, whole: bool) -> bool:
    return (place if whole else place.rpartition("/")[0]) in ignored


def _committed(refs: Git, branch: str, paths: Sequence[str]) -> frozenset[str]:
    """Those of `paths` that the branch's last commit holds."""
    words = ("ls-tree", "-t", "-z", "--name-only", "--full-tree", f"refs/heads/{branch}", "--")
    asked, held = sorted(set(paths)), set[str]()
    for start in range(0, len(asked), AT_ONCE):
        held.update(_names(refs.call(*words, *asked[start : start + AT_ONCE], accept=(0, 128))))
    return frozenset(held)


def _ignored(files: Git, folders: Sequence[str], index: Path, root: Path) -> frozenset[str]:
    # A `.git` itself can never be ignored: its folder is asked about. This one command does not know literal paths;
    # `./` keeps a leading colon from meaning something. It gives up (128) below a submodule, where nothing is ignored.
    asked = b"\0".join(os.fsencode(f"./{folder}") for folder in folders if folder)
    literal = {"GIT_LITERAL_PATHSPECS": "0"}
    words = ("check-ignore", "-z", "--stdin")
    out = files.call(*words, stdin=asked, index=index, work_tree=root, accept=(0, 1, 128), env=literal)
    return frozenset(name.removeprefix("./") for name in _names(out))


def _names(out: bytes) -> Iterator[str]:
    return (os.fsdecode(name) for name in out.split(b"\0") if name)


def _with_those_above(path: str) -> Iterator[str]:
    while path:
        yield path
        path = path.rpartition("/")[0]


def _closed(place: str) -> Unsaved:
    if place.count("/") >= beneath.DEEPEST:
        top = place.partition("/")[0]
        why = f"it lies more than {beneath.DEEPEST} folders deep"
        return Unsaved(path=place, why=why, fix=f"remove {top}, or move what you need of it up")
    return Unsaved(path=place, why="nobody but its owner can look into this folder", fix="remove {path}, or open it")
